package journal

import (
	"encoding/binary"
	"slices"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/lang"
)

const (
	entrySession = 5
	entryAnswer  = 6
	entryNext    = 7             // the answer to the next number; Lowest as before
	entryShift   = entryNext + 1 // the answer to the next number; Lowest one higher, too
	entryKey     = 9

	// withAmount is the bit of an outcome's code that says that it has an amount.
	withAmount = 0x80

	maxKept = 4 + 1 + 3*binary.MaxVarintLen64

	// MaxSession, MaxAnswer and MaxKey are the most bytes of the entries of those
	// names, the bytes of a key not counted.
	MaxSession = 1 + 8
	MaxAnswer  = 1 + 8 + 2*binary.MaxVarintLen64 + maxKept
	MaxKey     = 1 + 1 + maxKept
)

// Answer is what became of a number of a session.
type Answer struct {
	Session uint64 // not 0
	Number  uint64
	// Lowest is the lowest number that is still remembered from then on: 1 to
	// Number.
	Lowest uint64

	Kept
}

// Kept is what became of the request with an identity.
type Kept struct {
	Fingerprint uint32      // of the request
	Code        cuenta.Code // below 128
	Value       int64
	Revision    uint64
	Amount      int64 // how much was applied, or would have been; nearly always 0
}

// Session adds that a session was granted. Used is the time of the record, there
// and in the other two.
func (r *Record) Session(id uint64) {
	r.buf = append(r.buf, entrySession)
	r.buf = byteOrder.AppendUint64(r.buf, id)
}

// Answer adds the answer to a number of a session that was granted before, the lowest of
// which that is still remembered being lowest. Where a session's numbers come one after
// the other, all but the first are short.
func (r *Record) Answer(session, number, lowest uint64, k *Kept) {
	if session == 0 || lowest-1 >= number || k.Code >= withAmount {
		// It could not be told from another one, and the log not be read again.
		panic("journal: an answer needs a session, a lowest number from 1 to its own, and a code below 128")
	}
	b, n := r.room(MaxAnswer)
	if follows, shift := session == r.session && number == r.number+1, lowest-r.lowest; follows && shift <= 1 {
		b[n] = entryNext + byte(shift)
		n++
	} else {
		b[n] = entryAnswer
		byteOrder.PutUint64(b[n+1:], session)
		n += 1 + 8
		n += binary.PutUvarint(b[n:], number)
		n += binary.PutUvarint(b[n:], number-lowest)
		r.session = session
	}
	r.number, r.lowest = number, lowest
	r.buf = b[:n+k.put(b[n:])]
}

// Key adds the answer to the first request with an idempotency key, which must be
// valid, see [cuenta.ValidKey].
func (r *Record) Key(key []byte, k Kept) {
	if len(key) == 0 || len(key) > cuenta.MaxKey || k.Code >= withAmount {
		panic("journal: an idempotency key must have 1 to 128 bytes, and its answer a code below 128")
	}
	b := append(r.buf, entryKey, byte(len(key)))
	b = append(b, key...)
	r.buf = k.append(b)
}

func (k *Kept) append(b []byte) []byte {
	n := len(b)
	b = slices.Grow(b, maxKept)[:n+maxKept]
	return b[:n+k.put(b[n:])]
}

// put writes what is kept into b, which has room for maxKept bytes, and returns how many
// it took.
func (k *Kept) put(b []byte) (n int) {
	byteOrder.PutUint32(b, k.Fingerprint)
	b[4] = byte(k.Code)
	n = 5
	n += binary.PutVarint(b[n:], k.Value)
	n += binary.PutUvarint(b[n:], k.Revision)
	if k.Amount != 0 {
		b[4] |= withAmount
		n += binary.PutVarint(b[n:], k.Amount)
	}
	return n
}

func readKept(data []byte) (k Kept, rest []byte, ok bool) {
	if len(data) < 5 {
		return Kept{}, nil, false
	}
	k.Fingerprint, k.Code = byteOrder.Uint32(data), cuenta.Code(data[4]&^withAmount)
	k.Value, k.Revision, rest, ok = readState(data[5:])
	if !ok || data[4]&withAmount == 0 {
		return k, rest, ok
	}
	n := 0
	if k.Amount, n = binary.Varint(rest); n <= 0 || k.Amount == 0 {
		return Kept{}, nil, false // an amount of 0 is never written
	}
	return k, rest[n:], true
}

// readSession reads what is behind the type of a session's entry.
func (e *entries) readSession() (reason lang.Text) {
	if len(e.rest) < 8 {
		return lang.Text{ES: "el número de una sesión está incompleto", EN: "a session's number is incomplete"}
	}
	e.session, e.rest = byteOrder.Uint64(e.rest), e.rest[8:]
	return sound
}

// readAnswer reads what is behind the type of an answer. What a short one leaves
// out is in the answer read before.
func (e *entries) readAnswer() (reason lang.Text) {
	a := &e.answer
	switch e.kind {
	case entryAnswer:
		if !e.readNumbers() {
			return lang.Text{ES: "una respuesta no tiene sesión y número correctos", EN: "an answer has no proper session and number"}
		}
	case entryNext, entryShift:
		if a.Number++; a.Number <= 1 {
			return lang.Text{ES: "una respuesta sigue al número de otra anterior, y no hay ninguna", EN: "an answer has none before it whose number it follows"}
		}
		if e.kind == entryShift {
			a.Lowest++
		}
	}
	k, rest, ok := readKept(e.rest)
	if !ok {
		return lang.Text{ES: "una respuesta está incompleta o mal formada", EN: "an answer is incomplete or malformed"}
	}
	a.Kept, e.rest = k, rest
	return sound
}

// readNumbers reads whose answer it is.
func (e *entries) readNumbers() bool {
	if len(e.rest) < 8 {
		return false
	}
	a, rest := &e.answer, e.rest[8:]
	a.Session = byteOrder.Uint64(e.rest)
	number, n := binary.Uvarint(rest)
	if n <= 0 {
		return false
	}
	below, m := binary.Uvarint(rest[n:])
	if m <= 0 || below >= number {
		return false
	}
	a.Number, a.Lowest, e.rest = number, number-below, rest[n+m:]
	return a.Session != 0
}

// readKey reads what is behind the type of a key's entry.
func (e *entries) readKey() (reason lang.Text) {
	var ok bool
	if e.name, e.rest = readName(e.rest); e.name == nil || len(e.name) > cuenta.MaxKey {
		return lang.Text{ES: "una clave de idempotencia está incompleta o es demasiado larga", EN: "an idempotency key is incomplete or too long"}
	}
	if e.kept, e.rest, ok = readKept(e.rest); !ok {
		return lang.Text{ES: "la respuesta a una clave de idempotencia está incompleta o mal formada", EN: "the answer to an idempotency key is incomplete or malformed"}
	}
	return sound
}
