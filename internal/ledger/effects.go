package ledger

import (
	"github.com/cuenta-server/cuenta/internal/identity"
	"github.com/cuenta-server/cuenta/internal/shm"
	"github.com/cuenta-server/cuenta/internal/terms"
)

// Marks of a cell.
const (
	termed  uint8 = 1 << iota // its counter has terms
	ending                    // an end among them
	holding                   // its counter has holds
)

// markTerms marks a cell as one whose counter has these terms.
func markTerms(c *shm.Cell, of *terms.Terms) {
	c.Flags &^= termed | ending
	if *of != (terms.Terms{}) {
		c.Flags |= termed
	}
	if of.Ends != 0 {
		c.Flags |= ending
	}
}

// state is what a cell holds.
type state struct {
	generation uint32 // beginnings and ends of counters that lived there
	value      int64
	revision   uint64 // of the value, or of the deletion that made the cell vacant
}

// alive reports whether a counter lives in the cell.
func (s *state) alive() bool { return s.generation&1 != 0 }

// seen is what requests may know of it: nothing of a cell that is vacant.
func (s *state) seen() state {
	if !s.alive() {
		return state{}
	}
	return *s
}

// Effect is what changes left behind in one cell. Until it is published, it is where
// the newest state of the cell stands.
type Effect struct {
	Cell       uint32
	Generation uint32
	Value      int64
	Revision   uint64
	Above      uint64 // if not 0: the counter was made anew above this deletion, of which nothing else tells
	Opened     bool   // the counter is new in the cell: the journal must learn its name
	Dropped    bool   // the cell is vacant; Value is 0, Revision the deletion's
	Termed     bool   // the counter has other terms than before, which the ledger's book tells
}

// Recorder is told what requests left behind in the memory of identities, as they do: it
// is never taken back. All of it belongs to the effects that are taken next.
type Recorder interface {
	// Session tells of a session that was granted.
	Session(id uint64)
	// Answer tells of the answer to a number of a session, and of the lowest number that
	// it remembers from then on. The answer is the ledger's.
	Answer(session, number, lowest uint64, a *identity.Answer)
	// Key tells of the answer to an idempotency key. Both are the caller's.
	Key(key []byte, a *identity.Answer)
}

// Effects is what requests left behind, to be made durable together with what the
// [Recorder] was told.
type Effects struct {
	Cells []Effect     // each cell once
	Holds []HoldEffect // in order, of cells among those
	Told  int          // how often the recorder was told something
}

// Empty reports whether there is nothing to make durable.
func (e *Effects) Empty() bool { return len(e.Cells) == 0 && e.Told == 0 }

// numbered is effects in the order of their numbers. All effects are numbered, and a cell
// tells the number of its last one: so it is known of most cells, and at no cost, that
// theirs is not among those of a list.
type numbered struct {
	from uint32 // the number of the first
	list []Effect
}

// on returns the effect on a cell, nil if there is none. Numbers come again after 2³²
// effects, so it is looked at whose the effect is.
func (n *numbered) on(cell uint32, c *shm.Cell) *Effect {
	if i := c.Effect - n.from; i < uint32(len(n.list)) && n.list[i].Cell == cell {
		return &n.list[i]
	}
	return nil
}

// at returns the effect of a number that is among them.
func (n *numbered) at(number uint32) *Effect { return &n.list[number-n.from] }

// end returns the number of the next effect.
func (n *numbered) end() uint32 { return n.from + uint32(len(n.list)) }

// view returns what a cell holds as last applied, and how durable that is. What was
// published is in the cell, and nobody writes there while neither list has an effect on
// it.
func (l *Ledger) view(cell uint32) (state, Standing) {
	c := l.cells.At(cell)
	if e := l.open.on(cell, c); e != nil {
		return state{e.Generation, e.Value, e.Revision}, Fresh
	}
	if e := l.taken.on(cell, c); e != nil && e.Revision != c.DurableRevision() {
		return state{e.Generation, e.Value, e.Revision}, Taken
	}
	generation, value, revision := c.DurableState()
	return state{generation, value, revision}, Durable
}

// look returns what a cell holds as last applied, durable or not.
func (l *Ledger) look(cell uint32) state {
	is, _ := l.view(cell)
	return is
}

// seen returns what a counter that was found holds as last applied, the zero state if it
// was not, or is deleted.
func (l *Ledger) seen(cell uint32, found bool) state {
	if !found {
		return state{}
	}
	is := l.look(cell)
	return is.seen()
}

// lives reports whether a counter was found, and lives.
func (l *Ledger) lives(cell uint32, found bool) bool {
	is := l.seen(cell, found)
	return is.alive()
}

// standing tells how durable a cell's state is.
func (l *Ledger) standing(cell uint32) Standing {
	_, standing := l.view(cell)
	return standing
}

// State returns the value and revision of the counter that lives in a used cell, as
// last applied, durable or not; false if none does.
func (l *Ledger) State(cell uint32) (value int64, revision uint64, alive bool) {
	is := l.look(cell)
	return is.value, is.revision, is.alive()
}

// effect returns the effect on a cell among those not taken yet, to be changed. It is
// valid until the next cell has one.
func (l *Ledger) effect(cell uint32) *Effect {
	is, standing := l.view(cell)
	return l.effectOver(cell, is, standing)
}

// effectOver is effect, given what the cell holds.
func (l *Ledger) effectOver(cell uint32, is state, standing Standing) *Effect {
	c := l.cells.At(cell)
	if standing == Fresh {
		return l.open.at(c.Effect)
	}
	if !is.alive() {
		l.newNames += int(c.NameLen)
	}
	c.Effect = l.open.end()
	l.open.list = append(l.open.list, Effect{
		Cell: cell, Generation: is.generation, Value: is.value, Revision: is.revision, Opened: !is.alive(),
	})
	return l.open.at(c.Effect)
}

// Outstanding is how much was not taken yet: effects on cells, and at most so many bytes
// of names with them. Those made Anew are two effects on a cell; Terms are one more, and so
// is each of Holds. What the recorder was told comes on top of it.
type Outstanding struct{ Cells, Anew, Terms, Holds, Names int }

// Outstanding tells what TakeEffects would take.
func (l *Ledger) Outstanding() Outstanding {
	return Outstanding{len(l.open.list), l.anew, l.newTerms, len(l.heldEffects), l.newNames}
}

// TakeEffects fills e with the effects since it was last called, which must be
// published by then. Until it is called again they are the ledger's, too, to look at.
func (l *Ledger) TakeEffects(e *Effects) {
	if l.landed.Load() != l.group {
		panic("ledger: effects are taken before the last ones were published")
	}
	l.releaseVacated()
	if err := l.index.Tend(); err != nil {
		panic("ledger: memory cannot be given back: " + err.Error())
	}
	e.Holds = l.takeHolds(e.Holds[:0])
	l.taken, l.open = l.open, numbered{l.open.end(), e.Cells[:0]}
	e.Cells = l.taken.list
	l.anew, l.newNames, l.newTerms = 0, 0, 0
	e.Told, l.told = l.told, 0
	if !e.Empty() {
		l.group++
	}
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
		if l.open.on(cell, c) != nil || l.lives(cell, true) || c.NameLen == 0 {
			continue
		}
		l.index.Remove(l.hash(l.Name(cell)), cell)
		l.releaseName(c)
		l.free = append(l.free, cell)
	}
	l.vacated = l.vacated[:0]
}
