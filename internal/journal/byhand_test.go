package journal

import (
	"testing"

	"github.com/cuenta-server/cuenta/internal/disk/disktest"
)

// TestByHand drives a journal whose segments the caller makes: nothing is made
// before, each wish is served once, and a failure is tried again.
func TestByHand(t *testing.T) {
	mem := disktest.New()
	draws := 0
	j, rec, err := Open(mem, dir, newBook(), Options{SegmentSize: small, ByHand: true, Draw: func() uint64 { draws++; return 77 }})
	must(t, err)
	if rec.History != 77 || draws != 1 {
		t.Errorf("history %d after %d draws", rec.History, draws)
	}
	b, rnd := newBook(), rng(1)
	var r Record
	rolled := 0
	for rolled < 3 {
		active := j.Stats().Active
		for r.Reset(1); j.Room(200) == nil && j.Stats().Active == active; {
			b.group(&r, rnd, 1, 3, 10)
			must(t, j.Append(&r))
			r.Reset(1)
		}
		switch {
		case j.Stats().Active != active:
			rolled++
		case j.Stats().NextReady:
			t.Fatalf("no room, but a segment: %v", j.Room(200))
		case rolled == 1:
			mem.SetSpace(0)
			if j.MakeNext() || !isFull(j.Room(200)) {
				t.Errorf("made without room; %v", j.Room(200))
			}
			mem.SetSpace(-1)
		}
		if !j.MakeNext() || !j.Stats().NextReady || !j.MakeNext() {
			t.Fatal("no segment was made")
		}
	}
	expect(t, mem, b)
	must(t, j.Seal())
	must(t, j.Close())
	_, rec, err = Open(mem, dir, newBook(), Options{ByHand: true, Draw: func() uint64 { t.Error("drawn again"); return 1 }})
	must(t, err)
	if rec.History != 77 {
		t.Errorf("history %d", rec.History)
	}
}
