package resp

import (
	"slices"

	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// The commands on identities, which Redis does not have. CUENTA.ONCE and
// CUENTA.SEQ hand on another command, whose requests get one identity: the only
// request its own, several an All around them. So its own reply answers a repeat
// as well, made from the first answer of all that is remembered.

func identityCommands() []*command {
	const since = "0.1.0"
	return []*command{
		{name: "cuenta.once", arity: -3, flags: writes | denyOOM | movable, group: "cuenta", since: since,
			syntax:  "key command [arg ...]",
			summary: "Carries out a changing command once: a repeat with the same idempotency key gets the first reply again.",
			ask:     askOnce, wraps: insideOnce},
		{name: "cuenta.session", arity: 1, flags: writes | denyOOM | fast, group: "cuenta", since: since,
			summary: "Opens a session and answers its id, 16 hexadecimal digits.", ask: askSession},
		{name: "cuenta.seq", arity: -4, flags: writes | denyOOM | movable, group: "cuenta", since: since,
			syntax: "id number [LOWEST number] command [arg ...]",
			summary: "Carries out a changing command once, as the request with this number of a session; " +
				"LOWEST is the lowest number still unanswered.",
			ask: askSeq, wraps: insideSeq},
		{name: "cuenta.outcome", arity: -2, flags: reads | fast, group: "cuenta", since: since, syntax: "key|id number",
			summary: "Tells what became of an identity, as a map: its state is applied (with value and revision), " +
				"refused (with error), absent (nothing was done) or forgotten (too old, or no such session).",
			ask: askOutcome},
	}
}

// insideOnce finds the command that CUENTA.ONCE hands on.
func insideOnce(args [][]byte) [][]byte { return args[2:] }

// insideSeq finds the command that CUENTA.SEQ hands on; it may be missing.
func insideSeq(args [][]byte) [][]byte {
	if isWord(args[3], "lowest") {
		return args[min(5, len(args)):]
	}
	return args[3:]
}

// changing finds the command that is handed on, or why none is that could have
// an identity.
func (t *table) changing(call [][]byte) (c *command, refusal string) {
	if len(call) == 0 {
		return nil, errNoCommand
	}
	c, refusal = t.find(call)
	switch {
	case refusal != "":
		return c, refusal
	case c.wraps != nil:
		return nil, errNested
	case !c.changes():
		return nil, "ERR only commands that change counters take an identity, '" + c.full + "' does not"
	}
	return c, ""
}

// changes reports whether the command changes counters that it names.
func (c *command) changes() bool { return c.flags&writes != 0 && c.first != 0 }

// inside is [table.changing], but tries the last one first.
func (s *Session) inside(call [][]byte) (c *command, refusal string) {
	if c = s.inner; c != nil && len(call) > 0 && c.calledBy(call[0]) && c.takes(len(call)) {
		return c, ""
	}
	if c, refusal = s.p.commands.changing(call); refusal == "" {
		s.inner = c
	}
	return c, refusal
}

func askOnce(s *Session, b *cuenta.Batch, args [][]byte) {
	if !cuenta.ValidKey(args[1]) {
		s.refuse(errKey)
		return
	}
	if r := s.under(b, insideOnce(args)); r != nil {
		r.Identity.Key = args[1]
	}
}

func askSeq(s *Session, b *cuenta.Batch, args [][]byte) {
	session, number, refusal := s.numbered(args[1], args[2])
	call, lowest := args[3:], uint64(0)
	if refusal == "" && isWord(call[0], "lowest") {
		if len(call) > 1 {
			lowest, refusal = lowestOf(call[1], number)
		}
		call = insideSeq(args)
	}
	if refusal != "" {
		s.refuse(refusal)
		return
	}
	if r := s.under(b, call); r != nil {
		id := &r.Identity
		id.Session, id.Number, id.Lowest = session, number, lowest
	}
}

func lowestOf(arg []byte, number uint64) (lowest uint64, refusal string) {
	lowest, isNumber := wire.ParseUint(arg)
	if !isNumber || lowest == 0 || lowest > number {
		return 0, errLowest
	}
	return lowest, ""
}

// numbered reads a session and a number in it. Most clients have one session, so
// the last one is tried first.
func (s *Session) numbered(session, number []byte) (id, n uint64, refusal string) {
	if s.granted.id == 0 || string(session) != string(s.granted.text[:]) {
		id, isSession := cuenta.ParseSession(session)
		if !isSession {
			return 0, 0, errSession
		}
		s.granted.become(session, id)
	}
	n, isNumber := wire.ParseUint(number)
	if !isNumber || n == 0 {
		return 0, 0, errNumber
	}
	return s.granted.id, n, ""
}

// under plans a command that is handed on, and returns the request that its
// identity is for: the only one, or the All that spans several. It returns none if
// there is nothing to be done.
func (s *Session) under(b *cuenta.Batch, call [][]byte) *cuenta.Request {
	c, refusal := s.inside(call)
	if refusal != "" {
		s.refuse(refusal)
		return nil
	}
	first := len(b.Requests)
	s.identified = true
	c.ask(s, b, call)
	s.identified = false
	if len(b.Requests) == first {
		return nil
	}
	r := &b.Requests[first]
	r.Client = s.client.number()
	return r
}

// awaitSeveral is await for a command of several requests, which one identity
// makes an All: then whole answers, from the results with that of the All before
// them.
func (s *Session) awaitSeveral(b *cuenta.Batch, requests int, answer, whole answerer) {
	if !s.identified || requests == 1 {
		s.await(answer, requests)
		return
	}
	s.awaitAsOne(b, requests, whole)
}

// awaitAsOne makes the last requests an All.
func (s *Session) awaitAsOne(b *cuenta.Batch, requests int, whole answerer) {
	all := cuenta.Request{Op: cuenta.All, Span: uint16(requests)}
	b.Requests = slices.Insert(b.Requests, len(b.Requests)-requests, all)
	s.await(whole, 1+requests)
}

// A repeat of an All has its header's result alone, and that of the request that was
// refused, so all answers are made from those.
var (
	answerAllOK    = ofHeader(answerOK)
	answerAllCount = ofHeader(answerInteger) // how many of them had an effect
	answerAllOld   = ofHeader(answerValue)   // what the first one has read
)

func ofHeader(answer answerer) answerer {
	return func(s *Session, dst []byte, results []cuenta.Result, d *due) []byte {
		if r := whyAll(results); r.Code != cuenta.OK {
			return wire.AppendError(dst, told(r))
		}
		return answer(s, dst, results[:1], d)
	}
}

// answerAllOldIfPresent is answerAllOld for a counter that must exist.
func answerAllOldIfPresent(s *Session, dst []byte, results []cuenta.Result, d *due) []byte {
	if whyAll(results).Code == cuenta.Unmet {
		return wire.AppendNull(dst, s.version)
	}
	return answerAllOld(s, dst, results, d)
}

// whyAll returns the result that tells why an All was refused: that of the request
// at fault, if there is one. It is the All's own if it was not.
func whyAll(results []cuenta.Result) *cuenta.Result {
	if results[0].Code != cuenta.Aborted {
		return &results[0]
	}
	for i := range results {
		if code := results[i].Code; code != cuenta.OK && code != cuenta.Aborted {
			return &results[i]
		}
	}
	return &results[0]
}
