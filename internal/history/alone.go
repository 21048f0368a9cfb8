package history

import (
	"math"

	"github.com/cuenta-server/cuenta"
)

// alone finds answers that no state of a counter can have given.
func (c *checker) alone(id uint32, o *Op) {
	if !o.told(Answered) {
		return
	}
	if why := c.impossible(o); why != "" {
		c.violated(c.name(o.Counter), "%o cannot be: "+why, []uint32{id})
	}
}

// impossible says why an answer is wrong whatever the counter was, if it is.
func (c *checker) impossible(o *Op) string {
	switch {
	case o.Code == cuenta.Overflow && o.Op != cuenta.Outcome:
		return c.impossibleOverflow(o)
	case o.Code == cuenta.Unmet && o.Op != cuenta.Outcome:
		return impossibleUnmet(o)
	case o.Code == cuenta.Limited && o.Op != cuenta.Outcome:
		return c.impossibleLimited(o)
	case o.Code == cuenta.Past && o.Op != cuenta.Outcome:
		return c.impossiblePast(o)
	case o.Code == cuenta.Aborted && o.Batch == 0 && o.Op != cuenta.Outcome:
		return "there was nothing else to be refused"
	case o.Code == cuenta.Throttled && o.Op != cuenta.Outcome:
		return c.impossibleThrottled(o)
	case o.Code == cuenta.NoHold && o.Op != cuenta.Outcome:
		if !ofHold(o.Op) && o.Op != cuenta.Describe || o.Op == cuenta.Hold {
			return "it is about no hold"
		}
		return ""
	case o.Code == cuenta.Absent && o.Op != cuenta.Outcome:
		return "only who asks for an outcome hears that there was none"
	case (o.Code == cuenta.Conflict || o.Code == cuenta.TooNew) && o.Op == cuenta.Outcome:
		return "who asks for an outcome does not use the identity"
	case ofIdentity(o.Code) && o.Session == NoIdentity:
		return "it has no identity"
	case ofIdentity(o.Code) && !o.changes() && o.Op != cuenta.Outcome && !o.told(Whole):
		return "what changes nothing uses no identity"
	case o.Code != cuenta.OK || o.Op == cuenta.OpenSession || o.Op == cuenta.Outcome:
		return ""
	}
	if o.Op == cuenta.Take && o.N > most(&c.h.Rates[c.extra(o).Terms.Rate-1]) {
		return "the rate never allows so much at once"
	}
	if why := impossibleRevision(o); why != "" || !o.told(WithValue) {
		return why
	}
	return c.impossibleValue(o)
}

// impossibleValue compares the value with what was asked for.
func (c *checker) impossibleValue(o *Op) string {
	x := c.extra(o)
	if o.Op == cuenta.Take && (o.Value < 0 || o.Value > most(&c.h.Rates[x.Terms.Rate-1])) {
		return "the rate does not leave so much"
	}
	if x.Terms.Clamp {
		return ""
	}
	switch o.Op {
	case cuenta.Add:
		if found := o.Value - o.N; passes(found, o.N) {
			return "no int64 and the amount make that value: it wrapped"
		}
		if o.If == cuenta.IfAbsent && o.Value != o.N {
			return "a counter that is absent starts from 0"
		}
	case cuenta.Set:
		if o.Value != o.N {
			return "it was set to something else"
		}
	case cuenta.Reset:
		if o.Value != 0 {
			return "it was set to 0"
		}
	}
	return ""
}

// ofIdentity reports whether only a request with an identity is refused so.
func ofIdentity(code cuenta.Code) bool {
	switch code {
	case cuenta.Conflict, cuenta.TooOld, cuenta.TooNew, cuenta.NoSession, cuenta.Absent:
		return true
	}
	return false
}

// impossibleRevision compares the revision with what it is the revision of.
func impossibleRevision(o *Op) string {
	if !o.told(WithRevision) {
		return ""
	}
	switch absent := o.Revision == 0; {
	case absent && (o.Op == cuenta.Ticket || o.Op == cuenta.Take && o.N == 0):
	case absent && o.Value != 0:
		return "a counter that does not exist reads 0"
	case absent && o.changes() && o.Op != cuenta.Delete:
		return "a change has a revision"
	case o.Op == cuenta.Check && o.If == cuenta.IfValue:
		if o.Value != o.N {
			return "it was to pass at another value"
		}
	case o.Op == cuenta.Check && o.Revision != uint64(o.N):
		return "it was to pass at another revision"
	}
	return ""
}

func (c *checker) impossibleOverflow(o *Op) string {
	if len(c.h.Extras) > 0 {
		return impossibleEnd(o)
	}
	end := int64(math.MaxInt64)
	if o.N < 0 {
		end = math.MinInt64
	}
	switch {
	case o.Op != cuenta.Add || o.N == 0:
		return "it cannot pass an end of int64"
	case o.told(WithValue) && o.Value != end:
		return "that is not the end of int64 that it would pass"
	case o.told(WithRevision) && o.Revision == 0 || o.If == cuenta.IfAbsent:
		return "from 0 no amount passes an end of int64"
	}
	return ""
}

// impossibleEnd is about an overflow where there are limits, which may be the ends of
// int64 as well.
func impossibleEnd(o *Op) string {
	switch {
	case o.Op != cuenta.Set && o.Op != cuenta.Reset && !adding(o.Op):
		return "it cannot pass an end of int64"
	case o.told(WithValue) && o.Value != math.MinInt64 && o.Value != math.MaxInt64:
		return "that is not an end of int64"
	}
	return ""
}

func (c *checker) impossibleLimited(o *Op) string {
	x := c.extra(o)
	switch o.Op {
	case cuenta.Add, cuenta.Set, cuenta.Reset, cuenta.Limit, cuenta.Ticket, cuenta.Hold, cuenta.Settle:
		if x.Terms.Clamp && o.told(WithValue) && o.Op != cuenta.Limit && o.Op != cuenta.Hold && !x.Terms.Floor.Set && !x.Terms.Ceiling.Set {
			return "it was to go as far as it may"
		}
		return ""
	}
	return "it cannot pass a limit"
}

func (c *checker) impossiblePast(o *Op) string {
	e := &c.extra(o).Terms.Expiry
	switch {
	case !o.changes() || e.Kind != cuenta.ExpireAt:
		return "it gave no time that can be over"
	case e.Lapse:
		return "it was to delete the counter if the time was over"
	}
	if _, high := c.within(o.Start, o.End); high < e.Time {
		return "that time was still to come"
	}
	return ""
}

// adding reports whether an operation may add its amount.
func adding(op cuenta.Op) bool {
	return op == cuenta.Add || op == cuenta.Ticket || op == cuenta.Hold || op == cuenta.Settle
}

func impossibleUnmet(o *Op) string {
	if o.Op == cuenta.Expire || o.Op == cuenta.Take { // it had none, if it had no other condition
		return ""
	}
	if o.Op != cuenta.Check && (o.If == cuenta.Always || !o.changes()) && (o.Batch == 0 || o.told(WithValue)) {
		return "it had no condition"
	}
	if !o.told(WithRevision) {
		return ""
	}
	switch absent := o.Revision == 0; {
	case absent && o.Value != 0:
		return "a counter that does not exist reads 0"
	case o.Op == cuenta.Check && o.If == cuenta.IfValue:
		if o.Value == o.N {
			return "the value is the one that it was to be"
		}
	case o.Op == cuenta.Check && o.Revision == uint64(o.N):
		return "the revision is the one that it was to be"
	case o.If == cuenta.IfAbsent && absent, o.If == cuenta.IfPresent && !absent:
		return "the condition holds"
	}
	return ""
}

func (c *checker) impossibleThrottled(o *Op) string {
	if o.Op != cuenta.Take {
		return "it takes from no rate"
	}
	rate := &c.h.Rates[c.extra(o).Terms.Rate-1]
	switch {
	case o.told(WithValue) && (o.Value >= o.N || o.Value < 0):
		return "so much may be taken"
	case o.told(WithAmount) && (c.extra(o).Amount < 0) != (o.N > most(rate)):
		return "it tells wrongly whether so much ever may be taken"
	}
	return ""
}
