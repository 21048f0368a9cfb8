package watch

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cuenta-server/cuenta"
)

// Source is the engine, as the hub sees it.
type Source interface {
	// Attend calls begin at a moment from which on the hub is told of every group that
	// is sealed, with the number of the last one before, and returns when that one is in
	// the durable cells.
	Attend(ctx context.Context, begin func(sealed uint64)) error

	// Look returns a counter as it is durably; ok says that there is one.
	Look(ctx context.Context, name string) (c cuenta.Counter, ok bool, err error)

	// Slice calls each for the durable counters of some cells from one on, and returns
	// the cell to go on with; done says that there are no more. The name is borrowed.
	Slice(ctx context.Context, from uint32, each func(cell uint32, name []byte, value int64, revision uint64)) (next uint32, done bool, err error)
}

// Config says what is watched and sets the bounds. Zero values mean the documented
// default.
type Config struct {
	Source   Source
	History  uint64 // of the positions
	Sequence uint64 // that the positions' sequences begin behind, with group 1

	Watchers  int           // at a time; default 4096
	Topics    int           // different ones; default 1024
	Counters  int           // that one watch may cover; default 1,048,576
	Ring      int           // changes kept for those who are behind; default 65,536
	Heartbeat time.Duration // of silence at most; default 15 s

	// Rest is how many times as long as all watching together takes it rests; default
	// 19, which leaves it about a twentieth of one processor. Below 0: not at all.
	Rest int
}

const (
	defaultWatchers  = 4096
	defaultTopics    = 1024
	defaultCounters  = 1 << 20
	defaultRing      = 1 << 16
	defaultHeartbeat = 15 * time.Second
	defaultRest      = 19
)

func (c *Config) setDefaults() {
	if c.Watchers == 0 {
		c.Watchers = defaultWatchers
	}
	if c.Topics == 0 {
		c.Topics = defaultTopics
	}
	if c.Counters == 0 {
		c.Counters = defaultCounters
	}
	if c.Ring == 0 {
		c.Ring = defaultRing
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = defaultHeartbeat
	}
	if c.Rest == 0 {
		c.Rest = defaultRest
	}
}

// Hub is where the engine tells and watchers hear. It is a [cuenta.Watcher].
type Hub struct {
	config Config

	on         atomic.Bool   // groups are told
	publishing atomic.Uint64 // the durable cells may show groups through this one
	attending  sync.Mutex    // held by who sees to it that on is true

	ring ring
	told sync.Cond     // on ring.mu: a group was told
	left uint64        // the last group when the last watcher left; under ring.mu
	due  chan struct{} // one token: there may be something to tell
	full chan struct{} // one token: it should be taken out of the ring soon

	watchers atomic.Int64 // changed under ring.mu

	mu       sync.Mutex // over the four below; the teller holds it for a part of a round
	topics   topics
	next     uint64        // index in the ring of what the teller has not seen
	gathered uint64        // the last group of which it has seen something
	pending  int           // changes of all feeds that were not delivered yet
	behind   atomic.Uint64 // next, for who tells

	kept atomic.Int64 // changes that all feeds keep

	pace    pace
	listing chan struct{} // one token: who has it reads cells

	ended atomic.Pointer[cuenta.Error]
	done  chan struct{} // closed once it has ended
	end   sync.Once
	work  sync.WaitGroup
}

// New returns a hub. It must be closed.
func New(c Config) *Hub {
	c.setDefaults()
	h := &Hub{
		config:  c,
		ring:    newRing(c.Ring),
		pace:    pace{factor: time.Duration(max(c.Rest, 0))},
		topics:  newTopics(),
		due:     make(chan struct{}, 1),
		full:    make(chan struct{}, 1),
		listing: make(chan struct{}, 1),
		done:    make(chan struct{}),
	}
	h.told.L = &h.ring.mu
	h.work.Go(h.tell)
	return h
}

// End ends all watches, and refuses those to come, with a code.
func (h *Hub) End(code cuenta.Code) {
	h.end.Do(func() {
		h.ended.Store(&cuenta.Error{Code: code, Text: code.Text()})
		close(h.done)
	})
}

// Close ends all watches as Stopping, and the teller. The source is not asked any
// more then.
func (h *Hub) Close() {
	h.End(cuenta.Stopping)
	h.work.Wait()
	h.listing <- struct{}{} // for good
}

// Watchers returns how many watches there are.
func (h *Hub) Watchers() int64 { return h.watchers.Load() }

// On reports whether groups are to be told. It changes to true only within Attend.
func (h *Hub) On() bool { return h.on.Load() }

// Publishing says that a group is about to become visible in the cells, and will be
// told.
func (h *Hub) Publishing(number uint64) { h.publishing.Store(number) }

// Tell tells a durable group, which is copied.
func (h *Hub) Tell(number uint64, g *Group) {
	r := &h.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	if !h.on.Load() || number <= r.head {
		return // sealed before anybody watched, or told for nobody
	}
	r.put(number, g)
	h.told.Broadcast()
	switch {
	case h.watchers.Load() > 0:
		h.signal()
	case r.floor > h.left:
		// Nobody can go on any more where the last one left.
		h.on.Store(false)
		r.restart(number)
	}
}

// signal wakes the teller.
func (h *Hub) signal() {
	wake := h.due
	if h.ring.end-h.behind.Load() > h.ring.quarter() {
		wake = h.full
	}
	select {
	case wake <- struct{}{}:
	default: // it has a token already
	}
}

// Watch implements [cuenta.Watcher].
func (h *Hub) Watch(ctx context.Context, want cuenta.Watch) (cuenta.Watching, error) {
	t := topic{want.Counter, want.Prefix}
	if t.name == "" && !t.prefix {
		t.name = cuenta.DefaultCounter
	}
	switch {
	case t.name != "" && !cuenta.ValidName([]byte(t.name)):
		return nil, &cuenta.Error{Code: cuenta.Syntax, Text: "bad counter name"}
	case t.prefix && want.Since != 0:
		return nil, &cuenta.Error{Code: cuenta.Syntax, Text: "a revision is of one counter, not of a prefix"}
	}
	f, err := h.enter(t)
	if err != nil {
		return nil, err
	}
	w := &watcher{hub: h, feed: f, since: want.Since, after: want.After, wake: make(chan struct{}, 1)}
	if err := h.attend(ctx); err != nil {
		w.Close()
		return nil, err
	}
	w.step = w.begin
	return w, nil
}

// enter takes a place among the watchers of a topic.
func (h *Hub) enter(t topic) (*feed, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.ended.Load(); err != nil {
		return nil, err
	}
	f := h.topics.find(t)
	switch {
	case h.watchers.Load() >= int64(h.config.Watchers):
		return nil, &cuenta.Error{Code: cuenta.Busy, Text: "too many watches, try again"}
	case f == nil && h.topics.len() >= h.config.Topics:
		return nil, &cuenta.Error{Code: cuenta.Busy, Text: "too many different names are watched, try again"}
	}
	h.ring.mu.Lock()
	h.watchers.Add(1)
	if h.topics.len() == 0 { // the teller had nobody to tell
		h.next, h.gathered = h.ring.end, h.ring.head
		h.behind.Store(h.next)
	}
	h.ring.mu.Unlock()
	if f == nil {
		f = newFeed(t, h.gathered, &h.kept)
		h.topics.add(f)
	}
	f.watchers++
	return f, nil
}

// leave gives the place back.
func (h *Hub) leave(f *feed) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.watchers--; f.watchers == 0 {
		h.topics.remove(f)
		h.pending -= len(f.pending.changes)
		f.forget()
	}
	h.ring.mu.Lock()
	h.watchers.Add(-1)
	h.left = h.ring.head
	h.ring.mu.Unlock()
}

// attend sees to it that groups are told.
func (h *Hub) attend(ctx context.Context) error {
	h.attending.Lock()
	defer h.attending.Unlock()
	if h.on.Load() {
		return nil // and stays so, since there is a watcher
	}
	return h.config.Source.Attend(ctx, func(sealed uint64) {
		h.ring.mu.Lock()
		defer h.ring.mu.Unlock()
		h.ring.restart(sealed)
		h.publishing.Store(sealed)
		h.on.Store(true)
	})
}

// position is where a group is in the history.
func (h *Hub) position(group uint64) cuenta.Position {
	return cuenta.Position{History: h.config.History, Sequence: h.config.Sequence + group}
}

// group is the group at a position. It reports false if that is not of this history
// or of an earlier life.
func (h *Hub) group(p cuenta.Position) (uint64, bool) {
	if p.History != h.config.History || p.Sequence < h.config.Sequence {
		return 0, false
	}
	return p.Sequence - h.config.Sequence, true
}
