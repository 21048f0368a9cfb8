//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"
)

// campaign is many rounds.
type campaign struct {
	program  string
	seed     uint64
	kills    int // in all
	each     int // in a round
	parallel int // rounds at a time
	keep     string
	out      io.Writer
	every    time.Duration // progress is told; 0: never
}

// roundKills is how many kills there are in a round: enough lives for a log to be
// cut, sealed, snapshotted and removed several times.
const roundKills = 40

// run goes through the rounds and tells what was covered. It fails if anything was
// wrong in one of them.
func (c *campaign) run(ctx context.Context) (*tally, error) {
	t := newTally()
	start := time.Now()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stopTelling := c.tell(t, start)
	var running sync.WaitGroup
	rounds := make(chan *round)
	for range c.parallel {
		running.Go(func() {
			for r := range rounds {
				if err := c.one(ctx, r); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := uint64(0); c.kills > int(i)*c.each && ctx.Err() == nil; i++ {
		r := &round{
			program: c.program, seed: c.seed + i, kills: min(c.each, c.kills-int(i)*c.each), keep: c.keep, tally: t,
		}
		select {
		case rounds <- r:
		case <-ctx.Done():
		}
	}
	close(rounds)
	running.Wait()
	stopTelling()
	fmt.Fprintf(c.out, "seed %d, %.0f s\n%s", c.seed, time.Since(start).Seconds(), t.summary())
	return t, context.Cause(ctx)
}

// one goes through a round; an error ends the campaign.
func (c *campaign) one(ctx context.Context, r *round) error {
	err := r.run(ctx)
	if len(r.faults()) > 0 {
		fmt.Fprint(c.out, r.explain())
		return fmt.Errorf("what happened with seed %d must not happen", r.seed)
	}
	return err
}

// tell reports progress until stop is called.
func (c *campaign) tell(t *tally, start time.Time) (stop func()) {
	if c.every == 0 {
		return func() {}
	}
	ticker, done := time.NewTicker(c.every), make(chan struct{})
	var telling sync.WaitGroup
	telling.Go(func() {
		for {
			select {
			case <-ticker.C:
				fmt.Fprintf(c.out, "%4.0f s  %s\n", time.Since(start).Seconds(), t.line())
			case <-done:
				return
			}
		}
	})
	return func() {
		ticker.Stop()
		close(done)
		telling.Wait()
	}
}
