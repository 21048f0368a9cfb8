package history

import (
	"math"

	"github.com/cuenta-server/cuenta"
)

// state is where a counter stands after some of its changes.
type state struct {
	value    int64
	place    uint64 // the revision of the last change, a deletion's too; 0: there was none
	terms    *terms
	alive    bool
	anchored bool // place is known, and not only a lower bound
}

// role is what an operation has to do with its counter's chain.
type role uint8

const (
	roleNone   role = iota // nothing
	roleChange             // it changed the counter
	roleMaybe              // it may have changed the counter
	roleState              // it saw a state
)

// roleOf tells what an operation, taken alone, did to its counter.
func roleOf(o *Op) role {
	switch {
	case o.Op == 0 || !o.changes() && !o.Op.Reads():
		return roleNone
	case o.Op == cuenta.Ticket && o.isRepeat(), o.Code == cuenta.Past && ofHold(o.Op):
		return roleNone // it met with no state of the counter
	case o.Op == cuenta.Take && !(o.told(Answered) && o.Code == cuenta.OK):
		return roleOfTake(o)
	case !o.told(Answered) || o.Code == cuenta.Unknown:
		if o.changes() {
			return roleMaybe
		}
		return roleNone
	case o.Code == cuenta.OK:
		if o.changes() && !(o.Op == cuenta.Delete && o.told(WithRevision) && o.Revision == 0) && !(o.Op == cuenta.Take && o.N == 0) {
			return roleChange
		}
		return roleState
	case o.Code == cuenta.Overflow, o.Code == cuenta.Limited, o.Code == cuenta.Past, o.Code == cuenta.NoHold && o.changes():
		return roleState
	case o.Code == cuenta.Unmet && (o.Op == cuenta.Check || o.Op == cuenta.Expire || o.If != cuenta.Always):
		return roleState
	}
	return roleNone // what a Check refused unseen, and what changed nothing
}

// placed tells the place that the answer names: the revision of a change or of
// the state seen. Absence is not a place: it may have had several.
func placed(o *Op, r role) (place uint64, ok bool) {
	switch {
	case r == roleMaybe:
		return 0, false
	case o.told(WithRevision) && o.Revision != 0:
		return o.Revision, true
	case r == roleState && o.Op == cuenta.Check && o.If != cuenta.IfValue && o.Code == cuenta.OK && o.N > 0:
		return uint64(o.N), true
	}
	return 0, false
}

// sawAbsence reports whether the operation saw that there was no counter.
func sawAbsence(o *Op) bool {
	switch {
	case o.told(WithRevision):
		return o.Revision == 0
	case o.Code == cuenta.Overflow, o.Code == cuenta.Limited, o.Code == cuenta.Past:
		return false
	case o.Op == cuenta.Check:
		return o.Code == cuenta.OK && o.N == 0 && o.If != cuenta.IfValue
	}
	return o.Code == cuenta.Unmet && o.If == cuenta.IfPresent && o.Op != cuenta.Expire
}

// apply carries out a change at s, at the moment from or as soon after it as it can
// have been. It reports false if it cannot have been carried out there, or not with
// its answer.
func (c *checker) apply(o *Op, s state, from int64) (next state, moment int64, ok bool) {
	if o.Extra == 0 && s.terms == nil {
		next, ok = applyPlain(o, s)
		return next, from, ok && !o.told(Charged)
	}
	if moment, ok = c.seenAlive(s, from); !ok || !c.holds(o, s) || o.told(Charged) && !s.terms.isTotal() {
		return s, moment, false
	}
	if ofHold(o.Op) {
		next, ok = c.applyHold(o, s)
		return next, moment, ok
	}
	next = state{value: s.value, place: s.place + 1, alive: true, anchored: s.anchored, terms: s.terms}
	answer := o.told(Answered) && o.told(WithValue)
	switch o.Op {
	case cuenta.Delete:
		next.value, next.alive, next.terms = 0, false, nil
		return next, moment, s.alive && (!answer || o.Value == s.value)
	case cuenta.Expire:
		if ok = s.alive && (s.terms == unknownTerms || c.endMeets(o, s.terms) != no) && (!answer || o.Value == s.value); !ok {
			return next, moment, false
		}
		if c.deletes(o) {
			next.value, next.alive, next.terms = 0, false, nil
			return next, moment, true
		}
	default:
		var code cuenta.Code
		if next.value, code = c.result(o, s); s.terms == unknownTerms && c.extra(o).Terms.Clamp {
			next.value, code = o.Value, cuenta.OK
		}
		if c.extra(o).Terms.Clamp {
			next.value = c.lessByTotals(o, s.value, next.value)
		}
		clamped := o.told(WithAmount) && c.extra(o).Terms.Clamp && c.extra(o).Amount != next.value-s.value
		if code != cuenta.OK || answer && o.Value != next.value || clamped {
			return next, moment, false
		}
	}
	if s.terms != unknownTerms && (o.Extra != 0 || s.terms != nil) {
		next.terms = c.changed(o, s)
	}
	return c.withEnd(o, next, moment)
}

// withEnd sees to it that a counter was not given an end that was over.
func (c *checker) withEnd(o *Op, s state, from int64) (state, int64, bool) {
	if c.setsEnd(o) && s.terms != nil && s.terms.lapse == c.extra(o).lapse && s.terms != unknownTerms && !c.extra(o).Terms.Expiry.Lapse {
		moment, ok := c.before(from, s.terms.high)
		return s, moment, ok
	}
	return s, from, true
}

// seenAlive returns the first moment at which the state can have been met with: if it
// is of a counter that ends, before its end.
func (c *checker) seenAlive(s state, from int64) (moment int64, ok bool) {
	if !s.alive || !s.terms.ends() {
		return from, true
	}
	return c.before(from, s.terms.high)
}

// applyPlain carries out a change where neither it nor the counter has terms.
func applyPlain(o *Op, s state) (state, bool) {
	if o.If == cuenta.IfAbsent && s.alive || o.If == cuenta.IfPresent && !s.alive {
		return s, false
	}
	next := state{place: s.place + 1, alive: true, anchored: s.anchored}
	answer := o.told(Answered) && o.told(WithValue)
	switch o.Op {
	case cuenta.Add:
		if passes(s.value, o.N) {
			return s, false
		}
		next.value = s.value + o.N
	case cuenta.Set:
		next.value = o.N
	case cuenta.Limit:
		next.value = s.value
	case cuenta.Delete:
		next.alive = false
		return next, s.alive && (!answer || o.Value == s.value)
	}
	return next, !answer || o.Value == next.value
}

// passes reports whether value plus n is no int64.
func passes(value, n int64) bool {
	return n > 0 && value > math.MaxInt64-n || n < 0 && value < math.MinInt64-n
}

// sees reports whether the operation may have seen s, at the moment from or as soon
// after it as it can have. What it tells of the terms is in the state returned.
func (c *checker) sees(o *Op, s state, from int64) (seen state, moment int64, ok bool) {
	if o.told(WithRevision) && (s.alive != (o.Revision != 0) || s.alive && s.anchored && s.place != o.Revision) {
		return s, from, false
	}
	if moment, ok = c.seenAlive(s, from); !ok {
		return s, moment, false
	}
	switch o.Code {
	case cuenta.Overflow, cuenta.Limited:
		return s, moment, c.seesLimit(o, s)
	case cuenta.Past:
		moment, ok = c.seesPast(o, s, moment)
		return s, moment, ok
	case cuenta.NoHold:
		ok = c.holds(o, s) && (s.terms == unknownTerms || s.terms.hold(c.extra(o).Terms.Hold) == nil)
		return s, moment, ok && (!o.told(WithValue) || o.Value == s.value)
	}
	if o.told(WithValue) && o.Value != s.value {
		return s, moment, false
	}
	switch o.Op {
	case cuenta.Check:
		return s, moment, c.seesCheck(o, s)
	case cuenta.Describe:
		return c.seesTerms(o, s, moment)
	case cuenta.Get:
		return s, moment, true
	case cuenta.Delete:
		if o.Code == cuenta.OK {
			return s, moment, !s.alive && c.holds(o, s)
		}
	case cuenta.Expire:
		return s, moment, !s.alive || c.fails(o, s) || s.terms == unknownTerms || c.endMeets(o, s.terms) != yes
	}
	return s, moment, c.fails(o, s)
}

func (c *checker) seesCheck(o *Op, s state) bool {
	if o.If == cuenta.IfValue {
		return (s.value == o.N) == (o.Code == cuenta.OK)
	}
	return unplaced(s, o.N) || c.revisionIs(o.N, s) == (o.Code == cuenta.OK)
}

// seesLimit reports whether a change was rightly refused for a limit, an end of int64
// included.
func (c *checker) seesLimit(o *Op, s state) bool {
	if s.terms == unknownTerms {
		return true
	}
	limit, code := c.result(o, s)
	return c.holds(o, s) && code == o.Code && (!o.told(WithValue) || o.Value == limit) &&
		(!o.told(WithAmount) || c.extra(o).Amount == limit-s.value || c.extra(o).Terms == Terms{} && s.terms == nil)
}

// seesPast reports whether a change was rightly refused because its end was over.
func (c *checker) seesPast(o *Op, s state, from int64) (moment int64, ok bool) {
	if s.terms == unknownTerms {
		return from, true
	}
	if o.Op != cuenta.Expire {
		_, code := c.result(o, s)
		ok = code == cuenta.OK
	} else {
		ok = s.alive
	}
	if !ok || !c.holds(o, s) || c.endMeets(o, s.terms) == no {
		return from, false
	}
	low, _ := c.newEnd(o)
	for moment = from; ; {
		at, ok := c.reached(moment, low)
		if !ok {
			return moment, false
		}
		if moment, ok = c.seenAlive(s, at); !ok || moment == at {
			return moment, ok
		}
	}
}

// seesTerms reports whether a Describe may have told of s.
func (c *checker) seesTerms(o *Op, s state, from int64) (seen state, moment int64, ok bool) {
	if !o.told(WithTerms) {
		return s, from, true
	}
	if s.terms != unknownTerms {
		if s.terms, ok = c.described(o, s); !ok {
			return s, from, false
		}
	}
	return s, from, true
}

// deletes reports whether a change deletes the counter if it is carried out.
func (c *checker) deletes(o *Op) bool {
	return o.Op == cuenta.Delete || o.Op == cuenta.Expire && c.isOver(o) == yes
}

// isOver tells whether the end that an operation gives, or else deletes the counter,
// is over already.
func (c *checker) isOver(o *Op) certainty {
	e := &c.extra(o).Terms.Expiry
	if e.Kind != cuenta.ExpireAt || !e.Lapse {
		return no
	}
	low, high := c.within(o.Start, o.End)
	switch {
	case e.Time <= low || e.Time <= 1:
		return yes
	case e.Time > high:
		return no
	}
	return unsure
}

// after is the state that a placed operation leaves, by its own answer, at s.
func (c *checker) after(o *Op, r role, place uint64, s state) state {
	next := state{value: o.Value, place: place, alive: true, anchored: true, terms: s.terms}
	if r != roleChange {
		return next
	}
	switch {
	case c.deletes(o):
		next.value, next.alive, next.terms = 0, false, nil
	case o.told(WithValue):
	case o.Op == cuenta.Set:
		next.value = o.N
	case o.Op == cuenta.Reset:
		next.value = 0
	}
	if next.alive && s.terms != unknownTerms && (o.Extra != 0 || s.terms != nil) {
		next.terms = c.changed(o, s)
	}
	return next
}

// found is the value that a placed operation found, if its answer tells.
func (c *checker) foundBy(o *Op, r role) (value int64, ok bool) {
	switch {
	case !o.told(WithValue):
		return 0, false
	case r == roleState:
		return o.Value, o.Code != cuenta.Overflow && o.Code != cuenta.Limited && o.Code != cuenta.Past
	case o.Op == cuenta.Delete, o.Op == cuenta.Limit, o.Op == cuenta.Expire, ofHold(o.Op) && o.Op != cuenta.Settle:
		return o.Value, true
	case (o.Op == cuenta.Add || o.Op == cuenta.Ticket || o.Op == cuenta.Settle) && !c.extra(o).Terms.Clamp:
		return o.Value - o.N, true
	case o.told(WithAmount) && c.extra(o).Terms.Clamp:
		return o.Value - c.extra(o).Amount, true
	}
	return 0, false
}
