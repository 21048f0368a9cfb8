package watch

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/cuenta-server/cuenta"
)

// TestTally counts watches that a hub has and refuses, and one that cannot go on.
func TestTally(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Watchers: 2})
		defer w.hub.Close()
		tally := NewTally(w.hub)
		counted := func(want Stats) {
			t.Helper()
			if got := tally.Stats(); got != want {
				t.Errorf("counted %+v, want %+v", got, want)
			}
		}
		watch := func(want cuenta.Watch) cuenta.Watching {
			t.Helper()
			watching, err := tally.Watch(t.Context(), want)
			if err != nil {
				t.Fatal(err)
			}
			return watching
		}
		refused := func(want cuenta.Watch) {
			t.Helper()
			if watching, err := tally.Watch(t.Context(), want); err == nil || watching != nil {
				t.Errorf("%+v: %v", want, watching)
			}
		}
		counted(Stats{})
		a := watch(all)
		b := watch(cuenta.Watch{Counter: "b", After: cuenta.Position{History: 6, Sequence: 1}})
		counted(Stats{Now: 2, Begun: 2})
		refused(all)                             // too many
		refused(cuenta.Watch{Counter: "a b"})    // which says nothing of how many
		expect(t, a, "anew start0", "current 0") // as ever
		expect(t, b, "anew lost0", "state 0 b=0@0<0", "current 0")
		counted(Stats{Now: 2, Begun: 2, Refused: 1, Lost: 1})
		a.Close()
		a.Close() // once more is no matter
		counted(Stats{Now: 1, Begun: 2, Refused: 1, Lost: 1})
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := b.Next(canceled); err == nil {
			t.Error("goes on without a context")
		}
		b.Close()
		counted(Stats{Begun: 2, Refused: 1, Lost: 1})
	})
}

// TestTallyOfTheSlow has a watcher that falls behind the ring until it is ended.
func TestTallyOfTheSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Ring: 1})
		defer w.hub.Close()
		tally := NewTally(w.hub)
		slow, err := tally.Watch(t.Context(), all)
		if err != nil {
			t.Fatal(err)
		}
		defer slow.Close()
		var told Stats
		for range 1000 {
			d, err := slow.Next(t.Context())
			if err != nil {
				told.Dropped++
				break
			}
			if d.Reason == cuenta.Slow {
				told.Slow++
			}
			for range 50 { // more than the ring has, between any two words
				w.add(0, 20)
			}
			synctest.Wait()
		}
		told.Now, told.Begun = 1, 1
		if got := tally.Stats(); got != told || told.Slow == 0 || told.Dropped != 1 {
			t.Errorf("counted %+v, was told %+v", got, told)
		}
	})
}
