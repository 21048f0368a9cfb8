package fronttest

import (
	"math"
	"math/big"
	"strings"

	"github.com/cuenta-server/cuenta"
)

// totals returns the names of the declared totals above a name, the nearest first, and
// how many levels above it each is.
func (s *Service) totals(name string) (names []string, levels []uint8) {
	for level := uint8(1); ; level++ {
		i := strings.LastIndexByte(name, '/')
		if i < 0 {
			return names, levels
		}
		name = name[:i]
		if c := s.counters[name]; c != nil && c.ended(s.now) {
			s.end(name, c)
		} else if c != nil && c.total {
			names, levels = append(names, name), append(levels, level)
		}
	}
}

// anyTotal reports whether there is a declared total anywhere.
func (s *Service) anyTotal() bool {
	for _, c := range s.counters {
		if c.total {
			return true
		}
	}
	return false
}

// charge is set for an Add whose counter has declared totals above it.
func (s *Service) charge(r *cuenta.Request, name string, c *count, asked cuenta.Terms) cuenta.Result {
	if r.Op != cuenta.Add || !s.anyTotal() {
		return s.set(r, name, c, asked)
	}
	if strings.Count(name, "/") > cuenta.MaxLevels {
		return cuenta.Result{Code: cuenta.TooLarge}
	}
	share := *r
	names, levels := s.totals(name)
	refusal, fits := s.fit(&share, names, levels, asked.Clamp)
	if !fits {
		return refusal
	}
	var before int64
	if c != nil {
		before = c.value
	}
	result := s.set(&share, name, c, asked)
	if result.Code == cuenta.OK {
		s.addTo(names, result.Value-before)
	}
	return result
}

// fit makes a charge as small as the totals need it, if that is asked for, or refuses it.
func (s *Service) fit(share *cuenta.Request, names []string, levels []uint8, clamp bool) (cuenta.Result, bool) {
	for i, name := range names {
		t := s.counters[name]
		value, code := within(wanted(share, t.value), span(*t, cuenta.Terms{}), clamp)
		if code != cuenta.OK {
			return cuenta.Result{Code: code, Value: value, Amount: value - t.value, Level: levels[i]}, false
		}
		share.N = value - t.value
	}
	return cuenta.Result{}, true
}

func (s *Service) addTo(names []string, n int64) {
	for _, name := range names {
		next := *s.counters[name]
		next.value += n
		s.put(name, next)
	}
}

// hold is a part of a limit that is held back.
type hold struct{ amount, ends int64 }

// held returns what the holds come to, both ways.
func (c *count) held() (up, down int64) {
	for _, h := range c.holds {
		up, down = up+max(0, h.amount), down+max(0, -h.amount)
	}
	return up, down
}

// available is how much more may be held in the direction of an amount.
func (c *count) available(amount int64) int64 {
	s := span(*c, cuenta.Terms{})
	left := new(big.Int).Sub(big.NewInt(s[1]), big.NewInt(c.value))
	if amount < 0 {
		left.Sub(big.NewInt(c.value), big.NewInt(s[0]))
	}
	if !left.IsInt64() {
		return math.MaxInt64
	}
	return left.Int64()
}

// onHolds carries out what is about holds.
func (s *Service) onHolds(r *cuenta.Request, name string, c *count, asked cuenta.Terms) cuenta.Result {
	ends := int64(1)
	if r.Op == cuenta.Hold || r.Op == cuenta.Extend {
		var code cuenta.Code
		ends, code = newEnd(0, cuenta.Expiry{Kind: asked.Expiry.Kind, Time: asked.Expiry.Time}, s.now)
		if asked.Expiry.Kind < cuenta.ExpireAt || asked.Expiry.Lapse {
			code = cuenta.Syntax
		}
		if code != cuenta.OK {
			return cuenta.Result{Code: code}
		}
	}
	if r.Op == cuenta.Hold {
		return s.hold(r, name, c, asked, ends)
	}
	if !c.meets(r) {
		return c.unmet()
	}
	if c == nil || c.holds[asked.Hold] == (hold{}) {
		result := c.result()
		result.Code = cuenta.NoHold
		return result
	}
	next, h := s.next(c), c.holds[asked.Hold]
	if delete(next.holds, asked.Hold); r.Op == cuenta.Extend {
		next.holds[asked.Hold] = hold{h.amount, ends}
	}
	var added int64
	if r.Op == cuenta.Settle {
		refusal, ok := s.settle(r, name, c, &next, asked)
		if !ok {
			return refusal
		}
		added = next.value - c.value
	}
	result := s.put(name, next)
	if result.Amount = s.counters[name].available(h.amount); r.Op == cuenta.Settle && asked.Clamp {
		result.Amount = added
	}
	return result
}

func (s *Service) hold(r *cuenta.Request, name string, c *count, asked cuenta.Terms, ends int64) cuenta.Result {
	if r.N == 0 || r.N == math.MinInt64 {
		return cuenta.Result{Code: cuenta.Syntax}
	}
	if !c.meets(r) {
		return c.unmet()
	}
	next := s.next(c)
	add := cuenta.Request{Op: cuenta.Add, N: r.N}
	if limit, code := within(wanted(&add, next.value), span(next, asked), false); code != cuenta.OK {
		return c.atLimit(code, limit, true)
	}
	next.holds[next.revision+1] = hold{r.N, ends}
	result := s.put(name, next)
	result.Amount = s.counters[name].available(r.N)
	return result
}

// settle adds what was used of a hold, which next has no more.
func (s *Service) settle(r *cuenta.Request, name string, c, next *count, asked cuenta.Terms) (refusal cuenta.Result, ok bool) {
	add := cuenta.Request{Op: cuenta.Add, N: r.N}
	value, code := within(wanted(&add, c.value), span(*next, asked), asked.Clamp)
	if code != cuenta.OK {
		return c.atLimit(code, value, true), false
	}
	add.N = value - c.value
	if add.N != 0 && s.anyTotal() {
		if strings.Count(name, "/") > cuenta.MaxLevels {
			return cuenta.Result{Code: cuenta.TooLarge}, false
		}
		names, levels := s.totals(name)
		if refusal, fits := s.fit(&add, names, levels, asked.Clamp); !fits {
			return refusal, false
		}
		s.addTo(names, add.N)
	}
	next.value = c.value + add.N
	return refusal, true
}

// describeHolds fills in what is held.
func (c *count) describeHolds(t *cuenta.Terms, behind uint64) cuenta.Code {
	t.Held, t.HeldDown = c.held()
	if behind != 0 && c.holds[behind] == (hold{}) {
		return cuenta.NoHold
	}
	for id, h := range c.holds {
		// The newest first, which is an order that stays.
		if behind == 0 || id < behind {
			t.Holds = append(t.Holds, cuenta.Held{ID: id, Amount: h.amount, Ends: h.ends})
		}
	}
	return cuenta.OK
}
