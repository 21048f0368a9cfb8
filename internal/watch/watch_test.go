package watch

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cuenta-server/cuenta"
)

// world is a source whose cells are set by hand, each group at once.
type world struct {
	t   testing.TB
	hub *Hub

	mu    sync.Mutex // over the cells
	cells []cuenta.Counter
	group uint64
	told  Group
}

func newWorld(t testing.TB, c Config) *world {
	w := &world{t: t}
	c.Source, c.History = w, 7
	w.hub = New(c)
	return w
}

// Attend implements [Source].
func (w *world) Attend(_ context.Context, begin func(uint64)) error {
	begin(w.group)
	return nil
}

// Look implements [Source].
func (w *world) Look(_ context.Context, name string) (cuenta.Counter, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.cells {
		if c.Name == name {
			return c, c.Revision > 0, nil
		}
	}
	return cuenta.Counter{}, false, nil
}

// Slice implements [Source].
func (w *world) Slice(_ context.Context, from uint32, each func(uint32, []byte, int64, uint64)) (uint32, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := min(from+1000, uint32(len(w.cells)))
	for cell := from; cell < next; cell++ {
		each(cell, []byte(w.cells[cell].Name), w.cells[cell].Value, w.cells[cell].Revision)
	}
	return next, next == uint32(len(w.cells)), nil
}

// add adds one to the counters of some cells, as one group.
func (w *world) add(from, to int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told.Reset()
	for cell := from; cell < to; cell++ {
		if cell == len(w.cells) {
			w.cells = append(w.cells, cuenta.Counter{Name: fmt.Sprintf("c/%06d", cell)})
		}
		c := &w.cells[cell]
		c.Value++
		c.Revision++
		w.told.Name(uint32(cell), []byte(c.Name))
		w.told.Change(cell-from, c.Value, c.Revision-1, c.Revision, false)
	}
	w.group++
	if w.hub.On() {
		w.hub.Publishing(w.group)
		w.hub.Tell(w.group, &w.told)
	}
}

func (w *world) watch(want cuenta.Watch) cuenta.Watching {
	w.t.Helper()
	watching, err := w.hub.Watch(context.Background(), want)
	if err != nil {
		w.t.Fatal(err)
	}
	return watching
}

var all = cuenta.Watch{Prefix: true}

// next returns what is told next, as text.
func next(t testing.TB, w cuenta.Watching) string {
	t.Helper()
	d, err := w.Next(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return text(d)
}

func text(d *cuenta.Delivery) string {
	text := fmt.Sprint(d.Kind, " ", d.Reason, d.Position.Sequence)
	if len(d.Changes) > 3 {
		return fmt.Sprint(text, " ", len(d.Changes))
	}
	for _, c := range d.Changes {
		text += fmt.Sprintf(" %s=%d@%d<%d", c.Counter, c.Value, c.Revision, c.Since)
	}
	return text
}

func expect(t testing.TB, w cuenta.Watching, want ...string) {
	t.Helper()
	for _, want := range want {
		if got := next(t, w); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

// TestResumeAtEveryPosition goes on behind each group that was told, and behind those
// that the ring has lost.
func TestResumeAtEveryPosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Ring: 1})
		defer w.hub.Close()
		first := w.watch(all)
		expect(t, first, "anew start0", "current 0")
		const groups = 10
		for range groups {
			w.add(0, 40)
			synctest.Wait()
			next(t, first)
		}
		for at := range uint64(groups + 2) {
			again := w.watch(cuenta.Watch{Prefix: true, After: cuenta.Position{History: 7, Sequence: at}})
			kept := uint64(w.hub.ring.floor)
			switch {
			case at > groups || at < kept:
				expect(t, again, "anew lost0", "state 0 40", fmt.Sprintf("current %d", groups))
			case at == groups:
				expect(t, again, fmt.Sprintf("current %d", groups))
			default:
				expect(t, again, fmt.Sprintf("current %d", at))
				for told := at; told < groups; {
					d, err := again.Next(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if c := d.Changes[0]; len(d.Changes) != 40 || c.Since != told || c.Revision != d.Position.Sequence {
						t.Fatalf("behind %d: %s", told, text(d))
					}
					told = d.Position.Sequence
				}
			}
			again.Close()
		}
		for _, lost := range []cuenta.Position{{History: 8, Sequence: groups}, {Sequence: 1}} {
			again := w.watch(cuenta.Watch{Prefix: true, After: lost})
			expect(t, again, "anew lost0")
			again.Close()
		}
	})
}

// TestSlowWatcher reads nothing for longer than the deliveries are kept, and than the
// ring reaches.
func TestSlowWatcher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Ring: 1000})
		defer w.hub.Close()
		slow := w.watch(all)
		expect(t, slow, "anew start0", "current 0")
		turns := func(n int) {
			for range n {
				w.add(0, 1)
				synctest.Wait()
				time.Sleep(time.Second) // in the bubble: past any rest
			}
		}
		turns(1)
		expect(t, slow, "changed 1 c/000000=1@1<0")
		turns(2 * keptDeliveries)
		expect(t, slow, fmt.Sprintf("changed %d c/000000=%d@%[1]d<1", 2*keptDeliveries+1, 2*keptDeliveries+1))
		before := w.group
		turns(2000)
		expect(t, slow, "anew slow0", fmt.Sprintf("state 0 c/000000=%d@%[1]d<0", w.group), fmt.Sprintf("current %d", w.group))
		turns(1)
		expect(t, slow, fmt.Sprintf("changed %d c/000000=%[1]d@%[1]d<%d", w.group, w.group-1))
		if before == 0 {
			t.Error("nothing changed")
		}
	})
}

// TestTooMuchForOneDelivery changes more counters at once than a delivery may tell.
func TestTooMuchForOneDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		defer w.hub.Close()
		watching := w.watch(all)
		expect(t, watching, "anew start0", "current 0")
		synctest.Wait()
		w.add(0, 2*maxDelivery+5)
		expect(t, watching, "changed 0 4096", "changed 0 4096", "changed 1 5")
		late := w.watch(all)
		if got := next(t, late); got != "anew start0" {
			t.Error(got)
		}
		told := make(map[string]bool) // as of a moment ago, and what changed since
		for len(told) < 2*maxDelivery+5 {
			d, err := late.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range d.Changes {
				if told[c.Counter] || c.Revision != 1 {
					t.Fatalf("%+v", c)
				}
				told[c.Counter] = true
			}
		}
	})
}

// TestQuietIsTold is about silence: a watch without changes is heard of, and its
// position goes on with changes that it is not told.
func TestQuietIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Heartbeat: time.Minute})
		defer w.hub.Close()
		watching := w.watch(cuenta.Watch{Counter: "other"})
		expect(t, watching, "anew start0", "state 0 other=0@0<0", "current 0")
		began := time.Now()
		w.add(0, 3)
		expect(t, watching, "quiet 1")
		w.add(0, 3)
		expect(t, watching, "quiet 2")
		if silence := time.Since(began); silence > 2*time.Minute {
			t.Errorf("silent for %v", silence)
		}
	})
}

func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Watchers: 3, Topics: 2, Counters: 10})
		defer w.hub.Close()
		refused := func(want cuenta.Watch, code cuenta.Code) {
			t.Helper()
			if _, err := w.hub.Watch(t.Context(), want); !errors.Is(err, code.Err()) {
				t.Errorf("%+v: %v", want, err)
			}
		}
		a, b := w.watch(cuenta.Watch{Counter: "a"}), w.watch(cuenta.Watch{Counter: "b"})
		refused(cuenta.Watch{Counter: "c"}, cuenta.Busy)
		c := w.watch(cuenta.Watch{Counter: "b"})
		refused(cuenta.Watch{Counter: "b"}, cuenta.Busy)
		refused(cuenta.Watch{Counter: "a b"}, cuenta.Syntax)
		refused(cuenta.Watch{Counter: "b", Prefix: true, Since: 1}, cuenta.Syntax)
		for _, one := range []cuenta.Watching{a, b, c} {
			one.Close()
			one.Close() // once more is no matter
		}
		w.add(0, 11)
		many := w.watch(all)
		expect(t, many, "anew start0")
		if _, err := many.Next(t.Context()); !errors.Is(err, cuenta.TooLarge.Err()) {
			t.Errorf("more counters than one may watch: %v", err)
		}
		w.hub.End(cuenta.Failed)
		if _, err := many.Next(t.Context()); !errors.Is(err, cuenta.Failed.Err()) {
			t.Errorf("ended: %v", err)
		}
		refused(all, cuenta.Failed)
	})
}

// TestNobodyWatches turns the telling off once the last watcher could not go on any
// more, and not before.
func TestNobodyWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Ring: 1})
		defer w.hub.Close()
		if w.add(0, 1); w.hub.On() {
			t.Error("told nobody")
		}
		first := w.watch(all)
		expect(t, first, "anew start0", "state 0 c/000000=1@1<0", "current 1")
		first.Close()
		w.add(0, 1)
		if !w.hub.On() {
			t.Error("forgotten at once")
		}
		again := w.watch(cuenta.Watch{Prefix: true, After: cuenta.Position{History: 7, Sequence: 1}})
		expect(t, again, "current 1", "changed 2 c/000000=2@2<1")
		again.Close()
		for range 2 * leastPart * ringParts {
			w.add(0, 1)
		}
		if w.hub.On() || w.hub.ring.parts != nil {
			t.Error("changes are kept for nobody")
		}
	})
}

// TestThousandWatchers has them all see the last change, share what they are told,
// and leave nothing behind.
func TestThousandWatchers(t *testing.T) {
	before := runtime.NumGoroutine()
	w := newWorld(t, Config{Rest: -1})
	w.add(0, 10)
	var watching sync.WaitGroup
	var begun sync.WaitGroup
	var mu sync.Mutex
	encoded := make(map[*cuenta.Delivery]int)
	const last = 100
	for range 1000 {
		begun.Add(1)
		one := w.watch(all)
		watching.Go(func() {
			for {
				d, err := one.Next(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				d.Encoded(cuenta.FormEvents, func(d *cuenta.Delivery) any {
					mu.Lock()
					defer mu.Unlock()
					encoded[d]++
					return nil
				})
				if d.Kind == cuenta.TellCurrent {
					begun.Done()
				}
				for _, c := range d.Changes {
					if c.Value > last {
						return
					}
				}
			}
		})
	}
	begun.Wait()
	for range last {
		w.add(0, 10)
	}
	watching.Wait()
	for d, n := range encoded {
		if n != 1 {
			t.Errorf("%v was encoded %d times", d.Kind, n)
		}
	}
	w.hub.Close()
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(end); {
		runtime.Gosched()
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines, %d before", n, before)
	}
}
