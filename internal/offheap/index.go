package offheap

import (
	"errors"
	"math/bits"
	"unsafe"

	"github.com/cuenta-server/cuenta/internal/prefetch"
)

// Index finds the numbers of items by 32-bit hashes of their names, which it
// does not know: the items themselves stand elsewhere, and whoever looks one up
// compares. It is a table with open addressing and linear probing. A slot is 8
// bytes: the hash and the item's number plus one; an empty slot is 0. A removed
// item leaves a dead slot, so that runs stay unbroken, until an empty one follows it
// or the table is next made anew.
//
// A slot's home is the upper bits of its hash. A table of twice the size thus
// keeps the order, and making the table anew, larger or of the same size to get
// rid of dead slots, is a walk through both tables side by side. It is done in
// steps of stepSlots with every insertion and every Tend, so nobody waits for it; what
// was walked over is given back to the system a piece at a time.
type Index struct {
	cur       table
	old       table // being moved into cur, if it has slots
	moved     int   // slots of old walked over so far
	discarded int   // slots of old given back to the system so far
	count     int   // items
	removed   int   // dead slots of cur
}

const (
	minIndexBits = 12
	maxIndexBits = 31
	stepSlots    = 64      // slots moved per insertion while growing
	discardSlots = 1 << 18 // old slots given back to the system at a time (2 MiB, a large page)
	loadNum      = 3       // grows when more than 3/4 full
	loadDen      = 4

	dead = 1<<32 - 1 // the item of a dead slot

	// MaxItems is the most items of an index, and one more than the largest number.
	MaxItems = dead - 1
)

var errIndexFull = errors.New("an index of names cannot grow further")

type table struct {
	memory *Memory
	slots  []uint64
	shift  uint // home = hash >> shift
}

func newTable(tableBits uint) (table, error) {
	m, err := Alloc(8 << tableBits)
	if err != nil {
		return table{}, err
	}
	m.scattered()
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

// NewIndex returns an empty index.
func NewIndex() (*Index, error) { return newIndex(minIndexBits) }

func newIndex(tableBits uint) (*Index, error) {
	t, err := newTable(tableBits)
	if err != nil {
		return nil, err
	}
	return &Index{cur: t}, nil
}

// Len returns how many items there are.
func (ix *Index) Len() int { return ix.count }

// slot is what stands for an item.
func slot(hash, item uint32) uint64 { return uint64(hash)<<32 | uint64(item+1) }

// reserve sizes an empty index for n items.
func (ix *Index) reserve(n uint32) error {
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

// load puts items into an index that was sized for them.
func (ix *Index) load(slots []uint64) {
	for _, s := range slots {
		ix.cur.put(s)
	}
	ix.count += len(slots)
}

// Insert adds an item. An item is inserted once.
func (ix *Index) Insert(hash, item uint32) error {
	if ix.old.slots != nil {
		if err := ix.step(); err != nil {
			return err
		}
	} else if ix.count+ix.removed >= len(ix.cur.slots)/loadDen*loadNum {
		if err := ix.renew(); err != nil {
			return err
		}
	}
	ix.cur.put(slot(hash, item))
	ix.count++
	return nil
}

// Remove takes out an item that is there.
func (ix *Index) Remove(hash, item uint32) {
	// While the table is being made anew the item may stand in both.
	for p := ix.Probe(hash); ; {
		got, ok := p.Next()
		if !ok {
			break
		}
		if got == item {
			p.kill()
			if !p.inOld {
				ix.removed++
				ix.tidy(p.last())
				break // a copy in old has been walked over
			}
		}
	}
	ix.count--
}

// tidy makes a dead slot of cur, and those before it, empty again where what follows is
// empty, as no run goes on from there.
func (ix *Index) tidy(at uint32) {
	slots := ix.cur.slots
	mask := uint32(len(slots) - 1)
	if slots[(at+1)&mask] != 0 {
		return
	}
	for ; uint32(slots[at]) == dead; at = (at - 1) & mask {
		slots[at] = 0
		ix.removed--
	}
}

// renew begins to make the table anew: twice as large, unless it is dead slots that
// fill a fourth of what is full. So an item never takes more than 32/9 of a slot.
func (ix *Index) renew() error {
	tableBits := uint(bits.Len(uint(len(ix.cur.slots))) - 1)
	if ix.count > len(ix.cur.slots)/loadDen*loadNum/4*3 {
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

// Tend goes on making the table anew, if it is being made, so that this comes to an
// end where nothing is inserted any more. What is in the old table is found last.
func (ix *Index) Tend() error {
	if ix.old.slots == nil {
		return nil
	}
	return ix.step()
}

// step moves the next few slots. The new table has room for at least three
// sixteenths of its slots in insertions, which at stepSlots slots each is far more
// than the walk needs.
func (ix *Index) step() error {
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

// Memory returns the bytes that the index takes.
func (ix *Index) Memory() uint64 { return 8 * uint64(len(ix.cur.slots)+len(ix.old.slots)) }

// Free gives the memory back to the system.
func (ix *Index) Free() error {
	err := ix.cur.memory.Free()
	if ix.old.slots != nil {
		err = errors.Join(err, ix.old.memory.Free())
	}
	return err
}

// Prefetch asks for the first slot where a hash may stand, so that Near need not wait
// for it.
func (ix *Index) Prefetch(hash uint32) {
	prefetch.Line(unsafe.Pointer(&ix.cur.slots[hash>>ix.cur.shift]))
}

// nearSlots is how many slots Near looks at: those of a cache line.
const nearSlots = 8

// Near returns an item of that hash if one stands near the first slot where it may,
// which is where nearly all do; and otherwise a number that is no item's.
func (ix *Index) Near(hash uint32) (item uint32) {
	slots, at := ix.cur.slots, hash>>ix.cur.shift
	for range nearSlots {
		slot := slots[at&uint32(len(slots)-1)]
		if uint32(slot>>32) == hash || slot == 0 {
			return uint32(slot) - 1
		}
		at++
	}
	return dead
}

// Probe walks over the items with this hash.
func (ix *Index) Probe(hash uint32) Probe {
	return Probe{ix: ix, slots: ix.cur.slots, at: hash >> ix.cur.shift, hash: hash}
}

// Probe is a walk over the items with one hash. The index must not change
// meanwhile.
type Probe struct {
	ix    *Index
	slots []uint64
	at    uint32
	hash  uint32
	inOld bool
	left  int // slots of the old table not looked at yet: it may have no empty one any more
}

// Next returns the next item; false at the end.
func (p *Probe) Next() (item uint32, ok bool) {
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

// kill marks the slot that Next returned last as dead.
func (p *Probe) kill() {
	p.slots[p.last()] = uint64(p.hash)<<32 | dead
}

// last is the slot that Next returned last.
func (p *Probe) last() uint32 { return (p.at - 1) & uint32(len(p.slots)-1) }
