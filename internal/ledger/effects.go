package ledger

import "github.com/cuenta-server/cuenta/internal/shm"

// Marks of a cell.
const (
	changed uint8 = 1 << iota // has an effect that was not taken yet
	named                     // the effects taken so far tell whose cell it is
)

// Effect is what changes left behind in one cell.
type Effect struct {
	Cell       uint32
	Generation uint32
	Opened     bool // the counter is new in the cell: the journal must learn its name
	Dropped    bool // the cell is vacant; Value is 0, Revision the deletion's
	Value      int64
	Revision   uint64
}

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

// Outstanding returns how many effects were not taken yet, and how many bytes
// the names that the journal must learn with them have at most.
func (l *Ledger) Outstanding() (effects, names int) { return len(l.changed), l.newNames }

// TakeEffects appends to dst the effects since it was last called.
func (l *Ledger) TakeEffects(dst []Effect) []Effect {
	l.releaseVacated()
	for _, cell := range l.changed {
		c := l.cells.At(cell)
		alive := c.Alive()
		dst = append(dst, Effect{
			Cell: cell, Generation: c.Generation,
			Opened: alive && c.Flags&named == 0, Dropped: !alive,
			Value: c.Value, Revision: c.Revision,
		})
		if c.Flags = 0; alive {
			c.Flags = named
		}
	}
	l.changed = l.changed[:0]
	l.newNames = 0
	return dst
}

// Publish shows durable effects to the readers of the shared cells.
func (l *Ledger) Publish(effects []Effect) {
	born := 0
	for i := range effects {
		e := &effects[i]
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
