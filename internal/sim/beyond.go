package sim

import (
	"fmt"
	"strings"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/ledger"
)

// made is a hold that some client was told of.
type made struct {
	counter string
	id      uint64
}

// rates are those that are taken from, each from a counter of its own: so little that
// there is too much asked for, in times that are over while the world lasts.
var rates = []cuenta.Rate{
	{Kind: cuenta.FixedWindow, Limit: 8, Period: int64(300 * time.Millisecond)},
	{Kind: cuenta.SlidingWindow, Limit: 8, Period: int64(300 * time.Millisecond)},
	{Kind: cuenta.Steady, Limit: 9, Period: int64(300 * time.Millisecond), Burst: 7},
}

// beyond draws a request that is about holds, totals or rates.
func (c *client) beyond(d dice) cuenta.Request {
	switch n := d.IntN(100); {
	case n < 45:
		return c.holding(d)
	case n < 75:
		return c.charging(d)
	default:
		i := d.IntN(len(rates))
		r := cuenta.Request{Op: cuenta.Take, Counter: fmt.Appendf(nil, "rate-%d", i), N: int64(d.IntN(8)), Terms: &cuenta.Terms{Rate: rates[i]}}
		if d.percent(8) {
			r = cuenta.Request{Op: cuenta.Describe, Counter: r.Counter, Terms: &cuenta.Terms{}}
		} else if d.percent(2) {
			r = cuenta.Request{Op: cuenta.Delete, Counter: r.Counter}
		}
		return r
	}
}

// holding draws a request about holds.
func (c *client) holding(d dice) cuenta.Request {
	r := cuenta.Request{Counter: fmt.Appendf(nil, "held-%d", d.IntN(2)), Terms: &cuenta.Terms{}}
	ends := cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: int64(d.lasting(time.Microsecond, 600*time.Millisecond))}
	if d.percent(40) {
		ends = cuenta.Expiry{Kind: cuenta.ExpireAt, Time: c.w.about() + int64(d.lasting(-time.Millisecond, 300*time.Millisecond))}
	}
	n := d.IntN(100)
	if n < 50 && n >= 20 && len(c.w.holds) > 0 {
		of := c.w.holds[max(0, len(c.w.holds)-1-d.IntN(12))]
		r.Op, r.Counter, r.Terms.Hold = some(d, []cuenta.Op{cuenta.Settle, cuenta.Settle, cuenta.Release, cuenta.Extend}), []byte(of.counter), of.id
		switch r.Op {
		case cuenta.Settle:
			r.N, r.Terms.Clamp = int64(d.between(-3, 12)), d.percent(40)
		case cuenta.Extend:
			r.Terms.Expiry = ends
		}
		return r
	}
	switch {
	case n < 50:
		r.Op, r.N, r.Terms.Expiry = cuenta.Hold, int64(d.between(-6, 14)), ends
	case n < 60:
		r.Op, r.Terms = cuenta.Limit, &cuenta.Terms{Floor: cuenta.Bound{Set: true, At: -15}, Ceiling: cuenta.Bound{Set: true, At: 40}}
	case n < 75:
		r.Op, r.Terms.Holds = cuenta.Describe, make([]cuenta.Held, 0, d.between(1, 16))
	case n < 78:
		r.Op, r.Terms = cuenta.Delete, nil
	default:
		r.Op, r.N, r.Terms = cuenta.Add, int64(d.between(-12, 10)), nil
	}
	return r
}

// sum is a total that is declared before anything is added below it, and never ceases to
// be one: so it is the sum of what is below it.
const sum = "sum"

// charging draws a request about totals.
func (c *client) charging(d dice) cuenta.Request {
	r := cuenta.Request{Op: cuenta.Add, N: int64(d.between(-4, 12))}
	switch n := d.IntN(100); {
	case n < 40 && !c.w.declared:
		r.Op, r.N, r.Counter, r.Terms = cuenta.Limit, 0, []byte(sum), &cuenta.Terms{Total: true}
	case n < 40:
		r.Counter = fmt.Appendf(nil, "%s/%d", sum, d.IntN(3))
	case n < 50:
		r.Op, r.N, r.Counter = cuenta.Get, 0, []byte(some(d, []string{sum, "t", "t/0"}))
	case n < 65:
		r.Op, r.N, r.Counter = cuenta.Limit, 0, []byte(some(d, []string{"t", "t/0", "t/1"}))
		r.Terms = &cuenta.Terms{Total: d.percent(85), Ceiling: cuenta.Bound{Set: d.percent(70), At: int64(d.between(20, 120))}}
	case n < 67:
		r.Op, r.N, r.Counter = cuenta.Delete, 0, []byte(some(d, []string{"t", "t/0", "t/0/1"}))
	default:
		r.Counter = fmt.Appendf(nil, "t/%d/%d", d.IntN(2), d.IntN(2))
		if d.percent(5) {
			r.Terms = &cuenta.Terms{Clamp: true}
		}
	}
	return r
}

// ticket draws a ticket for one of few idents, or, now and then, another series.
func (c *client) ticket(d dice) *call {
	r := cuenta.Request{
		Op: cuenta.Ticket, Counter: []byte("turn"), N: int64(d.between(1, 2)), Terms: &cuenta.Terms{Ident: fmt.Appendf(nil, "who-%d", d.IntN(12))},
	}
	if c.w.profile.series && d.percent(8) {
		r = cuenta.Request{Op: cuenta.Add, Counter: []byte("turn/#"), N: 1}
	}
	return &call{requests: []cuenta.Request{r}}
}

// remember notes what answers tell of holds and totals.
func (c *client) remember(asked *call, results []cuenta.Result) {
	for i := range results {
		r := &asked.requests[i]
		switch {
		case results[i].Code != cuenta.OK:
		case r.Op == cuenta.Hold && results[i].Revision != 0:
			c.w.holds = append(c.w.holds, made{string(r.Counter), results[i].Revision})
		case r.Op == cuenta.Limit && string(r.Counter) == sum:
			c.w.declared = true
		}
	}
}

// addsUp compares the total with what is below it, at a start.
func (j *judge) addsUp(l *ledger.Ledger) {
	var total, below int64
	for _, c := range countersOf(l) {
		switch {
		case c.Name == sum:
			total = c.Value
		case strings.HasPrefix(c.Name, sum+"/"):
			below += c.Value
		}
	}
	if total != below {
		j.complain("start %d: the total is %d, and what is below it comes to %d", j.w.lives, total, below)
	}
}
