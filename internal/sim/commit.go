package sim

import (
	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/engine"
	"github.com/cuenta-server/cuenta/internal/journal"
)

// batch is a batch on its way through the engine's cycle.
type batch struct {
	cuenta.Batch
	ticket engine.Ticket
	done   func() // the results may be revealed
}

// enqueue gives a batch to the message queue.
func (l *life) enqueue(b *batch) {
	switch {
	case engine.TooLarge(&b.Batch, l.maxGroup()):
		l.refuseBatch(b, cuenta.TooLarge)
	case l.queue.TryPut(b, len(b.Requests)):
		l.kick()
	case b.NoWait || len(b.Requests) > l.w.profile.queue:
		l.w.met("queue: full, refused")
		l.refuseBatch(b, cuenta.Busy)
	default:
		l.w.met("queue: full, waits")
		l.kick()
		l.after(func() { l.enqueue(b) })
	}
}

// pass carries a batch out ahead of the queue.
func (l *life) pass(b *batch) {
	switch {
	case engine.TooLarge(&b.Batch, l.maxGroup()):
		l.refuseBatch(b, cuenta.TooLarge)
	case l.apply(b):
		l.settle(b)
	default:
		l.w.met("room: a batch waits for it")
		l.kick()
		l.after(func() { l.pass(b) })
	}
}

// maxGroup is as the engine has it: a quarter of a segment.
func (l *life) maxGroup() int64 { return l.w.profile.segment / 4 }

func (l *life) refuseBatch(b *batch, code cuenta.Code) {
	b.Results = b.Results[:0]
	for range b.Requests {
		b.Results = append(b.Results, cuenta.Result{Code: code})
	}
	b.done()
}

// apply carries a batch out; false if there is no room yet.
func (l *life) apply(b *batch) (applied bool) {
	if l.failed != nil {
		l.cycle.Durable(&b.Batch, cuenta.Failed, l.now())
		return true
	}
	l.w.fault.before(l.w, b)
	b.ticket, applied = l.cycle.Admit(&b.Batch, l.journal.Room, l.maxGroup(), l.now())
	if applied {
		l.w.fault.after(l, b)
	}
	return applied
}

// settle answers a batch that was applied, at once or when it is durable.
func (l *life) settle(b *batch) {
	if b.ticket <= l.landed {
		b.done()
		return
	}
	l.waiting = append(l.waiting, b)
	l.kick()
}

// kick has somebody lead the cycle, unless somebody does.
func (l *life) kick() {
	if l.kicked || l.leading {
		return
	}
	l.kicked = true
	l.after(l.lead)
}

// lead goes once round the cycle.
func (l *life) lead() {
	l.kicked = false
	if l.leading {
		return
	}
	held := 0
	for _, b := range l.backlog {
		held += len(b.Requests)
	}
	if held < cuenta.MaxBatch {
		l.backlog = l.queue.Take(l.backlog, cuenta.MaxBatch-held)
	}
	for len(l.backlog) > 0 && l.apply(l.backlog[0]) {
		b := l.backlog[0]
		l.backlog = l.backlog[1:]
		if b.ticket <= l.landed {
			b.done()
		} else {
			l.waiting = append(l.waiting, b)
		}
	}
	if len(l.backlog) > 0 {
		l.w.met("room: the queue waits for it")
	}
	if l.failed != nil {
		return
	}
	l.deleteEnded()
	record := l.cycle.Seal(l.now())
	if record == nil {
		if len(l.backlog) > 0 {
			l.kick()
		}
		return
	}
	ticket := l.cycle.Sealed()
	l.w.note("server", "seals group %d, of %d bytes", ticket, record.Len())
	l.leading = true
	l.after(func() { l.commit(record, ticket) })
}

// commit makes a group durable. Everything else goes on meanwhile.
func (l *life) commit(record *journal.Record, ticket engine.Ticket) {
	l.spawn("commit", func() {
		err := l.journal.Append(record)
		if !l.dead {
			l.after(func() { l.land(ticket, err) })
		}
	})
}

// land ends the commit of a group.
func (l *life) land(ticket engine.Ticket, err error) {
	l.leading = false
	if err != nil {
		l.poison(err)
		return
	}
	l.w.met("commits")
	l.w.note("server", "group %d is durable", ticket)
	l.cycle.Landed()
	l.landed = ticket
	l.tend()
	l.release(func(b *batch) { b.done() })
	if len(l.waiting)+len(l.backlog)+l.queue.Len() > 0 {
		l.kick()
	}
}

// release hands on the batches that wait no longer.
func (l *life) release(to func(*batch)) {
	all := l.waiting
	l.waiting = nil
	for _, b := range all {
		if b.ticket <= l.landed || l.failed != nil {
			to(b)
		} else {
			l.waiting = append(l.waiting, b)
		}
	}
}

// poison ends all acknowledging. An operator will notice.
func (l *life) poison(err error) {
	l.w.met("journal failed")
	l.w.note("server", "acknowledges nothing any more: %v", err)
	l.failed = err
	l.release(func(b *batch) {
		l.cycle.Durable(&b.Batch, cuenta.Unknown, l.now())
		b.done()
	})
	l.kick()
	w := l.w
	w.after(w.lasting(w.profile.impatient/4, 4*w.profile.impatient), func() {
		switch {
		case l.dead || l.draining:
		case w.percent(50):
			w.crash("the operator restarts a failed server", false)
		default:
			l.drain(true)
		}
	})
}

// tend has the next segment made if there is none.
func (l *life) tend() {
	if l.making || l.draining || l.failed != nil || l.journal.Stats().NextReady {
		return
	}
	l.making = true
	l.spawn("segment", func() {
		made := l.journal.MakeNext()
		if l.dead {
			return
		}
		l.w.met("segment: made %v", made)
		l.making = false
		l.kick()
		if !made {
			l.w.after(l.w.profile.slowest*20, func() {
				if !l.dead {
					l.tend()
				}
			})
			return
		}
		l.after(l.tend)
	})
}
