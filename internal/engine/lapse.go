package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cuenta-server/cuenta"
)

// lapser sees to it that counters whose time is over are deleted though nobody asks
// for anything: otherwise whoever leads does that.
type lapser struct {
	due    atomic.Int64 // a time before which nothing ends
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// lapseEvery is how often it is looked whether a time is over.
const lapseEvery = 100 * time.Millisecond

func (l *lapser) start(e *Engine) {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	l.due.Store(e.cycle.Due())
	l.done.Go(func() {
		ticks := time.NewTicker(lapseEvery)
		defer ticks.Stop()
		for {
			select {
			case <-ticks.C:
			case <-ctx.Done():
				return
			}
			if l.due.Load() <= e.clock.now() && e.failed.Load() == nil {
				e.lapse(ctx)
			}
		}
	})
}

func (l *lapser) stop() {
	l.cancel()
	l.done.Wait()
}

// lapse deletes all counters whose time is over, some at a time with rests between,
// so that even a million of them are in nobody's way.
func (e *Engine) lapse(ctx context.Context) {
	for more := true; more; {
		began := time.Now()
		if err := e.gate.Acquire(ctx, cuenta.ClassQueue, gateCapacity); err != nil {
			return
		}
		more = e.cycle.Lapse(e.journal.Room, e.maxGroup, e.clock.now())
		e.lapses.due.Store(e.cycle.Due())
		e.gate.Release(gateCapacity)
		if err := e.flush(); err != nil {
			return // the engine has failed, and said so
		}
		if err := rest(ctx, began); err != nil {
			return
		}
	}
}
