package ledger

import (
	"testing"

	"github.com/cuenta-server/cuenta"
)

// TestNumbersOfEffects: a cell at rest has no effect in a list, not even where its last
// one's number has come again, as it does after 2³² others.
func TestNumbersOfEffects(t *testing.T) {
	l := newLedger(t, 8)
	a, _ := apply(l, cuenta.Add, "a", 5)
	first := l.cells.At(a.Cell).Effect
	land(l)
	if l.open.from != first+1 {
		t.Errorf("the next effect has number %d, the last had %d", l.open.from, first)
	}
	l.open.from = first
	b, _ := apply(l, cuenta.Add, "b", 7)
	if again := l.cells.At(b.Cell).Effect; again != first {
		t.Fatalf("number %d, want %d again", again, first)
	}
	if got, standing := apply(l, cuenta.Get, "a", 0); got.Value != 5 || standing != Durable {
		t.Errorf("%+v, %v: b's effect is taken for a's", got, standing)
	}
	if got, _ := apply(l, cuenta.Add, "a", 1); got.Value != 6 {
		t.Errorf("%+v", got)
	}
}
