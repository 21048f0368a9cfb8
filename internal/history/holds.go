package history

import (
	"math"
	"slices"

	"github.com/cuenta-server/cuenta"
)

// hold is a part of a counter's limit that is held back. Its id is the revision that
// the counter had by its making.
type hold struct {
	id        uint64
	amount    int64
	low, high int64  // its end, by the ledger's time, is between
	lapse     uint32 // the operation made up for its end by time
}

// ofHold reports whether an operation makes a hold or is about one.
func ofHold(op cuenta.Op) bool { return op >= cuenta.Hold && op <= cuenta.Extend }

// hold returns the hold with that id, nil if there is none.
func (t *terms) hold(id uint64) *hold {
	if t == nil {
		return nil
	}
	if i := slices.IndexFunc(t.holds, func(h hold) bool { return h.id == id }); i >= 0 {
		return &t.holds[i]
	}
	return nil
}

// without are the terms without a hold.
func (t *terms) without(id uint64) *terms {
	h := t.hold(id)
	if h == nil {
		return t
	}
	next := *t
	next.up, next.down = t.up-max(0, h.amount), t.down-max(0, -h.amount)
	next.holds = slices.DeleteFunc(slices.Clone(t.holds), func(h hold) bool { return h.id == id })
	return next.tidy()
}

// with are the terms with a hold more.
func (t terms) with(h hold) *terms {
	t.up, t.down = t.up+max(0, h.amount), t.down+max(0, -h.amount)
	t.holds = append(slices.Clone(t.holds), h)
	return &t
}

// withHold are a counter's terms after an operation about a hold of it; has are those
// before.
func (c *checker) withHold(o *Op, s state, has terms) *terms {
	x := c.extra(o)
	h := hold{id: s.place + 1, amount: o.N, lapse: x.lapse}
	if o.told(WithRevision) {
		h.id = o.Revision
	}
	if o.Op != cuenta.Hold {
		was := has.hold(x.Terms.Hold)
		if was == nil {
			return s.terms // it does not follow, which is told elsewhere
		}
		h.id, h.amount = was.id, was.amount
	}
	if o.Op == cuenta.Hold || o.Op == cuenta.Extend {
		h.low, h.high = c.newEnd(o)
	}
	switch left := has.without(h.id); {
	case o.Op == cuenta.Settle || o.Op == cuenta.Release:
		return left
	case left == nil:
		return terms{}.with(h)
	default:
		return left.with(h)
	}
}

// applyHold carries out what is about a hold, at s, where its condition holds.
func (c *checker) applyHold(o *Op, s state) (next state, ok bool) {
	x := c.extra(o)
	next = state{value: s.value, place: s.place + 1, alive: true, anchored: s.anchored, terms: s.terms}
	if o.Op != cuenta.Hold && !s.alive {
		return s, false
	}
	if s.terms == unknownTerms {
		if o.Op == cuenta.Settle && o.told(WithValue) {
			next.value = o.Value
		}
		return next, !o.told(WithValue) || o.Value == next.value
	}
	amount := o.N
	if o.Op != cuenta.Hold {
		h := s.terms.hold(x.Terms.Hold)
		if h == nil {
			return s, false
		}
		amount = h.amount
	}
	if o.Op == cuenta.Hold || o.Op == cuenta.Settle {
		value, code := c.result(o, s)
		if code != cuenta.OK {
			return s, false
		}
		if o.Op == cuenta.Settle {
			if next.value = value; x.Terms.Clamp {
				next.value = c.lessByTotals(o, s.value, value)
			}
		}
	}
	next.terms = c.changed(o, s)
	told := available(next, amount)
	if o.Op == cuenta.Settle && x.Terms.Clamp {
		told = next.value - s.value
	}
	return next, (!o.told(WithValue) || o.Value == next.value) && (!o.told(WithAmount) || x.Amount == told)
}

// available is how much of a counter's limit is left in the direction of an amount, or
// the end of int64.
func available(s state, amount int64) int64 {
	floor, ceiling := span(s.terms, nil)
	left := ceiling - s.value
	if amount < 0 {
		left = s.value - floor
	}
	if left < 0 {
		return math.MaxInt64
	}
	return left
}

// describedHolds compares what a Describe told of holds. The terms that it returns have
// the ends that were told.
func (c *checker) describedHolds(o *Op, has *terms) (*terms, bool) {
	var told Held
	if x := c.extra(o); x.Held != 0 {
		told = c.h.Held[x.Held-1]
	}
	if has == nil || len(has.holds) == 0 {
		return has, told.Up == 0 && told.Down == 0 && len(told.Holds) == 0
	}
	if told.Up != has.up || told.Down != has.down {
		return nil, false
	}
	next := *has
	next.holds = slices.Clone(has.holds)
	for _, t := range told.Holds {
		h := next.hold(t.ID)
		if h == nil || h.amount != t.Amount || t.Ends < h.low || t.Ends > h.high {
			return nil, false
		}
		h.low, h.high = t.Ends, t.Ends
	}
	return &next, true
}

// noteHold learns that a counter may have holds.
func (c *checker) noteHold(o *Op) {
	if r := roleOf(o); !ofHold(o.Op) || r != roleChange && r != roleMaybe {
		return
	}
	if c.holding == nil {
		c.holding, c.kept = make([]bool, len(c.h.Counters)), map[holdOf]bool{}
	}
	c.holding[o.Counter] = true
}

func (c *checker) mayHold(counter uint32) bool { return c.holding != nil && c.holding[counter] }

// holdOf is a hold, by its id.
type holdOf struct {
	counter uint32
	id      uint64
}

// noteKept learns that a hold was certainly there until it was settled or released, so
// it did not end by time.
func (c *checker) noteKept(o *Op) {
	if (o.Op == cuenta.Settle || o.Op == cuenta.Release) && roleOf(o) == roleChange {
		c.kept[holdOf{o.Counter, c.extra(o).Terms.Hold}] = true
	}
}

// holdWays appends that holds end, whose time may be over. Nobody is told when they do.
func (w *walker) holdWays(dst []way, h int64) []way {
	s := w.at.state
	if !s.alive || s.terms == nil || s.anchored && s.place >= w.bound() {
		return dst
	}
	for i := range s.terms.holds {
		x := &s.terms.holds[i]
		if w.c.kept[holdOf{w.counter, x.id}] {
			continue
		}
		at, ok := w.c.reached(w.at.latest, x.low)
		if ok {
			at, ok = w.c.seenAlive(s, at)
		}
		if !ok || at > h {
			continue
		}
		to := state{value: s.value, place: s.place + 1, terms: s.terms.without(x.id), alive: true, anchored: s.anchored}
		dst = append(dst, way{int32(x.lapse), fromEnd, to, at})
	}
	return dst
}

// named gives a hold that was just made its id, which is the counter's revision.
func (w *walker) named(o *Op, s state) state {
	if o.Op != cuenta.Hold || o.told(WithRevision) || s.terms == unknownTerms {
		return s
	}
	if !s.anchored {
		w.blurred = true
	}
	s.terms.holds[len(s.terms.holds)-1].id = s.place
	return s
}
