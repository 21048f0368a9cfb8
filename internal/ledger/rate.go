package ledger

import (
	"cmp"
	"math"
	"math/bits"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/terms"
)

// usage is what a counter that limits a rate remembers: nothing is left of it at its
// end. What the value says depends on the kind of the rate.
type usage struct {
	value int64
	ends  int64
}

// verdict is what a rate says of a request.
type verdict struct {
	allowed bool
	next    usage // if allowed
	left    int64 // that may be taken now, or after the request
	wait    int64 // until the request would be allowed, -1 for ever; if allowed, until all may be taken again
}

// take takes from what a rate allows.
func (l *Ledger) take(r *cuenta.Request, hash, cell uint32, found bool, now int64, out *cuenta.Result) Standing {
	is := l.seen(cell, found)
	alive := is.alive()
	switch {
	case r.Terms == nil || !r.Terms.Rate.Valid() || r.N < 0:
		return refuse(cuenta.Syntax, out)
	case !meets(r, &is):
		return l.unmet(cell, found, out)
	}
	value, was := l.state(cell, alive)
	if alive && (was.Ends == 0 || value < 0 || was != terms.Terms{Ends: was.Ends} || l.held(cell, alive).Count > 0) {
		return l.unmet(cell, found, out) // it counts something else
	}
	v := judge(&r.Terms.Rate, usage{value, was.Ends}, r.N, now)
	standing := Durable
	switch {
	case v.allowed && r.N > 0:
		var code cuenta.Code
		if cell, code = l.writeWith(r, hash, cell, found, v.next.value, was, terms.Terms{Ends: v.next.ends}); code != cuenta.OK {
			return refuse(code, out)
		}
		standing = l.answer(cell, true, out)
	default:
		standing = l.answer(cell, found, out)
		if !v.allowed {
			out.Code = cuenta.Throttled
		}
	}
	out.Value, out.Amount = v.left, v.wait
	return standing
}

// judge says whether n may be taken now.
func judge(rate *cuenta.Rate, u usage, n, now int64) verdict {
	switch rate.Kind {
	case cuenta.FixedWindow:
		return judgeFixed(rate, u, n, now)
	case cuenta.SlidingWindow:
		return judgeSliding(rate, u, n, now)
	}
	return judgeSteady(rate, u, n, now)
}

// judgeFixed counts what is taken in a window, at whose end the counter ends.
func judgeFixed(rate *cuenta.Rate, u usage, n, now int64) verdict {
	ends := now - now%rate.Period + rate.Period
	if u.ends != ends { // of another window, or another rate
		u = usage{}
	}
	left := max(0, rate.Limit-u.value)
	switch {
	case n > rate.Limit:
		return verdict{left: left, wait: -1}
	case n > left:
		return verdict{left: left, wait: ends - now}
	}
	v := verdict{allowed: true, next: usage{u.value + n, ends}, left: left - n}
	if u.value+n > 0 {
		v.wait = ends - now
	}
	return v
}

// judgeSliding counts what is taken in a window and in the one before, in the low and
// the high half of the value. The counter ends with the window behind.
func judgeSliding(rate *cuenta.Rate, u usage, n, now int64) verdict {
	start := now - now%rate.Period
	var before, within int64
	switch u.ends {
	case start + 2*rate.Period:
		before, within = u.value>>32, u.value&math.MaxUint32
	case start + rate.Period:
		before = u.value & math.MaxUint32
	}
	passed := now - start
	used := within + scale(before, rate.Period-passed, rate.Period, up)
	left := max(0, rate.Limit-used)
	switch {
	case n > rate.Limit:
		return verdict{left: left, wait: -1}
	case n > 0 && within+n > rate.Limit: // it must become the window before, and fade
		fade := rate.Period - scale(rate.Limit-n, rate.Period, max(1, within), down)
		return verdict{left: left, wait: rate.Period - passed + max(0, fade)}
	case n > left:
		fade := rate.Period - scale(rate.Limit-within-n, rate.Period, before, down)
		return verdict{left: left, wait: max(1, fade-passed)}
	}
	v := verdict{allowed: true, next: usage{before<<32 | within + n, start + 2*rate.Period}, left: left - n}
	switch {
	case within+n > 0:
		v.wait = start + 2*rate.Period - now
	case before > 0:
		v.wait = start + rate.Period - now
	}
	return v
}

// judgeSteady keeps the time at which all may be taken again, which is the counter's
// end as well (the generic cell rate algorithm).
func judgeSteady(rate *cuenta.Rate, u usage, n, now int64) verdict {
	burst := cmp.Or(rate.Burst, rate.Limit)
	depth := scale(burst, rate.Period, rate.Limit, up)
	full := max(now, u.ends)
	leftAt := func(full int64) int64 {
		return min(burst, scale(max(0, depth-(full-now)), rate.Limit, rate.Period, down))
	}
	left := leftAt(full)
	if n > burst {
		return verdict{left: left, wait: -1}
	}
	next := full + scale(n, rate.Period, rate.Limit, up)
	if wait := next - now - depth; n > 0 && wait > 0 {
		return verdict{left: left, wait: wait}
	}
	return verdict{
		allowed: true, next: usage{next, next}, wait: next - now,
		left: leftAt(next),
	}
}

const (
	down = false
	up   = true
)

// scale returns n*by/of, rounded. None is negative, and of is not 0; what is more
// than an int64 holds is its end.
func scale(n, by, of int64, roundUp bool) int64 {
	high, low := bits.Mul64(uint64(n), uint64(by))
	if high >= uint64(of) {
		return math.MaxInt64
	}
	quotient, rest := bits.Div64(high, low, uint64(of))
	if roundUp && rest > 0 {
		quotient++
	}
	return int64(min(quotient, math.MaxInt64))
}
