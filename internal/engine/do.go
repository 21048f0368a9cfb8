package engine

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/queue"
)

// message is what travels through the queue.
type message struct {
	batch  *cuenta.Batch
	waiter *waiter
}

// waiter is a goroutine that waits for its batch to become durable.
type waiter struct {
	ticket atomic.Uint64 // notApplied until it is known
	wake   chan struct{} // one token; may be stale, so whoever takes it looks again
	listed bool          // among the engine's waiters
}

const notApplied = math.MaxUint64

var waiters = sync.Pool{New: func() any { return &waiter{wake: make(chan struct{}, 1)} }}

func newWaiter() *waiter {
	w := waiters.Get().(*waiter)
	w.ticket.Store(notApplied)
	return w
}

func (w *waiter) free() { waiters.Put(w) }

func (w *waiter) signal() {
	select {
	case w.wake <- struct{}{}:
	default: // it has a token already
	}
}

// Do implements [cuenta.Service].
func (e *Engine) Do(ctx context.Context, b *cuenta.Batch) {
	switch {
	case len(b.Requests) == 0:
		b.Results = b.Results[:0]
		return
	case TooLarge(b, e.maxGroup):
		refuse(b, cuenta.TooLarge)
		return
	}
	w := newWaiter()
	defer w.free()
	var code cuenta.Code
	if b.Class == cuenta.ClassQueue {
		code = e.enqueue(ctx, b, w)
	} else {
		code = e.pass(ctx, b, w)
	}
	if code != cuenta.OK {
		refuse(b, code)
		return
	}
	if !e.settle(w) {
		e.disown(b)
	}
}

func refuse(b *cuenta.Batch, code cuenta.Code) {
	b.Results = slices.Grow(b.Results[:0], len(b.Requests))[:len(b.Requests)]
	for i := range b.Results {
		b.Results[i] = cuenta.Result{Code: code}
	}
}

// enqueue leaves the batch to whoever leads.
func (e *Engine) enqueue(ctx context.Context, b *cuenta.Batch, w *waiter) cuenta.Code {
	m := message{b, w}
	if b.NoWait {
		if !e.queue.TryPut(m, len(b.Requests)) {
			return cuenta.Busy
		}
		return cuenta.OK
	}
	err := e.queue.Put(ctx, m, len(b.Requests))
	switch {
	case err == nil:
		return cuenta.OK
	case errors.Is(err, queue.ErrClosed):
		return cuenta.Stopping
	case ctx.Err() != nil:
		return cuenta.Canceled
	}
	return cuenta.TooLarge // heavier than the whole queue
}

// pass takes the batch through the gate by itself.
func (e *Engine) pass(ctx context.Context, b *cuenta.Batch, w *waiter) cuenta.Code {
	weight := int64(gateCapacity)
	if onlyReads(b) {
		weight = 1
	}
	for {
		if err := e.gate.Acquire(ctx, b.Class, weight); err != nil {
			return cuenta.Canceled
		}
		ticket, applied := e.apply(b)
		e.gate.Release(weight)
		if applied {
			w.ticket.Store(uint64(ticket))
			return cuenta.OK
		}
		if err := e.makeRoom(ctx); err != nil {
			return cuenta.Canceled
		}
	}
}

// apply carries out a batch under the gate. It reports false, and has done
// nothing, if there will be room for its changes only after a commit or once
// the next segment is there.
func (e *Engine) apply(b *cuenta.Batch) (t Ticket, applied bool) {
	if e.failed.Load() != nil {
		e.cycle.Durable(b, cuenta.Failed, e.clock.now())
		return 0, true
	}
	return e.cycle.Admit(b, e.journal.Room, e.maxGroup, e.clock.now())
}

// makeRoom waits until the open group is durable and the journal has made, or
// failed to make, the next segment.
// Only the end of ctx is an error: any other will be the next attempt's answer.
func (e *Engine) makeRoom(ctx context.Context) error {
	if e.flush() == nil {
		_ = e.journal.AwaitRoom(ctx)
	}
	return ctx.Err()
}

// disown answers a batch whose group failed to become durable.
func (e *Engine) disown(b *cuenta.Batch) {
	if err := e.gate.Acquire(context.Background(), b.Class, gateCapacity); err != nil {
		refuse(b, cuenta.Unknown)
		return
	}
	defer e.gate.Release(gateCapacity)
	e.cycle.Durable(b, cuenta.Unknown, e.clock.now())
}
