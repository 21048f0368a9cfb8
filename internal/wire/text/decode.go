package text

import (
	"bytes"
	"cmp"
	"math"
	"time"

	"github.com/cuenta-server/cuenta"
)

// Decoder reads commands. It holds the terms of what it has decoded, which stay
// until [Decoder.Reset].
type Decoder struct{ terms []cuenta.Terms }

// maxKept is how many terms a decoder keeps the memory of.
const maxKept = 64

// Reset takes back the terms of all requests decoded so far, which must not be used
// any more.
func (d *Decoder) Reset() {
	d.terms = d.terms[:0]
	if cap(d.terms) > maxKept {
		d.terms = nil
	}
}

// Decode reads one command, given without its line end, and appends its requests,
// of which there are none if it asks nothing of the service. They alias line.
func (d *Decoder) Decode(line []byte, requests []cuenta.Request) ([]cuenta.Request, Line) {
	var c command
	verdict := c.decode(line)
	switch {
	case verdict == Transfer:
		return d.appendTransfer(requests, &c), Line{Verdict: verdict, n: c.n}
	case verdict == Renumber:
		return appendRenumber(requests, &c), Line{Verdict: verdict}
	case verdict < Transfer:
		requests = append(requests, cuenta.Request{})
		r := &requests[len(requests)-1]
		d.fill(r, &c)
		return requests, Line{verdict, c.n, c.given&downOption != 0, r.Terms}
	case verdict.Bad() && verdict != TooLong && bytes.Contains(line, http):
		verdict = badHTTP
	}
	return requests, Line{Verdict: verdict}
}

// Decode reads a command as a [Decoder] does that nothing else is asked of. It sets
// r only for one that is a single request.
func Decode(line []byte, r *cuenta.Request) Verdict {
	var (
		d    Decoder
		room [MaxRequests]cuenta.Request
	)
	requests, l := d.Decode(line, room[:0])
	if len(requests) == 1 {
		*r = requests[0]
	}
	return l.Verdict
}

// http is in the first line of every HTTP request, and in no command. A web
// page can have a browser send a request to any port, with a body of the page's
// choice: commands, behind a header that is none. So a [Session] ends there.
var http = []byte(" HTTP/")

// command is a line that was read to the letter.
type command struct {
	verb    verb
	given   option
	n       int64
	counter []byte
	to      []byte // tra's second counter
	key     []byte

	floor, ceiling, ttl int64
	when                cuenta.ExpiryCondition
	rate                cuenta.Rate
	ident               []byte
	hold                uint64
}

func (c *command) decode(line []byte) Verdict {
	switch {
	case len(line) > MaxLine:
		return TooLong
	case len(line) == 0:
		return badEmpty
	case len(line) < 4 || line[3] != '.':
		return decodeWord(line)
	}
	if c.verb = verbOf(line[:3]); c.verb == 0 {
		return badVerb
	}
	n, rest, verdict := number(line[4:])
	if verdict != Command {
		return verdict
	}
	c.n = n
	if verdict = verbs[c.verb].unless0; n == 0 {
		verdict = verbs[c.verb].if0
	}
	if verdict != Command {
		return verdict
	}
	if len(rest) > 0 {
		if verdict := c.options(rest); verdict != Command {
			return verdict
		}
	}
	return c.check()
}

// decodeWord reads a line that has no verb with a number.
func decodeWord(line []byte) Verdict {
	word, rest, more := bytes.Cut(line, []byte{' '})
	switch string(word) {
	case "ayuda":
		v := verbOf(rest)
		switch {
		case !more:
			return Help
		case string(rest) == "mas":
			return MoreHelp
		case v == 0:
			return badExtra
		}
		return helpOfVerb + Verdict(v-1)
	case "salir":
		if more {
			return badExtra
		}
		return Quit
	}
	if verbOf(word) != 0 {
		return badNoNumber
	}
	return badVerb
}

// number reads the digits up to a space or the end, and returns what follows
// them, the space included.
func number(p []byte) (n int64, rest []byte, verdict Verdict) {
	over := false
	i := 0
	for ; i < len(p) && p[i] != ' '; i++ {
		digit := int64(p[i]) - '0'
		if digit < 0 || digit > 9 {
			return 0, nil, badNumber
		}
		if n > (math.MaxInt64-digit)/10 {
			over = true // go on: a letter further on is the better thing to tell
			n = 0
		}
		n = n*10 + digit
	}
	switch {
	case i == 0:
		return 0, nil, badNoNumber
	case over:
		return 0, nil, badRange
	}
	return n, p[i:], Command
}

// check looks at what the parts of a command mean together. It returns what the
// command is.
func (c *command) check() Verdict {
	row := &verbs[c.verb]
	takes := row.options
	switch {
	case c.reads():
		takes = every
	case (c.verb == exp || c.verb == ext) && c.n > maxSeconds:
		return badFar
	case c.verb == tra && c.to == nil:
		return badFromTo
	case c.verb == tra && bytes.Equal(c.counter, c.to):
		return badSame
	case c.verb == ren && len(c.counter)+len(cuenta.SeriesMark) > cuenta.MaxName:
		return badName
	}
	switch {
	case c.given&^takes != 0:
		return badMisplaced
	case row.needs&^c.given != 0:
		return row.lacks
	case c.given&limits == limits && c.floor > c.ceiling:
		return badSpan
	case c.verb == ret && c.given&limits == maxOption && c.ceiling < 0:
		return badSpan // its own min is 0
	case c.verb == cup:
		return c.checkRate()
	}
	return row.kind
}

// checkRate completes the rate of a cup, and looks whether there can be such.
func (c *command) checkRate() Verdict {
	c.rate.Limit = c.ceiling
	c.rate.Kind = cmp.Or(c.rate.Kind, cuenta.FixedWindow)
	switch {
	case c.given&burstOption != 0 && c.rate.Kind != cuenta.Steady:
		return badBurst
	case !c.rate.Valid():
		return badRate
	}
	return Command
}

// maxSeconds is how far off an end may be.
const maxSeconds = math.MaxInt64 / int64(time.Second)

// reads reports whether a command that could be a change is a read, for its 0.
func (c *command) reads() bool {
	switch c.verb {
	case inc, dec, ing, ret:
		return c.n == 0
	}
	return false
}

// fill makes the request of a command that is one.
func (d *Decoder) fill(r *cuenta.Request, c *command) {
	r.Counter, r.Identity.Key = c.counter, c.key
	n := c.n
	if c.given&downOption != 0 {
		n = -n
	}
	switch c.verb {
	case inc, ing:
		r.Op, r.N = cuenta.Add, c.n
	case dec, ret:
		r.Op, r.N = cuenta.Add, -c.n
	case res:
		r.Op = cuenta.Reset
	case lim:
		r.Op = cuenta.Limit
	case exp:
		r.Op = cuenta.Expire
	case ttl, dis:
		r.Op = cuenta.Describe
	case cup:
		r.Op, r.N = cuenta.Take, c.n
	case tic:
		r.Op, r.N = cuenta.Ticket, c.n
	case apa:
		r.Op, r.N = cuenta.Hold, n
	case liq:
		r.Op, r.N = cuenta.Settle, n
	case sol:
		r.Op = cuenta.Release
	case ext:
		r.Op = cuenta.Extend
	default:
		r.Op = cuenta.Get
	}
	if r.Op == cuenta.Add && c.n == 0 {
		r.Op = cuenta.Get
		return
	}
	if c.given&^every != 0 || c.verb >= lim || c.verb == ret {
		r.Terms = d.newTerms()
		c.fillTerms(r.Terms)
	}
}

func (d *Decoder) newTerms() *cuenta.Terms {
	d.terms = append(d.terms, cuenta.Terms{})
	return &d.terms[len(d.terms)-1]
}

func (c *command) fillTerms(t *cuenta.Terms) {
	t.Ident, t.Hold = c.ident, c.hold
	if c.verb == cup {
		t.Rate = c.rate // its max is no limit of the counter's
		return
	}
	if c.given&minOption != 0 || c.verb == ret || c.verb == tra {
		t.Floor = cuenta.Bound{Set: true, At: c.floor}
	}
	if c.given&maxOption != 0 {
		t.Ceiling = cuenta.Bound{Set: true, At: c.ceiling}
	}
	t.Clamp, t.Total = c.given&satOption != 0, c.given&totalOption != 0
	switch {
	case c.given&ttlOption != 0:
		t.Expiry = cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: c.ttl * int64(time.Second)}
	case c.verb == exp && c.n == 0:
		t.Expiry = cuenta.Expiry{Kind: cuenta.NoExpiry, If: c.when}
	case c.verb == exp || c.verb == ext:
		t.Expiry = cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: c.n * int64(time.Second), If: c.when}
	}
}
