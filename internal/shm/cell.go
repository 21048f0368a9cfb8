package shm

import (
	"sync/atomic"
	"unsafe"

	"github.com/cuenta-server/cuenta/internal/prefetch"
)

// CellSize is the size of a cell in bytes.
const CellSize = 48

// InlineName is the longest counter name that fits into a cell, in bytes.
const InlineName = 18

// Cell is one counter in shared memory: its durable state, which is written by the
// commit leader and read by anyone, and what belongs to the ledger, which is alone
// with that under the gate. What was applied but is not durable yet stands
// elsewhere, so that the many counters at rest need no room for it.
type Cell struct {
	lock       atomic.Uint32 // sequence lock over the three below; odd while they change
	generation uint32        // beginnings and ends of counters that lived here: odd while one does
	value      int64
	revision   uint64 // of the value, or of the deletion that made the cell vacant

	Effect  uint32           // the number of the ledger's last effect on it, which may be a newer state
	Flags   uint8            // the ledger's marks
	NameLen uint8            // length of the counter's name
	Name    [InlineName]byte // the name if it fits, else the ledger's reference to it
}

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
			generation = atomic.LoadUint32(&c.generation)
			value, revision = atomic.LoadInt64(&c.value), atomic.LoadUint64(&c.revision)
			if c.lock.Load() == before {
				return generation, value, revision
			}
		}
	}
}

// DurableRevision returns the revision of the durable state.
func (c *Cell) DurableRevision() uint64 { return atomic.LoadUint64(&c.revision) }

// Publish makes a state the durable one. One goroutine at a time.
func (c *Cell) Publish(generation uint32, value int64, revision uint64) {
	publish(c, generation, value, revision)
}

// Prefetch asks for a cell, so that its user need not wait for it.
func (c *Cell) Prefetch() {
	prefetch.Line(unsafe.Pointer(c))
	prefetch.Line(unsafe.Pointer(&c.Name[InlineName-1])) // which may be in the next line
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
