package ledger

import (
	"github.com/cuenta-server/cuenta/internal/identity"
	"github.com/cuenta-server/cuenta/internal/shm"
)

// Marks of a cell.
const (
	changed  uint8 = 1 << iota // has an effect that was not taken yet
	named                      // the effects taken so far tell whose cell it is
	termed                     // its counter has terms
	retermed                   // which changed since effects were taken
	holding                    // its counter has holds
)

// Effect is what changes left behind in one cell.
type Effect struct {
	Cell       uint32
	Generation uint32
	Opened     bool // the counter is new in the cell: the journal must learn its name
	Dropped    bool // the cell is vacant; Value is 0, Revision the deletion's
	Termed     bool // the counter has other terms than before, which the ledger's book tells
	Value      int64
	Revision   uint64
	Above      uint64 // if Opened: it was made anew above this deletion, of which nothing else tells; or 0
}

// Identified is what a request left behind in the memory of identities: an answer
// to a key, or to a number of a session, or, where there is neither, a session. There
// is one for each request, so it has the size of a cache line and no pointers.
type Identified struct {
	Session uint64
	Number  uint64
	Lowest  uint64 // that the session remembers from then on
	Answer  identity.Answer
	key     keyAt
}

// keyAt says where a key stands among the keys of effects; the zero keyAt is none.
type keyAt struct {
	from   uint32
	length uint8
}

// Effects is what requests left behind, to be made durable together.
type Effects struct {
	Cells      []Effect     // each cell once
	Holds      []HoldEffect // in order, of cells among those
	Identified []Identified // in order
	keys       []byte       // of them
}

// Key returns the key of one of Identified, nil if it has none.
func (e *Effects) Key(of *Identified) []byte {
	if of.key.length == 0 {
		return nil
	}
	return e.keys[of.key.from:][:of.key.length]
}

// Empty reports whether there is nothing to make durable.
func (e *Effects) Empty() bool { return len(e.Cells) == 0 && len(e.Identified) == 0 }

// mark notes that a cell changed.
func (l *Ledger) mark(cell uint32, c *shm.Cell) {
	if c.Flags&changed != 0 {
		return
	}
	c.Flags |= changed
	l.changed = append(l.changed, cell)
	if c.Flags&named == 0 {
		l.newNames += int(c.NameLen)
	}
}

// remake notes that a counter is made anew whose deletion is no effect of its own
// any more, but raised the floor.
func (l *Ledger) remake(cell uint32, c *shm.Cell) {
	if l.remade == nil {
		l.remade = make(map[uint32]uint64)
	}
	l.remade[cell] = l.floor
	l.newNames += int(c.NameLen)
}

// Outstanding is how much was not taken yet: effects on cells and on identities,
// and at most so many bytes of names and keys with them. Those made Anew are two
// effects on a cell; Terms are one more, and so is each of Holds.
type Outstanding struct{ Cells, Anew, Terms, Holds, Identified, Bytes int }

// Outstanding tells what TakeEffects would take.
func (l *Ledger) Outstanding() Outstanding {
	return Outstanding{len(l.changed), len(l.remade), l.newTerms, len(l.heldEffects), len(l.identified), l.newNames + len(l.keys)}
}

// TakeEffects fills e with the effects since it was last called. They must be
// published before the next ones that are not empty.
func (l *Ledger) TakeEffects(e *Effects) {
	l.releaseVacated()
	e.Holds = l.takeHolds(e.Holds[:0])
	e.Cells = l.takeCells(e.Cells[:0])
	e.Identified, l.identified = l.identified, e.Identified[:0]
	e.keys, l.keys = l.keys, e.keys[:0]
	if !e.Empty() {
		l.group++
	}
}

func (l *Ledger) takeCells(dst []Effect) []Effect {
	for _, cell := range l.changed {
		c := l.cells.At(cell)
		alive, above := c.Alive(), l.remade[cell]
		dst = append(dst, Effect{
			Cell: cell, Generation: c.Generation,
			Opened: alive && (c.Flags&named == 0 || above > 0), Dropped: !alive, Termed: c.Flags&retermed != 0,
			Value: c.Value, Revision: c.Revision, Above: above,
		})
		if c.Flags &= termed | holding; alive {
			c.Flags |= named
		}
	}
	l.changed = l.changed[:0]
	clear(l.remade)
	l.newNames, l.newTerms = 0, 0
	return dst
}

// Publish shows durable effects to the readers of the shared cells.
func (l *Ledger) Publish(effects *Effects) {
	born := 0
	for i := range effects.Cells {
		e := &effects.Cells[i]
		c := l.cells.At(e.Cell)
		if e.Opened || e.Dropped {
			before, _, _ := c.DurableState()
			born += int(e.Generation&1) - int(before&1)
		}
		c.Publish(e.Generation, e.Value, e.Revision)
		if e.Dropped {
			l.vacated = append(l.vacated, e.Cell)
		}
	}
	if born != 0 {
		l.durable.Add(int64(born))
	}
	if !effects.Empty() {
		l.landed.Add(1)
	}
}

// releaseVacated forgets the names of counters whose deletion has become
// durable, unless the name has come back since, and gives their cells free.
func (l *Ledger) releaseVacated() {
	for _, cell := range l.vacated {
		c := l.cells.At(cell)
		if c.Alive() || c.Flags&changed != 0 || c.NameLen == 0 {
			continue
		}
		l.index.Remove(l.hash(l.Name(cell)), cell)
		l.releaseName(c)
		l.free = append(l.free, cell)
	}
	l.vacated = l.vacated[:0]
}
