package engine

import (
	"context"
	"slices"

	"github.com/cuenta-server/cuenta"
)

// settle waits until the batch of w is durable, leading the commit cycle
// whenever nobody else does. It reports false if the engine was poisoned first.
//
// Nobody is forgotten: whoever waits is listed, and whoever leaves while nobody
// leads wakes one that is listed, which then finds the lead free.
func (e *Engine) settle(w *waiter) bool {
	e.mu.Lock()
	for !e.settled(w) {
		if e.leading {
			if !w.listed {
				w.listed = true
				e.waiters = append(e.waiters, w)
			}
			e.mu.Unlock()
			<-w.wake
			e.mu.Lock()
			continue
		}
		e.leading = true
		e.mu.Unlock()
		e.lead()
		e.mu.Lock()
		e.leading = false
		e.wakeSettled()
	}
	e.unlist(w)
	if !e.leading && len(e.waiters) > 0 {
		e.waiters[0].signal()
	}
	e.mu.Unlock()
	return w.ticket.Load() <= e.landed.Load()
}

// settled reports whether there is nothing more to wait for. A batch that was
// not applied yet waits even in a poisoned engine: it is still to be answered.
func (e *Engine) settled(w *waiter) bool {
	t := w.ticket.Load()
	return t <= e.landed.Load() || t != notApplied && e.failed.Load() != nil
}

// wakeSettled unlists and wakes all whose batches are durable. Under mu.
func (e *Engine) wakeSettled() {
	e.waiters = slices.DeleteFunc(e.waiters, func(w *waiter) bool {
		if !e.settled(w) {
			return false
		}
		w.listed = false
		w.signal()
		return true
	})
}

// unlist takes w out of the list, so that it may be used again. Under mu.
func (e *Engine) unlist(w *waiter) {
	if w.listed {
		w.listed = false
		i := slices.Index(e.waiters, w)
		e.waiters = slices.Delete(e.waiters, i, i+1)
	}
	select {
	case <-w.wake: // a stale token would wake the waiter's next user for nothing
	default:
	}
}

// lead goes once round the commit cycle.
func (e *Engine) lead() {
	// The queue is taken before the gate, and the whole turn is one hold of it:
	// the group then holds all that was there when the leader came.
	if room := cuenta.MaxBatch - requests(e.backlog); room > 0 {
		e.backlog = e.queue.Take(e.backlog, room)
	}
	class := cuenta.ClassQueue
	if len(e.backlog) == 0 {
		class = cuenta.ClassConsole // nothing of the queue's: it only seals, for others
	}
	// Only the leader seals, so this must not be given up: no context.
	if err := e.gate.Acquire(context.Background(), class, gateCapacity); err != nil {
		panic("engine: the gate refuses its own capacity: " + err.Error())
	}
	waiting := e.applyBacklog()
	if e.failed.Load() != nil { // the last group never became durable, so no other may
		e.gate.Release(gateCapacity)
		return
	}
	now := e.clock.now()
	e.cycle.Lapse(e.journal.Room, e.maxGroup, now)
	record := e.cycle.Seal(now)
	e.lapses.due.Store(e.cycle.Due())
	ticket := e.cycle.Sealed()
	e.gate.Release(gateCapacity)
	if record != nil {
		if err := e.journal.Append(record); err != nil {
			e.poison(err)
			return
		}
		e.cycle.Landed()
		e.landed.Store(uint64(ticket))
		e.snapshots.wrote(int64(record.Len()))
	} else if waiting {
		// Room comes without our doing, and the error is the context's: none here.
		_ = e.journal.AwaitRoom(context.Background())
	}
}

// applyBacklog applies what was taken from the queue and keeps what has no room
// yet, which it reports.
func (e *Engine) applyBacklog() (waiting bool) {
	for i, m := range e.backlog {
		ticket, applied := e.apply(m.batch)
		if !applied {
			e.backlog = slices.Delete(e.backlog, 0, i)
			return true
		}
		m.waiter.ticket.Store(uint64(ticket))
	}
	clear(e.backlog)
	e.backlog = e.backlog[:0]
	return false
}

func requests(messages []message) (n int) {
	for _, m := range messages {
		n += len(m.batch.Requests)
	}
	return n
}

// poison ends all acknowledging.
func (e *Engine) poison(err error) {
	e.failed.Store(&err)
	e.hub.End(cuenta.Failed)
	e.log.Error("the journal failed: no change is acknowledged any more; restart the server once the cause is gone",
		"directory", e.config.Dir, "error", err)
}
