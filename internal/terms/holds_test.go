package terms

import (
	"math/rand/v2"
	"testing"
)

// TestHoldsAgainstAMap makes, changes and ends holds of a few counters at random, so
// that some have many and some few, in turn, and gives and takes the counters' terms
// meanwhile. A map says what there should be.
func TestHoldsAgainstAMap(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 2))
		b := newBook(t)
		h := newHolds(t, b)
		model := map[uint32]map[uint64]Hold{0: {}, 1: {}, 2: {}}
		limits := map[uint32]Terms{}
		for id := uint64(1); id <= 3000; id++ {
			cell, most := r.Uint32N(3), 1+r.IntN(3*few)
			switch {
			case r.IntN(20) == 0:
				limits[cell] = draw(r, second)
				put(t, b, cell, limits[cell])
			case len(model[cell]) < most:
				hold := Hold{ID: id, Amount: r.Int64N(1000) - 500, Ends: 1 + r.Int64N(1<<40)}
				if err := h.Put(cell, hold); err != nil {
					t.Fatal(err)
				}
				model[cell][id] = hold
			default:
				dropOrChange(t, r, h, cell, model[cell], anyHold(r, h, cell, len(model[cell])))
			}
			compareHolds(t, h, cell, model[cell])
			if _, _, ok := h.Find(cell, id+1); ok {
				t.Fatalf("seed %d: a hold that was never made", seed)
			}
			if got := b.Of(cell); got != limits[cell] {
				t.Fatalf("seed %d: cell %d has %+v, want %+v", seed, cell, got, limits[cell])
			}
		}
		for cell := range model {
			put(t, b, cell, Terms{})
			for len(model[cell]) > 0 {
				_, hold, _ := h.Behind(cell, 0)
				drop(t, h, cell, model[cell], hold.ID)
			}
		}
		if h.Len() != 0 || h.byID.Len() != 0 || !b.Empty() || b.Len() != 0 {
			t.Errorf("seed %d: %d holds, %d in the index, %d with terms; something is left", seed, h.Len(), h.byID.Len(), b.Len())
		}
	}
}

func newHolds(t *testing.T, b *Book) *Holds {
	t.Helper()
	h, err := NewHolds(b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// anyHold returns the id of one of so many holds.
func anyHold(r *rand.Rand, h *Holds, cell uint32, count int) (id uint64) {
	for range 1 + r.IntN(count) {
		_, hold, _ := h.Behind(cell, id)
		id = hold.ID
	}
	return id
}

func dropOrChange(t *testing.T, r *rand.Rand, h *Holds, cell uint32, model map[uint64]Hold, id uint64) {
	t.Helper()
	if r.IntN(2) == 0 {
		drop(t, h, cell, model, id)
		return
	}
	hold := Hold{ID: id, Amount: r.Int64N(1000) - 500, Ends: 1 + r.Int64N(1<<40)}
	if err := h.Put(cell, hold); err != nil {
		t.Fatal(err)
	}
	model[id] = hold
}

func drop(t *testing.T, h *Holds, cell uint32, model map[uint64]Hold, id uint64) {
	t.Helper()
	item, _, ok := h.Find(cell, id)
	if !ok {
		t.Fatalf("hold %d is lost", id)
	}
	delete(model, id)
	if others := h.Drop(item); others != (len(model) > 0) {
		t.Fatalf("it has others: %v, but there are %d", others, len(model))
	}
}

func compareHolds(t *testing.T, h *Holds, cell uint32, model map[uint64]Hold) {
	t.Helper()
	want := Held{Count: uint32(len(model))}
	for id, hold := range model {
		if _, got, ok := h.Find(cell, id); !ok || got != hold {
			t.Fatalf("%+v is found as %+v, %v", hold, got, ok)
		}
		want.Up += max(0, hold.Amount)
		want.Down += max(0, -hold.Amount)
	}
	if got := h.Held(cell); got != want {
		t.Fatalf("they come to %+v, want %+v", got, want)
	}
	listed := 0
	for _, hold, ok := h.Behind(cell, 0); ok; _, hold, ok = h.Behind(cell, hold.ID) {
		if listed++; model[hold.ID] != hold {
			t.Fatalf("%+v is listed", hold)
		}
	}
	if listed != len(model) {
		t.Fatalf("%d are listed of %d", listed, len(model))
	}
}
