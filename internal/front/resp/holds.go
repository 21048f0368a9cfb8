package resp

import (
	"math"
	"slices"
	"time"

	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// The commands on holds, which are told by the numbers that making them answers.

const (
	// maxHolds is the most holds that one command lists, and what it lists unless
	// told.
	maxHolds = 1000

	// maxListed bounds what the commands of one transaction list together.
	maxListed = 20 * maxHolds
)

func askHold(s *Session, b *cuenta.Batch, args [][]byte) {
	n, isInt := wire.ParseInt(args[2])
	terms, refusal := s.blank(), ""
	terms.Expiry, refusal = s.holdEnd(args[3:], "cuenta.hold")
	switch {
	case !isInt || n == math.MinInt64:
		refusal = errInteger
	case n == 0:
		refusal = "ERR the amount of a hold must not be 0"
	}
	if s.askOfHold(b, refusal, cuenta.Hold, args[1], n, terms) {
		s.await(answerHold, 1)
	}
}

func askExtend(s *Session, b *cuenta.Batch, args [][]byte) {
	terms, refusal, isHold := s.blank(), "", false
	terms.Expiry, refusal = s.holdEnd(args[3:], "cuenta.extend")
	if terms.Hold, isHold = holdOf(args[2]); !isHold {
		refusal = errHold
	}
	if s.askOfHold(b, refusal, cuenta.Extend, args[1], 0, terms) {
		s.await(answerAvailable, 1)
	}
}

func askRelease(s *Session, b *cuenta.Batch, args [][]byte) {
	terms, refusal, isHold := s.blank(), "", false
	if terms.Hold, isHold = holdOf(args[2]); !isHold {
		refusal = errHold
	}
	if s.askOfHold(b, refusal, cuenta.Release, args[1], 0, terms) {
		s.await(answerAvailable, 1)
	}
}

func askSettle(s *Session, b *cuenta.Batch, args [][]byte) {
	terms, refusal, isHold := s.blank(), "", false
	terms.Hold, isHold = holdOf(args[2])
	n, isInt := wire.ParseInt(args[3])
	terms.Clamp = len(args) == 5
	switch {
	case len(args) > 5 || terms.Clamp && !isWord(args[4], "clamp"):
		refusal = errSyntax
	case !isHold:
		refusal = errHold
	case !isInt:
		refusal = errInteger
	}
	if s.askOfHold(b, refusal, cuenta.Settle, args[1], n, terms) {
		s.detailed(answerSettled, 1, detail{n: n, terms: terms})
	}
}

// askOfHold asks what is about a hold, if nothing is against it, and reports whether it
// has.
func (s *Session) askOfHold(b *cuenta.Batch, refusal string, op cuenta.Op, name []byte, n int64, terms *cuenta.Terms) bool {
	if refusal == "" && !cuenta.ValidName(name) {
		refusal = errName
	}
	if refusal != "" {
		s.refuse(refusal)
		return false
	}
	b.Requests = append(b.Requests, cuenta.Request{Op: op, Counter: name, N: n, Terms: terms})
	return true
}

// blank is say of terms that are yet to be filled in. What memory there is for more of
// them is always empty, so they need not be copied there.
func (s *Session) blank() *cuenta.Terms {
	s.terms = slices.Grow(s.terms, 1)[:len(s.terms)+1]
	return &s.terms[len(s.terms)-1]
}

// holdEnd reads EX s or PX ms.
func (s *Session) holdEnd(args [][]byte, command string) (expiry cuenta.Expiry, refusal string) {
	var end ending
	if !end.take(args[0], args[1:]) || end.unit.at {
		return expiry, errSyntax
	}
	return end.expiry(s, command)
}

func holdOf(arg []byte) (id uint64, isHold bool) {
	id, isNumber := wire.ParseUint(arg)
	return id, isNumber && id != 0
}

// answerHold: the hold's id, and what is still available.
func answerHold(_ *Session, dst []byte, results []cuenta.Result, _ *due) []byte {
	r := &results[0]
	if r.Code != cuenta.OK {
		return wire.AppendError(dst, told(r))
	}
	return appendPair(dst, int64(r.Revision), r.Amount)
}

// answerAvailable: what is available now.
func answerAvailable(_ *Session, dst []byte, results []cuenta.Result, _ *due) []byte {
	r := &results[0]
	if r.Code != cuenta.OK {
		return wire.AppendError(dst, told(r))
	}
	return wire.AppendInt(dst, r.Amount)
}

// answerSettled: the counter's new value, and how much was added to it.
func answerSettled(s *Session, dst []byte, results []cuenta.Result, d *due) []byte {
	r, asked := &results[0], &s.details[d.detail]
	if r.Code != cuenta.OK {
		return wire.AppendError(dst, told(r))
	}
	if asked.terms.Clamp {
		return appendPair(dst, r.Value, unwrapped(r))
	}
	return appendPair(dst, r.Value, asked.n)
}

// askHolds lists holds. The answer may be long, so what follows waits for it.
func askHolds(s *Session, b *cuenta.Batch, args [][]byte) {
	behind, count, refusal := listingOf(args[2:])
	count = min(count, maxListed-s.listed)
	switch {
	case refusal != "":
	case !cuenta.ValidName(args[1]):
		refusal = errName
	case count == 0:
		refusal = errReplies
	}
	if refusal != "" {
		s.refuse(refusal)
		return
	}
	s.listed += count
	terms := s.say(cuenta.Terms{Hold: behind, Holds: make([]cuenta.Held, 0, count)})
	b.Requests = append(b.Requests, cuenta.Request{Op: cuenta.Describe, Counter: args[1], Terms: terms})
	s.detailed(answerHolds, 1, detail{terms: terms})
	s.blocked = true
}

// listingOf reads [AFTER id] [COUNT n].
func listingOf(options [][]byte) (behind uint64, count int, refusal string) {
	count = maxHolds
	for i := 0; i < len(options); i += 2 {
		if i+1 == len(options) {
			return 0, 0, errSyntax
		}
		value := options[i+1]
		switch {
		case isWord(options[i], "after"):
			var isHold bool
			if behind, isHold = holdOf(value); !isHold {
				return 0, 0, errHold
			}
		case isWord(options[i], "count"):
			n, isInt := wire.ParseInt(value)
			if !isInt || n < 1 {
				return 0, 0, errInteger
			}
			count = int(min(n, maxHolds))
		default:
			return 0, 0, errSyntax
		}
	}
	return behind, count, ""
}

// answerHolds: of each hold its id, its amount, and when it ends, in milliseconds
// since 1970.
func answerHolds(s *Session, dst []byte, results []cuenta.Result, d *due) []byte {
	if r := &results[0]; r.Code != cuenta.OK {
		return wire.AppendError(dst, told(r))
	}
	holds := s.details[d.detail].terms.Holds
	dst = wire.AppendArray(dst, len(holds))
	for _, h := range holds {
		dst = wire.AppendArray(dst, 3)
		dst = wire.AppendInt(dst, int64(h.ID))
		dst = wire.AppendInt(dst, h.Amount)
		dst = wire.AppendInt(dst, h.Ends/int64(time.Millisecond))
	}
	return dst
}
