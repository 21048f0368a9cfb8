package engine

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
)

// TestAgainstTheNaiveService asks the engine and the naive service the same, and
// demands the same answers in every field but the two that say where a counter
// lives. Time moves; the engine is stopped, or loses its power, and writes snapshots,
// at random.
func TestAgainstTheNaiveService(t *testing.T) {
	outOfTime(t, func(t *testing.T) {
		for seed := range longer(4, 200) {
			if !differential(t, seed, 300) {
				return
			}
		}
	})
}

// longer returns a test's usual measure, or that of its long form.
func longer(usual, long uint64) uint64 {
	if os.Getenv("CUENTA_TEST_LONG") != "" {
		return long
	}
	return usual
}

func differential(t *testing.T, seed uint64, batches int) bool {
	p := newPlayer(seed)
	fs := disktest.New()
	e := open(t, fs)
	var ids []uint64
	for n := range batches {
		requests := p.batch(1 + p.rng.IntN(12))
		to := translate(requests, ids)
		got := p.compare(to, do(e, cuenta.Class(p.rng.IntN(3)), to...), &ids)
		if want := asked(p.naive, requests); !slices.Equal(got, want) {
			t.Errorf("seed %d, batch %d:\n%s", seed, n, differences(requests, got, want))
			break
		}
		p.sleep()
		switch p.rng.IntN(100) {
		case 0:
			closeEngine(t, e)
			e = open(t, fs)
		case 1:
			fs = abandon(e, fs)
			e = open(t, fs)
		case 2:
			if err := e.Snapshot(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	closeEngine(t, e)
	return !t.Failed()
}

// differences lists a batch with what was answered.
func differences(requests []cuenta.Request, got, want []answer) (text string) {
	if len(got) != len(want) {
		return fmt.Sprintf("%d answers, want %d", len(got), len(want))
	}
	for i, r := range requests {
		text += fmt.Sprintf("%v %q n=%d if=%d span=%d key=%q session=%d/%d/%d", r.Op, r.Counter, r.N, r.If, r.Span,
			r.Identity.Key, r.Identity.Session, r.Identity.Number, r.Identity.Lowest)
		if r.Terms != nil {
			text += fmt.Sprintf(" %+v", *r.Terms)
		}
		text += fmt.Sprintf(": %v %+v\n", got[i].Code, got[i])
		if got[i] != want[i] {
			text += fmt.Sprintf("\twant %v %+v\n", want[i].Code, want[i])
		}
	}
	return text
}
