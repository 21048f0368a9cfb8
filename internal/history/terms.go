package history

import (
	"math"

	"github.com/cuenta-server/cuenta"
)

// terms are those of a counter in one of its states, which do not change: nil is
// none.
type terms struct {
	floor, ceiling cuenta.Bound
	low, high      int64  // its end, by the ledger's time, is between; 0 and 0: it has none
	lapse          uint32 // the operation made up for its deletion then
	total          bool
	holds          []hold
	up, down       int64 // what they come to, both without sign
}

// unknownTerms stand for any: revisions are missing before the state.
var unknownTerms = &terms{}

func (t *terms) ends() bool { return t != nil && t.high != 0 }

func (t *terms) isTotal() bool { return t == unknownTerms || t != nil && t.total }

// limits returns a counter's floor and ceiling.
func (t *terms) limits() (floor, ceiling cuenta.Bound) {
	if t == nil {
		return floor, ceiling
	}
	return t.floor, t.ceiling
}

// sum is a hash of the terms, 0 for none.
func (t *terms) sum() uint64 {
	if t == nil {
		return 0
	}
	sum := uint64(t.lapse)
	for _, n := range [...]int64{t.floor.At, t.ceiling.At, t.low, t.high} {
		sum = mix(sum ^ uint64(n))
	}
	if t.floor.Set {
		sum ^= 1 << 62
	}
	if t.ceiling.Set {
		sum ^= 1 << 61
	}
	if t.total {
		sum ^= 1 << 60
	}
	for i := range t.holds {
		h := &t.holds[i]
		sum += mix(h.id ^ mix(uint64(h.amount)^uint64(h.lapse)<<32) ^ uint64(h.low))
	}
	return sum | 1
}

// extra is what an operation has besides; all zero for most.
func (c *checker) extra(o *Op) *Extra {
	if o.Extra == 0 {
		return &noExtra
	}
	if i := int(o.Extra - 1); i < len(c.h.Extras) {
		return &c.h.Extras[i]
	}
	return &c.extras[int(o.Extra-1)-len(c.h.Extras)]
}

// addExtra makes up what an operation has besides.
func (c *checker) addExtra(o *Op, x Extra) {
	c.extras = append(c.extras, x)
	o.Extra = uint32(len(c.h.Extras) + len(c.extras))
}

var noExtra Extra

// setsEnd reports whether the operation may give its counter an end.
func (c *checker) setsEnd(o *Op) bool {
	switch o.Op {
	case cuenta.Add, cuenta.Set, cuenta.Reset, cuenta.Expire:
		return o.Extra != 0 && c.extra(o).Terms.Expiry.Kind >= cuenta.ExpireAt
	}
	return false
}

// newEnd is the end that an operation gives a counter, as far as it is known.
func (c *checker) newEnd(o *Op) (low, high int64) {
	switch e := &c.extra(o).Terms.Expiry; e.Kind {
	case cuenta.ExpireAt:
		return max(1, e.Time), max(1, e.Time)
	case cuenta.ExpireAfter:
		low, high = c.within(o.Start, o.End)
		return max(1, plus(low, e.Time)), plus(high, e.Time)
	}
	return 0, 0
}

// certainty is the answer to a question about times that are not known exactly.
type certainty uint8

const (
	no certainty = iota
	unsure
	yes
)

// endMeets tells whether an operation may change the end that a counter has.
func (c *checker) endMeets(o *Op, has *terms) certainty {
	e := &c.extra(o).Terms.Expiry
	ends := has.ends()
	low, high := c.newEnd(o)
	later := func(low, high, otherLow, otherHigh int64) certainty { // the first than the other
		switch {
		case low > otherHigh:
			return yes
		case high <= otherLow:
			return no
		}
		return unsure
	}
	sure := func(holds bool) certainty {
		if holds {
			return yes
		}
		return no
	}
	switch e.If {
	case cuenta.ExpiryIfNone:
		return sure(!ends)
	case cuenta.ExpiryIfAny:
		return sure(ends)
	case cuenta.ExpiryIfLater:
		if high == 0 || !ends {
			return sure(high == 0 && ends) // having none is later than all
		}
		return later(low, high, has.low, has.high)
	case cuenta.ExpiryIfSooner:
		if high == 0 || !ends {
			return sure(high != 0 && !ends)
		}
		return later(has.low, has.high, low, high)
	case cuenta.ExpiryIfAnySooner:
		if high == 0 || !ends {
			return no
		}
		return later(has.low, has.high, low, high)
	}
	return yes
}

// span returns where a counter's limits, less what is held back, and those of a request
// let its value be. With a nil request they are the counter's alone.
func span(has *terms, asked *Terms) (floor, ceiling int64) {
	floor, ceiling = math.MinInt64, math.MaxInt64
	if has != nil {
		if has.floor.Set {
			floor = has.floor.At
		}
		if has.ceiling.Set {
			ceiling = has.ceiling.At
		}
		floor, ceiling = floor+has.down, ceiling-has.up
	}
	if asked != nil && asked.Floor.Set {
		floor = max(floor, asked.Floor.At)
	}
	if asked != nil && asked.Ceiling.Set {
		ceiling = min(ceiling, asked.Ceiling.At)
	}
	return floor, ceiling
}

// result is the value that an Add, Set, Reset, Limit, Ticket, Settle or Hold gives a
// counter, a Hold if it were settled; or, with a code, the limit that it would pass.
func (c *checker) result(o *Op, s state) (value int64, code cuenta.Code) {
	asked := &c.extra(o).Terms
	if o.Op == cuenta.Limit {
		limited := terms{floor: asked.Floor, ceiling: asked.Ceiling}
		if s.terms != nil {
			limited.up, limited.down = s.terms.up, s.terms.down
		}
		floor, ceiling := span(&limited, nil)
		if at := min(max(s.value, floor), ceiling); at != s.value {
			return at, cuenta.Limited
		}
		return s.value, cuenta.OK
	}
	has := s.terms
	if o.Op == cuenta.Settle {
		has = has.without(asked.Hold)
	}
	floor, ceiling := span(has, asked)
	over, under := false, false
	switch o.Op {
	case cuenta.Set:
		value = o.N
	case cuenta.Add, cuenta.Ticket, cuenta.Settle, cuenta.Hold:
		if passes(s.value, o.N) {
			over, under = o.N > 0, o.N < 0
		} else {
			value = s.value + o.N
		}
	}
	var at int64
	switch {
	case over, !under && value > ceiling:
		at = ceiling
	case under, value < floor:
		at = floor
	default:
		return value, cuenta.OK
	}
	switch {
	case asked.Clamp && floor <= ceiling:
		return at, cuenta.OK
	case at == math.MinInt64 || at == math.MaxInt64:
		return at, cuenta.Overflow
	}
	return at, cuenta.Limited
}

// holds reports whether the operation's condition holds at s, as far as that is
// known.
func (c *checker) holds(o *Op, s state) bool {
	switch o.If {
	case cuenta.IfAbsent:
		return !s.alive
	case cuenta.IfPresent:
		return s.alive
	case cuenta.IfValue:
		return s.value == c.extra(o).Terms.Expect
	case cuenta.IfRevision:
		return c.revisionIs(c.extra(o).Terms.Expect, s)
	}
	return true
}

// fails is the contrary of holds, as far as that is known.
func (c *checker) fails(o *Op, s state) bool {
	if o.If == cuenta.IfRevision && unplaced(s, c.extra(o).Terms.Expect) {
		return true
	}
	return !c.holds(o, s)
}

// unplaced reports whether it is not known if a state has that revision.
func unplaced(s state, revision int64) bool { return s.alive && !s.anchored && revision > 0 }

func (c *checker) revisionIs(expected int64, s state) bool {
	return unplaced(s, expected) || !s.alive && expected == 0 || s.alive && s.place == uint64(expected)
}

// changed are a counter's terms after an operation on it that was carried out.
func (c *checker) changed(o *Op, s state) *terms {
	var next terms
	x := c.extra(o)
	switch {
	case !s.alive || s.terms == nil:
	case o.Op != cuenta.Limit && x.Terms.Expiry.Kind == cuenta.KeepExpiry && !ofHold(o.Op):
		return s.terms
	default:
		next = *s.terms
	}
	if ofHold(o.Op) {
		return c.withHold(o, s, next)
	}
	if o.Op == cuenta.Limit {
		next.floor, next.ceiling, next.total = said(x.Terms.Floor), said(x.Terms.Ceiling), x.Terms.Total
	} else if x.Terms.Expiry.Kind != cuenta.KeepExpiry {
		low, high := c.newEnd(o)
		switch c.endMeets(o, s.terms) {
		case yes:
			next.low, next.high, next.lapse = low, high, x.lapse
		case unsure: // both have an end, and it is one of the two
			if o.Op == cuenta.Expire {
				next.low, next.high, next.lapse = low, high, x.lapse
			} else {
				next.low, next.high, next.lapse = min(next.low, low), max(next.high, high), max(next.lapse, x.lapse)
			}
		}
	}
	return next.tidy()
}

// said is a bound that says nothing where it is not set.
func said(b cuenta.Bound) cuenta.Bound {
	if !b.Set {
		return cuenta.Bound{}
	}
	return b
}

// tidy returns a pointer to the terms, nil if they are none.
func (t terms) tidy() *terms {
	if !t.floor.Set && !t.ceiling.Set && t.high == 0 && !t.total && len(t.holds) == 0 {
		return nil
	}
	return &t
}

// described are the terms of s after a Describe has told them; false if it cannot
// have.
func (c *checker) described(o *Op, s state) (*terms, bool) {
	told := &c.extra(o).Terms
	has, ok := c.describedHolds(o, s.terms)
	if !ok {
		return nil, false
	}
	s.terms = has
	floor, ceiling := has.limits()
	end := told.Expiry.Time
	switch {
	case floor != said(told.Floor) || ceiling != said(told.Ceiling) || has.isTotal() != told.Total || s.terms.ends() != (told.Expiry.Kind == cuenta.ExpireAt):
		return nil, false
	case !s.terms.ends() || s.terms.low == s.terms.high && end == s.terms.low:
		return s.terms, true
	case end < s.terms.low || end > s.terms.high:
		return nil, false
	}
	next := *s.terms
	next.low, next.high = end, end
	return &next, true
}
