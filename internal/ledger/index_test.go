package ledger

import (
	"math/rand/v2"
	"testing"
)

func (ix *index) lookup(hash uint32, cell uint32) bool {
	for p := ix.probe(hash); ; {
		got, ok := p.next()
		if !ok {
			return false
		}
		if got == cell {
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
			defer ix.free()
			all := map[uint32]uint32{}
			for cell := uint32(0); cell < 1500; cell++ {
				h := hash(r)
				if err := ix.insert(h, cell); err != nil {
					t.Fatal(err)
				}
				all[cell] = h
				if gone := r.Uint32N(cell + 1); r.IntN(3) > 0 {
					if h, there := all[gone]; there {
						ix.remove(h, gone)
						delete(all, gone)
						if ix.lookup(h, gone) {
							t.Fatalf("entry %d was removed and is found", gone)
						}
					}
				}
				for cell, h := range all {
					if !ix.lookup(h, cell) {
						t.Fatalf("after %d insertions, entry %d is lost", cell, cell)
					}
				}
				if ix.lookup(h, cell+1) {
					t.Fatalf("found an entry that was never inserted")
				}
			}
			if ix.count != len(all) {
				t.Errorf("%d entries, want %d", ix.count, len(all))
			}
		})
	}
}
