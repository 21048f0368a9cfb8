package resp

import (
	"math"
	"time"

	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// The commands on rates and tickets.

// askTake takes from what a rate allows. Where it allows that not, a take of nothing
// tells when all may be taken again; a repeat could not be told that, so with an
// identity it is not asked.
func askTake(s *Session, b *cuenta.Batch, args [][]byte) {
	n, isInt := wire.ParseInt(args[2])
	rate, refusal := rateOf(args[3:])
	switch {
	case refusal != "":
	case !isInt || n < 0:
		refusal = errInteger
	case !cuenta.ValidName(args[1]):
		refusal = errName
	}
	if refusal != "" {
		s.refuse(refusal)
		return
	}
	take := cuenta.Request{Op: cuenta.Take, Counter: args[1], N: n, Terms: s.say(cuenta.Terms{Rate: rate})}
	b.Requests = append(b.Requests, take)
	if s.identified {
		s.await(answerTake, 1)
		return
	}
	take.N = 0
	b.Requests = append(b.Requests, take)
	s.await(answerTake, 2)
}

// rateOf reads KIND limit PER ms [BURST b].
func rateOf(args [][]byte) (rate cuenta.Rate, refusal string) {
	switch {
	case isWord(args[0], "fixed"):
		rate.Kind = cuenta.FixedWindow
	case isWord(args[0], "sliding"):
		rate.Kind = cuenta.SlidingWindow
	case isWord(args[0], "steady"):
		rate.Kind = cuenta.Steady
	default:
		return rate, errSyntax
	}
	limit, limited := wire.ParseInt(args[1])
	period, timed := wire.ParseInt(args[3])
	switch burst := args[4:]; {
	case !isWord(args[2], "per"):
		return rate, errSyntax
	case !limited || !timed:
		return rate, errInteger
	case len(burst) == 0:
	case len(burst) != 2 || !isWord(burst[0], "burst") || rate.Kind != cuenta.Steady:
		return rate, errSyntax
	default:
		var isInt bool
		if rate.Burst, isInt = wire.ParseInt(burst[1]); !isInt || rate.Burst < 1 {
			return rate, errInteger
		}
	}
	rate.Limit, rate.Period = limit, nanoseconds(max(period, 0))
	if !rate.Valid() {
		return rate, errRate
	}
	return rate, ""
}

// answerTake: whether it was allowed, how much is left, and in how many milliseconds
// to come again and all is there again; -1 for no time.
func answerTake(s *Session, dst []byte, results []cuenta.Result, _ *due) []byte {
	r := &results[0]
	allowed, retry, reset := int64(0), int64(-1), int64(-1)
	switch r.Code {
	case cuenta.OK:
		allowed, reset = 1, milliseconds(r.Amount)
	case cuenta.Throttled:
		if r.Amount >= 0 {
			retry = milliseconds(r.Amount)
		}
		if len(results) > 1 && results[1].Code == cuenta.OK {
			reset = milliseconds(results[1].Amount)
		}
	case cuenta.Unmet:
		return wire.AppendError(dst, errWrongType)
	default:
		return wire.AppendError(dst, told(r))
	}
	dst = wire.AppendArray(dst, 4)
	dst = wire.AppendInt(dst, allowed)
	dst = wire.AppendInt(dst, r.Value)
	dst = wire.AppendInt(dst, retry)
	return wire.AppendInt(dst, reset)
}

// milliseconds counts those that have begun.
func milliseconds(ns int64) int64 {
	if ns <= 0 {
		return 0
	}
	return (ns-1)/int64(time.Millisecond) + 1
}

// nanoseconds is of a time that is not negative; what does not fit is the end of int64.
func nanoseconds(ms int64) int64 {
	if ms > math.MaxInt64/int64(time.Millisecond) {
		return math.MaxInt64
	}
	return ms * int64(time.Millisecond)
}

// askTicket gives an ident its numbers.
func askTicket(s *Session, b *cuenta.Batch, args [][]byte) {
	n, isInt := int64(1), true
	if options := args[3:]; len(options) == 2 && isWord(options[0], "count") {
		n, isInt = wire.ParseInt(options[1])
	} else if len(options) != 0 {
		s.refuse(errSyntax)
		return
	}
	ident := args[2]
	switch {
	case !isInt || n < 1:
		s.refuse(errInteger)
		return
	case !cuenta.ValidName(args[1]):
		s.refuse(errName)
		return
	case len(ident) > cuenta.MaxKey || !cuenta.ValidName(ident):
		s.refuse(errIdent)
		return
	}
	terms := s.say(cuenta.Terms{Ident: ident})
	b.Requests = append(b.Requests, cuenta.Request{Op: cuenta.Ticket, Counter: args[1], N: n, Terms: terms})
	s.await(answerTicket, 1)
}

// answerTicket: the first and the last of the numbers, and whether they are new.
func answerTicket(_ *Session, dst []byte, results []cuenta.Result, _ *due) []byte {
	r := &results[0]
	if r.Code != cuenta.OK {
		return wire.AppendError(dst, told(r))
	}
	isNew := int64(1)
	if r.Revision == 0 {
		isNew = 0
	}
	dst = wire.AppendArray(dst, 3)
	dst = wire.AppendInt(dst, r.Value-r.Amount+1)
	dst = wire.AppendInt(dst, r.Value)
	return wire.AppendInt(dst, isNew)
}
