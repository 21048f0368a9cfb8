// Package ring is the codec of what travels on the rings between a server and a
// process on the same machine: its own workers, and programs that the front shm
// hands rings to. It knows bytes, requests and answers, and nothing of how they
// are carried.
//
// Every message gets exactly one answer, in order. The requests of a batch, and
// so those that a Check or an All spans, are published together and taken
// together.
package ring

import (
	"encoding/binary"
	"errors"

	"github.com/cuenta-server/cuenta"
)

// A request is a head of 20 bytes, which with the ring's own 4 fills three words,
// what the flags announce, the counter's name, the ident of its terms and the key.
// The server echoes the tag without looking at it.
//
//	0 tag (4)  4 kind (1)  5 length of the name (1)  6 length of the key (1)
//	7 flags (1): 1 session, 2 span, 4 to 16 the condition, 32 terms
//	8 N (8)  16 client (4)
//	session: id (8) number (8) lowest (8)    span: (2)    terms: see terms.go
const (
	requestHead = 20
	sessionSize = 24
	spanSize    = 2

	// MaxRequest is the size of the longest request, in bytes.
	MaxRequest = requestHead + sessionSize + spanSize + termsSize + rateSize + holdSize + wantedSize + maxIdent + cuenta.MaxKey

	// MaxPeer is the longest peer that may be announced, in bytes.
	MaxPeer = 64
)

const (
	hasSession = 1
	hasSpan    = 2
	hasTerms   = 32

	conditionShift = 2
	conditionMask  = 7
)

// Head is what comes with a request.
type Head struct {
	Tag   uint32
	Hello bool // it is none, but announces a connection of a worker: the counter's name is its peer
}

const kindHello = 0xff

// lastOp is the last operation that a message can say.
const lastOp = cuenta.Extend

// ErrMalformed says that a message is none that this package makes.
var ErrMalformed = errors.New("a malformed message")

// unsayable stands for a name or a key that is longer than any may be. It is
// none either, so whoever is to carry the request out refuses it.
var unsayable = []byte{0}

// unknown stands for a condition that there is not, for the same reason, as 0
// does for an operation.
const unknown = cuenta.NumConditions

// AppendRequest appends a request.
func AppendRequest(dst []byte, tag uint32, r *cuenta.Request) []byte {
	kind := byte(r.Op)
	if r.Op > lastOp {
		kind = 0
	}
	return appendMessage(dst, tag, kind, r)
}

// AppendHello appends the announcement of a connection.
func AppendHello(dst []byte, tag uint32, peer string) []byte {
	return appendMessage(dst, tag, kindHello, &cuenta.Request{Counter: []byte(peer)})
}

func appendMessage(dst []byte, tag uint32, kind byte, r *cuenta.Request) []byte {
	name, key := r.Counter, r.Identity.Key
	if len(name) > cuenta.MaxName {
		name = unsayable
	}
	if len(key) > cuenta.MaxKey {
		key = unsayable
	}
	flags := byte(min(r.If, unknown)) << conditionShift
	inSession := r.Identity.Session|r.Identity.Number|r.Identity.Lowest != 0
	if inSession {
		flags |= hasSession
	}
	if r.Span != 0 {
		flags |= hasSpan
	}
	if r.Terms != nil {
		flags |= hasTerms
	}
	dst = append(dst, make([]byte, requestHead)...)
	head := dst[len(dst)-requestHead:]
	binary.LittleEndian.PutUint32(head, tag)
	head[4], head[5], head[6], head[7] = kind, byte(len(name)), byte(len(key)), flags
	binary.LittleEndian.PutUint64(head[8:], uint64(r.N))
	binary.LittleEndian.PutUint32(head[16:], r.Client)
	if inSession {
		dst = binary.LittleEndian.AppendUint64(dst, r.Identity.Session)
		dst = binary.LittleEndian.AppendUint64(dst, r.Identity.Number)
		dst = binary.LittleEndian.AppendUint64(dst, r.Identity.Lowest)
	}
	if r.Span != 0 {
		dst = binary.LittleEndian.AppendUint16(dst, r.Span)
	}
	ident := 0
	if r.Terms != nil {
		ident = identSize(r.Terms, len(name))
		dst = appendTerms(dst, r.Terms, ident)
	}
	dst = append(dst, name...)
	if ident > 0 {
		dst = appendIdent(dst, r.Terms, ident)
	}
	return append(dst, key...)
}

// RequestSize returns the length of the request's message.
func RequestSize(r *cuenta.Request) int {
	size := requestHead
	if r.Identity.Session|r.Identity.Number|r.Identity.Lowest != 0 {
		size += sessionSize
	}
	if r.Span != 0 {
		size += spanSize
	}
	name := lengthOf(r.Counter, cuenta.MaxName)
	if r.Terms != nil {
		size += sizeOfTerms(r.Terms) + identSize(r.Terms, name)
	}
	return size + name + lengthOf(r.Identity.Key, cuenta.MaxKey)
}

func lengthOf(b []byte, most int) int {
	if len(b) > most {
		return len(unsayable)
	}
	return len(b)
}

// ParseRequest reads a message, of which it believes nothing. What it puts into r
// aliases m, but for the terms, which it puts into terms if there are some. It fails for
// what nobody has appended; whether the request means anything is [Sound]'s question.
func ParseRequest(m []byte, r *cuenta.Request, terms *cuenta.Terms) (Head, error) {
	if len(m) < requestHead {
		return Head{}, ErrMalformed
	}
	head := Head{Tag: binary.LittleEndian.Uint32(m), Hello: m[4] == kindHello}
	name, key, flags := int(m[5]), int(m[6]), m[7]
	*r = cuenta.Request{}
	r.N = int64(binary.LittleEndian.Uint64(m[8:]))
	r.Client = binary.LittleEndian.Uint32(m[16:])
	r.If = cuenta.Condition(flags >> conditionShift & conditionMask)
	rest, ident := m[requestHead:], 0
	if flags&hasTerms != 0 {
		r.Terms = terms
	}
	if flags&(hasSession|hasSpan|hasTerms) != 0 {
		var ok bool
		if ident, rest, ok = parseSections(rest, flags, r); !ok || ident > 0 && name+ident > maxIdent {
			return head, ErrMalformed
		}
	}
	if len(rest) != name+ident+key || key > cuenta.MaxKey || r.If > unknown || flags >= 2*hasTerms {
		return head, ErrMalformed
	}
	r.Counter, r.Identity.Key = rest[:name], rest[name+ident:]
	if ident > 0 {
		r.Terms.Ident = rest[name : name+ident]
	}
	if head.Hello {
		return head, checkHello(r)
	}
	r.Op = cuenta.Op(m[4])
	if r.Op > lastOp {
		return head, ErrMalformed
	}
	return head, nil
}

// parseSections reads what the flags announce, and returns how long the terms' ident
// is, and what follows.
func parseSections(m []byte, flags byte, r *cuenta.Request) (ident int, rest []byte, ok bool) {
	if flags&hasSession != 0 {
		if len(m) < sessionSize {
			return 0, nil, false
		}
		id := &r.Identity
		id.Session = binary.LittleEndian.Uint64(m)
		id.Number = binary.LittleEndian.Uint64(m[8:])
		id.Lowest = binary.LittleEndian.Uint64(m[16:])
		m = m[sessionSize:]
		if id.Session|id.Number|id.Lowest == 0 {
			return 0, nil, false
		}
	}
	if flags&hasSpan != 0 {
		if len(m) < spanSize {
			return 0, nil, false
		}
		r.Span = binary.LittleEndian.Uint16(m)
		m = m[spanSize:]
		if r.Span == 0 {
			return 0, nil, false
		}
	}
	if flags&hasTerms != 0 {
		return parseTerms(m, r.Terms)
	}
	return 0, m, true
}

func checkHello(r *cuenta.Request) error {
	plain := r.N == 0 && r.Client == 0 && r.Span == 0 && r.Terms == nil && r.If == cuenta.Always && !r.Identity.Given()
	if !plain || len(r.Counter) > MaxPeer || !cuenta.ValidName(r.Counter) {
		return ErrMalformed
	}
	return nil
}

// Sound reports whether a request means something: whether there are such an
// operation and condition, and whether its name, its identity and its terms are good
// ones.
func Sound(r *cuenta.Request) bool {
	return r.Op != 0 && r.If < unknown &&
		(len(r.Counter) == 0 || cuenta.ValidName(r.Counter)) &&
		(!r.Identity.Given() || r.Identity.Valid()) &&
		(r.Terms != nil && r.Terms.Valid() || r.Terms == nil && r.Op < cuenta.Limit)
}
