package history

import (
	"math"
	"slices"

	"github.com/cuenta-server/cuenta"
)

// sureness tells whether a counter's order is the only one.
type sureness uint8

const (
	only        sureness = iota
	sameChanges          // others have the same changes in the same order
	oneOfMany
)

// ordering is a counter's operations in an order in which they can have been.
type ordering struct {
	order  []entry
	unused []entry // those of unknown fate that nothing needed
	last   state
	latest int64 // the earliest moment at which that may have been reached
	sure   sureness
}

// touch is what an operation that matters beyond its counter did to it: one of a
// batch, a counter of a state, the beginning or the end of a counter.
type touch struct {
	node    uint32 // the operation's id
	counter uint32
	place   uint64
	changes int  // of the counter up to here
	seen    bool // somebody saw the state between two changes of its batch
	role    role

	// The operation took effect within start and end, by what comes before and
	// after it in its counter's order.
	start, end int64

	floor   uint64 // the highest revision of a deletion then, if floored
	floored bool
	deletes bool // it deleted the counter, at place
	unused  bool // it is not needed in the order; if it was carried out, then last
	doubted bool // the counter's order is not the only one
	forked  bool // nor is that of its changes

	// The batches with which a deletion at a counter's end may have been done: the
	// one that gave the end, and the one that made the counter anew.
	beside [2]uint32
}

// noCounter is the counter of a state's floor.
const noCounter = math.MaxUint32

// touching returns what matters beyond the counter.
func (c *checker) touching(counter uint32, in *ordering) []touch {
	order := in.order
	var found []touch
	var at []int
	latest, beside := int64(math.MinInt64), int64(math.MinInt64)
	alive, changes, between := false, 0, between{}
	for i, e := range order {
		o := c.at(e.id)
		byTime := o.told(ByTime) && o.Op == cuenta.Delete
		seen := false
		if !byTime {
			if e.role == roleChange {
				changes++
			}
			seen = between.step(e, o)
		}
		if i > 0 && precedes(order[i-1], e) {
			latest = max(latest, beside)
			beside = math.MinInt64
		}
		if byTime {
			t := c.lapsed(e, order[i+1:])
			t.start = max(latest, o.Start)
			found, at = append(found, t), append(at, i)
		} else if t := c.touchOf(e, o, alive); t.role != roleNone {
			t.counter, t.changes, t.seen, t.start = counter, changes, seen, max(latest, o.Start)
			found, at = append(found, t), append(at, i)
		}
		beside = max(beside, o.Start)
		if e.role == roleChange {
			alive = !c.deletes(o)
		}
	}
	c.closing(order, found, at)
	for _, e := range in.unused {
		if o := c.at(e.id); o.Batch != 0 && o.told(Whole) && o.Op != cuenta.Delete && !c.isTotal(o.Counter) {
			found = append(found, touch{
				node: e.id, counter: counter, place: math.MaxUint64, role: roleMaybe, unused: true,
				start: max(latest, beside, o.Start), end: Never,
				changes: changes + 1, seen: between.batch == o.Batch && between.seen,
			})
		}
	}
	for i := range found {
		found[i].doubted, found[i].forked = in.sure != only, in.sure == oneOfMany
	}
	return found
}

// precedes reports whether a comes before b in their counter's order; two reads of
// one state have none.
func precedes(a, b entry) bool {
	return a.place != b.place || a.role == roleChange || b.role == roleChange
}

// touchOf returns a touch without role if the operation does not matter.
func (c *checker) touchOf(e entry, o *Op, alive bool) touch {
	t := touch{node: e.id, place: e.place}
	switch {
	case (c.isState(e.id) || o.Batch != 0) && !c.isTotal(o.Counter):
	case e.role == roleChange && c.leavesFloors() && (!alive || c.deletes(o)):
	default:
		return t
	}
	t.role = e.role
	if e.role == roleChange {
		t.deletes = c.deletes(o)
		t.floored, t.floor = !alive && !t.deletes, e.place-1
	}
	return t
}

func (c *checker) leavesFloors() bool { return len(c.deletions) > 0 || c.ending != nil }

// lapsed is the touch of a deletion at a counter's end. It need not have been done when
// the counter was first missed, but by the next change: it stands in no order of the
// counter's, and its floor tells what came after it.
func (c *checker) lapsed(e entry, next []entry) touch {
	t := touch{node: e.id, counter: noCounter, place: e.place, role: roleChange, deletes: true}
	t.beside[0] = c.batchOf(c.original(e.id))
	if i := slices.IndexFunc(next, func(n entry) bool { return n.role == roleChange }); i >= 0 {
		t.beside[1] = c.at(next[i].id).Batch
	}
	return t
}

func (c *checker) batchOf(id uint32) uint32 {
	if id >= c.n {
		return 0
	}
	return c.at(id).Batch
}

// closing sets the ends of the touches found in an order, at the given indexes.
func (c *checker) closing(order []entry, found []touch, at []int) {
	soonest, beside, change := int64(Never), int64(Never), int64(Never)
	for i := len(order) - 1; i >= 0 && len(at) > 0; i-- {
		o := c.at(order[i].id)
		if i+1 < len(order) && precedes(order[i], order[i+1]) {
			soonest = min(soonest, beside)
			beside = Never
		}
		if k := len(at) - 1; at[k] == i {
			found[k].end = min(soonest, o.End)
			if o.told(ByTime) && o.Op == cuenta.Delete {
				found[k].end = change
			}
			at = at[:k]
		}
		if order[i].role == roleChange {
			change = min(change, o.End)
		}
		beside = min(beside, o.End)
	}
}

// between watches for states that one batch made and ended, and another
// operation saw.
type between struct {
	batch uint32 // of the last change
	seen  bool
}

// step reports whether e is a change of the same batch as the change before it,
// and somebody else came between them.
func (b *between) step(e entry, o *Op) bool {
	if e.role != roleChange {
		b.seen = b.seen || o.Batch != b.batch
		return false
	}
	seen := b.seen && b.batch != 0 && b.batch == o.Batch
	*b = between{batch: o.Batch}
	return seen
}
