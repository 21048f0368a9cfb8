package client

import (
	"math"
	"time"

	"github.com/cuenta-server/cuenta"
)

// Option says more about an operation. What makes no sense with it is refused as
// [cuenta.Syntax].
type Option func(*cuenta.Request)

// Floor is the least value that the counter may have: of SetLimits from now on, of
// Add, Set and Reset after this one change, beside the counter's own floor. Of
// Transfer it is about the counter that is taken from.
func Floor(least int64) Option {
	return func(r *cuenta.Request) { termsOf(r).Floor = cuenta.Bound{Set: true, At: least} }
}

// Ceiling is the greatest value that the counter may have, like [Floor]. Of Transfer it
// is about the counter that is given to.
func Ceiling(most int64) Option {
	return func(r *cuenta.Request) { termsOf(r).Ceiling = cuenta.Bound{Set: true, At: most} }
}

// Clamp lets an Add, Set, Reset or Settle that would pass a limit go as far as it may,
// where it would otherwise be refused as [cuenta.Limited]. [Result.Applied] says how
// far that was.
func Clamp() Option { return func(r *cuenta.Request) { termsOf(r).Clamp = true } }

// Total, with SetLimits, declares the counter to be the total of all below it, whose
// names begin with its own and a slash: see [cuenta.Terms].
func Total() Option { return func(r *cuenta.Request) { termsOf(r).Total = true } }

// At has the counter, or the hold, end at a time. One that is over is refused as
// [cuenta.Past].
func At(end time.Time) Option {
	return func(r *cuenta.Request) {
		e := &termsOf(r).Expiry
		e.Kind, e.Time = cuenta.ExpireAt, nanoseconds(end)
	}
}

// nanoseconds is a time since 1970, or the end of int64.
func nanoseconds(t time.Time) int64 {
	const second = int64(time.Second)
	switch seconds := t.Unix(); {
	case seconds >= math.MaxInt64/second:
		return math.MaxInt64
	case seconds <= math.MinInt64/second:
		return math.MinInt64
	}
	return t.UnixNano()
}

// After has the counter, or the hold, end after a time from now on, as the server's
// clock has it.
func After(d time.Duration) Option {
	return func(r *cuenta.Request) {
		e := &termsOf(r).Expiry
		e.Kind, e.Time = cuenta.ExpireAfter, int64(d)
	}
}

// Never takes the counter's end away.
func Never() Option {
	return func(r *cuenta.Request) { termsOf(r).Expiry.Kind = cuenta.NoExpiry }
}

// IfEnd restricts the end that At, After or Never give by the one that there is
// before. Where that does not hold, Expire is refused as [cuenta.Unmet]; another
// operation leaves the end as it is.
func IfEnd(condition cuenta.ExpiryCondition) Option {
	return func(r *cuenta.Request) { termsOf(r).Expiry.If = condition }
}

// Lapse deletes the counter at once where its time is over already.
func Lapse() Option { return func(r *cuenta.Request) { termsOf(r).Expiry.Lapse = true } }

// IfValue lets a change, or a Check, pass only if the counter has that value: 0 if it
// does not exist. Otherwise it is refused as [cuenta.Unmet].
func IfValue(value int64) Option { return expect(cuenta.IfValue, value) }

// IfRevision lets a change, or a Check, pass only if the counter has that revision: 0
// if it does not exist. Otherwise it is refused as [cuenta.Unmet].
func IfRevision(revision uint64) Option {
	// None is so high that it would be negative, so such a condition never holds.
	return expect(cuenta.IfRevision, int64(revision))
}

func expect(condition cuenta.Condition, what int64) Option {
	return func(r *cuenta.Request) { r.If, termsOf(r).Expect = condition, what }
}

// IfAbsent lets a change pass only if the counter does not exist.
func IfAbsent() Option { return func(r *cuenta.Request) { r.If = cuenta.IfAbsent } }

// IfPresent lets a change pass only if the counter exists.
func IfPresent() Option { return func(r *cuenta.Request) { r.If = cuenta.IfPresent } }

// termsOf returns the request's terms, which it then has.
func termsOf(r *cuenta.Request) *cuenta.Terms {
	if r.Terms == nil {
		r.Terms = new(cuenta.Terms)
	}
	return r.Terms
}

// unfit tells why a request cannot be meant, nil if it can: the server would say the
// same, or could not be told what was meant.
func unfit(r *cuenta.Request) error {
	wrong := func(why string) error { return &cuenta.Error{Code: cuenta.Syntax, Text: why} }
	t := r.Terms
	if t == nil {
		t = new(cuenta.Terms)
	}
	changes := r.Op == cuenta.Add || r.Op == cuenta.Set || r.Op == cuenta.Reset
	holds := r.Op == cuenta.Hold || r.Op == cuenta.Extend
	e := &t.Expiry
	switch {
	case (t.Floor.Set || t.Ceiling.Set) && !changes && r.Op != cuenta.Limit:
		return wrong("a floor or ceiling goes with a change or SetLimits")
	case t.Clamp && !changes && r.Op != cuenta.Settle:
		return wrong("only Add, Set, Reset and Settle can be clamped")
	case t.Total && r.Op != cuenta.Limit:
		return wrong("a total is declared by SetLimits")
	case *e != cuenta.Expiry{} && !changes && !holds && r.Op != cuenta.Expire && r.Op != cuenta.Describe:
		return wrong("an end goes with a change, Expire, Hold or Extend")
	case r.If != cuenta.Always && !changes && r.Op != cuenta.Limit && r.Op != cuenta.Expire && r.Op != cuenta.Delete && r.Op != cuenta.Check:
		return wrong("this operation takes no condition")
	case r.Op == cuenta.Check && r.If != cuenta.Always && r.If != cuenta.IfValue:
		return wrong("a check is of a value, a revision, or that there is no counter")
	case r.If == cuenta.IfRevision && t.Expect < 0, r.Op == cuenta.Check && r.If == cuenta.Always && r.N < 0:
		return wrong("no revision is so high")
	}
	return unfitTerms(r, t)
}

func unfitTerms(r *cuenta.Request, t *cuenta.Terms) error {
	wrong := func(why string) error { return &cuenta.Error{Code: cuenta.Syntax, Text: why} }
	e := &t.Expiry
	timed := e.Kind == cuenta.ExpireAt || e.Kind == cuenta.ExpireAfter
	switch {
	case t.Floor.Set && t.Ceiling.Set && t.Floor.At > t.Ceiling.At:
		return wrong("the floor is above the ceiling")
	case (r.Op == cuenta.Hold || r.Op == cuenta.Extend) && (!timed || e.If != 0 || e.Lapse):
		return wrong("a hold has an end, without conditions")
	case e.Kind == cuenta.KeepExpiry && (r.Op == cuenta.Expire || e.If != 0 || e.Lapse):
		return wrong("which end is not said: At, After or Never")
	case e.If > cuenta.ExpiryIfAnySooner:
		return wrong("no such condition on an end")
	case timed && e.Time <= 0 && !e.Lapse:
		return cuenta.Past.Err()
	case r.Op == cuenta.Take && (r.N < 0 || !t.Rate.Valid()):
		return wrong("a rate that cannot be meant, see cuenta.Rate")
	case r.Op == cuenta.Ticket && (r.N < 1 || len(t.Ident) > cuenta.MaxKey || !cuenta.ValidName(t.Ident)):
		return wrong("a ticket has an ident and at least one number")
	case r.Op == cuenta.Hold && (r.N == 0 || r.N == math.MinInt64):
		return wrong("the amount of a hold is neither 0 nor the least int64")
	case (r.Op == cuenta.Settle || r.Op == cuenta.Release || r.Op == cuenta.Extend) && t.Hold == 0:
		return wrong("which hold is not said")
	}
	if timed && e.Time <= 0 {
		e.Kind, e.Time = cuenta.ExpireAt, 0 // long over: all that is, is alike
	}
	return nil
}
