package shm

import (
	"sync/atomic"
	"unsafe"
)

// CellSize is the size of a cell in bytes: one cache line.
const CellSize = 64

// InlineName is the longest counter name that fits into a cell, in bytes.
const InlineName = 22

// Cell is one counter in shared memory. The first fields belong to the ledger,
// which is alone with them under the gate; the durable pair is written by the
// commit leader and read by anyone.
type Cell struct {
	Value    int64  // as last applied, durable or not
	Revision uint64 // of Value

	lock       atomic.Uint32 // sequence lock over the three below; odd while they change
	generation atomic.Uint32 // counters that lived in this cell so far; 0: none yet
	durable    atomic.Int64
	durableRev atomic.Uint64

	Flags   uint8            // the ledger's marks
	NameLen uint8            // length of the counter's name
	Name    [InlineName]byte // the name if it fits, else the ledger's reference to it
}

// Durable returns the newest value and revision that a power cut cannot take
// back. ok is false if another generation lives in the cell.
func (c *Cell) Durable(generation uint32) (value int64, revision uint64, ok bool) {
	for {
		before := c.lock.Load()
		if before&1 == 0 {
			value, revision = c.durable.Load(), c.durableRev.Load()
			ok = c.generation.Load() == generation
			if c.lock.Load() == before {
				return value, revision, ok
			}
		}
	}
}

// Generation returns the generation that lives in the cell.
func (c *Cell) Generation() uint32 { return c.generation.Load() }

// DurableRevision returns the revision of the durable pair.
func (c *Cell) DurableRevision() uint64 { return c.durableRev.Load() }

// Publish makes value and revision the durable pair. One goroutine at a time.
func (c *Cell) Publish(value int64, revision uint64) {
	c.lock.Add(1)
	c.durable.Store(value)
	c.durableRev.Store(revision)
	c.lock.Add(1)
}

// Occupy begins the cell's next generation with an empty durable pair. One
// goroutine at a time.
func (c *Cell) Occupy() {
	c.lock.Add(1)
	c.generation.Add(1)
	c.durable.Store(0)
	c.durableRev.Store(0)
	c.lock.Add(1)
}

// Cells is the array of cells over a segment. Pages that no counter lives in
// cost nothing.
type Cells struct {
	cells []Cell
}

// NewCells lays cells over the whole segment.
func NewCells(seg *Segment) Cells {
	b := seg.Bytes()
	if len(b) < CellSize {
		return Cells{}
	}
	return Cells{unsafe.Slice((*Cell)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/CellSize)}
}

// Len returns how many cells there are.
func (c Cells) Len() int { return len(c.cells) }

// At returns cell i, nil if there is none.
func (c Cells) At(i uint32) *Cell {
	if uint64(i) >= uint64(len(c.cells)) {
		return nil
	}
	return &c.cells[i]
}
