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
// what the flags announce, the counter's name and the key. The server echoes the
// tag without looking at it.
//
//	0 tag (4)  4 kind (1)  5 length of the name (1)  6 length of the key (1)
//	7 flags (1): 1 session, 2 span, 4 and 8 the condition  8 N (8)  16 client (4)
//	session: id (8) number (8) lowest (8)    span: (2)
//
// An answer is 32 bytes:
//
//	0 tag (4)  4 cell (4)  8 generation (4)  12 code (1)  13 replayed (1)
//	14 zero (2)  16 value (8)  24 revision (8)
const (
	requestHead = 20
	sessionSize = 24
	spanSize    = 2

	// MaxRequest and AnswerSize are the sizes of the longest request and of
	// every answer, in bytes.
	MaxRequest = requestHead + sessionSize + spanSize + cuenta.MaxName + cuenta.MaxKey
	AnswerSize = 32

	// MaxPeer is the longest peer that may be announced, in bytes.
	MaxPeer = 64
)

const (
	hasSession = 1
	hasSpan    = 2

	conditionShift = 2 // the rest of the flags is the condition
)

// Head is what comes with a request.
type Head struct {
	Tag   uint32
	Hello bool // it is none, but announces a connection of a worker: the counter's name is its peer
}

const kindHello = 0xff

// ErrMalformed says that a message is none that this package makes.
var ErrMalformed = errors.New("a malformed message")

// unsayable stands for a name or a key that is longer than any may be. It is
// none either, so whoever is to carry the request out refuses it.
var unsayable = []byte{0}

// unknown stands for a condition that there is not, for the same reason, as 0
// does for an operation.
const unknown = cuenta.IfPresent + 1

// AppendRequest appends a request.
func AppendRequest(dst []byte, tag uint32, r *cuenta.Request) []byte {
	kind := byte(r.Op)
	if r.Op > cuenta.Outcome {
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
	dst = append(dst, name...)
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
	return size + lengthOf(r.Counter, cuenta.MaxName) + lengthOf(r.Identity.Key, cuenta.MaxKey)
}

func lengthOf(b []byte, most int) int {
	if len(b) > most {
		return len(unsayable)
	}
	return len(b)
}

// ParseRequest reads a message, of which it believes nothing. What it puts into r,
// all of it, aliases m. It fails for what nobody has appended; whether the request
// means anything is [Sound]'s question.
func ParseRequest(m []byte, r *cuenta.Request) (Head, error) {
	if len(m) < requestHead {
		return Head{}, ErrMalformed
	}
	head := Head{Tag: binary.LittleEndian.Uint32(m), Hello: m[4] == kindHello}
	name, key, flags := int(m[5]), int(m[6]), m[7]
	*r = cuenta.Request{}
	r.N = int64(binary.LittleEndian.Uint64(m[8:]))
	r.Client = binary.LittleEndian.Uint32(m[16:])
	r.If = cuenta.Condition(flags >> conditionShift)
	rest := m[requestHead:]
	if flags&hasSession != 0 {
		if len(rest) < sessionSize {
			return head, ErrMalformed
		}
		id := &r.Identity
		id.Session = binary.LittleEndian.Uint64(rest)
		id.Number = binary.LittleEndian.Uint64(rest[8:])
		id.Lowest = binary.LittleEndian.Uint64(rest[16:])
		rest = rest[sessionSize:]
		if id.Session|id.Number|id.Lowest == 0 {
			return head, ErrMalformed
		}
	}
	if flags&hasSpan != 0 {
		if len(rest) < spanSize {
			return head, ErrMalformed
		}
		r.Span = binary.LittleEndian.Uint16(rest)
		rest = rest[spanSize:]
		if r.Span == 0 {
			return head, ErrMalformed
		}
	}
	if len(rest) != name+key || key > cuenta.MaxKey || r.If > unknown {
		return head, ErrMalformed
	}
	r.Counter, r.Identity.Key = rest[:name], rest[name:]
	if head.Hello {
		return head, checkHello(r)
	}
	r.Op = cuenta.Op(m[4])
	if r.Op > cuenta.Outcome {
		return head, ErrMalformed
	}
	return head, nil
}

func checkHello(r *cuenta.Request) error {
	plain := r.N == 0 && r.Client == 0 && r.Span == 0 && r.If == cuenta.Always && !r.Identity.Given()
	if !plain || len(r.Counter) > MaxPeer || !cuenta.ValidName(r.Counter) {
		return ErrMalformed
	}
	return nil
}

// Sound reports whether a request means something: whether there are such an
// operation and condition, and whether its name and its identity are good ones.
func Sound(r *cuenta.Request) bool {
	return r.Op != 0 && r.If < unknown &&
		(len(r.Counter) == 0 || cuenta.ValidName(r.Counter)) &&
		(!r.Identity.Given() || r.Identity.Valid())
}

// AppendAnswer appends the answer to the message with that tag.
func AppendAnswer(dst []byte, tag uint32, r *cuenta.Result) []byte {
	dst = append(dst, make([]byte, AnswerSize)...)
	m := dst[len(dst)-AnswerSize:]
	binary.LittleEndian.PutUint32(m, tag)
	binary.LittleEndian.PutUint32(m[4:], r.Cell)
	binary.LittleEndian.PutUint32(m[8:], r.Generation)
	m[12] = byte(r.Code)
	if r.Replayed {
		m[13] = 1
	}
	binary.LittleEndian.PutUint64(m[16:], uint64(r.Value))
	binary.LittleEndian.PutUint64(m[24:], r.Revision)
	return dst
}

// ParseAnswer reads an answer and the tag of the message that it answers.
func ParseAnswer(m []byte, r *cuenta.Result) (tag uint32, err error) {
	if len(m) != AnswerSize {
		return 0, ErrMalformed
	}
	code := binary.LittleEndian.Uint32(m[12:])
	if code>>9 != 0 || cuenta.Code(code) >= cuenta.NumCodes {
		return 0, ErrMalformed
	}
	*r = cuenta.Result{
		Cell:       binary.LittleEndian.Uint32(m[4:]),
		Generation: binary.LittleEndian.Uint32(m[8:]),
		Code:       cuenta.Code(code),
		Replayed:   code>>8 != 0,
		Value:      int64(binary.LittleEndian.Uint64(m[16:])),
		Revision:   binary.LittleEndian.Uint64(m[24:]),
	}
	return binary.LittleEndian.Uint32(m), nil
}
