package engine

import (
	"context"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/watch"
)

// Watch implements [cuenta.Watcher].
func (e *Engine) Watch(ctx context.Context, w cuenta.Watch) (cuenta.Watching, error) {
	return e.hub.Watch(ctx, w)
}

// TellTo has a hub told of every group that lands.
func (c *Cycle) TellTo(h *watch.Hub) { c.hub = h }

// noteNames copies the names of the counters that the sealed group changes: once
// the ledger goes on they may be others'.
func (c *Cycle) noteNames() {
	c.noted = c.hub != nil && c.hub.On()
	if !c.noted {
		return
	}
	c.told.Reset()
	for i := range c.effects.Cells {
		cell := c.effects.Cells[i].Cell
		c.told.Name(cell, c.ledger.Name(cell))
	}
}

// publish shows the sealed group in the cells, and tells it.
func (c *Cycle) publish() {
	if !c.noted {
		c.ledger.Publish(&c.effects)
		return
	}
	for i := range c.effects.Cells {
		e := &c.effects.Cells[i]
		// A vacant cell's revision is that of a deletion, maybe of another counter.
		generation, _, since := c.ledger.Cell(e.Cell).DurableState()
		if generation&1 == 0 {
			since = 0
		}
		c.told.Change(i, e.Value, since, e.Revision, e.Dropped)
	}
	c.hub.Publishing(uint64(c.sealed))
	c.ledger.Publish(&c.effects)
	c.hub.Tell(uint64(c.sealed), &c.told)
}

// watched is the engine as its hub sees it.
type watched struct{ e *Engine }

// Attend implements [watch.Source].
func (s watched) Attend(ctx context.Context, begin func(sealed uint64)) error {
	if err := s.e.gate.Acquire(ctx, cuenta.ClassRemote, 1); err != nil {
		return cuenta.Canceled.Err()
	}
	sealed := uint64(s.e.cycle.Sealed())
	begin(sealed)
	s.e.gate.Release(1)
	w := newWaiter()
	defer w.free()
	w.ticket.Store(sealed)
	if !s.e.settle(w) {
		return cuenta.Failed.Err()
	}
	return nil
}

// Look implements [watch.Source].
func (s watched) Look(ctx context.Context, name string) (cuenta.Counter, bool, error) {
	if err := s.e.gate.Acquire(ctx, cuenta.ClassRemote, 1); err != nil {
		return cuenta.Counter{}, false, cuenta.Canceled.Err()
	}
	defer s.e.gate.Release(1)
	var is cuenta.Result
	s.e.ledger.ReadDurable(&cuenta.Request{Op: cuenta.Get, Counter: []byte(name)}, &is)
	return cuenta.Counter{Name: name, Value: is.Value, Revision: is.Revision}, is.Generation != 0, nil
}

// Slice implements [watch.Source].
func (s watched) Slice(ctx context.Context, from uint32, each func(cell uint32, name []byte, value int64, revision uint64)) (next uint32, done bool, err error) {
	if err := s.e.gate.Acquire(ctx, cuenta.ClassRemote, 1); err != nil {
		return 0, false, cuenta.Canceled.Err()
	}
	defer s.e.gate.Release(1)
	l := s.e.ledger
	next = min(from+sliceCells, l.Used())
	for cell := from; cell < next; cell++ {
		if generation, value, revision := l.Cell(cell).DurableState(); generation&1 != 0 {
			each(cell, l.Name(cell), value, revision)
		}
	}
	return next, next >= l.Used(), nil
}
