package ledger

import (
	"errors"
	"math/bits"
	"unsafe"

	"github.com/cuenta-server/cuenta/internal/offheap"
)

// The index finds the cell of a name: a table with open addressing and linear
// probing, off the garbage-collected heap. A slot is 8 bytes: the name's 32-bit
// hash and the cell's number plus one; an empty slot is 0. The name itself
// stands in the cell, so a look-up touches two cache lines. A removed entry
// leaves a dead slot, so that runs stay unbroken, until the table is next made
// anew.
//
// A slot's home is the upper bits of its hash. A table of twice the size thus
// keeps the order, and making the table anew, larger or of the same size to get
// rid of dead slots, is a walk through both tables side by side. It is done in
// steps of stepSlots with every insertion, so nobody waits for it; what was
// walked over is given back to the system a piece at a time.

const (
	minIndexBits = 12
	maxIndexBits = 31
	stepSlots    = 64      // slots moved per insertion while growing
	discardSlots = 1 << 18 // old slots given back to the system at a time (2 MiB, a large page)
	loadNum      = 3       // grows when more than 3/4 full
	loadDen      = 4

	dead     = 1<<32 - 1 // the cell of a removed entry
	maxCells = dead - 1
)

var errIndexFull = errors.New("the index of names cannot grow further")

type table struct {
	memory *offheap.Memory
	slots  []uint64
	shift  uint // home = hash >> shift
}

func newTable(tableBits uint) (table, error) {
	m, err := offheap.Alloc(8 << tableBits)
	if err != nil {
		return table{}, err
	}
	slots := unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(m.Bytes()))), 1<<tableBits)
	return table{memory: m, slots: slots, shift: 32 - tableBits}, nil
}

// put stores a slot in the first free place from its home on. The table must
// have one.
func (t *table) put(slot uint64) {
	mask := uint32(len(t.slots) - 1)
	i := uint32(slot>>32) >> t.shift
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = slot
}

type index struct {
	cur       table
	old       table // being moved into cur, if it has slots
	moved     int   // slots of old walked over so far
	discarded int   // slots of old given back to the system so far
	count     int   // entries
	removed   int   // dead slots of cur
}

func newIndex(tableBits uint) (*index, error) {
	t, err := newTable(tableBits)
	if err != nil {
		return nil, err
	}
	return &index{cur: t}, nil
}

// slot is the entry of a cell.
func slot(hash, cell uint32) uint64 { return uint64(hash)<<32 | uint64(cell+1) }

// reserve sizes an empty index for n entries.
func (ix *index) reserve(n uint32) error {
	tableBits := uint(bits.Len64(uint64(n) * loadDen / loadNum))
	if tableBits <= minIndexBits {
		return nil
	}
	t, err := newTable(min(tableBits, maxIndexBits))
	if err != nil {
		return err
	}
	old := ix.cur
	ix.cur = t
	return old.memory.Free()
}

// load puts entries into an index that was sized for them.
func (ix *index) load(slots []uint64) {
	for _, s := range slots {
		ix.cur.put(s)
	}
	ix.count += len(slots)
}

func (ix *index) insert(hash, cell uint32) error {
	if ix.old.slots != nil {
		if err := ix.step(); err != nil {
			return err
		}
	} else if ix.count+ix.removed >= len(ix.cur.slots)/loadDen*loadNum {
		if err := ix.renew(); err != nil {
			return err
		}
	}
	ix.cur.put(slot(hash, cell))
	ix.count++
	return nil
}

// remove takes out an entry that is there. While the table is being made anew it
// may stand in both.
func (ix *index) remove(hash, cell uint32) {
	for p := ix.probe(hash); ; {
		got, ok := p.next()
		if !ok {
			break
		}
		if got == cell {
			p.kill()
			if !p.inOld {
				ix.removed++
				break // a copy in old has been walked over
			}
		}
	}
	ix.count--
}

// renew begins to make the table anew: twice as large, unless it is the dead
// slots that fill it.
func (ix *index) renew() error {
	tableBits := uint(bits.Len(uint(len(ix.cur.slots))) - 1)
	if ix.count > len(ix.cur.slots)/loadDen*loadNum/2 {
		tableBits++
	}
	if tableBits > maxIndexBits {
		return errIndexFull
	}
	t, err := newTable(tableBits)
	if err != nil {
		return err
	}
	ix.old, ix.cur = ix.cur, t
	ix.moved, ix.discarded, ix.removed = 0, 0, 0
	return ix.step()
}

// step moves the next few slots. The new table has room for at least three
// eighths of its slots in insertions, which at stepSlots slots each is far more
// than the walk needs.
func (ix *index) step() error {
	end := min(ix.moved+stepSlots, len(ix.old.slots))
	for _, slot := range ix.old.slots[ix.moved:end] {
		if slot != 0 && uint32(slot) != dead {
			ix.cur.put(slot)
		}
	}
	ix.moved = end
	if ix.moved-ix.discarded >= discardSlots {
		ix.old.memory.Discard(8*ix.discarded, 8*ix.moved)
		ix.discarded = ix.moved
	}
	if ix.moved < len(ix.old.slots) {
		return nil
	}
	done := ix.old
	ix.old = table{}
	return done.memory.Free()
}

func (ix *index) memory() uint64 { return 8 * uint64(len(ix.cur.slots)+len(ix.old.slots)) }

func (ix *index) free() error {
	err := ix.cur.memory.Free()
	if ix.old.slots != nil {
		err = errors.Join(err, ix.old.memory.Free())
	}
	return err
}

// home returns the cell in the first slot where a hash may stand: very probably
// its own, if it has one.
func (ix *index) home(hash uint32) (cell uint32) {
	return uint32(ix.cur.slots[hash>>ix.cur.shift]) - 1
}

// probe walks over the cells whose names may have this hash.
func (ix *index) probe(hash uint32) prober {
	return prober{ix: ix, slots: ix.cur.slots, at: hash >> ix.cur.shift, hash: hash}
}

type prober struct {
	ix    *index
	slots []uint64
	at    uint32
	hash  uint32
	inOld bool
	left  int // slots of the old table not looked at yet: it may have no empty one any more
}

func (p *prober) next() (cell uint32, ok bool) {
	for {
		mask := uint32(len(p.slots) - 1)
		if p.inOld && p.at < uint32(p.ix.moved) {
			// What stood here is in the new table. An entry that was pushed past
			// this part stands in the first unbroken run behind it.
			p.at = uint32(p.ix.moved)
		}
		slot := p.slots[p.at]
		p.at = (p.at + 1) & mask
		if p.inOld {
			if p.left--; p.left < 0 {
				return 0, false
			}
		}
		if slot == 0 {
			if p.inOld || p.ix.old.slots == nil {
				return 0, false
			}
			old := &p.ix.old
			p.inOld, p.slots, p.at, p.left = true, old.slots, p.hash>>old.shift, len(old.slots)-p.ix.moved
			continue
		}
		if uint32(slot>>32) == p.hash && uint32(slot) != dead {
			return uint32(slot) - 1, true
		}
	}
}

// kill marks the slot that next returned last as dead.
func (p *prober) kill() {
	mask := uint32(len(p.slots) - 1)
	p.slots[(p.at-1)&mask] = uint64(p.hash)<<32 | dead
}
