package history

import (
	"testing"

	"github.com/cuenta-server/cuenta"
)

// TestLargeBeyondIncrements checks a history of holds, totals, tickets and rates that is a
// hundred times as long as others: where that took more than linear time it would
// not come to its end, or give up.
func TestLargeBeyondIncrements(t *testing.T) {
	steps := 90_000
	if testing.Short() {
		steps = 9_000
	}
	h := recordedBeyond(1, nothingPlanted, steps)
	report, err := Check(h)
	if err != nil || report.Err() != nil {
		t.Fatalf("%v\n%v", err, report)
	}
	spoiled := false
	for i := h.Len() - 1; i >= 0 && !spoiled; i-- {
		if o := h.At(i); o.Op == cuenta.Hold && o.Code == cuenta.OK && o.told(WithRevision) {
			o.Value++
			spoiled = true
		}
	}
	if report, err := Check(h); err != nil || report.Err() == nil {
		t.Errorf("one wrong value was not noticed: %v %v", err, report)
	}
}
