package resp

import (
	"math"

	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// The commands on counters: each turns its arguments into requests, after it has
// read them all, so that what is refused asks nothing.

func askIncr(s *Session, b *cuenta.Batch, args [][]byte) { s.askAdd(b, args[1], 1) }

func askDecr(s *Session, b *cuenta.Batch, args [][]byte) { s.askAdd(b, args[1], -1) }

func askIncrBy(s *Session, b *cuenta.Batch, args [][]byte) {
	n, isInt := wire.ParseInt(args[2])
	if !isInt {
		s.refuse(errInteger)
		return
	}
	s.askAdd(b, args[1], n)
}

func askDecrBy(s *Session, b *cuenta.Batch, args [][]byte) {
	n, isInt := wire.ParseInt(args[2])
	switch {
	case !isInt:
		s.refuse(errInteger)
	case n == math.MinInt64:
		s.refuse("ERR decrement would overflow")
	default:
		s.askAdd(b, args[1], -n)
	}
}

func (s *Session) askAdd(b *cuenta.Batch, name []byte, n int64) {
	if !cuenta.ValidName(name) {
		s.refuse(errName)
		return
	}
	s.add(b, name, n)
}

// add appends the request to add to a counter, which is filled in where it stays.
func (s *Session) add(b *cuenta.Batch, name []byte, n int64) *cuenta.Request {
	b.Requests = append(b.Requests, cuenta.Request{})
	r := &b.Requests[len(b.Requests)-1]
	r.Op, r.Counter, r.N = cuenta.Add, name, n
	s.await(answerInteger, 1)
	return r
}

// one asks the same of the counter that the first argument names.
func one(op cuenta.Op, answer answerer) func(*Session, *cuenta.Batch, [][]byte) {
	return func(s *Session, b *cuenta.Batch, args [][]byte) {
		if !cuenta.ValidName(args[1]) {
			s.refuse(errName)
			return
		}
		b.Requests = append(b.Requests, cuenta.Request{Op: op, Counter: args[1]})
		s.await(answer, 1)
	}
}

// each asks the same of all counters that the arguments name. Under an identity
// whole answers, which commands that only read do not need.
func each(op cuenta.Op, answer, whole answerer) func(*Session, *cuenta.Batch, [][]byte) {
	return func(s *Session, b *cuenta.Batch, args [][]byte) {
		names := args[1:]
		if !s.validNames(names, 1) {
			return
		}
		for _, name := range names {
			b.Requests = append(b.Requests, cuenta.Request{Op: op, Counter: name})
		}
		s.awaitSeveral(b, len(names), answer, whole)
	}
}

// validNames checks every step-th argument, or refuses the command. Those with a
// step, and those under an identity, need a place for an All.
func (s *Session) validNames(args [][]byte, step int) bool {
	switch n := len(args) / step; {
	case n > cuenta.MaxBatch:
		s.refuse(errKeys)
		return false
	case (s.identified || step > 1) && n > cuenta.MaxBatch-1:
		s.refuse(errKeysAll)
		return false
	}
	for i := 0; i < len(args); i += step {
		if !cuenta.ValidName(args[i]) {
			s.refuse(errName)
			return false
		}
	}
	return true
}

func askMSet(s *Session, b *cuenta.Batch, args [][]byte) {
	pairs := args[1:]
	if len(pairs)%2 != 0 {
		s.refuse(wrongArity("mset"))
		return
	}
	if !s.validNames(pairs, 2) {
		return
	}
	for i := 1; i < len(pairs); i += 2 {
		if _, isInt := wire.ParseInt(pairs[i]); !isInt {
			s.refuse(errInteger)
			return
		}
	}
	for i := 0; i < len(pairs); i += 2 {
		n, _ := wire.ParseInt(pairs[i+1]) // it was read before
		b.Requests = append(b.Requests, cuenta.Request{Op: cuenta.Set, Counter: pairs[i], N: n, Terms: &endless})
	}
	if n := len(pairs) / 2; n == 1 {
		s.await(answerOK, 1)
	} else {
		s.awaitAsOne(b, n, answerAllOK)
	}
}

func askSetNX(s *Session, b *cuenta.Batch, args [][]byte) {
	s.set(b, args, setting{condition: cuenta.IfAbsent, answer: answerWhether})
}

func askGetSet(s *Session, b *cuenta.Batch, args [][]byte) {
	s.set(b, args, setting{old: true, terms: &endless})
}

func askSet(s *Session, b *cuenta.Batch, args [][]byte) {
	if len(args) == 3 {
		s.set(b, args, setting{terms: &endless})
		return
	}
	how, refusal := s.settingOf(args[3:])
	if refusal != "" {
		s.refuse(refusal)
		return
	}
	s.set(b, args, how)
}

// setting is how a counter is to be set.
type setting struct {
	condition cuenta.Condition
	terms     *cuenta.Terms
	old       bool     // answer what it held before
	answer    answerer // nil for that of SET
}

// endless is what SET says if it says nothing: a new value has no end. It is never
// written to.
var endless = cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.NoExpiry}}

// settingOf reads SET's options.
func (s *Session) settingOf(options [][]byte) (how setting, refusal string) {
	var keep bool
	var end ending
	for i := 0; i < len(options); i++ {
		option, rest := options[i], options[i+1:]
		switch {
		case isWord(option, "nx") && how.condition != cuenta.IfPresent:
			how.condition = cuenta.IfAbsent
		case isWord(option, "xx") && how.condition != cuenta.IfAbsent:
			how.condition = cuenta.IfPresent
		case isWord(option, "get"):
			how.old = true
		case isWord(option, "keepttl") && end.unit == nil:
			keep = true
		case !keep && end.take(option, rest):
			i++
		default:
			return how, errSyntax
		}
	}
	switch {
	case end.unit != nil:
		var expiry cuenta.Expiry
		expiry, refusal = end.expiry(s, "set")
		how.terms = s.say(cuenta.Terms{Expiry: expiry})
	case !keep && how.condition != cuenta.IfAbsent: // what is made anew has no end
		how.terms = &endless
	}
	return how, refusal
}

func (s *Session) set(b *cuenta.Batch, args [][]byte, how setting) {
	name := args[1]
	n, isInt := wire.ParseInt(args[2])
	switch {
	case !isInt:
		s.refuse(errInteger)
		return
	case !cuenta.ValidName(name):
		s.refuse(errName)
		return
	}
	set := cuenta.Request{Op: cuenta.Set, Counter: name, N: n, If: how.condition, Terms: how.terms}
	switch {
	case how.old && how.condition == cuenta.IfAbsent:
		b.Requests = append(b.Requests, set)
		s.await(answerHindrance, 1)
	case how.old:
		b.Requests = append(b.Requests, cuenta.Request{Op: cuenta.Get, Counter: name}, set)
		whole := answerAllOld
		if how.condition == cuenta.IfPresent {
			whole = answerAllOldIfPresent
		}
		s.awaitSeveral(b, 2, answerOld, whole)
	case how.answer != nil:
		b.Requests = append(b.Requests, set)
		s.await(how.answer, 1)
	default:
		b.Requests = append(b.Requests, set)
		s.await(answerSet, 1)
	}
}

// isWord compares an argument with a word in lower case, whatever its own case.
func isWord(arg []byte, word string) bool {
	if len(arg) != len(word) {
		return false
	}
	for i, c := range arg {
		if lower(c) != word[i] {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
