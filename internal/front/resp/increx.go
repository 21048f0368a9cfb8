package resp

import (
	"math"

	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// INCREX is Redis 8.8's: an increment with bounds and an end. IDMP, which gives it
// an identity, is ours.

// increment is what INCREX's options say.
type increment struct {
	by, lower, upper []byte // numbers, nil where there is none
	float            bool
	saturate         bool
	persist          bool
	ifNone           bool // ENX
	end              ending
	producer, number []byte
}

// incrementOf reads the options, each of which may be there once.
func incrementOf(options [][]byte) (inc increment, isIncrement bool) {
	for i := 0; i < len(options); i++ {
		option, rest := options[i], options[i+1:]
		value := func(where *[]byte) bool {
			if *where != nil || len(rest) == 0 {
				return false
			}
			*where = rest[0]
			i++
			return true
		}
		flag := func(where *bool) bool {
			was := *where
			*where = true
			return !was
		}
		var ok bool
		switch {
		case isWord(option, "byint"):
			ok = value(&inc.by)
		case isWord(option, "byfloat"):
			ok, inc.float = value(&inc.by), true
		case isWord(option, "lbound"):
			ok = value(&inc.lower)
		case isWord(option, "ubound"):
			ok = value(&inc.upper)
		case isWord(option, "saturate"):
			ok = flag(&inc.saturate)
		case isWord(option, "enx"):
			ok = flag(&inc.ifNone)
		case isWord(option, "persist"):
			ok = flag(&inc.persist)
		case isWord(option, "idmp") && len(rest) > 1 && inc.producer == nil:
			inc.producer, inc.number, ok = rest[0], rest[1], true
			i += 2
		default:
			ok = inc.end.unit == nil && inc.end.take(option, rest)
			i++
		}
		if !ok {
			return inc, false
		}
	}
	return inc, !inc.persist || !inc.ifNone && inc.end.unit == nil
}

func askIncrEx(s *Session, b *cuenta.Batch, args [][]byte) {
	inc, isIncrement := incrementOf(args[2:])
	if !isIncrement {
		s.refuse(errSyntax)
		return
	}
	terms := s.blank()
	n, refusal := inc.asked(s, terms)
	var id cuenta.Identity
	if refusal == "" {
		id, refusal = inc.identity(s)
	}
	if refusal == "" && !cuenta.ValidName(args[1]) {
		refusal = errName
	}
	if refusal != "" {
		s.refuse(refusal)
		return
	}
	r := cuenta.Request{Op: cuenta.Add, Counter: args[1], N: n, Terms: terms, Identity: id}
	if id.Given() {
		r.Client = s.client.number()
	}
	b.Requests = append(b.Requests, r)
	s.detailed(answerIncrEx, 1, detail{n: n, terms: terms})
}

// asked returns how much is to be added, and fills in how.
func (inc *increment) asked(s *Session, terms *cuenta.Terms) (n int64, refusal string) {
	if inc.float {
		return 0, "ERR BYFLOAT is not supported: counters are integers"
	}
	if inc.ifNone && inc.end.unit == nil {
		return 0, "ERR ENX flag requires an expiration"
	}
	n = 1
	switch {
	case !readInt(inc.by, &n):
		return 0, "ERR Increment" + notInteger
	case !readBound(inc.lower, &terms.Floor):
		return 0, "ERR LBOUND" + notInteger
	case !readBound(inc.upper, &terms.Ceiling):
		return 0, "ERR UBOUND" + notInteger
	}
	if terms.Floor.Set && terms.Ceiling.Set && terms.Floor.At > terms.Ceiling.At {
		return 0, "ERR LBOUND can't be greater than UBOUND"
	}
	terms.Clamp = inc.saturate
	switch {
	case inc.persist:
		terms.Expiry.Kind = cuenta.NoExpiry
	case inc.end.unit != nil:
		terms.Expiry, refusal = inc.end.expiry(s, "increx")
		if inc.ifNone {
			terms.Expiry.If = cuenta.ExpiryIfNone
		}
	}
	return n, refusal
}

const notInteger = " is not an integer or out of range"

// readInt reads a number if one was said. It reports false for what is none.
func readInt(said []byte, n *int64) (isInt bool) {
	if said == nil {
		return true
	}
	*n, isInt = wire.ParseInt(said)
	return isInt
}

// readBound reads a limit if one was said.
func readBound(said []byte, b *cuenta.Bound) (isInt bool) {
	b.Set = said != nil
	return readInt(said, &b.At)
}

// identity makes a key of a producer and its number: PRODUCER:NUMBER.
func (inc *increment) identity(s *Session) (id cuenta.Identity, refusal string) {
	if inc.producer == nil {
		return id, ""
	}
	if s.identified {
		return id, errNested
	}
	if n, isNumber := wire.ParseUint(inc.number); !isNumber || n == 0 {
		return id, errNumber
	}
	from := len(s.keys)
	s.keys = append(append(append(s.keys, inc.producer...), ':'), inc.number...)
	id.Key = s.keys[from:len(s.keys):len(s.keys)]
	if len(inc.producer) == 0 || !cuenta.ValidKey(id.Key) {
		return id, errProducer
	}
	return id, ""
}

// answerIncrEx: the value, and how much was added to it, which is 0 where it was not
// to be. Of a total above that refuses, the counter's own value is not known.
func answerIncrEx(s *Session, dst []byte, results []cuenta.Result, d *due) []byte {
	r, asked := &results[0], &s.details[d.detail]
	value, added := r.Value, asked.n
	switch {
	case (r.Code == cuenta.Limited || r.Code == cuenta.Overflow) && ownLimit(r):
		value, added = r.Value-r.Amount, 0
	case r.Code != cuenta.OK:
		return wire.AppendError(dst, told(r))
	case asked.terms.Clamp:
		added = unwrapped(r)
	}
	return appendPair(dst, value, added)
}

// ownLimit reports whether a refusal tells of the counter itself. A repeat does not
// know its level, but of a total above the revision is never told.
func ownLimit(r *cuenta.Result) bool { return r.Level == 0 && (exists(r) || r.Value == r.Amount) }

func appendPair(dst []byte, a, b int64) []byte {
	dst = wire.AppendArray(dst, 2)
	dst = wire.AppendInt(dst, a)
	return wire.AppendInt(dst, b)
}

// unwrapped returns by how much a change that clamped changed the value, or the end
// of int64 if it was more.
func unwrapped(r *cuenta.Result) int64 {
	before := r.Value - r.Amount
	switch {
	case r.Value >= before && r.Amount < 0:
		return math.MaxInt64
	case r.Value < before && r.Amount >= 0:
		return math.MinInt64
	}
	return r.Amount
}
