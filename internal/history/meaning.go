package history

import (
	"math"

	"github.com/cuenta-server/cuenta"
)

// state is where a counter stands after some of its changes.
type state struct {
	value    int64
	place    uint64 // the revision of the last change, a deletion's too; 0: there was none
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
	case o.Op == 0 || o.Op > cuenta.Check:
		return roleNone
	case !o.told(Answered) || o.Code == cuenta.Unknown:
		if o.changes() {
			return roleMaybe
		}
		return roleNone
	case o.Code == cuenta.OK:
		if o.changes() && !(o.Op == cuenta.Delete && o.told(WithRevision) && o.Revision == 0) {
			return roleChange
		}
		return roleState
	case o.Code == cuenta.Overflow:
		return roleState
	case o.Code == cuenta.Unmet && (o.Op == cuenta.Check || o.If != cuenta.Always):
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
	case r == roleState && o.Op == cuenta.Check && o.Code == cuenta.OK && o.N > 0:
		return uint64(o.N), true
	}
	return 0, false
}

// sawAbsence reports whether the operation saw that there was no counter.
func sawAbsence(o *Op) bool {
	switch {
	case o.Code == cuenta.Overflow:
		return false
	case o.told(WithRevision):
		return o.Revision == 0
	case o.Op == cuenta.Check:
		return o.Code == cuenta.OK && o.N == 0
	}
	return o.Code == cuenta.Unmet && o.If == cuenta.IfPresent
}

// apply carries out a change at s. It reports false if it cannot have been
// carried out there, or not with its answer.
func apply(o *Op, s state) (state, bool) {
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

// sees reports whether the operation may have seen s.
func sees(o *Op, s state) bool {
	if o.told(WithRevision) && (s.alive != (o.Revision != 0) || s.alive && s.anchored && s.place != o.Revision) {
		return false
	}
	if o.Code == cuenta.Overflow {
		return s.alive && passes(s.value, o.N)
	}
	if o.told(WithValue) && o.Value != s.value {
		return false
	}
	switch o.Op {
	case cuenta.Check:
		holds := !s.alive && o.N == 0 || s.alive && s.place == uint64(o.N)
		unsure := s.alive && !s.anchored && o.N > 0
		return unsure || holds == (o.Code == cuenta.OK)
	case cuenta.Delete:
		return !s.alive
	case cuenta.Get:
		return true
	}
	return s.alive == (o.If == cuenta.IfAbsent)
}

// after is the state that a placed operation leaves, by its own answer.
func after(o *Op, r role, place uint64) state {
	s := state{value: o.Value, place: place, alive: true, anchored: true}
	if r == roleChange {
		switch o.Op {
		case cuenta.Set:
			s.value = o.N
		case cuenta.Reset:
			s.value = 0
		case cuenta.Delete:
			s.value, s.alive = 0, false
		}
	}
	return s
}

// before is the value that a placed operation found, if its answer tells.
func before(o *Op, r role) (value int64, ok bool) {
	switch {
	case r == roleState:
		return o.Value, o.told(WithValue) && o.Code != cuenta.Overflow
	case o.Op == cuenta.Delete:
		return o.Value, o.told(WithValue)
	case o.Op == cuenta.Add && o.told(WithValue):
		return o.Value - o.N, true
	}
	return 0, false
}
