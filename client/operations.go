package client

import (
	"context"
	"errors"
	"time"

	"github.com/cuenta-server/cuenta"
)

// SetLimits gives the counter a [Floor] and a [Ceiling], which hold whatever the way
// in, and makes it if there is none; one that is not given is taken from it. With
// [Total] it becomes the total of all counters below it. A value outside is refused as
// [cuenta.Limited].
func (n Counter) SetLimits(ctx context.Context, options ...Option) (Result, error) {
	r := n.request(cuenta.Limit, 0, options)
	termsOf(&r)
	return n.c.do(ctx, r)
}

// Expire gives the counter another end: [At], [After] or [Never]. If there is no
// counter, that is refused as [cuenta.Unmet].
func (n Counter) Expire(ctx context.Context, options ...Option) (Result, error) {
	r := n.request(cuenta.Expire, 0, options)
	termsOf(&r)
	return n.c.do(ctx, r)
}

// Description is a counter with all that it has beside its value.
type Description struct {
	Result
	Floor, Ceiling cuenta.Bound
	Total          bool          // of all counters below it
	Ends           time.Time     // zero if it has no end
	Left           time.Duration // until then

	// Held and HeldDown are the sums of the holds that take from what is left below the
	// ceiling, and of those that take from what is left above the floor.
	Held, HeldDown int64
}

// Available is how much may still be added or held: what is left below the ceiling,
// without what is held. It reports false if there is no ceiling, or that is more than
// an int64 holds.
func (d *Description) Available() (int64, bool) {
	return left(d.Ceiling.At, d.Value, d.Held, d.Ceiling.Set)
}

// AvailableDown is how much may still be taken away or held: what is left above the
// floor, without what is held.
func (d *Description) AvailableDown() (int64, bool) {
	return left(d.Value, d.Floor.At, d.HeldDown, d.Floor.Set)
}

func left(above, below, held int64, limited bool) (int64, bool) {
	rest := above - held - below
	return rest, limited && rest >= 0
}

// Describe reads the counter and what it has beside its value.
func (n Counter) Describe(ctx context.Context) (Description, error) {
	r := n.request(cuenta.Describe, 0, nil)
	t := termsOf(&r)
	u := newUnit(r)
	n.c.run(ctx, u)
	if u.err != nil {
		return Description{}, u.err
	}
	d := Description{
		Result: u.resultAt(0), Floor: t.Floor, Ceiling: t.Ceiling, Total: t.Total, Held: t.Held, HeldDown: t.HeldDown,
	}
	if t.Expiry.Kind == cuenta.ExpireAt {
		d.Ends, d.Left = time.Unix(0, t.Expiry.Time), time.Duration(u.results[0].Amount)
	}
	return d, nil
}

// FixedWindow lets limit be taken in each period since the beginning of 1970.
func FixedWindow(limit int64, period time.Duration) cuenta.Rate {
	return cuenta.Rate{Kind: cuenta.FixedWindow, Limit: limit, Period: int64(period)}
}

// SlidingWindow lets limit be taken in the last period, the one before counted as if
// evenly spread.
func SlidingWindow(limit int64, period time.Duration) cuenta.Rate {
	return cuenta.Rate{Kind: cuenta.SlidingWindow, Limit: limit, Period: int64(period)}
}

// Steady lets a unit be taken every period/limit, and up to burst of them at once.
func Steady(limit int64, period time.Duration, burst int64) cuenta.Rate {
	return cuenta.Rate{Kind: cuenta.Steady, Limit: limit, Period: int64(period), Burst: burst}
}

// Taken says how a rate stands.
type Taken struct {
	Allowed    bool
	Remaining  int64         // how much may be taken now, negative if that is not told
	RetryAfter time.Duration // if not allowed: after what time it would be, negative if never
	ResetAfter time.Duration // if allowed: after what time all may be taken again, negative if that is not told
}

// Take takes n from what the rate allows now. That it does not allow it is no error.
// What was taken is kept in the counter, which must be used for nothing else, and ends
// by itself. To take 0 asks.
func (n Counter) Take(ctx context.Context, rate cuenta.Rate, amount int64) (Taken, error) {
	r := n.request(cuenta.Take, amount, nil)
	termsOf(&r).Rate = rate
	u := newUnit(r)
	n.c.run(ctx, u)
	if e, failed := errors.AsType[*Error](u.err); failed && e.Code == cuenta.Throttled {
		return Taken{Remaining: u.refusal.Value, RetryAfter: time.Duration(u.refusal.Amount)}, nil
	} else if u.err != nil {
		return Taken{}, u.err
	}
	return Taken{Allowed: true, Remaining: u.results[0].Value, ResetAfter: time.Duration(u.results[0].Amount)}, nil
}

// Tickets are numbers that nobody else has.
type Tickets struct {
	First int64 // 0 if it is not told
	Last  int64
	Known bool // they were given before, if that is told
}

// Ticket gives ident the next number of the counter, or the one that it has: 1 is the
// first of a counter that is new. An ident has 1 to [cuenta.MaxKey] bytes that may be
// in a counter's name.
func (n Counter) Ticket(ctx context.Context, ident string) (Tickets, error) {
	return n.Tickets(ctx, ident, 1)
}

// Tickets gives ident the next count numbers of the counter, or those that it has,
// however many these are.
func (n Counter) Tickets(ctx context.Context, ident string, count int64) (Tickets, error) {
	r := n.request(cuenta.Ticket, count, nil)
	termsOf(&r).Ident = []byte(ident)
	u := newUnit(r)
	n.c.run(ctx, u)
	if u.err != nil {
		return Tickets{}, u.err
	}
	is := &u.results[0]
	if is.Amount == 0 { // how many they are is not told
		return Tickets{Last: is.Value}, nil
	}
	return Tickets{First: is.Value - is.Amount + 1, Last: is.Value, Known: is.Replayed && is.Revision == 0}, nil
}

// ValidTicket reports whether a number was given out.
func (n Counter) ValidTicket(ctx context.Context, number int64) (bool, error) {
	r, err := n.Get(ctx)
	return err == nil && 1 <= number && number <= r.Value, err
}

// ResetTickets begins the numbers anew and forgets who has which, both or neither. With
// [Counter.Once] it has a key of its own.
func (n Counter) ResetTickets(ctx context.Context) error {
	span := cuenta.Renumber([]byte(n.name))
	u := newUnit(cuenta.Request{Op: cuenta.All, Span: 2}, span[0], span[1])
	if n.key != "" || n.c.whole {
		u.asOne(n.key)
	}
	n.c.run(ctx, u)
	return u.err
}

// isNewSeries reports whether the requests are those of [Counter.ResetTickets].
func isNewSeries(requests []cuenta.Request) bool {
	return len(requests) == 3 && requests[0].Op == cuenta.All && cuenta.Renumbers(requests[1:]) &&
		!requests[1].Identity.Given() && !requests[2].Identity.Given()
}
