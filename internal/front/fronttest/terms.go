package fronttest

import (
	"math"
	"math/big"
	"time"

	"github.com/cuenta-server/cuenta"
)

// Now has the service ask another clock than the system's. It must not go back.
func (s *Service) Now(clock func() time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = clock
}

// Advance moves the service's time on.
func (s *Service) Advance(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead += by
}

// time returns what time it is, in nanoseconds since 1970.
func (s *Service) time() int64 { return s.clock().Add(s.ahead).UnixNano() }

// Lapse deletes the counters whose time is over, which makes a difference only to the
// revisions of counters made later: nobody sees them any more in any case. And it ends
// such holds; until then they hold.
func (s *Service) Lapse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, c := range s.counters {
		if c.ended(s.time()) {
			s.end(name, c)
			continue
		}
		for id, h := range c.holds {
			if h.ends <= s.time() {
				next := s.next(s.counters[name])
				delete(next.holds, id)
				s.put(name, next)
			}
		}
	}
}

// limit gives a counter other limits, which its value must be within.
func (s *Service) limit(name string, c *count, asked cuenta.Terms) cuenta.Result {
	next := s.next(c)
	next.floor, next.ceiling, next.total = plain(asked.Floor), plain(asked.Ceiling), asked.Total
	at, code := within(big.NewInt(next.value), span(next, cuenta.Terms{}), false)
	if code != cuenta.OK {
		return c.atLimit(code, at, true)
	}
	return s.put(name, next)
}

// plain is a bound that says nothing where it is not set.
func plain(b cuenta.Bound) cuenta.Bound {
	if !b.Set {
		return cuenta.Bound{}
	}
	return b
}

// expire gives a counter another end, or ends it.
func (s *Service) expire(name string, c *count, e cuenta.Expiry) cuenta.Result {
	if c == nil {
		return c.unmet()
	}
	next := s.next(c)
	ends, code := newEnd(c.ends, e, s.now)
	switch {
	case code == cuenta.Unmet:
		return c.unmet()
	case code != cuenta.OK:
		return cuenta.Result{Code: code}
	}
	if next.ends = ends; next.ended(s.now) {
		return s.delete(name, c)
	}
	return s.put(name, next)
}

// newEnd returns the end that a counter gets, Unmet if its condition does not hold,
// or Past.
func newEnd(had int64, e cuenta.Expiry, now int64) (ends int64, code cuenta.Code) {
	switch e.Kind {
	case cuenta.KeepExpiry:
		return had, cuenta.OK
	case cuenta.ExpireAt:
		ends = max(1, e.Time) // all that is over is alike
	case cuenta.ExpireAfter:
		ends = math.MaxInt64
		if e.Time < math.MaxInt64-now {
			ends = now + e.Time
		}
	}
	switch {
	case !endMeets(e.If, had, ends):
		return had, cuenta.Unmet
	case ends != 0 && ends <= now && !e.Lapse:
		return had, cuenta.Past
	}
	return ends, cuenta.OK
}

// endMeets reports whether a condition holds between the end that a counter has
// and the one that it is to get.
func endMeets(condition cuenta.ExpiryCondition, had, gets int64) bool {
	switch condition {
	case cuenta.ExpiryIfNone:
		return had == 0
	case cuenta.ExpiryIfAny:
		return had != 0
	case cuenta.ExpiryIfLater:
		return had != 0 && (gets == 0 || gets > had)
	case cuenta.ExpiryIfSooner:
		return gets != 0 && (had == 0 || gets < had)
	case cuenta.ExpiryIfAnySooner:
		return gets != 0 && had != 0 && gets < had
	}
	return true
}
