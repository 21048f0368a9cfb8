package watch

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/cuenta-server/cuenta"
)

// listRest is how many times as long as it takes reading the state rests, for all
// watchers together.
const listRest = 3

// sweep is how far the state was told. Everything told of the cells below next is
// exact as of the group that the watcher is at: each slice of cells is read, which
// shows them as of some group; then what changed in the cells already told is
// replayed from the ring, through that group, and the cells of the slice are taken
// from there too if they are in it. (The last change of a cell through a group is
// what the cell is as of that group, whatever was read before.)
type sweep struct {
	next  uint32
	found []cellState
	names []byte
	told  int // counters
}

// cellState is a cell as it was read.
type cellState struct {
	cell     uint32
	nameEnd  int
	value    int64
	revision uint64
}

// anew begins the watch, or begins it again.
func (w *watcher) anew(why cuenta.Reason) error {
	w.give(&cuenta.Delivery{Kind: cuenta.TellAnew, Reason: why})
	h := w.hub
	h.ring.mu.Lock()
	w.at = h.ring.head
	h.ring.mu.Unlock()
	w.state = sweep{}
	if w.feed.prefix {
		w.step = w.list
	} else {
		w.step = w.look
	}
	return nil
}

// reading reads cells, in turn with others, and returns a group of which nothing is
// to be seen in what was read any more that was not told.
func (w *watcher) reading(ctx context.Context, read func() error) (uint64, error) {
	h := w.hub
	select {
	case h.listing <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-h.done:
		return 0, nil
	}
	defer func() { <-h.listing }()
	began := time.Now()
	err := read()
	seen := h.publishing.Load()
	h.ring.mu.Lock()
	for h.ring.head < seen {
		h.told.Wait() // it is in the leader's hands already
	}
	h.ring.mu.Unlock()
	if err == nil && w.feed.prefix {
		time.Sleep(listRest * time.Since(began))
	}
	return seen, err
}

// look tells the state of one counter.
func (w *watcher) look(ctx context.Context) error {
	var c cuenta.Counter
	var exists bool
	seen, err := w.reading(ctx, func() (err error) {
		c, exists, err = w.hub.config.Source.Look(ctx, w.feed.name)
		return err
	})
	if err != nil || w.hub.ended.Load() != nil {
		return err
	}
	state := cuenta.Change{Counter: w.feed.name, Value: c.Value, Revision: c.Revision, Deleted: !exists}
	_, ok := w.replay(seen, func(e *entry, name []byte) bool {
		if string(name) == w.feed.name {
			state.Value, state.Revision, state.Deleted = e.value, e.revision, e.deleted
		}
		return true
	})
	if !ok {
		return w.fallBehind()
	}
	if state.Deleted || state.Revision >= w.since {
		state.Since = w.since
	}
	w.at = seen
	w.give(&cuenta.Delivery{Kind: cuenta.TellState, Changes: []cuenta.Change{state}})
	w.current()
	return nil
}

// list tells the state of all that the prefix covers: that of a moment ago if
// another watcher has read it, and is that small enough to share.
func (w *watcher) list(ctx context.Context) error {
	f := w.feed
	select {
	case f.listing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.hub.done:
		return nil
	}
	defer func() { <-f.listing }()
	f.mu.Lock()
	shared := f.state
	f.mu.Unlock()
	if shared != nil && w.hub.reaches(shared.at) {
		w.queue = append(w.queue, shared.deliveries...)
		w.at = shared.at
		w.current()
		return nil
	}
	before := len(w.queue)
	for w.state.told <= maxDelivery {
		done, err := w.slice(ctx)
		if done {
			f.share(&state{slices.Clone(w.queue[before:]), w.at, w.state.told})
			w.current()
		}
		if done || err != nil {
			return w.unlessBehind(err)
		}
	}
	w.step = w.listOn
	return nil
}

// listOn tells the next slice, as the watcher takes them.
func (w *watcher) listOn(ctx context.Context) error {
	done, err := w.slice(ctx)
	if done {
		w.current()
	}
	return w.unlessBehind(err)
}

// errBehind says that the ring has not everything any more that is needed.
var errBehind = errors.New("behind the ring")

// unlessBehind begins anew where the error is that.
func (w *watcher) unlessBehind(err error) error {
	if err == errBehind {
		return w.fallBehind()
	}
	return err
}

// slice tells a slice of the state, and reports whether it was the last one.
func (w *watcher) slice(ctx context.Context) (done bool, err error) {
	s := &w.state
	s.found, s.names = s.found[:0], s.names[:0]
	var next uint32
	seen, err := w.reading(ctx, func() (err error) {
		next, done, err = w.hub.config.Source.Slice(ctx, s.next, s.put(w.feed))
		return err
	})
	if err != nil {
		return false, err
	}
	if err := w.hub.ended.Load(); err != nil {
		return false, err
	}
	defer w.worked(time.Now())
	var changed merged
	latest := make(map[uint32]cuenta.Change)
	_, ok := w.replay(seen, func(e *entry, name []byte) bool {
		switch {
		case e.cell < s.next:
			if w.feed.covers(name) {
				changed.add(e, name)
			}
		case e.cell < next || done:
			latest[e.cell] = changeOf(e, name)
		}
		return true
	})
	if !ok {
		return false, errBehind
	}
	if changes := changed.take(); len(changes) > 0 {
		w.give(&cuenta.Delivery{Kind: cuenta.TellChanged, Changes: changes})
	}
	w.at, s.next = seen, next
	if err := w.tellSlice(latest); err != nil {
		return false, err
	}
	return done, nil
}

// put returns what notes down the cells that a feed covers.
func (s *sweep) put(f *feed) func(cell uint32, name []byte, value int64, revision uint64) {
	return func(cell uint32, name []byte, value int64, revision uint64) {
		if f.covers(name) {
			s.names = append(s.names, name...)
			s.found = append(s.found, cellState{cell, len(s.names), value, revision})
		}
	}
}

// tellSlice tells the counters of a slice: as they were read, but for those cells
// that changed since.
func (w *watcher) tellSlice(latest map[uint32]cuenta.Change) error {
	s := &w.state
	var changes []cuenta.Change
	start := 0
	for _, f := range s.found {
		name := s.names[start:f.nameEnd]
		start = f.nameEnd
		if _, ok := latest[f.cell]; !ok {
			changes = append(changes, cuenta.Change{Counter: string(name), Value: f.value, Revision: f.revision})
		}
	}
	for _, c := range latest {
		if !c.Deleted && strings.HasPrefix(c.Counter, w.feed.name) {
			c.Since = 0
			changes = append(changes, c)
		}
	}
	if s.told += len(changes); s.told > w.hub.config.Counters {
		return &cuenta.Error{Code: cuenta.TooLarge, Text: "the prefix covers too many counters to watch"}
	}
	if len(changes) > 0 {
		w.give(&cuenta.Delivery{Kind: cuenta.TellState, Changes: changes})
	}
	return nil
}
