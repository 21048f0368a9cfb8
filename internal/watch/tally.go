package watch

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/cuenta-server/cuenta"
)

// Tally is a [cuenta.Watcher] that counts what becomes of the watches of another one.
type Tally struct {
	of cuenta.Watcher

	now                                 atomic.Int64
	begun, refused, slow, lost, dropped atomic.Uint64
}

// Stats is what a [Tally] has counted since it is there.
type Stats struct {
	Now     int64  `json:"now"`     // watches under way
	Begun   uint64 `json:"begun"`   // that began, those under way included
	Refused uint64 `json:"refused"` // that did not, because there were too many
	Slow    uint64 `json:"slow"`    // how often one skipped changes, being too slow for them, and began anew
	Dropped uint64 `json:"dropped"` // ended because that was so again and again
	Lost    uint64 `json:"lost"`    // that began anew where they were to go on, since that was not known any more
}

// NewTally counts the watches of a watcher, as far as they are begun through it.
func NewTally(of cuenta.Watcher) *Tally { return &Tally{of: of} }

// Stats returns the counts of now.
func (t *Tally) Stats() Stats {
	return Stats{
		Now: t.now.Load(), Begun: t.begun.Load(), Refused: t.refused.Load(),
		Slow: t.slow.Load(), Dropped: t.dropped.Load(), Lost: t.lost.Load(),
	}
}

// Watch implements [cuenta.Watcher].
func (t *Tally) Watch(ctx context.Context, want cuenta.Watch) (cuenta.Watching, error) {
	w, err := t.of.Watch(ctx, want)
	if err != nil {
		t.count(&t.refused, err)
		return nil, err
	}
	t.now.Add(1)
	t.begun.Add(1)
	return &tallied{Watching: w, tally: t}, nil
}

// count counts an error that says that there is too much.
func (t *Tally) count(as *atomic.Uint64, err error) {
	if refusal, ok := errors.AsType[*cuenta.Error](err); ok && refusal.Code == cuenta.Busy {
		as.Add(1)
	}
}

// tallied is a watch that is counted.
type tallied struct {
	cuenta.Watching
	tally  *Tally
	closed bool
}

// Next implements [cuenta.Watching].
func (w *tallied) Next(ctx context.Context) (*cuenta.Delivery, error) {
	d, err := w.Watching.Next(ctx)
	switch {
	case err != nil:
		w.tally.count(&w.tally.dropped, err)
	case d.Kind != cuenta.TellAnew:
	case d.Reason == cuenta.Slow:
		w.tally.slow.Add(1)
	case d.Reason == cuenta.Lost:
		w.tally.lost.Add(1)
	}
	return d, err
}

// Close implements [cuenta.Watching].
func (w *tallied) Close() {
	w.Watching.Close()
	if !w.closed {
		w.closed = true
		w.tally.now.Add(-1)
	}
}
