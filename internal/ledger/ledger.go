// Package ledger is the state machine of the counters: given the same requests
// it gives the same answers and leaves the same effects. It does no input or
// output, reads no clock and takes no locks; whoever drives it has it alone, but that
// requests which only read change nothing, and may be applied side by side (the engine
// does both under the gate).
//
// A counter lives in a cell of shared memory (package shm), found through a
// private index of names. What a change leaves behind is an [Effect]: "cell 17
// now holds 5 at revision 3". Effects of one cell between two calls of
// TakeEffects merge into the last, so a hot counter costs one however often it
// changed. It is also where the newest state of a cell stands: the cell itself has
// the durable one, which Publish puts there once the journal has made the effects
// durable, and the number of its last effect. So what is at rest takes no room twice.
//
// Requests with an identity are carried out once, and what they were answered is
// remembered (package identity), and told to a [Recorder], as it is never merged with
// anything later; it goes into one record with the effects.
//
// A deleted counter leaves its cell vacant but stays in the index until the
// deletion is durable: "it does not exist" must not be revealed earlier either.
// Only then may another counter move in.
//
// Counters may have limits and an end of their own (package terms). One whose time
// is over is deleted by whatever change meets it first, or by Lapse; a read that
// comes before that finds nothing.
//
// The files in reading order: ledger.go (requests), change.go and terms.go (what
// becomes of a counter), holds.go, charge.go, rate.go, ticket.go (what is made of
// that), effects.go (what they leave behind), once.go (identities), all.go (all or
// none), restore.go (restarts).
package ledger

import (
	"encoding/binary"
	"errors"
	"hash/maphash"
	"sync/atomic"
	"unsafe"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/identity"
	"github.com/cuenta-server/cuenta/internal/offheap"
	"github.com/cuenta-server/cuenta/internal/shm"
	"github.com/cuenta-server/cuenta/internal/terms"
)

// Standing says how durable the state is that an answer reveals.
type Standing uint8

const (
	Durable Standing = iota // published: may be revealed at once
	Taken                   // among the effects taken last, perhaps not durable yet
	Fresh                   // among the effects not taken yet
	Timed                   // what it reveals besides is that a time has come, which a record must tell
)

// Ledger is all counters. Its methods must not run at the same time, but for Apply of
// what only reads (and Seek and Reach before it), beside itself, and Publish, which may
// run beside all but TakeEffects and itself.
type Ledger struct {
	cells shm.Cells
	index *offheap.Index
	names offheap.Arena // those too long for their cells
	seed  maphash.Seed
	limit uint32
	used  uint32   // cells from 0 to here have had a counter
	free  []uint32 // vacant ones among them that a counter may move into
	alive uint32   // counters, the not yet durable ones too
	floor uint64   // the highest revision of a deletion

	terms    *terms.Book  // by cell
	holds    *terms.Holds // by cell
	open     numbered     // effects not taken yet
	taken    numbered     // those taken last
	anew     int          // how many of the open ones are of counters that were made anew
	newTerms int          // how many of them are of other terms
	newNames int          // bytes of names among them that the journal must learn
	vacated  []uint32     // cells whose vacancy was published and not looked at since
	durable  atomic.Int64

	heldEffects []HoldEffect // effects on holds not taken yet

	memory   *identity.Memory
	recorder Recorder
	told     int             // how often, since effects were taken
	lasting  identity.Answer // the last one that it was told
	group    uint64          // how often effects were taken
	landed   atomic.Uint64

	totals int     // counters that are declared to be totals
	above  []total // those of the counter that is being charged
	holder []byte  // name of the counter that keeps a ticket

	undoing   bool // changes are noted down to be taken back
	undo      []before
	undoTerms []termsBefore
	undoHolds []holdBefore
	slots     []identity.Slot // of a run of requests
}

// New returns an empty ledger over empty cells, for at most limit counters and
// no more than there are cells.
func New(cells shm.Cells, limit uint32, identities identity.Config) (*Ledger, error) {
	ix, err := offheap.NewIndex()
	if err != nil {
		return nil, err
	}
	memory, err := identity.New(identities)
	if err != nil {
		return nil, errors.Join(err, ix.Free())
	}
	book := terms.New()
	holds, err := terms.NewHolds(book)
	if err != nil {
		return nil, errors.Join(err, ix.Free(), memory.Close())
	}
	return &Ledger{
		cells:  cells,
		open:   numbered{from: 1}, // a cell that had none tells 0
		index:  ix,
		seed:   maphash.MakeSeed(),
		limit:  min(limit, uint32(min(cells.Len(), offheap.MaxItems))),
		memory: memory,
		terms:  book,
		holds:  holds,
	}, nil
}

// RecordTo has what requests with identities were answered told to a recorder. It comes
// before the first of them.
func (l *Ledger) RecordTo(r Recorder) { l.recorder = r }

// Close gives the index and what is remembered back to the system. The cells are
// the caller's.
func (l *Ledger) Close() error {
	return errors.Join(l.index.Free(), l.names.Free(), l.memory.Close(), l.terms.Close(), l.holds.Close())
}

// Used returns how many cells have had a counter: cells 0 to Used-1.
func (l *Ledger) Used() uint32 { return l.used }

// Count returns how many counters exist durably. Anybody may ask at any time.
func (l *Ledger) Count() uint64 { return uint64(l.durable.Load()) }

// Floor returns the highest revision of a deletion.
func (l *Ledger) Floor() uint64 { return l.floor }

// Memory returns the bytes that the counters take, in cells, index and terms.
func (l *Ledger) Memory() uint64 {
	return uint64(l.used)*shm.CellSize + l.index.Memory() + l.names.Memory() + l.terms.Memory() + l.holds.Memory()
}

// Name returns the name of the counter in a used cell. It must not be changed.
func (l *Ledger) Name(cell uint32) []byte {
	c := l.cells.At(cell)
	if c.NameLen <= shm.InlineName {
		return c.Name[:c.NameLen]
	}
	return l.names.At(placeOf(c), int(c.NameLen))
}

// Cell returns a used cell.
func (l *Ledger) Cell(cell uint32) *shm.Cell { return l.cells.At(cell) }

// Identities returns what is remembered of identities, to look at.
func (l *Ledger) Identities() *identity.Memory { return l.memory }

// Totals returns how many counters are declared to be totals.
func (l *Ledger) Totals() int { return l.totals }

// Terms returns the counters' terms, to look at.
func (l *Ledger) Terms() *terms.Book { return l.terms }

// Apply carries out one request, given its Hash and the time in nanoseconds since
// 1970, which never goes back, and says how durable the answer's ground is. The
// counter's name must be valid ([cuenta.ValidName]) or empty. What a Check spans
// is the caller's to leave out; for All there is ApplyAll.
func (l *Ledger) Apply(r *cuenta.Request, hash uint32, now int64, out *cuenta.Result) Standing {
	if r.Identity.Given() || r.Op == cuenta.OpenSession || r.Op == cuenta.Outcome {
		return l.once(r, hash, now, out)
	}
	return l.carryOut(r, hash, now, out)
}

func (l *Ledger) carryOut(r *cuenta.Request, hash uint32, now int64, out *cuenta.Result) Standing {
	cell, found := l.find(hash, nameOf(r))
	if found && l.Over(cell, now) {
		if r.Op.Reads() {
			return l.answerEnded(r, now, out)
		}
		l.end(cell)
	}
	switch r.Op {
	case cuenta.Get:
		return l.answer(cell, found, out)
	case cuenta.Check:
		return l.check(r, cell, found, out)
	case cuenta.Describe:
		return l.describe(r, cell, found, now, out)
	case cuenta.Delete:
		return l.delete(r, cell, found, out)
	case cuenta.Add, cuenta.Reset, cuenta.Set:
		if l.totals > 0 && r.Op == cuenta.Add {
			if !l.totalsAbove(nameOf(r), now) {
				return refuse(cuenta.TooLarge, out)
			}
			if len(l.above) > 0 {
				return l.charge(r, hash, cell, found, now, out)
			}
		}
		if (r.Terms == nil || idle(r)) && !(found && l.cells.At(cell).Flags&(termed|holding) != 0) {
			return l.change(r, hash, cell, found, out)
		}
		return l.changeWithin(r, hash, cell, found, now, out)
	case cuenta.Limit:
		return l.limitTo(r, hash, cell, found, out)
	case cuenta.Expire:
		return l.expire(r, cell, found, now, out)
	case cuenta.Take:
		return l.take(r, hash, cell, found, now, out)
	case cuenta.Ticket:
		return l.ticket(r, hash, cell, found, now, out)
	case cuenta.Hold:
		return l.hold(r, hash, cell, found, now, out)
	case cuenta.Settle:
		return l.settleHold(r, hash, cell, found, now, out)
	case cuenta.Release:
		return l.release(r, hash, cell, found, out)
	case cuenta.Extend:
		return l.extend(r, hash, cell, found, now, out)
	}
	*out = cuenta.Result{Code: cuenta.Syntax}
	return Durable
}

// check answers whether the counter is as expected.
func (l *Ledger) check(r *cuenta.Request, cell uint32, found bool, out *cuenta.Result) Standing {
	standing := l.answer(cell, found, out)
	is := int64(out.Revision)
	if r.If == cuenta.IfValue {
		is = out.Value
	}
	if is != r.N {
		out.Code = cuenta.Unmet
	}
	return standing
}

// ReadDurable answers a read from what is durable alone.
func (l *Ledger) ReadDurable(r *cuenta.Request, out *cuenta.Result) {
	*out = cuenta.Result{}
	cell, found := l.find(l.Hash(r), nameOf(r))
	if !found {
		return
	}
	if generation, value, revision := l.cells.At(cell).DurableState(); generation&1 != 0 {
		*out = cuenta.Result{Cell: cell, Generation: generation, Value: value, Revision: revision}
	}
}

// Over reports whether the time of the counter in a cell is over.
func (l *Ledger) Over(cell uint32, now int64) bool {
	return l.cells.At(cell).Flags&ending != 0 && l.terms.Over(cell, now)
}

// Leaving reports whether the counter of a cell is over or deleted, be it not durably.
func (l *Ledger) Leaving(cell uint32, now int64) bool {
	return l.Over(cell, now) || !l.lives(cell, true)
}

// MayBeOver reports whether, by what is durable, the time of a counter may be over:
// where its state is not the durable one, nobody knows which end that had.
func (l *Ledger) MayBeOver(r *cuenta.Request, now int64) bool {
	cell, found := l.find(l.Hash(r), nameOf(r))
	if !found || l.terms.Records() == 0 {
		return false
	}
	return l.terms.Over(cell, now) || l.look(cell).revision != l.cells.At(cell).DurableRevision()
}

var defaultName = []byte(cuenta.DefaultCounter)

func nameOf(r *cuenta.Request) []byte {
	if len(r.Counter) == 0 {
		return defaultName
	}
	return r.Counter
}

// answer fills in what the cell holds.
func (l *Ledger) answer(cell uint32, found bool, out *cuenta.Result) Standing {
	*out = cuenta.Result{}
	if !found {
		return Durable
	}
	is, standing := l.view(cell)
	if is.alive() {
		out.Cell, out.Generation, out.Value, out.Revision = cell, is.generation, is.value, is.revision
		if l.cells.At(cell).Flags&ending != 0 {
			out.Cell, out.Generation = 0, 0
		}
	}
	return standing
}

// settle gives a name a cell, one that is vacant or was never used.
func (l *Ledger) settle(name []byte, hash uint32) (cell uint32, code cuenta.Code) {
	if !cuenta.ValidName(name) {
		return 0, cuenta.Syntax
	}
	cell, ok := l.vacancy()
	if !ok {
		return 0, cuenta.TooMany
	}
	if err := l.putName(cell, name); err != nil {
		return 0, cuenta.TooMany
	}
	if err := l.index.Insert(hash, cell); err != nil {
		l.releaseName(l.cells.At(cell))
		return 0, cuenta.TooMany
	}
	l.occupy(cell)
	return cell, cuenta.OK
}

// vacancy returns a cell that a counter may move into.
func (l *Ledger) vacancy() (cell uint32, ok bool) {
	if n := len(l.free); n > 0 {
		return l.free[n-1], true
	}
	return l.used, l.used < l.limit
}

// occupy takes the cell that vacancy returned.
func (l *Ledger) occupy(cell uint32) {
	if cell == l.used {
		l.used++
		return
	}
	l.free = l.free[:len(l.free)-1]
}

// putName writes a name into its cell, or its place in the arena.
func (l *Ledger) putName(cell uint32, name []byte) error {
	c := l.cells.At(cell)
	if len(name) <= shm.InlineName {
		copy(c.Name[:], name)
	} else {
		place, err := l.names.Put(name)
		if err != nil {
			return err
		}
		binary.LittleEndian.PutUint32(c.Name[:4], uint32(place))
	}
	c.NameLen = uint8(len(name))
	return nil
}

func placeOf(c *shm.Cell) offheap.Place {
	return offheap.Place(binary.LittleEndian.Uint32(c.Name[:4]))
}

// releaseName takes the name out of a cell.
func (l *Ledger) releaseName(c *shm.Cell) {
	if c.NameLen > shm.InlineName {
		l.names.Release(placeOf(c), int(c.NameLen))
	}
	c.NameLen = 0
}

func (l *Ledger) hash(name []byte) uint32 {
	return uint32(maphash.Bytes(l.seed, name) >> 32)
}

// Hash returns the hash of the request's counter.
func (l *Ledger) Hash(r *cuenta.Request) uint32 { return l.hash(nameOf(r)) }

// Seek hashes requests, and asks for the memory where the index may know their counters.
func (l *Ledger) Seek(requests []cuenta.Request, hashes []uint32) {
	for i := range requests {
		if i > 0 && isSame(requests[i].Counter, requests[i-1].Counter) {
			hashes[i] = hashes[i-1]
			continue
		}
		hashes[i] = l.Hash(&requests[i])
		l.index.Prefetch(hashes[i])
	}
}

// Reach asks for the cells of counters that were sought, and for the terms that they may
// have. It pays to seek some dozens of requests, then to reach for them, and to apply them
// some dozens of others later: what they need has come by then.
func (l *Ledger) Reach(hashes []uint32) {
	for i, hash := range hashes {
		if i > 0 && hash == hashes[i-1] {
			continue
		}
		if cell := l.index.Near(hash); cell < l.used {
			l.cells.At(cell).Prefetch()
			if !l.terms.Empty() {
				l.terms.Prefetch(cell)
			}
		}
	}
}

// isSame reports whether two names are the same bytes in memory.
func isSame(a, b []byte) bool { return len(a) == len(b) && unsafe.SliceData(a) == unsafe.SliceData(b) }

func (l *Ledger) find(hash uint32, name []byte) (uint32, bool) {
	if cell := l.index.Near(hash); cell < l.used && string(l.Name(cell)) == string(name) {
		return cell, true // as nearly all are
	}
	p := l.index.Probe(hash)
	for {
		cell, ok := p.Next()
		if !ok {
			return 0, false
		}
		if string(l.Name(cell)) == string(name) {
			return cell, true
		}
	}
}
