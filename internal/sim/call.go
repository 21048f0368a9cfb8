package sim

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/history"
	"github.com/cuenta-server/cuenta/internal/uuid"
)

// call is what a client wants: one request, or an All or a Check with what it
// spans, under one identity or none, and however many attempts it takes.
type call struct {
	requests []cuenta.Request
	session  *session // whose number it has; nil for none
	tally    *tally   // of its counter; nil for none
	attempts int
	under    int // attempts that are still waited for
	settled  bool
}

func (c *call) head() *cuenta.Request { return &c.requests[0] }

// bare reports whether a repeat of the call would be a further change.
func (c *call) bare() bool {
	return c.changes() && !c.head().Identity.Given() && c.head().Op != cuenta.Ticket
}

func (c *call) changes() bool {
	switch c.head().Op {
	case cuenta.Get, cuenta.Describe, cuenta.Outcome:
		return false
	}
	return true
}

// count counts one more attempt of a call that has a tally.
func (c *call) count(j *judge) {
	if c.tally != nil {
		c.tally.attempted += c.head().N
	}
}

func (c *call) String() string {
	var parts []string
	for i := range c.requests {
		parts = append(parts, sentence(&c.requests[i]))
	}
	return strings.Join(parts, ", ")
}

// sentence says what a request is.
func sentence(r *cuenta.Request) string {
	text := r.Op.String()
	switch r.Op {
	case cuenta.OpenSession, cuenta.Outcome, cuenta.All:
	case cuenta.Get, cuenta.Reset, cuenta.Delete, cuenta.Limit, cuenta.Expire, cuenta.Describe, cuenta.Release, cuenta.Extend:
		text += fmt.Sprintf(" %.12s", r.Counter)
	default:
		text += fmt.Sprintf(" %d %.12s", r.N, r.Counter)
	}
	text += history.InWords(r)
	if id := &r.Identity; len(id.Key) > 0 {
		text += fmt.Sprintf(" key %s", id.Key)
	} else if id.Session != 0 {
		text += fmt.Sprintf(" number %d of %016x from %d", id.Number, id.Session, id.Lowest)
	}
	return text
}

// session gives out the numbers of one session, as the client library does.
type session struct {
	id       uint64
	next     uint64
	open     []uint64 // given out and not answered, ascending
	asked    bool     // it is being opened
	finished bool     // the server does not know it any more
}

func (s *session) lowest() uint64 {
	if len(s.open) > 0 {
		return s.open[0]
	}
	return s.next
}

// room reports whether a number may be given out without pushing one out that is
// not answered.
func (s *session) room() bool {
	return s.id != 0 && !s.finished && s.next-s.lowest() < cuenta.SessionWindow
}

// name draws a counter's name.
func (c *client) name(d dice) []byte {
	n := d.IntN(c.w.profile.shared)
	if n == 0 {
		return []byte("a-counter-whose-name-is-too-long-for-its-cell")
	}
	return fmt.Appendf(nil, "c%d", n)
}

// amount draws an amount: small mostly, and sometimes one that overflows.
func amount(d dice) int64 {
	if d.percent(6) {
		return some(d, []int64{math.MaxInt64, math.MinInt64 + 1, math.MaxInt64 - 5, 1 << 62, -1 << 62})
	}
	return int64(d.between(-5, 20))
}

// change draws one request that changes a counter.
func (c *client) change(d dice) cuenta.Request {
	if d.percent(c.w.profile.beyond) {
		return c.beyond(d)
	}
	r := cuenta.Request{Op: cuenta.Add, Counter: c.name(d), N: amount(d)}
	switch n := d.IntN(100); {
	case n < 8:
		r.Op, r.N = cuenta.Reset, 0
	case n < 20:
		r.Op = cuenta.Set
	case n < 32:
		r.Op, r.N = cuenta.Delete, 0
	}
	if r.Op != cuenta.Delete && d.percent(15) {
		r.If = some(d, []cuenta.Condition{cuenta.IfAbsent, cuenta.IfPresent})
	}
	c.within(d, &r)
	return r
}

// draw draws a call.
func (c *client) draw() *call {
	d := c.w.dice
	one := func(r cuenta.Request) *call { return &call{requests: []cuenta.Request{r}} }
	if d.percent(c.w.profile.beyond / 4) {
		return c.ticket(d)
	}
	switch n := d.IntN(100); {
	case n < 14:
		return one(cuenta.Request{Op: cuenta.Get, Counter: c.name(d)})
	case n < 20:
		return one(cuenta.Request{Op: cuenta.Describe, Counter: c.name(d), Terms: &cuenta.Terms{}})
	case n < 32:
		return c.meter()
	case n < 36:
		return c.transfer(d)
	case n < 42:
		return c.together(cuenta.All, d.between(1, 4))
	case n < 47:
		return c.together(cuenta.Check, d.between(1, 3))
	case n < 52 && len(c.past) > 0:
		// Again, although it was answered, or to ask what became of it.
		again := some(d, c.past)
		if d.percent(50) {
			return one(cuenta.Request{Op: cuenta.Outcome, Identity: again.head().Identity})
		}
		if d.percent(30) && again.head().Op != cuenta.All { // and for something else
			other := c.change(d)
			other.Identity = again.head().Identity
			return one(other)
		}
		return &call{requests: again.requests}
	}
	made := one(c.change(d))
	if d.percent(75) {
		c.identify(made)
	}
	return made
}

// meter draws an increment of a counter of which the sum is known.
func (c *client) meter() *call {
	d := c.w.dice
	exact := d.percent(60)
	name := "bare"
	if exact {
		name = "exact"
	}
	made := &call{requests: []cuenta.Request{{Op: cuenta.Add, Counter: []byte(name), N: int64(d.between(1, 9))}}}
	if exact {
		c.identify(made)
		if !made.head().Identity.Given() {
			return made.renamed("c1")
		}
	}
	made.tally = c.w.judge.tallyOf(name)
	if exact {
		made.count(c.w.judge)
	}
	return made
}

func (c *call) renamed(name string) *call {
	c.head().Counter = []byte(name)
	return c
}

// together draws an All or a Check with what it spans.
func (c *client) together(op cuenta.Op, n int) *call {
	d := c.w.dice
	made := &call{requests: []cuenta.Request{{Op: op, Span: uint16(n)}}}
	if op == cuenta.Check {
		made.head().Counter = c.name(d)
		seen := c.seen[string(made.head().Counter)]
		made.head().N = int64(d.IntN(2)) * seen.revision
		if d.percent(30) {
			made.head().If, made.head().N = cuenta.IfValue, seen.value
		}
	}
	for range n {
		r := c.change(d)
		if d.percent(20) {
			r = c.look(d, op, r.Counter)
		}
		made.requests = append(made.requests, r)
	}
	if op == cuenta.All && d.percent(70) {
		c.identify(made)
	}
	return made
}

// look draws a request that only reads.
func (c *client) look(d dice, in cuenta.Op, counter []byte) cuenta.Request {
	switch n := d.IntN(100); {
	case n < 50:
		return cuenta.Request{Op: cuenta.Get, Counter: counter}
	case n < 75 || in != cuenta.All:
		return cuenta.Request{Op: cuenta.Describe, Counter: counter, Terms: &cuenta.Terms{}}
	}
	return cuenta.Request{Op: cuenta.Check, If: cuenta.IfValue, N: c.seen[string(counter)].value, Counter: counter}
}

// identify gives a call an identity: a key, or a number of the client's session.
func (c *client) identify(made *call) {
	d := c.w.dice
	if s := c.session; d.percent(50) && s != nil && s.room() {
		made.session = s
		made.head().Identity = cuenta.Identity{Session: s.id, Number: s.next}
		s.open = append(s.open, s.next)
		if s.next++; d.percent(5) {
			s.next += uint64(d.IntN(9)) // numbers may be left out
		}
		return
	}
	c.keys++
	key := fmt.Appendf(nil, "k%d-%d", c.number, c.keys)
	if c.w.profile.uuids || d.percent(30) {
		key = c.uuid()
	}
	made.head().Identity = cuenta.Identity{Key: key}
}

// uuid makes a key of the client's own time.
func (c *client) uuid() []byte {
	var u uuid.UUID
	binary.BigEndian.PutUint64(u[:], uint64((c.w.wall()+int64(c.skew))/1e6)<<16)
	binary.BigEndian.PutUint64(u[8:], c.w.Uint64())
	u[6], u[7] = 7<<4, byte(c.number)
	u[8] = u[8]&0x3f | 2<<6
	return []byte(u.String())
}
