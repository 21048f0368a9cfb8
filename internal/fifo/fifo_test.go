package fifo

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestLine compares with a slice, whatever comes, leaves and is served.
func TestLine(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var l Line[int]
	var want []*Place[int]
	for i := range 10_000 {
		if len(want) == 0 || rng.IntN(2) == 0 && len(want) < 5 {
			p := &Place[int]{Of: i + 1}
			l.Push(p)
			want = append(want, p)
		} else {
			at := rng.IntN(len(want))
			gone := want[at]
			l.Remove(gone)
			want = slices.Delete(want, at, at+1)
			if rng.IntN(2) == 0 { // and is back at once
				l.Push(gone)
				want = append(want, gone)
			}
		}
		first := 0
		if len(want) > 0 {
			first = want[0].Of
		}
		if l.Len() != len(want) || l.First() != first {
			t.Fatalf("after %d steps %d wait and %d is first; want %d and %d", i, l.Len(), l.First(), len(want), first)
		}
	}
	for ; len(want) > 0; want = want[1:] { // served to the last, in order
		if l.First() != want[0].Of {
			t.Fatalf("%d is first, want %d", l.First(), want[0].Of)
		}
		l.Remove(want[0])
	}
	if l.Len() != 0 || l.First() != 0 {
		t.Errorf("%d wait, and %d is first", l.Len(), l.First())
	}
}
