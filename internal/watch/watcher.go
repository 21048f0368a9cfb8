package watch

import (
	"context"
	"time"

	"github.com/cuenta-server/cuenta"
)

// watcher is one watch.
type watcher struct {
	hub   *Hub
	feed  *feed
	since uint64
	after cuenta.Position

	step  func(ctx context.Context) error // puts deliveries into queue, or waits
	queue []*cuenta.Delivery              // to be told first

	at      uint64 // everything through this group was told
	aligned bool   // and what comes next is the feed's delivery number next
	next    uint64

	state   sweep
	wake    chan struct{} // one token: there is something new
	waiting bool          // the feed has it, and will put a token in

	behind int // how often in a row it began anew before it was current

	given   *cuenta.Delivery // by the last Next
	givenAt time.Time        // when that was
	closed  bool
}

// maxBehind is how often in a row a watcher may begin anew because it is too slow.
const maxBehind = 3

// Next implements [cuenta.Watching].
func (w *watcher) Next(ctx context.Context) (*cuenta.Delivery, error) {
	if w.given != nil {
		w.hub.pace.wrote(time.Since(w.givenAt), len(w.given.Changes))
		w.given = nil
	}
	for len(w.queue) == 0 {
		if err := w.hub.ended.Load(); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := w.step(ctx); err != nil {
			return nil, err
		}
	}
	d := w.queue[0]
	w.queue[0] = nil
	w.queue = w.queue[1:]
	w.given, w.givenAt = d, time.Now()
	return d, nil
}

// Close implements [cuenta.Watching].
func (w *watcher) Close() {
	if !w.closed {
		w.closed = true
		w.hub.leave(w.feed)
	}
}

func (w *watcher) give(d *cuenta.Delivery) { w.queue = append(w.queue, d) }

// begin goes on behind a position if that is possible, and begins anew otherwise.
func (w *watcher) begin(context.Context) error {
	if w.after == (cuenta.Position{}) {
		return w.anew(cuenta.AtStart)
	}
	group, ok := w.hub.group(w.after)
	if !ok || !w.hub.reaches(group) {
		return w.anew(cuenta.Lost)
	}
	w.at = group
	w.current()
	return nil
}

// reaches reports whether the ring has everything behind a group.
func (h *Hub) reaches(group uint64) bool {
	h.ring.mu.Lock()
	defer h.ring.mu.Unlock()
	return group >= h.ring.floor && group <= h.ring.head
}

// current says that everything was told, and goes on with what changes.
func (w *watcher) current() {
	w.behind = 0
	w.aligned = false
	w.give(&cuenta.Delivery{Kind: cuenta.TellCurrent, Position: w.hub.position(w.at)})
	w.step = w.follow
}

// fallBehind begins anew for a watcher that was too slow for what the ring keeps.
func (w *watcher) fallBehind() error {
	if w.behind++; w.behind > maxBehind {
		return &cuenta.Error{Code: cuenta.Busy, Text: "too slow: more changes than this watch can take"}
	}
	return w.anew(cuenta.Slow)
}

// follow tells the next delivery of the feed, or waits for it.
func (w *watcher) follow(ctx context.Context) error {
	f := w.feed
	f.mu.Lock()
	if !w.aligned && w.at <= f.upto || w.aligned && w.next < f.first {
		w.next, w.aligned = f.align(w.at)
		if !w.aligned {
			through := f.upto
			f.mu.Unlock()
			return w.catchUp(through)
		}
	}
	switch {
	case !w.aligned:
		f.joining = true
	case w.next < f.last():
		k := f.kept[w.next-f.first]
		f.mu.Unlock()
		w.next++
		if k.Position != (cuenta.Position{}) {
			w.at = k.to
		}
		w.give(k.Delivery)
		return nil
	default:
		w.at = f.upto
	}
	if !w.waiting {
		w.waiting = true
		f.waiting = append(f.waiting, w.wake)
	}
	f.mu.Unlock()
	select {
	case <-w.wake:
		w.waiting = false
	case <-w.hub.done:
	case <-ctx.Done():
	}
	return nil
}

// catchUp tells what happened from where the watcher is to a group, or a part of it,
// from the ring.
func (w *watcher) catchUp(through uint64) error {
	defer w.worked(time.Now())
	var m merged
	at, ok := w.replay(through, func(e *entry, name []byte) bool {
		if w.feed.covers(name) {
			m.add(e, name)
		}
		return len(m.changes) < maxDelivery
	})
	if !ok {
		return w.fallBehind()
	}
	w.at = at
	if changes := m.take(); len(changes) > 0 {
		w.give(&cuenta.Delivery{Kind: cuenta.TellChanged, Changes: changes, Position: w.hub.position(at)})
	}
	return nil
}

// replay calls do for the changes behind where the watcher is, through a group. Do
// reports whether there should be more; if not, it ends with that group. It returns
// the last group, and false if the ring has not all of them.
func (w *watcher) replay(through uint64, do func(e *entry, name []byte) bool) (last uint64, ok bool) {
	r := &w.hub.ring
	from, to, ok := r.span(w.at, through)
	if !ok {
		return 0, false
	}
	enough := uint64(0) // the group to end with
	var buffer copied
	for from < to {
		if from, ok = r.copy(&buffer, from, to); !ok {
			return 0, false
		}
		start := 0
		for i := range buffer.changes {
			e := &buffer.changes[i]
			if enough != 0 && e.group != enough {
				return enough, true
			}
			if !do(e, buffer.names[start:e.nameEnd]) {
				enough = e.group
			}
			start = e.nameEnd
		}
	}
	return through, true
}

// worked counts what the watcher has done since a time besides taking deliveries.
func (w *watcher) worked(since time.Time) { w.hub.pace.worked(time.Since(since)) }
