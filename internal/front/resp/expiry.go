package resp

import (
	"math"
	"time"

	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// The commands on the ends of counters. Redis counts milliseconds, the service
// nanoseconds of int64: an end after the year 2262 is the last that there is.

// timeUnit is how an option, or a command, gives a time.
type timeUnit struct {
	word    string
	seconds bool // not milliseconds
	at      bool // since 1970, not from now on
}

var timeUnits = []timeUnit{{"ex", true, false}, {"px", false, false}, {"exat", true, true}, {"pxat", false, true}}

// ending is the end that options give.
type ending struct {
	unit  *timeUnit // nil: none
	value []byte
}

// take takes an option and its value, which it reports. Only the same option may be
// there twice, and then the last one counts.
func (e *ending) take(option []byte, rest [][]byte) bool {
	for i := range timeUnits {
		unit := &timeUnits[i]
		if isWord(option, unit.word) && (e.unit == nil || e.unit == unit) && len(rest) > 0 {
			e.unit, e.value = unit, rest[0]
			return true
		}
	}
	return false
}

// expiry reads a time as SET does: it is positive. If it is over, the counter goes at
// once.
func (e *ending) expiry(s *Session, command string) (expiry cuenta.Expiry, refusal string) {
	n, isInt := wire.ParseInt(e.value)
	if !isInt {
		return expiry, errInteger
	}
	ms, inRange := e.unit.milliseconds(s, n)
	if n <= 0 || !inRange {
		return expiry, invalidTime(command)
	}
	return e.unit.expiryOf(ms), ""
}

func invalidTime(command string) string {
	return "ERR invalid expire time in '" + command + "' command"
}

// milliseconds reports false for a time that Redis could not count from 1970 on. Nearly
// all are so short that the clock need not be asked.
func (u *timeUnit) milliseconds(s *Session, n int64) (ms int64, inRange bool) {
	if u.seconds {
		if n > math.MaxInt64/1000 || n < math.MinInt64/1000 {
			return 0, false
		}
		n *= 1000
	}
	return n, u.at || n <= math.MaxInt64/2 || n <= math.MaxInt64-s.p.now().UnixMilli()
}

func (u *timeUnit) expiryOf(ms int64) cuenta.Expiry {
	switch {
	case u.at:
		return cuenta.Expiry{Kind: cuenta.ExpireAt, Time: nanoseconds(max(ms, 0)), Lapse: true}
	case ms <= 0:
		return cuenta.Expiry{Kind: cuenta.ExpireAt, Lapse: true} // whatever the service's time is
	}
	return cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: nanoseconds(ms)}
}

// expiring makes EXPIRE and its like.
func expiring(command string, unit timeUnit) func(*Session, *cuenta.Batch, [][]byte) {
	return func(s *Session, b *cuenta.Batch, args [][]byte) {
		condition, refusal := expiryConditionOf(args[3:])
		if refusal != "" {
			s.refuse(refusal)
			return
		}
		n, isInt := wire.ParseInt(args[2])
		if !isInt {
			s.refuse(errInteger)
			return
		}
		ms, inRange := unit.milliseconds(s, n)
		if !inRange {
			s.refuse(invalidTime(command))
			return
		}
		expiry := unit.expiryOf(ms)
		expiry.If = condition
		s.expire(b, args[1], expiry)
	}
}

func (s *Session) expire(b *cuenta.Batch, name []byte, expiry cuenta.Expiry) {
	if !cuenta.ValidName(name) {
		s.refuse(errName)
		return
	}
	b.Requests = append(b.Requests, cuenta.Request{Op: cuenta.Expire, Counter: name, Terms: s.say(cuenta.Terms{Expiry: expiry})})
	s.await(answerWhether, 1)
}

// expiryConditionOf reads EXPIRE's options.
func expiryConditionOf(options [][]byte) (condition cuenta.ExpiryCondition, refusal string) {
	var nx, xx, gt, lt bool
	for _, option := range options {
		switch {
		case isWord(option, "nx"):
			nx = true
		case isWord(option, "xx"):
			xx = true
		case isWord(option, "gt"):
			gt = true
		case isWord(option, "lt"):
			lt = true
		default:
			return 0, "ERR Unsupported option " + string(shown(option, len(option)))
		}
	}
	switch {
	case nx && (xx || gt || lt):
		return 0, "ERR NX and XX, GT or LT options at the same time are not compatible"
	case gt && lt:
		return 0, "ERR GT and LT options at the same time are not compatible"
	case nx:
		return cuenta.ExpiryIfNone, ""
	case gt: // there must be one, with XX or without
		return cuenta.ExpiryIfLater, ""
	case xx && lt:
		return cuenta.ExpiryIfAnySooner, ""
	case lt:
		return cuenta.ExpiryIfSooner, ""
	case xx:
		return cuenta.ExpiryIfAny, ""
	}
	return cuenta.ExpiryAlways, ""
}

func askPersist(s *Session, b *cuenta.Batch, args [][]byte) {
	s.expire(b, args[1], cuenta.Expiry{Kind: cuenta.NoExpiry, If: cuenta.ExpiryIfAny})
}

// describing asks for a counter's terms.
func describing(answer answerer) func(*Session, *cuenta.Batch, [][]byte) {
	return func(s *Session, b *cuenta.Batch, args [][]byte) {
		if !cuenta.ValidName(args[1]) {
			s.refuse(errName)
			return
		}
		terms := s.say(cuenta.Terms{})
		b.Requests = append(b.Requests, cuenta.Request{Op: cuenta.Describe, Counter: args[1], Terms: terms})
		s.detailed(answer, 1, detail{terms: terms})
	}
}

// answerTime makes the answers to TTL and its like.
func answerTime(unit timeUnit) answerer {
	return func(s *Session, dst []byte, results []cuenta.Result, d *due) []byte {
		r := &results[0]
		if r.Code != cuenta.OK {
			return wire.AppendError(dst, told(r))
		}
		ms := left(r)
		switch {
		case !exists(r):
			return append(dst, ":-2\r\n"...)
		case ms < 0:
			return append(dst, ":-1\r\n"...)
		case unit.at:
			ms = s.details[d.detail].terms.Expiry.Time / int64(time.Millisecond)
		}
		if unit.seconds {
			ms = (ms + 500) / 1000
		}
		return wire.AppendInt(dst, ms)
	}
}

// left returns how many milliseconds a counter that was described has left, begun
// ones too; -1 if it has no end.
func left(r *cuenta.Result) int64 {
	if r.Amount == 0 {
		return -1
	}
	return milliseconds(r.Amount)
}

// askGetEx: the counter is read, and then its end is changed if it is there. A time
// that cannot be is told only if there is a counter, as by Redis.
func askGetEx(s *Session, b *cuenta.Batch, args [][]byte) {
	expiry, given, refusal := s.getExOf(args[2:])
	switch {
	case !cuenta.ValidName(args[1]):
		s.refuse(errName)
		return
	case !given && refusal != "" || refusal != "" && s.identified:
		s.refuse(refusal)
		return
	case !given && s.identified:
		s.refuse("ERR only commands that change counters take an identity, 'getex' without options does not")
		return
	}
	b.Requests = append(b.Requests, cuenta.Request{Op: cuenta.Get, Counter: args[1]})
	switch {
	case refusal != "":
		s.malformed++
		s.detailed(answerErrorIfThere, 1, detail{text: refusal})
	case !given:
		s.await(answerValue, 1)
	default:
		terms := s.say(cuenta.Terms{Expiry: expiry})
		b.Requests = append(b.Requests, cuenta.Request{Op: cuenta.Expire, Counter: args[1], Terms: terms})
		s.awaitSeveral(b, 2, answerOld, answerAllOldIfPresent)
	}
}

// getExOf reads GETEX's options.
func (s *Session) getExOf(options [][]byte) (expiry cuenta.Expiry, given bool, refusal string) {
	var end ending
	var persist bool
	for i := 0; i < len(options); i++ {
		option, rest := options[i], options[i+1:]
		switch {
		case isWord(option, "persist") && end.unit == nil:
			persist = true
		case !persist && end.take(option, rest):
			i++
		default:
			return expiry, false, errSyntax
		}
	}
	switch {
	case end.unit != nil:
		expiry, refusal = end.expiry(s, "getex")
		return expiry, true, refusal
	case persist && s.identified: // as a whole it must not be refused where there is no end
		return cuenta.Expiry{Kind: cuenta.NoExpiry}, true, ""
	case persist:
		return cuenta.Expiry{Kind: cuenta.NoExpiry, If: cuenta.ExpiryIfAny}, true, ""
	}
	return expiry, false, ""
}

// answerErrorIfThere: an error if there is such a counter, or null.
func answerErrorIfThere(s *Session, dst []byte, results []cuenta.Result, d *due) []byte {
	r := &results[0]
	switch {
	case r.Code != cuenta.OK:
		return wire.AppendError(dst, told(r))
	case exists(r):
		return wire.AppendError(dst, s.details[d.detail].text)
	}
	return wire.AppendNull(dst, s.version)
}

// settingUntil makes SETEX and PSETEX.
func settingUntil(command string, unit *timeUnit) func(*Session, *cuenta.Batch, [][]byte) {
	return func(s *Session, b *cuenta.Batch, args [][]byte) {
		end := ending{unit, args[2]}
		expiry, refusal := end.expiry(s, command)
		if refusal != "" {
			s.refuse(refusal)
			return
		}
		pair := [...][]byte{nil, args[1], args[3]}
		s.set(b, pair[:], setting{terms: s.say(cuenta.Terms{Expiry: expiry})})
	}
}
