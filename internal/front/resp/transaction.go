package resp

import (
	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

const (
	// A transaction is one batch, so the most requests bound the commands, too.
	maxQueue = cuenta.MaxBatch

	// maxQueueBytes bounds the arguments of the queued commands.
	maxQueueBytes = 1 << 20

	// maxWatched bounds the counters that one session watches. Each needs a
	// request of EXEC's batch.
	maxWatched = 1 << 10
)

// transaction is what a session remembers of MULTI and WATCH.
type transaction struct {
	open    bool
	spoiled bool // a command could not be queued, so EXEC must refuse

	// The queued commands, and memory of their own for their arguments. Each
	// transaction has new memory: EXEC's requests alias it until they are answered.
	queue []entry
	args  [][]byte
	bytes []byte

	watched []watch
}

type entry struct {
	command  *command
	from, to int // its arguments in args
}

// watch is a counter that must have the same revision at EXEC; 0 is one that
// does not exist.
type watch struct {
	name     []byte
	revision int64
}

func (t *transaction) spoil() { t.spoiled = t.open }

// discard ends the transaction and the watching.
func (s *Session) discard() { s.multi = transaction{} }

// enqueue copies a command into the open transaction.
func (s *Session) enqueue(c *command, args [][]byte) {
	t := &s.multi
	if c.wraps != nil {
		if _, refusal := s.inside(c.wraps(args)); refusal != "" {
			s.reject(c, refusal)
			return
		}
	}
	if t.spoiled { // it will never run
		s.reply("+QUEUED\r\n")
		return
	}
	size := len(t.bytes)
	for _, arg := range args {
		size += len(arg)
	}
	if len(t.queue) == maxQueue || size > maxQueueBytes || len(t.args)+len(args) > wire.MaxArgs {
		t.spoil()
		s.refuse("ERR the transaction is too large")
		return
	}
	from := len(t.args)
	for _, arg := range args {
		at := len(t.bytes)
		// Where this moves the bytes, earlier arguments stay with the old memory.
		t.bytes = append(t.bytes, arg...)
		t.args = append(t.args, t.bytes[at:len(t.bytes):len(t.bytes)])
	}
	t.queue = append(t.queue, entry{c, from, len(t.args)})
	s.reply("+QUEUED\r\n")
}

func controlMulti(s *Session, _ *cuenta.Batch, _ [][]byte, _ int) {
	if s.multi.open {
		s.refuse("ERR MULTI calls can not be nested")
		return
	}
	s.multi.open = true
	s.reply(ok)
}

func controlDiscard(s *Session, _ *cuenta.Batch, _ [][]byte, _ int) {
	if !s.multi.open {
		s.refuse("ERR DISCARD without MULTI")
		return
	}
	s.discard()
	s.reply(ok)
}

func controlExec(s *Session, b *cuenta.Batch, _ [][]byte, limit int) {
	t := &s.multi
	switch {
	case !t.open:
		s.refuse("ERR EXEC without MULTI")
		return
	case t.spoiled:
		s.discard()
		s.refuse("EXECABORT Transaction discarded because of previous errors.")
		return
	}
	before, watched := s.mark(b), t.watched
	s.planAll(b)
	size := len(b.Requests) - before.requests
	switch {
	case size > cuenta.MaxBatch:
		s.rollback(b, before)
		s.discard()
		s.refuse("EXECABORT Transaction discarded because of: more than 4096 operations")
	case len(b.Requests) > max(limit, before.requests):
		t.watched = watched // an UNWATCH in the queue may have dropped them
	default:
		s.discard()
	}
}

// planAll appends the open transaction's requests behind the checks of what is
// watched. One check that fails makes the service pass over all that follows.
func (s *Session) planAll(b *cuenta.Batch) {
	t := &s.multi
	first, checks := len(b.Requests), len(t.watched)
	for _, w := range t.watched {
		b.Requests = append(b.Requests, cuenta.Request{Op: cuenta.Check, Counter: w.name, N: w.revision})
	}
	head := len(s.due)
	s.detailed(answerExec, checks, detail{queue: len(t.queue)})
	for _, e := range t.queue {
		s.plan(e.command, b, t.args[e.from:e.to])
	}
	s.details[s.due[head].detail].body = len(s.due) - head - 1
	for i := range checks {
		b.Requests[first+i].Span = uint16(min(len(b.Requests)-first-i-1, cuenta.MaxBatch))
	}
}

// answerExec begins the array of the answers, or answers instead of them all if
// a watched counter was changed.
func answerExec(s *Session, dst []byte, checks []cuenta.Result, d *due) []byte {
	for i := range checks {
		switch r := &checks[i]; r.Code {
		case cuenta.OK:
		case cuenta.Unmet:
			s.unanswered = s.details[d.detail].body
			return wire.AppendNullArray(dst, s.version)
		default:
			s.unanswered = s.details[d.detail].body
			return wire.AppendError(dst, told(r))
		}
	}
	return wire.AppendArray(dst, s.details[d.detail].queue)
}

// controlWatch reads the counters' revisions. What follows must wait for them.
func controlWatch(s *Session, b *cuenta.Batch, args [][]byte, _ int) {
	names := args[1:]
	switch {
	case s.multi.open:
		s.refuse("ERR WATCH inside MULTI is not allowed")
		return
	case len(s.multi.watched)+len(names) > maxWatched:
		s.refuse("ERR too many watched keys: at most 1024")
		return
	case !s.validNames(names, 1):
		return
	}
	for _, name := range names {
		b.Requests = append(b.Requests, cuenta.Request{Op: cuenta.Get, Counter: name})
	}
	s.detailed(answerWatch, len(names), detail{args: s.keep(names)})
	s.blocked = true
}

func answerWatch(s *Session, dst []byte, results []cuenta.Result, d *due) []byte {
	dst, failed := s.refused(dst, results)
	if failed {
		return dst
	}
	for i, name := range s.arguments(s.details[d.detail].args) {
		if !s.multi.watches(name) {
			s.multi.watched = append(s.multi.watched, watch{append([]byte(nil), name...), int64(results[i].Revision)})
		}
	}
	return append(dst, ok...)
}

// watches reports whether the counter is watched already: then the revision that
// counts is the one of the first WATCH.
func (t *transaction) watches(name []byte) bool {
	for _, w := range t.watched {
		if string(w.name) == string(name) {
			return true
		}
	}
	return false
}

func askUnwatch(s *Session, _ *cuenta.Batch, _ [][]byte) {
	s.multi.watched = nil
	s.reply(ok)
}
