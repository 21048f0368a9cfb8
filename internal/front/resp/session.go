package resp

import (
	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

const (
	// The buffer begins small, as most connections are silent most of the time,
	// and doubles while reads fill it. It grows past maxBuffer only for a command
	// that is longer, and shrinks again after it, or when reads hardly use it any more.
	minBuffer = 1 << 10
	maxBuffer = 1 << 14

	// maxDue bounds the commands of one Decode, and so what must be remembered
	// of them.
	maxDue = 1 << 10
)

// Session is the protocol on one connection, as a step machine. The holder reads
// the connection and calls
//
//	n := read(s.Space()); s.Filled(n)
//	for more := true; more; more = s.Pending() {
//		b.Requests = b.Requests[:0]
//		s.Decode(&b, cuenta.MaxBatch)
//		service.Do(ctx, &b)                   // unless it is empty
//		out = s.AppendAnswers(out[:0], b.Results)
//		write(out)
//	}
//	if s.Ended() { close }
//	s.Close()
//
// Many sessions may share one batch: each is given the results of the requests
// that it appended. A session belongs to one goroutine at a time.
type Session struct {
	p          *Protocol
	decoder    wire.Decoder
	buf        []byte
	start, end int // the part of buf that is not decoded yet
	filled     int // how far the last read filled buf, or half as far as those before

	due     []due          // how the last Decode's commands are to be answered
	details []detail       // of those that need more
	kept    [][]byte       // arguments of those that are carried out when answered
	terms   []cuenta.Terms // of their requests; what it holds may move, and what points there stays
	keys    []byte         // keys of their requests that were not said as one word, likewise
	listed  int            // how many holds they may be told of
	blocked bool           // what follows must see the state as these leave it
	pending bool           // the last Decode stopped before the buffer's end
	ended   bool

	malformed int          // commands of the last Decode refused unasked
	version   wire.Version // as of the command being answered
	replies   int          // where in dst the answers of this Decode begin

	granted    granted  // the session of the last request that had one
	inner      *command // the last one with an identity
	identified bool     // one identity is for all that the command being planned asks

	unanswered int // how many of the next answers are passed over
	multi      transaction
	client     client
}

// NewSession returns the protocol of a new connection between the peer's address
// and the local one. It is in CLIENT LIST until it is closed.
func (p *Protocol) NewSession(peer, local string) *Session {
	s := &Session{p: p, version: wire.V2}
	p.register(&s.client, peer, local)
	return s
}

// Close takes the session off CLIENT LIST.
func (s *Session) Close() { s.p.unregister(&s.client) }

// Space returns the room to read into. It is never empty unless the session is
// [Session.Pending]. It moves what is buffered, so requests decoded earlier must
// not be used any more.
func (s *Session) Space() []byte {
	if s.ended {
		s.start, s.end = 0, 0 // what arrives after the end is thrown away
	}
	rest := s.buf[s.start:s.end]
	size := len(s.buf)
	switch {
	case len(rest) == 0 && size > minBuffer && (size > maxBuffer || s.filled < size/16):
		size = minBuffer
	case s.end < size: // the last read left room, so this much is enough
	case size < maxBuffer:
		size = max(minBuffer, 2*size)
	case len(rest) == size && size < wire.MaxCommand+maxBuffer:
		size = min(2*size, wire.MaxCommand+maxBuffer)
	}
	if size != len(s.buf) {
		s.buf = make([]byte, size)
	}
	s.start, s.end = 0, copy(s.buf, rest)
	return s.buf[s.end:]
}

// Filled says that n bytes were read into [Session.Space].
func (s *Session) Filled(n int) {
	s.end += n
	s.filled = max(s.end, s.filled/2)
	s.pending = s.pending || n > 0
}

// Decode takes complete commands and appends the requests they need to
// b.Requests, as long as there are at most limit in all; it takes no more commands
// than there is room for requests. A command is never split, so a limit below
// [cuenta.MaxBatch] may let none pass. It stops early
// after a command that looks at more than its requests' results, or that later
// commands depend on: these come with the next Decode. It returns how many
// commands are to be answered. The requests alias the session's memory until the
// next [Session.Space] or Decode.
func (s *Session) Decode(b *cuenta.Batch, limit int) (commands int) {
	s.begin()
	most := max(limit-len(b.Requests), 1) // commands: those that ask nothing cost time, too
	for !s.ended && !s.blocked && commands < most && len(s.due) < maxDue {
		buf := s.buf[s.start:s.end]
		if n, size := s.usual(b, buf, min(most-commands, maxDue-len(s.due), limit-len(b.Requests))); n > 0 {
			s.start += size
			commands += n
			continue
		}
		args, size, err := s.decoder.Next(buf)
		if err != nil {
			s.refuse("ERR " + err.Error())
			s.ended = true
			commands++
			break
		}
		if size == 0 {
			s.pending = false
			break
		}
		if len(args) > 0 {
			if !s.take(b, args, limit) {
				break
			}
			commands++
		}
		s.start += size
	}
	if commands > 0 {
		s.client.spoke(s.p.now())
	}
	return commands
}

// begin forgets what the last Decode left to be answered.
func (s *Session) begin() {
	clear(s.kept)
	clear(s.details)
	clear(s.terms)
	s.due, s.details, s.kept = emptied(s.due), emptied(s.details), emptied(s.kept)
	s.terms, s.keys, s.listed = emptied(s.terms), emptied(s.keys), 0
	s.blocked, s.pending = false, true
	s.malformed = 0
	s.decoder.Forget()
}

// emptied keeps the memory of a list for the next Decode, unless the last one
// hardly used it.
func emptied[T any](list []T) []T {
	if cap(list) > 64 && len(list) < cap(list)/8 {
		return nil
	}
	return list[:0]
}

// take plans one command; false if its requests have no room, and then it has
// left no trace.
func (s *Session) take(b *cuenta.Batch, args [][]byte, limit int) bool {
	c, refusal := s.find(args)
	switch {
	case c == nil && isHTTP(args[0]):
		// A web page can make a browser send this to any port, with a body of its
		// choice. Redis hangs up without a word, too.
		s.ended = true
		return true
	case refusal != "":
		s.reject(c, refusal)
		return true
	}
	s.decoder.Known = true
	s.client.command = c
	before := s.mark(b)
	switch {
	case c.control != nil:
		c.control(s, b, args, limit)
	case s.multi.open:
		s.enqueue(c, args)
	default:
		s.plan(c, b, args)
	}
	if len(b.Requests) > max(limit, before.requests) { // those that ask nothing need no room
		s.rollback(b, before)
		return false
	}
	return true
}

// find looks for the command that is called. Clients that are in a hurry repeat
// themselves, so the last one is tried first.
func (s *Session) find(args [][]byte) (c *command, refusal string) {
	if c = s.client.command; c != nil && c.plain && c.calledBy(args[0]) && c.takes(len(args)) {
		return c, ""
	}
	return s.p.commands.find(args)
}

// reject answers a command that cannot be begun.
func (s *Session) reject(c *command, refusal string) {
	if c != nil && c.name == "exec" {
		refusal = "EXECABORT Transaction discarded because of: " + refusal[len("ERR "):]
		s.discard()
	}
	s.multi.spoil()
	s.refuse(refusal)
}

// plan appends what a command asks of the service and how it is answered.
func (s *Session) plan(c *command, b *cuenta.Batch, args [][]byte) {
	if c.ask != nil {
		c.ask(s, b, args)
		return
	}
	s.later(c.run, args)
	s.blocked = s.blocked || c.flags&looks != 0
}

// keep holds arguments until the answers are appended.
func (s *Session) keep(args [][]byte) extent {
	from := len(s.kept)
	s.kept = append(s.kept, args...)
	return extent{int32(from), int32(len(s.kept))}
}

// say keeps terms for a request until it is answered.
func (s *Session) say(t cuenta.Terms) *cuenta.Terms {
	s.terms = append(s.terms, t)
	return &s.terms[len(s.terms)-1]
}

// mark is how much there is of all that planning appends to, but for what nothing
// points to any more after it was taken back.
type mark struct {
	requests, due, details, kept int
	blocked                      bool
}

func (s *Session) mark(b *cuenta.Batch) mark {
	return mark{len(b.Requests), len(s.due), len(s.details), len(s.kept), s.blocked}
}

func (s *Session) rollback(b *cuenta.Batch, m mark) {
	b.Requests, s.blocked = b.Requests[:m.requests], m.blocked
	s.due, s.details, s.kept = s.due[:m.due], s.details[:m.details], s.kept[:m.kept]
}

// AppendAnswers appends the answers to the commands of the last Decode; results
// are those of the requests that it appended, in order.
func (s *Session) AppendAnswers(dst []byte, results []cuenta.Result) []byte {
	s.replies = len(dst)
	for i := 0; i < len(s.due); i++ {
		d := &s.due[i]
		dst = d.answer(s, dst, results[:d.requests], d)
		results = results[d.requests:]
		for ; s.unanswered > 0; s.unanswered-- {
			i++
			results = results[s.due[i].requests:]
		}
	}
	return dst
}

// Malformed returns how many commands of the last Decode were refused without
// asking the service.
func (s *Session) Malformed() int { return s.malformed }

// Pending reports whether complete commands may still be buffered. It is false
// once a Decode has found that more must be read.
func (s *Session) Pending() bool { return s.pending && !s.ended && s.start < s.end }

// Partial reports whether the beginning of a command is buffered, and no more.
func (s *Session) Partial() bool { return !s.pending && !s.ended && s.start < s.end }

// Ended reports whether the session is over: after QUIT, an error of the
// protocol, or what only HTTP says. The holder writes the answers that are due
// and closes.
func (s *Session) Ended() bool { return s.ended }
