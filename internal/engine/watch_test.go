package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
	"github.com/cuenta-server/cuenta/internal/watch"
)

// rewatch gives the engine a hub with other bounds. Nobody must have used it.
func rewatch(e *Engine, c watch.Config) {
	e.hub.Close()
	c.Source, c.History, c.Sequence = watched{e}, e.recovery.History, e.recovery.Sequence
	e.hub = watch.New(c)
	e.cycle.TellTo(e.hub)
}

// truth is what every revision of every counter was, as those were told who made it.
type truth struct {
	mu  sync.Mutex
	all map[string]map[uint64]made
}

type made struct {
	value   int64
	deleted bool
}

func (h *truth) note(r *cuenta.Request, result *cuenta.Result) {
	if result.Code != cuenta.OK || result.Revision == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	name := string(r.Counter)
	if h.all[name] == nil {
		h.all[name] = make(map[uint64]made)
	}
	is := made{value: result.Value}
	if r.Op == cuenta.Delete {
		is = made{deleted: true}
	}
	h.all[name][result.Revision] = is
}

func (h *truth) was(c *cuenta.Change) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	is, ok := h.all[c.Counter][c.Revision]
	return ok && is == made{c.Value, c.Deleted}
}

// mirror is what a watcher knows by what it was told, and checks that.
type mirror struct {
	t        testing.TB
	label    string
	want     cuenta.Watch
	known    map[string]cuenta.Change
	position cuenta.Position
	sure     bool // position is exactly what is known
	state    bool // between anew and current
	begun    bool
	reasons  map[cuenta.Reason]int
	changes  int
	skips    int
}

func newMirror(t testing.TB, label string, want cuenta.Watch) *mirror {
	return &mirror{t: t, label: label, want: want, known: map[string]cuenta.Change{}, sure: true, reasons: map[cuenta.Reason]int{}}
}

func (m *mirror) covers(name string) bool {
	return name == m.want.Counter || m.want.Prefix && strings.HasPrefix(name, m.want.Counter)
}

func (m *mirror) take(d *cuenta.Delivery) {
	m.t.Helper()
	if !m.begun && d.Kind != cuenta.TellAnew && d.Kind != cuenta.TellCurrent {
		m.t.Errorf("%s: begins with %v", m.label, d.Kind)
	}
	m.begun = true
	switch d.Kind {
	case cuenta.TellAnew:
		clear(m.known)
		m.state, m.sure = true, true
		m.reasons[d.Reason]++
	case cuenta.TellCurrent:
		m.state = false
	case cuenta.TellState:
		if !m.state {
			m.t.Errorf("%s: a state that did not begin", m.label)
		}
	}
	for i := range d.Changes {
		m.change(d.Kind, &d.Changes[i])
	}
	switch {
	case m.state && d.Position != (cuenta.Position{}):
		m.t.Errorf("%s: a position within the state", m.label)
	case d.Position != (cuenta.Position{}):
		m.position, m.sure = d.Position, true
	case d.Kind == cuenta.TellChanged && !m.state:
		m.sure = false
	}
}

func (m *mirror) change(kind cuenta.DeliveryKind, c *cuenta.Change) {
	m.t.Helper()
	known, was := m.known[c.Counter]
	m.changes++
	switch {
	case !m.covers(c.Counter):
		m.t.Errorf("%s: was told of %s", m.label, c.Counter)
	case kind == cuenta.TellState && (was || c.Since != m.want.Since && c.Revision >= m.want.Since):
		m.t.Errorf("%s: state %+v, known %+v", m.label, *c, known)
	case kind == cuenta.TellState && c.Deleted && c.Revision == 0:
		return // that there is none
	case kind == cuenta.TellChanged && m.sure && c.Since != 0 && c.Since != known.Revision:
		m.t.Errorf("%s: %+v follows %+v", m.label, *c, known)
	case kind == cuenta.TellChanged && c.Since == 0 && was && !known.Deleted && m.sure:
		m.t.Errorf("%s: %+v follows %+v", m.label, *c, known)
	case kind == cuenta.TellChanged && (c.Since > known.Revision || c.Revision <= c.Since || m.sure && c.Revision <= known.Revision):
		m.t.Errorf("%s: %+v follows %+v", m.label, *c, known)
	}
	if c.Revision > c.Since+1 {
		m.skips++
	}
	if c.Revision > known.Revision || !was {
		m.known[c.Counter] = *c
	}
}

// alive are the counters that exist as far as the mirror knows.
func (m *mirror) alive() map[string]cuenta.Counter {
	all := make(map[string]cuenta.Counter)
	for name, c := range m.known {
		if !c.Deleted {
			all[name] = cuenta.Counter{Name: name, Value: c.Value, Revision: c.Revision}
		}
	}
	return all
}

// follow watches until enough is true, from the last position on.
func (m *mirror) follow(e *Engine, enough func(*cuenta.Delivery) bool) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	want := m.want
	want.After, m.begun = m.position, false
	w, err := e.Watch(ctx, want)
	if err != nil {
		m.t.Errorf("%s: %v", m.label, err)
		return
	}
	defer w.Close()
	for {
		d, err := w.Next(ctx)
		if errors.Is(err, cuenta.Busy.Err()) {
			return // it was told that it is too slow, and comes again
		}
		if err != nil {
			m.t.Errorf("%s: %v", m.label, err)
			return
		}
		m.take(d)
		if enough(d) {
			return
		}
	}
}

const watchedNames = 30

// traffic changes counters at random, makes and deletes them, and returns what every
// revision was once all have ended.
func traffic(e *Engine, seed uint64, batches int, truth *truth) {
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(g)))
			for range batches {
				b := &cuenta.Batch{Class: cuenta.Class(rng.IntN(int(cuenta.NumClasses)))}
				for range 1 + rng.IntN(20) {
					b.Requests = append(b.Requests, randomChange(rng))
				}
				e.Do(context.Background(), b)
				for i := range b.Results {
					truth.note(&b.Requests[i], &b.Results[i])
				}
			}
		})
	}
	all.Wait()
}

func randomChange(rng *rand.Rand) cuenta.Request {
	prefix := [...]string{"p/", "p/deep/", "q/"}[rng.IntN(3)]
	r := add(fmt.Sprint(prefix, rng.IntN(watchedNames)), rng.Int64N(100)-50)
	switch rng.IntN(6) {
	case 0:
		r.Op = cuenta.Delete
	case 1:
		r.Op = cuenta.Reset
	}
	return r
}

// wants are watches of all kinds.
var wants = []cuenta.Watch{{Prefix: true}, {Counter: "p/", Prefix: true}, {Counter: "p/deep/", Prefix: true}, {Counter: "q/1", Prefix: true},
	{Counter: "none/", Prefix: true}, {Counter: "p/1"}, {Counter: "q/2"}, {Counter: "p/deep/3", Since: 1}}

// TestWatchersMissNothing has watchers of all kinds beside random traffic, some of
// which break off and go on behind a position: every change they are told was made,
// follows the one before, and in the end they know what there is. The ring is of the
// usual size, and of the least.
func TestWatchersMissNothing(t *testing.T) {
	for _, ring := range []int{0, 1} {
		e := open(t, disktest.New())
		rewatch(e, watch.Config{Ring: ring, Rest: -1})
		truth := &truth{all: make(map[string]map[uint64]made)}
		traffic(e, 1, 20, truth)
		var mirrors []*mirror
		told := make([][]*cuenta.Delivery, 3*len(wants))
		var watching sync.WaitGroup
		for i := range told {
			want := wants[i%len(wants)]
			rng := rand.New(rand.NewPCG(9, uint64(i)))
			m := newMirror(t, fmt.Sprint(want), want)
			mirrors = append(mirrors, m)
			watching.Go(func() {
				for !m.ended() && !t.Failed() {
					m.follow(e, func(d *cuenta.Delivery) bool {
						told[i] = append(told[i], d)
						return m.ended() || i >= len(wants) && rng.IntN(10) == 0
					})
					told[i] = append(told[i], nil)
				}
			})
		}
		traffic(e, 2, 150, truth)
		end(e, truth)
		watching.Wait()
		for i, m := range mirrors {
			if alive, is := m.alive(), listed(t, e, m.want); !maps.Equal(alive, is) {
				t.Errorf("%s: knows %v, there are %v", m.label, alive, is)
			}
			for _, d := range told[i] {
				for k := 0; d != nil && k < len(d.Changes); k++ {
					if c := &d.Changes[k]; c.Revision > 0 && !truth.was(c) {
						t.Errorf("%s: %+v never was", m.label, *c)
					}
				}
			}
			t.Logf("ring %d, %s: %d changes, %d skips, %v", ring, m.label, m.changes, m.skips, m.reasons)
		}
		closeEngine(t, e)
	}
}

// end changes a counter of every watch, in one group, so that all see the end.
func end(e *Engine, truth *truth) {
	b := &cuenta.Batch{Class: cuenta.ClassRemote}
	for _, want := range wants {
		b.Requests = append(b.Requests, cuenta.Request{Op: cuenta.Set, Counter: []byte(lastOf(want)), N: endValue})
	}
	e.Do(context.Background(), b)
	for i := range b.Results {
		truth.note(&b.Requests[i], &b.Results[i])
	}
}

const endValue = 1_000_000

// ended reports whether the mirror has seen the end.
func (m *mirror) ended() bool { return !m.state && m.known[lastOf(m.want)].Value == endValue }

// lastOf is the counter that ends a recording.
func lastOf(w cuenta.Watch) string {
	if w.Prefix {
		return w.Counter + "p/deep/~"
	}
	return w.Counter
}

func listed(t *testing.T, e *Engine, want cuenta.Watch) map[string]cuenta.Counter {
	t.Helper()
	counters, _, err := e.List(context.Background(), cuenta.ClassRemote, want.Counter, 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]cuenta.Counter)
	for _, c := range counters {
		if want.Prefix || c.Name == want.Counter {
			all[c.Name] = c
		}
	}
	return all
}

// TestWatchEndsWithTheEngine has watchers of a failing journal and a stop.
func TestWatchEndsWithTheEngine(t *testing.T) {
	e := open(t, disktest.New())
	w, err := e.Watch(context.Background(), cuenta.Watch{Counter: "c"})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		for {
			if _, err := w.Next(context.Background()); err != nil {
				ended <- err
				return
			}
		}
	}()
	do(e, cuenta.ClassRemote, add("c", 1))
	closeEngine(t, e)
	if err := <-ended; !errors.Is(err, cuenta.Stopping.Err()) {
		t.Errorf("ended with %v", err)
	}
	w.Close()
	if _, err := e.Watch(context.Background(), cuenta.Watch{Counter: "c"}); !errors.Is(err, cuenta.Stopping.Err()) {
		t.Errorf("a watch of a closed engine: %v", err)
	}
}

// TestWatchOverARestart goes on with a position of an earlier life of the server:
// the state is told again, and said to be.
func TestWatchOverARestart(t *testing.T) {
	fs := disktest.New()
	e := open(t, fs)
	m := newMirror(t, "c", cuenta.Watch{Counter: "c"})
	do(e, cuenta.ClassRemote, add("c", 1))
	m.follow(e, func(d *cuenta.Delivery) bool { return d.Kind == cuenta.TellCurrent })
	do(e, cuenta.ClassRemote, add("c", 1))
	m.follow(e, func(d *cuenta.Delivery) bool { return m.known["c"].Revision == 2 })
	if m.reasons[cuenta.AtStart] != 1 || m.reasons[cuenta.Lost] != 0 {
		t.Errorf("reasons: %v", m.reasons)
	}
	closeEngine(t, e)
	e = open(t, fs)
	defer closeEngine(t, e)
	do(e, cuenta.ClassRemote, add("c", 1))
	m.follow(e, func(d *cuenta.Delivery) bool { return d.Kind == cuenta.TellCurrent })
	if m.reasons[cuenta.Lost] != 1 || m.known["c"].Revision != 3 {
		t.Errorf("reasons: %v, known %+v", m.reasons, m.known["c"])
	}
}
