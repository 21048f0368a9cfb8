package api

import (
	"math"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

// The terms of operations. What no ledger would take is refused here, where it can
// be said what is wrong with it.

// within reads the limits and the end of a change.
func (a *asked) within(floor, ceiling *int64, clamp bool, expiry *cuentav1.Expiry) *refusal {
	if floor == nil && ceiling == nil && !clamp && expiry == nil {
		return nil
	}
	a.terms().Clamp = clamp
	if refused := a.bound(floor, ceiling); refused != nil || expiry == nil {
		return refused
	}
	return a.end(expiry)
}

func (a *asked) bound(floor, ceiling *int64) *refusal {
	t := a.terms()
	if floor != nil {
		t.Floor = cuenta.Bound{Set: true, At: *floor}
	}
	if ceiling != nil {
		t.Ceiling = cuenta.Bound{Set: true, At: *ceiling}
	}
	if floor != nil && ceiling != nil && *floor > *ceiling {
		return refuse(cuenta.Syntax, "the floor %d is above the ceiling %d", *floor, *ceiling)
	}
	return nil
}

func (a *asked) setLimits(m *cuentav1.SetLimitsRequest) *refusal {
	a.request.Op = cuenta.Limit
	a.counter, a.condition, a.expect, a.given = m.GetCounter(), m.GetCondition(), m.Expect, m.GetIdentity()
	a.terms().Total = m.GetTotal()
	return a.bound(m.Floor, m.Ceiling)
}

func (a *asked) expire(m *cuentav1.ExpireRequest) *refusal {
	a.request.Op = cuenta.Expire
	a.counter, a.condition, a.expect, a.given = m.GetCounter(), m.GetCondition(), m.Expect, m.GetIdentity()
	if m.GetExpiry() == nil {
		return refuse(cuenta.Syntax, "when to end is not said: the expiry is missing")
	}
	return a.end(m.GetExpiry())
}

// end reads when a counter shall end.
func (a *asked) end(m *cuentav1.Expiry) *refusal {
	e := &a.terms().Expiry
	if m.GetCondition() < 0 || m.GetCondition() > cuentav1.ExpiryCondition_EXPIRY_CONDITION_IF_ANY_SOONER {
		return refuse(cuenta.Unsupported, "the condition %d of an expiry is not known", m.GetCondition())
	}
	e.If, e.Lapse = cuenta.ExpiryCondition(m.GetCondition()), m.GetLapse()
	switch end := m.GetEnd().(type) {
	case *cuentav1.Expiry_Never:
		if !end.Never {
			return refuse(cuenta.Syntax, "never is true, or left out")
		}
		e.Kind = cuenta.NoExpiry
		return nil
	case *cuentav1.Expiry_At:
		if err := end.At.CheckValid(); err != nil {
			return refuse(cuenta.Syntax, "at is no time")
		}
		e.Kind, e.Time = cuenta.ExpireAt, nanoseconds(end.At.GetSeconds(), end.At.GetNanos())
	case *cuentav1.Expiry_After:
		if err := end.After.CheckValid(); err != nil {
			return refuse(cuenta.Syntax, "after is no time")
		}
		e.Kind, e.Time = cuenta.ExpireAfter, nanoseconds(end.After.GetSeconds(), end.After.GetNanos())
	default:
		return refuse(cuenta.Syntax, "when to end is not said: an expiry needs at, after or never")
	}
	switch {
	case e.Time > 0:
	case !e.Lapse:
		return refuse(cuenta.Past, "%s", cuenta.Past.Text())
	default:
		e.Kind, e.Time = cuenta.ExpireAt, 0 // long over: all that is, is alike
	}
	return nil
}

// nanoseconds is a time of that many seconds and more, or the end of int64.
func nanoseconds(seconds int64, more int32) int64 {
	const second = int64(time.Second)
	switch {
	case seconds >= math.MaxInt64/second:
		return math.MaxInt64
	case seconds <= math.MinInt64/second:
		return math.MinInt64
	}
	return seconds*second + int64(more)
}

// rateKinds are the kinds of rates, by their numbers in messages.
var rateKinds = [...]cuenta.RateKind{
	cuentav1.RateKind_RATE_KIND_UNSPECIFIED: cuenta.NoRate,
	cuentav1.RateKind_RATE_KIND_FIXED:       cuenta.FixedWindow,
	cuentav1.RateKind_RATE_KIND_SLIDING:     cuenta.SlidingWindow,
	cuentav1.RateKind_RATE_KIND_STEADY:      cuenta.Steady,
}

func (a *asked) take(m *cuentav1.TakeRequest) *refusal {
	a.request.Op, a.request.N = cuenta.Take, 1
	if m.Amount != nil {
		a.request.N = *m.Amount
	}
	a.counter, a.given = m.GetCounter(), m.GetIdentity()
	if a.request.N < 0 {
		return refuse(cuenta.Syntax, "nothing below 0 can be taken")
	}
	return a.rate(m.GetRate())
}

func (a *asked) rate(m *cuentav1.Rate) *refusal {
	kind := m.GetKind()
	rate := cuenta.Rate{Limit: m.GetLimit(), Burst: m.GetBurst()}
	switch {
	case m == nil:
		return refuse(cuenta.Syntax, "what may be taken is not said: the rate is missing")
	case kind == cuentav1.RateKind_RATE_KIND_UNSPECIFIED:
		return refuse(cuenta.Syntax, "the kind of the rate is missing")
	case kind < 0 || int(kind) >= len(rateKinds):
		return refuse(cuenta.Unsupported, "the kind %d of a rate is not known", kind)
	case rate.Limit < 1:
		return refuse(cuenta.Syntax, "the limit of a rate is at least 1")
	case kind == cuentav1.RateKind_RATE_KIND_SLIDING && rate.Limit > math.MaxInt32:
		return refuse(cuenta.Syntax, "the limit of a sliding rate is at most %d", math.MaxInt32)
	case rate.Burst < 0:
		return refuse(cuenta.Syntax, "the burst of a rate is at least 1, or 0 for as much as its limit")
	case rate.Burst > 0 && kind != cuentav1.RateKind_RATE_KIND_STEADY:
		return refuse(cuenta.Syntax, "only a steady rate has a burst")
	case m.GetPeriod().CheckValid() != nil:
		return refuse(cuenta.Syntax, "the period of a rate is missing, or no time")
	}
	rate.Kind, rate.Period = rateKinds[kind], nanoseconds(m.GetPeriod().GetSeconds(), m.GetPeriod().GetNanos())
	a.terms().Rate = rate
	if rate.Valid() {
		return nil
	}
	rate.Burst = 1 // which comes in a period at most
	if rate.Valid() {
		return refuse(cuenta.Syntax, "the burst of a rate is at most what comes in 100 years")
	}
	return refuse(cuenta.Syntax, "the period of a rate is 1 ms to 100 years")
}

func (a *asked) ticket(m *cuentav1.TicketRequest) *refusal {
	a.request.Op, a.request.N = cuenta.Ticket, 1
	if m.Count != nil {
		a.request.N = *m.Count
	}
	a.counter, a.given = m.GetCounter(), m.GetIdentity()
	ident := []byte(m.GetIdent())
	switch {
	case len(ident) > cuenta.MaxKey || !cuenta.ValidName(ident):
		return refuse(cuenta.Syntax, "an ident has 1 to %d bytes of UTF-8 without spaces and control characters", cuenta.MaxKey)
	case a.request.N < 1:
		return refuse(cuenta.Syntax, "a ticket has at least one number")
	}
	a.terms().Ident = ident
	return nil
}

func (a *asked) hold(m *cuentav1.HoldRequest) *refusal {
	a.request.Op, a.request.N, a.counter, a.given = cuenta.Hold, m.GetAmount(), m.GetCounter(), m.GetIdentity()
	if m.GetAmount() == 0 || m.GetAmount() == math.MinInt64 {
		return refuse(cuenta.Syntax, "the amount of a hold is neither 0 nor the least int64")
	}
	return a.endOfHold(m.GetExpiry())
}

func (a *asked) settle(m *cuentav1.SettleRequest) *refusal {
	if m.Amount == nil {
		return refuse(cuenta.Syntax, "how much was used is not said: the amount is missing")
	}
	a.request.Op, a.request.N, a.counter, a.given = cuenta.Settle, *m.Amount, m.GetCounter(), m.GetIdentity()
	a.terms().Clamp = m.GetClamp()
	return a.holdOf(m.GetHold())
}

func (a *asked) release(m *cuentav1.ReleaseRequest) *refusal {
	a.request.Op, a.counter, a.given = cuenta.Release, m.GetCounter(), m.GetIdentity()
	return a.holdOf(m.GetHold())
}

func (a *asked) extend(m *cuentav1.ExtendRequest) *refusal {
	a.request.Op, a.counter, a.given = cuenta.Extend, m.GetCounter(), m.GetIdentity()
	if refused := a.holdOf(m.GetHold()); refused != nil {
		return refused
	}
	return a.endOfHold(m.GetExpiry())
}

func (a *asked) holdOf(id uint64) *refusal {
	if id == 0 {
		return refuse(cuenta.Syntax, "which hold is not said")
	}
	a.terms().Hold = id
	return nil
}

// endOfHold reads when a hold shall end.
func (a *asked) endOfHold(m *cuentav1.Expiry) *refusal {
	switch {
	case m.GetEnd() == nil || m.GetNever():
		return refuse(cuenta.Syntax, "until when to hold is not said: the expiry is missing, or never")
	case m.GetCondition() != 0 || m.GetLapse():
		return refuse(cuenta.Syntax, "the expiry of a hold has neither condition nor lapse")
	}
	return a.end(m)
}

// termsOf returns what a counter has beside its value, nil if nothing.
func termsOf(t *cuenta.Terms, r *cuenta.Result) *cuentav1.Terms {
	m := &cuentav1.Terms{Total: t.Total, Held: t.Held, HeldDown: t.HeldDown}
	if t.Floor.Set {
		m.Floor, m.AvailableDown = &t.Floor.At, left(r.Value, t.Floor.At, t.HeldDown)
	}
	if t.Ceiling.Set {
		m.Ceiling, m.Available = &t.Ceiling.At, left(t.Ceiling.At, r.Value, t.Held)
	}
	if t.Expiry.Kind == cuenta.ExpireAt {
		m.ExpiresAt = timestamppb.New(time.Unix(0, t.Expiry.Time))
		m.ExpiresIn = durationpb.New(time.Duration(r.Amount))
	} else if m.Floor == nil && m.Ceiling == nil && !m.Total && m.Held == 0 && m.HeldDown == 0 {
		return nil
	}
	return m
}

// left returns a-b-held, which is not negative; nil if an int64 does not hold it.
func left(a, b, held int64) *int64 {
	rest := a - held // held is within what there is between a and b
	if rest -= b; rest < 0 {
		return nil
	}
	return &rest
}
