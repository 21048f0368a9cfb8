package shm

import (
	"sync"
	"testing"
	"unsafe"
)

func TestCellSize(t *testing.T) {
	if size := unsafe.Sizeof(Cell{}); size != CellSize {
		t.Errorf("a cell has %d bytes, want %d", size, CellSize)
	}
}

// TestDurableStateIsNeverTorn has readers watch a state whose parts belong
// together while it is published over and over.
func TestDurableStateIsNeverTorn(t *testing.T) {
	seg, err := Create("test-cells", 4096)
	if err != nil {
		t.Fatal(err)
	}
	defer seg.Close()
	c := NewCells(seg).At(1)
	const last = 300_000
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for seen := uint64(0); seen < last; {
				generation, value, revision := c.DurableState()
				if int64(revision) != -value || uint64(generation) != revision || revision < seen {
					t.Errorf("torn: generation %d, value %d, revision %d after %d", generation, value, revision, seen)
					return
				}
				seen = revision
			}
		})
	}
	for i := range uint64(last + 1) {
		c.Publish(uint32(i), -int64(i), i)
	}
	readers.Wait()
}

func TestDurableTellsGenerations(t *testing.T) {
	seg, err := Create("test-cells", 4096)
	if err != nil {
		t.Fatal(err)
	}
	defer seg.Close()
	cells := NewCells(seg)
	c := cells.At(0)
	c.Publish(3, 7, 2)
	if value, revision, ok := c.Durable(3); value != 7 || revision != 2 || !ok {
		t.Errorf("generation 3: %d, %d, %v", value, revision, ok)
	}
	if _, _, ok := c.Durable(1); ok {
		t.Error("another generation was believed")
	}
	if cells.At(uint32(cells.Len())) != nil {
		t.Error("there is a cell behind the last")
	}
}
