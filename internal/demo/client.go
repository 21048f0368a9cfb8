package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/cuenta-server/cuenta/internal/uuid"
)

// How long a client waits for an answer, and after a failure before it asks again.
// Both double with every try.
const (
	firstPatience = 100 * time.Millisecond
	lastPatience  = 3200 * time.Millisecond
	firstPause    = 2 * time.Millisecond
	lastPause     = 128 * time.Millisecond
)

// client counts on one counter, one operation after the other, each until it is
// answered.
type client struct {
	way     way
	counter string
	once    bool
	dice    *rand.Rand

	counted  atomic.Int64 // operations answered
	repeated atomic.Int64 // attempts after the first of an operation
	failed   error        // an answer that no retry can mend, or the end of all patience
}

// run counts until more is closed. It ends early if ctx does, or at a refusal.
func (c *client) run(ctx context.Context, more <-chan struct{}) {
	defer c.way.close()
	for number := uint64(1); ; number++ {
		select {
		case <-more:
			return
		case <-ctx.Done():
			return
		default:
		}
		op := &operation{counter: c.counter, once: c.once, number: number}
		if c.once {
			op.key = uuid.NewV7().String()
		}
		if err := c.count(ctx, op); err != nil {
			c.failed = fmt.Errorf("operation %d (key %s) on %s: %w", number, op.key, c.counter, err)
			return
		}
		c.counted.Add(1)
	}
}

// count attempts one operation until it is answered.
func (c *client) count(ctx context.Context, op *operation) error {
	patience, pause := firstPatience, firstPause
	for {
		err := c.attempt(ctx, op, patience)
		if err == nil || isFinal(err) {
			return err
		}
		if ended := sleep(ctx, within(c.dice, pause)); ended != nil {
			return fmt.Errorf("no answer; the last attempt: %w", err)
		}
		c.repeated.Add(1)
		patience, pause = min(2*patience, lastPatience), min(2*pause, lastPause)
	}
}

func (c *client) attempt(ctx context.Context, op *operation, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := c.way.attempt(ctx, op)
	return err
}

// within draws a time below limit, which is over 0.
func within(d *rand.Rand, limit time.Duration) time.Duration {
	return time.Duration(d.Int64N(int64(limit)))
}
