package shm

import (
	"sync/atomic"
	"unsafe"
)

// CellSize is the size of a cell in bytes: one cache line.
const CellSize = 64

// InlineName is the longest counter name that fits into a cell, in bytes.
const InlineName = 18

// Cell is one counter in shared memory. The plain fields belong to the ledger,
// which is alone with them under the gate; the durable state is written by the
// commit leader and read by anyone.
type Cell struct {
	Value    int64  // as last applied, durable or not
	Revision uint64 // of Value, or of the deletion that made the cell vacant

	lock       atomic.Uint32 // sequence lock over the three below; odd while they change
	durableGen uint32
	durable    int64
	durableRev uint64

	// Generation counts the beginnings and ends of the counters that lived here:
	// odd while one does, even while the cell is vacant.
	Generation uint32
	Flags      uint8            // the ledger's marks
	NameLen    uint8            // length of the counter's name
	Name       [InlineName]byte // the name if it fits, else the ledger's reference to it
}

// Alive reports whether a counter lives in the cell, durably or not.
func (c *Cell) Alive() bool { return c.Generation&1 != 0 }

// Durable returns the newest value and revision of a generation that a power cut
// cannot take back. ok is false if that generation is not the durable one.
func (c *Cell) Durable(generation uint32) (value int64, revision uint64, ok bool) {
	durable, value, revision := c.DurableState()
	return value, revision, durable == generation
}

// DurableState returns the newest generation, value and revision that a power
// cut cannot take back. An even generation is a vacant cell.
func (c *Cell) DurableState() (generation uint32, value int64, revision uint64) {
	for {
		before := c.lock.Load()
		if before&1 == 0 {
			generation = atomic.LoadUint32(&c.durableGen)
			value, revision = atomic.LoadInt64(&c.durable), atomic.LoadUint64(&c.durableRev)
			if c.lock.Load() == before {
				return generation, value, revision
			}
		}
	}
}

// DurableRevision returns the revision of the durable state.
func (c *Cell) DurableRevision() uint64 { return atomic.LoadUint64(&c.durableRev) }

// Publish makes a state the durable one. One goroutine at a time.
func (c *Cell) Publish(generation uint32, value int64, revision uint64) {
	odd := c.lock.Load() + 1
	c.lock.Store(odd)
	c.store(generation, value, revision)
	c.lock.Store(odd + 1)
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
