package fronttest

import (
	"maps"
	"math"
	"math/big"

	"github.com/cuenta-server/cuenta"
)

// count is one counter.
type count struct {
	value          int64
	revision       uint64
	floor, ceiling cuenta.Bound
	total          bool
	ends           int64           // in nanoseconds since 1970; 0: never
	holds          map[uint64]hold // by id
}

// apply carries out one request. A counter whose time is over is deleted by a
// change that meets it, and a read finds none.
func (s *Service) apply(r *cuenta.Request) cuenta.Result {
	name := r.Counter
	if len(name) == 0 {
		name = []byte(cuenta.DefaultCounter)
	}
	if !cuenta.ValidName(name) {
		return cuenta.Result{Code: cuenta.Syntax}
	}
	c := s.counters[string(name)]
	if c != nil && c.ended(s.now) {
		if !r.Op.Reads() {
			s.end(string(name), c)
		}
		c = nil
	}
	if !r.Op.Reads() {
		return s.change(r, string(name), c)
	}
	return s.read(r, c)
}

// read answers from what a counter holds; nil is one that does not exist.
func (s *Service) read(r *cuenta.Request, c *count) cuenta.Result {
	result := c.result()
	switch r.Op {
	case cuenta.Check:
		is := int64(result.Revision)
		if r.If == cuenta.IfValue {
			is = result.Value
		}
		if is != r.N {
			result.Code = cuenta.Unmet
		}
	case cuenta.Describe:
		if r.Terms == nil {
			return cuenta.Result{Code: cuenta.Syntax}
		}
		behind, room := r.Terms.Hold, r.Terms.Holds[:0]
		*r.Terms = cuenta.Terms{Holds: room}
		if c == nil && behind != 0 {
			result.Code = cuenta.NoHold
		}
		if c == nil {
			break
		}
		r.Terms.Floor, r.Terms.Ceiling, r.Terms.Total = c.floor, c.ceiling, c.total
		result.Code = c.describeHolds(r.Terms, behind)
		if c.ends != 0 {
			r.Terms.Expiry = cuenta.Expiry{Kind: cuenta.ExpireAt, Time: c.ends}
			result.Amount = c.ends - s.now
		}
	}
	return result
}

// result is what a counter holds; nil is one that does not exist.
func (c *count) result() cuenta.Result {
	if c == nil {
		return cuenta.Result{}
	}
	result := cuenta.Result{Value: c.value, Revision: c.revision, Generation: 1}
	if c.ends != 0 {
		result.Generation = 0
	}
	return result
}

func (c *count) ended(now int64) bool { return c.ends != 0 && c.ends <= now }

func (s *Service) change(r *cuenta.Request, name string, c *count) cuenta.Result {
	switch r.Op {
	case cuenta.Limit, cuenta.Expire:
		if r.Terms == nil || r.Op == cuenta.Expire && r.Terms.Expiry.Kind == cuenta.KeepExpiry {
			return cuenta.Result{Code: cuenta.Syntax}
		}
	case cuenta.Take:
		return s.take(r, name, c)
	case cuenta.Ticket:
		return s.ticket(r, name, c)
	case cuenta.Hold, cuenta.Settle, cuenta.Release, cuenta.Extend:
		if r.Terms == nil || !r.Terms.Valid() {
			return cuenta.Result{Code: cuenta.Syntax}
		}
		return s.onHolds(r, name, c, *r.Terms)
	case cuenta.Add, cuenta.Reset, cuenta.Set, cuenta.Delete:
	default:
		return cuenta.Result{Code: cuenta.Syntax}
	}
	var asked cuenta.Terms
	if r.Terms != nil {
		asked = *r.Terms
	}
	if !asked.Valid() {
		return cuenta.Result{Code: cuenta.Syntax}
	}
	if !c.meets(r) {
		return c.unmet()
	}
	switch r.Op {
	case cuenta.Delete:
		return s.delete(name, c)
	case cuenta.Limit:
		return s.limit(name, c, asked)
	case cuenta.Expire:
		return s.expire(name, c, asked.Expiry)
	}
	return s.charge(r, name, c, asked)
}

// meets reports whether a request's condition holds. What does not exist reads 0.
func (c *count) meets(r *cuenta.Request) bool {
	is := c.result()
	switch r.If {
	case cuenta.Always:
		return true
	case cuenta.IfAbsent:
		return c == nil
	case cuenta.IfPresent:
		return c != nil
	case cuenta.IfValue:
		return r.Terms != nil && is.Value == r.Terms.Expect
	case cuenta.IfRevision:
		return r.Terms != nil && int64(is.Revision) == r.Terms.Expect
	}
	return false
}

func (c *count) unmet() cuenta.Result {
	result := c.result()
	result.Code = cuenta.Unmet
	return result
}

func (s *Service) delete(name string, c *count) cuenta.Result {
	if c == nil {
		return cuenta.Result{}
	}
	s.end(name, c)
	return cuenta.Result{Value: c.value, Revision: c.revision + 1}
}

// end takes a counter away.
func (s *Service) end(name string, c *count) {
	s.floor = max(s.floor, c.revision+1)
	delete(s.counters, name)
}

// next returns what a counter is to become: itself, or one made anew.
func (s *Service) next(c *count) count {
	if c == nil {
		return count{revision: s.floor, holds: map[uint64]hold{}}
	}
	next := *c
	next.holds = maps.Clone(c.holds)
	return next
}

// put makes a counter what it has become.
func (s *Service) put(name string, next count) cuenta.Result {
	next.revision++
	s.counters[name] = &next
	return next.result()
}

// set gives a counter a value, and perhaps another end.
func (s *Service) set(r *cuenta.Request, name string, c *count, asked cuenta.Terms) cuenta.Result {
	next := s.next(c)
	before := next.value
	value, code := within(wanted(r, before), span(next, asked), asked.Clamp)
	if code != cuenta.OK {
		return c.atLimit(code, value, r.Terms != nil)
	}
	next.value = value
	switch ends, code := newEnd(next.ends, asked.Expiry, s.now); code {
	case cuenta.Past:
		return cuenta.Result{Code: code}
	case cuenta.OK:
		next.ends = ends
	}
	result := s.put(name, next)
	if asked.Clamp {
		result.Amount = value - before
	}
	if next.ended(s.now) {
		s.end(name, s.counters[name])
	}
	return result
}

// wanted returns the value that a request would give a counter, which may be none
// of int64.
func wanted(r *cuenta.Request, value int64) *big.Int {
	switch r.Op {
	case cuenta.Add:
		return new(big.Int).Add(big.NewInt(value), big.NewInt(r.N))
	case cuenta.Set:
		return big.NewInt(r.N)
	}
	return new(big.Int)
}

// span returns the least and the most that the counter and the request allow.
func span(c count, asked cuenta.Terms) (s [2]int64) {
	s = [2]int64{math.MinInt64, math.MaxInt64}
	if c.floor.Set {
		s[0] = c.floor.At
	}
	if c.ceiling.Set {
		s[1] = c.ceiling.At
	}
	up, down := c.held() // is not for others
	s[0], s[1] = s[0]+down, s[1]-up
	if asked.Floor.Set {
		s[0] = max(s[0], asked.Floor.At)
	}
	if asked.Ceiling.Set {
		s[1] = min(s[1], asked.Ceiling.At)
	}
	return s
}

// within returns the value, or, where that is not allowed, what limit it would pass.
// That is the value instead if it may be clamped, unless no value at all is allowed.
func within(value *big.Int, s [2]int64, clamp bool) (int64, cuenta.Code) {
	var limit int64
	switch {
	case value.Cmp(big.NewInt(s[1])) > 0:
		limit = s[1]
	case value.Cmp(big.NewInt(s[0])) < 0:
		limit = s[0]
	default:
		return value.Int64(), cuenta.OK
	}
	switch {
	case clamp && s[0] <= s[1]:
		return limit, cuenta.OK
	case !value.IsInt64() && (limit == math.MinInt64 || limit == math.MaxInt64):
		return limit, cuenta.Overflow
	}
	return limit, cuenta.Limited
}

// atLimit refuses a change for the sake of a limit. The room that it tells is asked
// for, or there is a counter with terms.
func (c *count) atLimit(code cuenta.Code, limit int64, asked bool) cuenta.Result {
	result := c.result()
	if asked || c != nil && (c.floor.Set || c.ceiling.Set || c.total || c.ends != 0 || len(c.holds) > 0) {
		result.Amount = limit - result.Value
	}
	result.Code, result.Value = code, limit
	return result
}
