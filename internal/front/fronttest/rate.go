package fronttest

import (
	"cmp"
	"fmt"
	"math/big"

	"github.com/cuenta-server/cuenta"
)

// take takes from what a rate allows. What the counter remembers is told by its value
// and its end as the ledger has them, so that both can be compared; what it means is
// worked out with fractions.
func (s *Service) take(r *cuenta.Request, name string, c *count) cuenta.Result {
	if r.Terms == nil || !r.Terms.Rate.Valid() || r.N < 0 {
		return cuenta.Result{Code: cuenta.Syntax}
	}
	if !c.meets(r) {
		return c.unmet()
	}
	next := s.next(c)
	if c != nil && (c.ends == 0 || c.value < 0 || c.floor.Set || c.ceiling.Set || c.total || len(c.holds) > 0) {
		return c.unmet()
	}
	rate := &r.Terms.Rate
	left, most := s.left(rate, next, s.now)
	if r.N > left {
		result := c.result()
		result.Code, result.Value, result.Amount = cuenta.Throttled, left, -1
		if r.N <= most {
			result.Amount = s.when(func(t int64) bool { n, _ := s.left(rate, next, t); return r.N <= n }, rate)
		}
		return result
	}
	result := c.result()
	if r.N > 0 {
		s.use(rate, &next, r.N)
		result = s.put(name, next)
	}
	result.Value, _ = s.left(rate, next, s.now)
	result.Amount = s.when(func(t int64) bool { return t >= next.ends || !s.counts(rate, next, t) }, rate)
	return result
}

// when returns how long it is until something holds that goes on to hold.
func (s *Service) when(holds func(at int64) bool, rate *cuenta.Rate) int64 {
	if holds(s.now) {
		return 0
	}
	low, high := int64(0), 3*rate.Period
	for !holds(s.now + high) {
		high *= 2
	}
	for high-low > 1 {
		if middle := low + (high-low)/2; holds(s.now + middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return high
}

// counts reports whether anything that was taken still counts.
func (s *Service) counts(rate *cuenta.Rate, c count, now int64) bool {
	left, most := s.left(rate, c, now)
	if rate.Kind == cuenta.SlidingWindow {
		before, within := windows(rate, c, now)
		return before+within > 0
	}
	if rate.Kind == cuenta.Steady {
		return c.ends > now
	}
	return left < most
}

// left returns how much may be taken at a time, and how much ever at once.
func (s *Service) left(rate *cuenta.Rate, c count, now int64) (left, most int64) {
	switch rate.Kind {
	case cuenta.FixedWindow:
		if c.ends == (now/rate.Period+1)*rate.Period {
			return max(0, rate.Limit-c.value), rate.Limit
		}
		return rate.Limit, rate.Limit
	case cuenta.SlidingWindow:
		before, within := windows(rate, c, now)
		fades := big.NewRat(before, 1)
		fades.Mul(fades, big.NewRat(rate.Period-now%rate.Period, rate.Period))
		return max(0, rate.Limit-within-roundUp(fades)), rate.Limit
	}
	most = cmp.Or(rate.Burst, rate.Limit)
	depth := roundUp(interval(rate, most)) // times are whole nanoseconds
	free := depth - max(0, c.ends-now)
	units := new(big.Rat).Mul(big.NewRat(max(0, free), 1), big.NewRat(rate.Limit, rate.Period))
	return min(most, new(big.Int).Quo(units.Num(), units.Denom()).Int64()), most
}

// interval is how long so many units take.
func interval(rate *cuenta.Rate, n int64) *big.Rat {
	return new(big.Rat).Mul(big.NewRat(n, 1), big.NewRat(rate.Period, rate.Limit))
}

func roundUp(r *big.Rat) int64 {
	q, rest := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		q.Add(q, big.NewInt(1))
	}
	return q.Int64()
}

// windows returns what was taken in the window before that of a time, and in it.
func windows(rate *cuenta.Rate, c count, now int64) (before, within int64) {
	start := now / rate.Period * rate.Period
	switch c.ends {
	case start + 2*rate.Period:
		return c.value >> 32, c.value & (1<<32 - 1)
	case start + rate.Period:
		return c.value & (1<<32 - 1), 0
	}
	return 0, 0
}

// use notes down that n were taken.
func (s *Service) use(rate *cuenta.Rate, c *count, n int64) {
	start := s.now / rate.Period * rate.Period
	switch rate.Kind {
	case cuenta.FixedWindow:
		if c.ends != start+rate.Period {
			c.value = 0
		}
		c.value, c.ends = c.value+n, start+rate.Period
	case cuenta.SlidingWindow:
		before, within := windows(rate, *c, s.now)
		c.value, c.ends = before<<32|(within+n), start+2*rate.Period
	case cuenta.Steady:
		c.ends = max(s.now, c.ends) + roundUp(interval(rate, n))
		c.value = c.ends
	}
}

// ticket gives an ident its numbers, or tells which it has.
func (s *Service) ticket(r *cuenta.Request, name string, c *count) cuenta.Result {
	if r.Terms == nil || len(r.Terms.Ident) == 0 || len(r.Terms.Ident) > cuenta.MaxKey || r.N < 1 {
		return cuenta.Result{Code: cuenta.Syntax}
	}
	series := int64(0)
	if of := s.found(name + cuenta.SeriesMark); of != nil {
		series = of.value
	}
	own := fmt.Sprintf("%s/%d/%s", name, series, r.Terms.Ident)
	switch {
	case len(own) > cuenta.MaxName:
		return cuenta.Result{Code: cuenta.TooLarge}
	case !cuenta.ValidName([]byte(own)):
		return cuenta.Result{Code: cuenta.Syntax}
	}
	if of := s.found(own); of != nil {
		result := cuenta.Result{Replayed: true, Value: of.value, Amount: 1}
		if of.floor.Set {
			result.Amount = of.value - of.floor.At + 1
		}
		return result
	}
	result := s.set(&cuenta.Request{Op: cuenta.Add, N: r.N}, name, c, cuenta.Terms{})
	if result.Code != cuenta.OK {
		return result
	}
	kept := s.next(nil)
	if kept.value = result.Value; r.N > 1 {
		kept.floor = cuenta.Bound{Set: true, At: result.Value - r.N + 1}
	}
	s.put(own, kept)
	result.Amount = r.N
	return result
}

// found returns a counter whose time is not over.
func (s *Service) found(name string) *count {
	c := s.counters[name]
	if c != nil && c.ended(s.now) {
		s.end(name, c)
		return nil
	}
	return c
}
