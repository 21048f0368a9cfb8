package sim

import (
	"bytes"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/history"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
	"github.com/cuenta-server/cuenta/internal/wire/text"
)

// vague stands for an answer of which the history can make nothing.
const vague history.Told = 1 << 7

// sayable reports whether a way in has words for a call.
func (c *call) sayable(k kind) bool {
	switch k {
	case byAPI:
		return true
	case byRESP:
		_, ok := appendRESP(nil, c.head())
		return ok && len(c.requests) == 1
	}
	_, ok := text.AppendCommand(nil, c.head())
	return ok && len(c.requests) == 1 && c.head().Op != cuenta.Describe // whole seconds tell nothing here
}

// post sends an attempt as a datagram.
func (c *client) post(a *attempt) {
	w := c.w
	var data []byte
	if a.way == byAPI {
		data = appendBatch(nil, a.c.requests)
	} else {
		data, _ = text.AppendCommand(nil, a.c.head())
		data = append(data, some(w.dice, []string{"", "\n", "\r\n"})...)
	}
	n := w.copies()
	if n == 0 {
		a.lost()
	}
	for copy := range n {
		this := a.asked
		if copy > 0 {
			this = w.judge.doubled(a.c)
		}
		answer := func(out []byte) {
			for range w.copies() {
				w.after(w.way(), func() { c.receive(a, this, out) })
			}
		}
		w.after(w.way(), func() {
			l := w.life
			switch p := (packet{c.number, bytes.Clone(data), answer}); {
			case l == nil || !l.up:
				w.met("network: nobody hears a datagram")
				this.lost()
			case a.way == byAPI:
				l.has(this)
				l.fronts.serve(p)
			default:
				l.has(this)
				l.fronts.udp.take(p)
			}
		})
	}
}

// receive reads the answer to a datagram, of which there may have been copies. No
// client could tell to which of them it is, but it matters to whoever judges.
func (c *client) receive(a *attempt, to *asked, out []byte) {
	if a.way == byUDP {
		c.readText(a, to, bytes.TrimSuffix(out, []byte("\n")))
		return
	}
	results, terms, ok := parseAnswers(out)
	if !ok || len(results) != len(a.c.requests) {
		c.w.judge.complain("an answer arrived spoilt: %x", out)
		return
	}
	if a.c.head().Op == cuenta.All {
		terms = terms[1:]
	}
	to.terms = terms
	c.answered(a, to, results, toldOf(a.c, results))
}

// toldOf tells what whole answers tell.
func toldOf(c *call, results []cuenta.Result) []history.Told {
	told := make([]history.Told, len(results))
	head := c.head()
	identified := head.Identity.Given() && !head.Op.Reads() && head.Op != cuenta.Outcome
	for i := range results {
		r := &results[i]
		switch {
		case !decided(r.Code) || r.Code == cuenta.Aborted:
		case head.Op == cuenta.All && i > 0 && (r.Code == cuenta.Limited || r.Code == cuenta.Overflow):
			told[i] = history.WithValue | history.WithAmount
		case head.Op == cuenta.All && r.Code != cuenta.OK:
			// No state has what was taken back.
		case head.Op == cuenta.Check && i > 0 && results[0].Code == cuenta.Unmet:
			// It was refused unseen.
		case c.requests[i].Op == cuenta.OpenSession:
			told[i] = history.WithRevision
		case r.Code == cuenta.Past:
			// It tells nothing of the counter.
		default:
			told[i] = history.WithValue | history.WithRevision | toldOfTerms(&c.requests[i], r)
		}
		switch {
		case !identified || head.Op == cuenta.Check:
		case r.Replayed:
			told[i] |= history.Replayed
		case decided(r.Code):
			told[i] |= history.First
		}
	}
	return told
}

// toldOfTerms tells what an answer tells of limits and ends.
func toldOfTerms(asked *cuenta.Request, r *cuenta.Result) history.Told {
	switch {
	case asked.Op == cuenta.Describe && r.Code == cuenta.OK:
		return history.WithAmount | history.WithTerms
	case r.Code == cuenta.Limited || r.Code == cuenta.Overflow:
		return history.WithLevel | history.WithAmount
	case r.Code == cuenta.Throttled, r.Code == cuenta.OK && asked.Terms != nil && asked.Terms.Clamp:
		return history.WithAmount
	case r.Code == cuenta.OK && asked.Op >= cuenta.Take:
		return history.WithAmount
	}
	return 0
}

// talk is the client's end of a connection: answers come in the order of what was
// asked.
type talk struct {
	link  *link
	life  *life // at the other end; nil before there is one
	asked []*attempt
	in    []byte
}

// say sends an attempt over the client's connection, which it makes if there is none.
func (c *client) say(a *attempt) {
	t := c.talks[a.way]
	if t == nil {
		t = c.dial(a.way)
	}
	var data []byte
	if a.way == byRESP {
		data, _ = appendRESP(nil, a.c.head())
	} else {
		data, _ = text.AppendCommand(nil, a.c.head())
		data = append(data, some(c.w.dice, []string{"\n", "\r\n", "\n\n"})...)
	}
	t.asked = append(t.asked, a)
	if t.life != nil {
		t.life.has(a.asked)
	}
	t.link.send(&t.link.toServer, data)
}

func (c *client) dial(k kind) *talk {
	w := c.w
	t := &talk{link: w.connect()}
	c.talks[k] = t
	t.link.toClient.arrive = func(data []byte) {
		t.in = append(t.in, data...)
		for c.talks[k] == t && len(t.asked) > 0 && c.hear(k, t) {
		}
	}
	t.link.toClient.closed = func() {
		if c.talks[k] == t {
			c.talks[k] = nil
		}
	}
	// What is said meanwhile arrives behind the connection.
	set := w.way()
	t.link.toServer.last = w.now + set
	w.after(set, func() {
		l := w.life
		if l == nil || !l.up || t.link.cut || !l.fronts.accept(k, c.number, t.link) {
			t.link.sever("nobody listens")
			for _, a := range t.asked {
				a.lost()
			}
			return
		}
		t.life = l
		for _, a := range t.asked {
			l.has(a.asked)
		}
	})
	return t
}

// hear reads one answer; false if it is not all there yet.
func (c *client) hear(k kind, t *talk) bool {
	a := t.asked[0]
	if k == byRESP {
		r, n, err := wire.DecodeReply(t.in)
		switch {
		case err != nil:
			c.w.judge.complain("the reply %q to %s: %v", t.in, a.c, err)
			t.in, t.asked = nil, t.asked[1:]
		case n == 0:
			return false
		default:
			t.in, t.asked = t.in[n:], t.asked[1:]
			c.readRESP(a, reply(r))
		}
		return true
	}
	i := bytes.IndexByte(t.in, '\n')
	if i < 0 {
		return false
	}
	line := t.in[:i]
	t.in, t.asked = t.in[i+1:], t.asked[1:]
	c.readText(a, a.asked, line)
	return true
}

// hangUp cuts all of the client's connections.
func (c *client) hangUp(why string) {
	for k, t := range c.talks {
		if t != nil {
			t.link.sever(why)
			c.talks[k] = nil
		}
	}
}

// readText takes in one line of the text protocol.
func (c *client) readText(a *attempt, to *asked, line []byte) {
	result, told := cuenta.Result{}, history.Told(0)
	if rest, refused := bytes.CutPrefix(line, []byte("error ")); refused {
		name, sentence, _ := bytes.Cut(rest, []byte(" "))
		e, ok := cuenta.ParseError(string(name) + ": " + string(sentence))
		if !ok || e.Code == cuenta.Syntax {
			c.w.judge.complain("the answer %q to %s", line, a.c)
			return
		}
		result.Code = e.Code
	} else if !readInt(line, &result.Value) {
		c.w.judge.complain("the answer %q to %s", line, a.c)
		return
	} else {
		told = history.WithValue
	}
	c.answered(a, to, []cuenta.Result{result}, []history.Told{told})
}
