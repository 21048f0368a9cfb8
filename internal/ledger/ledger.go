// Package ledger is the state machine of the counters: given the same requests
// it gives the same answers and leaves the same effects. It does no input or
// output, reads no clock and takes no locks; whoever drives it has it alone (the
// engine does so under the gate).
//
// A counter lives in a cell of shared memory (package shm), found through a
// private index of names. What a change leaves behind is an [Effect]: "cell 17
// now holds 5 at revision 3". Effects of one counter between two calls of
// TakeEffects merge into the last, so a hot counter costs one however often it
// changed. Once the journal has made effects durable, Publish shows them to the
// readers of the shared cells.
package ledger

import (
	"hash/maphash"
	"math"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/shm"
)

// Marks of a cell.
const (
	changed uint8 = 1 << iota // has an effect that was not taken yet
	opened                    // … and it is the first one
)

// Effect is what changes left behind in one cell.
type Effect struct {
	Cell     uint32
	Opened   bool // the counter is new: the journal must learn its name
	Value    int64
	Revision uint64
}

// Standing says how durable the state is that an answer reveals.
type Standing uint8

const (
	Durable Standing = iota // published: may be revealed at once
	Taken                   // among the effects taken last, perhaps not durable yet
	Fresh                   // among the effects not taken yet
)

// Ledger is all counters. Its methods must not run at the same time, but for
// Publish, Name and Used.
type Ledger struct {
	cells   shm.Cells
	index   *index
	names   arena
	seed    maphash.Seed
	used    uint32 // cells from 0 to here have had a counter
	limit   uint32
	changed []uint32 // cells with effects not taken yet, each once

	newNames int // bytes of names among them that the journal must learn
}

// New returns an empty ledger over empty cells, for at most limit counters and
// no more than there are cells.
func New(cells shm.Cells, limit uint32) (*Ledger, error) {
	ix, err := newIndex(minIndexBits)
	if err != nil {
		return nil, err
	}
	return &Ledger{
		cells: cells,
		index: ix,
		seed:  maphash.MakeSeed(),
		limit: min(limit, uint32(min(cells.Len(), math.MaxUint32-1))),
	}, nil
}

// Close gives the index back to the system. The cells are the caller's.
func (l *Ledger) Close() error { return l.index.free() }

// Used returns how many cells have had a counter: cells 0 to Used-1.
func (l *Ledger) Used() uint32 { return l.used }

// Memory returns the bytes that the counters take, in cells and index.
func (l *Ledger) Memory() uint64 {
	return uint64(l.used)*shm.CellSize + 8*uint64(len(l.index.cur.slots)+len(l.index.old.slots)) +
		uint64(len(l.names.chunks))<<chunkBits
}

// Name returns the name of the counter in a used cell. It must not be changed.
func (l *Ledger) Name(cell uint32) []byte {
	c := l.cells.At(cell)
	if c.NameLen <= shm.InlineName {
		return c.Name[:c.NameLen]
	}
	return l.names.get(c)
}

// Cell returns a used cell.
func (l *Ledger) Cell(cell uint32) *shm.Cell { return l.cells.At(cell) }

// Apply carries out one request and says how durable the answer's ground is.
// The counter's name must be valid ([cuenta.ValidName]) or empty.
func (l *Ledger) Apply(r *cuenta.Request, out *cuenta.Result) Standing {
	if len(r.Identity) > 0 {
		*out = cuenta.Result{Code: cuenta.Unsupported}
		return Durable
	}
	name := r.Counter
	if len(name) == 0 {
		name = defaultName
	}
	hash := l.hash(name)
	cell, found := l.find(hash, name)
	switch {
	case r.Op == cuenta.Get && !found:
		*out = cuenta.Result{}
		return Durable
	case r.Op == cuenta.Get:
		return l.answer(cell, out)
	case r.Op == cuenta.Add, r.Op == cuenta.Reset:
		if !found {
			var code cuenta.Code
			if cell, code = l.open(hash, name); code != cuenta.OK {
				*out = cuenta.Result{Code: code}
				return Durable
			}
		}
		return l.change(cell, r, out)
	}
	*out = cuenta.Result{Code: cuenta.Syntax}
	return Durable
}

var defaultName = []byte(cuenta.DefaultCounter)

func (l *Ledger) change(cell uint32, r *cuenta.Request, out *cuenta.Result) Standing {
	c := l.cells.At(cell)
	var next int64
	if r.Op == cuenta.Add {
		next = c.Value + r.N
		if (next > c.Value) != (r.N > 0) && r.N != 0 {
			standing := l.answer(cell, out)
			out.Code, out.Value = cuenta.Overflow, math.MaxInt64
			if r.N < 0 {
				out.Value = math.MinInt64
			}
			return standing
		}
	}
	c.Value = next
	c.Revision++
	if c.Flags&changed == 0 {
		c.Flags |= changed
		l.changed = append(l.changed, cell)
	}
	return l.answer(cell, out)
}

// answer fills in what the cell holds.
func (l *Ledger) answer(cell uint32, out *cuenta.Result) Standing {
	c := l.cells.At(cell)
	*out = cuenta.Result{Cell: cell, Generation: c.Generation(), Value: c.Value, Revision: c.Revision}
	if c.Flags&changed != 0 {
		return Fresh
	}
	if c.DurableRevision() != c.Revision {
		return Taken
	}
	return Durable
}

// open makes a counter that does not exist yet. It can never overflow from
// there: the first change of a counter starts from 0.
func (l *Ledger) open(hash uint32, name []byte) (uint32, cuenta.Code) {
	if !cuenta.ValidName(name) {
		return 0, cuenta.Syntax
	}
	if l.used >= l.limit {
		return 0, cuenta.TooMany
	}
	cell := l.used
	if err := l.index.insert(hash, cell); err != nil {
		return 0, cuenta.TooMany
	}
	l.occupy(cell, name)
	l.cells.At(cell).Flags = changed | opened
	l.changed = append(l.changed, cell)
	l.newNames += len(name)
	return cell, cuenta.OK
}

// occupy puts a name into a cell.
func (l *Ledger) occupy(cell uint32, name []byte) {
	c := l.cells.At(cell)
	c.NameLen = uint8(len(name))
	if len(name) <= shm.InlineName {
		copy(c.Name[:], name)
	} else {
		l.names.put(c, name)
	}
	c.Occupy()
	l.used = max(l.used, cell+1)
}

func (l *Ledger) hash(name []byte) uint32 {
	return uint32(maphash.Bytes(l.seed, name) >> 32)
}

func (l *Ledger) find(hash uint32, name []byte) (uint32, bool) {
	p := l.index.probe(hash)
	for {
		cell, ok := p.next()
		if !ok {
			return 0, false
		}
		if string(l.Name(cell)) == string(name) {
			return cell, true
		}
	}
}

// TakeEffects appends to dst the effects since it was last called.
func (l *Ledger) TakeEffects(dst []Effect) []Effect {
	for _, cell := range l.changed {
		c := l.cells.At(cell)
		dst = append(dst, Effect{Cell: cell, Opened: c.Flags&opened != 0, Value: c.Value, Revision: c.Revision})
		c.Flags &^= changed | opened
	}
	l.changed = l.changed[:0]
	l.newNames = 0
	return dst
}

// Publish shows durable effects to the readers of the shared cells. It may run
// beside everything else, but not beside itself.
func (l *Ledger) Publish(effects []Effect) {
	for i := range effects {
		e := &effects[i]
		l.cells.At(e.Cell).Publish(e.Value, e.Revision)
	}
}

// Outstanding returns how many effects were not taken yet, and how many bytes
// the names of the new counters among them have.
func (l *Ledger) Outstanding() (effects, names int) { return len(l.changed), l.newNames }
