package resp

import (
	"math"
	"time"

	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// The commands on limits of counters, and on what is moved between two of them.

// askLimit gives a counter its limits; those not said are taken from it.
func askLimit(s *Session, b *cuenta.Batch, args [][]byte) {
	terms, refusal := limitsOf(args[2:])
	if refusal == "" && !cuenta.ValidName(args[1]) {
		refusal = errName
	}
	if refusal != "" {
		s.refuse(refusal)
		return
	}
	b.Requests = append(b.Requests, cuenta.Request{Op: cuenta.Limit, Counter: args[1], Terms: s.say(terms)})
	s.await(answerOK, 1)
}

func limitsOf(options [][]byte) (terms cuenta.Terms, refusal string) {
	for i := 0; i < len(options); i++ {
		option, rest := options[i], options[i+1:]
		switch {
		case isWord(option, "floor") && !terms.Floor.Set && len(rest) > 0:
			terms.Floor.At, terms.Floor.Set = wire.ParseInt(rest[0])
			if !terms.Floor.Set {
				return terms, errInteger
			}
			i++
		case isWord(option, "ceiling") && !terms.Ceiling.Set && len(rest) > 0:
			terms.Ceiling.At, terms.Ceiling.Set = wire.ParseInt(rest[0])
			if !terms.Ceiling.Set {
				return terms, errInteger
			}
			i++
		case isWord(option, "total") && !terms.Total:
			terms.Total = true
		default:
			return terms, errSyntax
		}
	}
	if !terms.Valid() {
		return terms, errBounds
	}
	return terms, ""
}

// answerDescription: a map of all that a counter is, or null.
func answerDescription(s *Session, dst []byte, results []cuenta.Result, d *due) []byte {
	r, t := &results[0], s.details[d.detail].terms
	switch {
	case r.Code != cuenta.OK:
		return wire.AppendError(dst, told(r))
	case !exists(r):
		return wire.AppendNullArray(dst, s.version)
	}
	number := func(name string, n int64, known bool) {
		dst = wire.AppendBulk(dst, name)
		if known {
			dst = wire.AppendInt(dst, n)
		} else {
			dst = wire.AppendNull(dst, s.version)
		}
	}
	total := int64(0)
	if t.Total {
		total = 1
	}
	expires := t.Expiry.Kind == cuenta.ExpireAt
	dst = wire.AppendMap(dst, s.version, 11)
	number("value", r.Value, true)
	number("revision", int64(r.Revision), true)
	number("floor", t.Floor.At, t.Floor.Set)
	number("ceiling", t.Ceiling.At, t.Ceiling.Set)
	number("total", total, true)
	number("held", t.Held, true)
	number("held-down", t.HeldDown, true)
	number("available", room(t.Ceiling.At, r.Value, t.Held), t.Ceiling.Set)
	number("available-down", room(r.Value, t.Floor.At, t.HeldDown), t.Floor.Set)
	number("expires", t.Expiry.Time/int64(time.Millisecond), expires)
	number("ttl", left(r), expires)
	return dst
}

// room returns how far it is from one end down to another, less what is held. It is
// the end of int64 where it is more.
func room(upper, lower, held int64) int64 {
	distance := uint64(upper) - uint64(lower) - uint64(held)
	if upper < lower { // a counter is within its limits
		return 0
	}
	return int64(min(distance, math.MaxInt64))
}

// askTransfer moves an amount from one counter to another, both or neither. What the
// first one had is read as well, as a repeat is told no more than that.
func askTransfer(s *Session, b *cuenta.Batch, args [][]byte) {
	n, floor, refusal := transferOf(args)
	if refusal != "" {
		s.refuse(refusal)
		return
	}
	from, to := args[1], args[2]
	terms := s.blank()
	terms.Floor = floor
	b.Requests = append(b.Requests, make([]cuenta.Request, 4)...) // to be filled in where they stay
	r := b.Requests[len(b.Requests)-4:]
	r[0].Op, r[0].Span = cuenta.All, 3
	r[1].Op, r[1].Counter = cuenta.Get, from
	r[2].Op, r[2].Counter, r[2].N, r[2].Terms = cuenta.Add, from, -n, terms
	r[3].Op, r[3].Counter, r[3].N = cuenta.Add, to, n
	s.detailed(answerTransfer, 4, detail{n: n})
}

func transferOf(args [][]byte) (n int64, floor cuenta.Bound, refusal string) {
	floor.Set = true
	n, isInt := wire.ParseInt(args[3])
	switch options := args[4:]; {
	case len(options) == 0:
	case len(options) != 2 || !isWord(options[0], "floor"):
		return 0, floor, errSyntax
	default:
		if floor.At, floor.Set = wire.ParseInt(options[1]); !floor.Set {
			return 0, floor, errInteger
		}
	}
	switch {
	case !isInt:
		return 0, floor, errInteger
	case n < 1:
		return 0, floor, "ERR the amount of a transfer is at least 1"
	case !cuenta.ValidName(args[1]) || !cuenta.ValidName(args[2]):
		return 0, floor, errName
	case string(args[1]) == string(args[2]):
		return 0, floor, "ERR a transfer is between two counters"
	}
	return n, floor, ""
}

// answerTransfer: the new value of the counter that gave.
func answerTransfer(s *Session, dst []byte, results []cuenta.Result, d *due) []byte {
	if r := whyAll(results); r.Code != cuenta.OK {
		return wire.AppendError(dst, told(r))
	}
	return wire.AppendInt(dst, results[0].Value-s.details[d.detail].n)
}
