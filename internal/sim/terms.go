package sim

import (
	"time"

	"github.com/cuenta-server/cuenta"
)

// within makes a change one that has to do with limits and ends, or with the conditions
// that need terms, if it draws so.
func (c *client) within(d dice, r *cuenta.Request) {
	if !d.percent(c.w.profile.terms) {
		return
	}
	if r.Op == cuenta.Delete || d.percent(15) {
		c.expect(d, r)
		return
	}
	switch n := d.IntN(100); {
	case n < 20:
		r.Op, r.N, r.Terms = cuenta.Limit, 0, bounds(d)
	case n < 45:
		r.Op, r.N, r.Terms = cuenta.Expire, 0, &cuenta.Terms{Expiry: c.expiry(d)}
	case n < 70:
		r.Terms = bounds(d)
		r.Terms.Clamp = d.percent(50)
	case n < 90:
		r.Terms = &cuenta.Terms{Expiry: c.expiry(d)}
	default:
		r.Terms = &cuenta.Terms{Clamp: true}
	}
}

// bounds draws limits that small amounts meet.
func bounds(d dice) *cuenta.Terms {
	t := &cuenta.Terms{}
	if d.percent(70) {
		t.Floor = cuenta.Bound{Set: true, At: int64(d.between(-20, 5))}
	}
	if d.percent(60) {
		t.Ceiling = cuenta.Bound{Set: true, At: int64(d.between(5, 60))}
	}
	return t
}

// expect gives a change a condition on the value or revision, as it was seen last.
func (c *client) expect(d dice, r *cuenta.Request) {
	seen := c.seen[string(r.Counter)]
	r.Terms = &cuenta.Terms{Expect: seen.revision}
	r.If = cuenta.IfRevision
	if d.percent(50) {
		r.If, r.Terms.Expect = cuenta.IfValue, seen.value
	}
}

// expiry draws an end: soon mostly, now and then one that is over, or none any more.
func (c *client) expiry(d dice) cuenta.Expiry {
	e := cuenta.Expiry{Kind: cuenta.ExpireAt, Time: c.w.about() + int64(d.lasting(-5*time.Millisecond, 200*time.Millisecond))}
	switch n := d.IntN(100); {
	case n < 15:
		e = cuenta.Expiry{Kind: cuenta.NoExpiry}
	case n < 40:
		e = cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: int64(d.lasting(time.Microsecond, 300*time.Millisecond))}
	case n < 48:
		e = cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: int64(time.Second)} // which text can say
	case n < 55:
		e.Time, e.Lapse = 1, true
	case n < 60:
		e.Time += int64(time.Minute) // perhaps the clocks jump as far
	}
	if d.percent(15) {
		e.If = cuenta.ExpiryCondition(d.between(1, int(cuenta.ExpiryIfAnySooner)))
	}
	return e
}

// about is what a client takes for the server's time.
func (w *world) about() int64 {
	if l := w.life; l != nil && l.up {
		return l.now()
	}
	return w.wall()
}

// transfer draws the moving of an amount from one counter to another, which must not
// go below 0.
func (c *client) transfer(d dice) *call {
	n := int64(d.between(1, 12))
	made := &call{requests: []cuenta.Request{
		{Op: cuenta.All, Span: 2},
		{Op: cuenta.Add, Counter: c.name(d), N: -n, Terms: &cuenta.Terms{Floor: cuenta.Bound{Set: true}}},
		{Op: cuenta.Add, Counter: c.name(d), N: n},
	}}
	if d.percent(70) {
		c.identify(made)
	}
	return made
}
