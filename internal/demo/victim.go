package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/cuenta-server/cuenta/internal/badnet"
)

// victim is a server that is killed again and again.
type victim interface {
	start(ctx context.Context) error
	kill()
	gone() bool
	name() string
}

func (s *server) name() string { return "cuenta" }
func (s *server) gone() bool   { return s.life.gone() }

func (r *redis) name() string { return "redis" }
func (r *redis) gone() bool   { return r.life.gone() }

func (r *run) victims() []victim {
	all := []victim{r.server}
	if r.redis != nil {
		all = append(all, r.redis)
	}
	return all
}

// leastLife is how long a server is left alive, so that on a slow machine too
// something is counted between two kills.
const leastLife = killEvery / 5

// torment kills a server at moments that the seed gives, the same for all victims,
// and starts it again on the same data. Where starts take long there are fewer
// kills.
func (r *run) torment(ctx context.Context, v victim) error {
	var up time.Duration
	for _, moment := range killMoments(r.config.Seed, r.config.Duration) {
		moment = max(moment, up+leastLife)
		if moment >= r.config.Duration {
			return nil
		}
		if err := sleep(ctx, time.Until(r.start.Add(moment))); err != nil {
			return err
		}
		if err := r.kill(ctx, v); err != nil {
			return err
		}
		up = time.Since(r.start)
	}
	return nil
}

func (r *run) kill(ctx context.Context, v victim) error {
	if v.gone() {
		return fmt.Errorf("%s has ended by itself", v.name())
	}
	v.kill()
	if v == victim(r.server) {
		r.kills.Add(1)
	}
	if err := v.start(ctx); err != nil {
		return fmt.Errorf("after a kill: %w", err)
	}
	return nil
}

// killMoments returns when servers are killed, in order: once in every stretch of
// the time there is.
func killMoments(seed uint64, duration time.Duration) []time.Duration {
	stretches := max(1, int(duration/killEvery))
	stretch := duration / time.Duration(stretches)
	d := badnet.Dice(seed, "kills")
	moments := make([]time.Duration, stretches)
	for i := range moments {
		moments[i] = time.Duration(i)*stretch + stretch/8 + within(d, stretch/2+1)
	}
	return moments
}
