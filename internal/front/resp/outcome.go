package resp

import (
	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// The commands on identities that carry out nothing: they open a session and ask
// what became of a request.

func askSession(s *Session, b *cuenta.Batch, _ [][]byte) {
	b.Requests = append(b.Requests, cuenta.Request{Op: cuenta.OpenSession, Client: s.client.number()})
	s.await(answerSession, 1)
}

func answerSession(_ *Session, dst []byte, results []cuenta.Result, _ *due) []byte {
	r := &results[0]
	if r.Code != cuenta.OK {
		return wire.AppendError(dst, told(r))
	}
	var id [16]byte
	return wire.AppendBulk(dst, cuenta.AppendSession(id[:0], r.Revision))
}

func askOutcome(s *Session, b *cuenta.Batch, args [][]byte) {
	id, refusal := s.identityOf(args)
	if refusal != "" {
		s.refuse(refusal)
		return
	}
	b.Requests = append(b.Requests, cuenta.Request{Op: cuenta.Outcome, Identity: id, Client: s.client.number()})
	s.await(answerOutcome, 1)
}

// identityOf reads CUENTA.OUTCOME's arguments.
func (s *Session) identityOf(args [][]byte) (id cuenta.Identity, refusal string) {
	switch {
	case len(args) == 3:
		id.Session, id.Number, refusal = s.numbered(args[1], args[2])
		return id, refusal
	case len(args) > 3:
		return id, wrongArity("cuenta.outcome")
	case !cuenta.ValidKey(args[1]):
		return id, errKey
	}
	return cuenta.Identity{Key: args[1]}, ""
}

// answerOutcome: a map, as what has several fields is to Redis' clients. A
// refusal by the ledger is an answer, too; any other is of the question itself.
func answerOutcome(s *Session, dst []byte, results []cuenta.Result, _ *due) []byte {
	r := &results[0]
	state := func(name string, more int) {
		dst = wire.AppendMap(dst, s.version, 1+more)
		dst = wire.AppendBulk(dst, "state")
		dst = wire.AppendBulk(dst, name)
	}
	switch r.Code {
	case cuenta.OK:
		state("applied", 2)
		dst = wire.AppendBulk(dst, "value")
		dst = wire.AppendInt(dst, r.Value)
		dst = wire.AppendBulk(dst, "revision")
		return wire.AppendInt(dst, int64(r.Revision))
	case cuenta.Overflow, cuenta.Limited, cuenta.Unmet, cuenta.Past, cuenta.Throttled, cuenta.NoHold, cuenta.Aborted:
		state("refused", 1)
		dst = wire.AppendBulk(dst, "error")
		return wire.AppendBulk(dst, r.Code.String())
	case cuenta.Absent:
		state("absent", 0)
		return dst
	case cuenta.TooOld, cuenta.NoSession:
		state("forgotten", 0)
		return dst
	}
	return wire.AppendError(dst, told(r))
}
