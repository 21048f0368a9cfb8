package offheap

import (
	"math/rand/v2"
	"testing"
)

func (ix *Index) lookup(hash uint32, item uint32) bool {
	for p := ix.Probe(hash); ; {
		got, ok := p.Next()
		if !ok {
			return false
		}
		if got == item {
			return true
		}
	}
}

// TestIndexFindsAllWhileGrowing looks up every entry after each insertion, with
// hashes that crowd together at both ends of the table, where runs wrap around.
func TestIndexFindsAllWhileGrowing(t *testing.T) {
	hashes := map[string]func(*rand.Rand) uint32{
		"random":  func(r *rand.Rand) uint32 { return r.Uint32() },
		"at end":  func(r *rand.Rand) uint32 { return ^uint32(0) - r.Uint32N(1<<20) },
		"crowded": func(r *rand.Rand) uint32 { return r.Uint32N(64) << 26 },
	}
	for name, hash := range hashes {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			ix, err := newIndex(4)
			if err != nil {
				t.Fatal(err)
			}
			defer ix.Free()
			all := map[uint32]uint32{}
			for item := uint32(0); item < 1500; item++ {
				h := hash(r)
				if err := ix.Insert(h, item); err != nil {
					t.Fatal(err)
				}
				all[item] = h
				if gone := r.Uint32N(item + 1); r.IntN(3) > 0 {
					if h, there := all[gone]; there {
						ix.Remove(h, gone)
						delete(all, gone)
						if ix.lookup(h, gone) {
							t.Fatalf("entry %d was removed and is found", gone)
						}
					}
				}
				for item, h := range all {
					if !ix.lookup(h, item) {
						t.Fatalf("after %d insertions, entry %d is lost", item, item)
					}
				}
				if ix.lookup(h, item+1) {
					t.Fatalf("found an entry that was never inserted")
				}
			}
			if ix.Len() != len(all) {
				t.Errorf("%d entries, want %d", ix.Len(), len(all))
			}
		})
	}
}

// TestIndexKeepsNothingOfWhatIsGone has items come and go in any order.
func TestIndexKeepsNothingOfWhatIsGone(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	ix, err := newIndex(8)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Free()
	hashes := make([]uint32, 100)
	for range 100 {
		for item := range hashes {
			hashes[item] = r.Uint32()
			if err := ix.Insert(hashes[item], uint32(item)); err != nil {
				t.Fatal(err)
			}
		}
		for _, item := range r.Perm(len(hashes)) {
			ix.Remove(hashes[item], uint32(item))
		}
		for i, slot := range ix.cur.slots {
			if slot != 0 {
				t.Fatalf("slot %d is %x", i, slot)
			}
		}
	}
	if ix.removed != 0 || ix.old.slots != nil || len(ix.cur.slots) != 1<<8 {
		t.Errorf("%d dead slots are counted, the table is of %d", ix.removed, len(ix.cur.slots))
	}
}

// TestTendEndsTheGrowing: where nothing is inserted any more, the old table goes.
func TestTendEndsTheGrowing(t *testing.T) {
	ix, err := NewIndex()
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Free()
	hash := func(item uint32) uint32 { return item * 0x9e3779b1 }
	items := uint32(0)
	for ; ix.old.slots == nil; items++ {
		if err := ix.Insert(hash(items), items); err != nil {
			t.Fatal(err)
		}
	}
	most := len(ix.old.slots) / stepSlots
	for turns := 0; ix.old.slots != nil; turns++ {
		if turns > most {
			t.Fatalf("not at its end after %d turns", turns)
		}
		if err := ix.Tend(); err != nil {
			t.Fatal(err)
		}
		for item := range items {
			if !ix.lookup(hash(item), item) {
				t.Fatalf("after %d turns entry %d is lost", turns, item)
			}
		}
	}
	if err := ix.Tend(); err != nil || ix.old.slots != nil {
		t.Errorf("there is nothing to tend: %v", err)
	}
}
