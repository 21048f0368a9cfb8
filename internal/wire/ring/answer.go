package ring

import (
	"encoding/binary"

	"github.com/cuenta-server/cuenta"
)

// An answer is 32 bytes, as a rule, and what its flags announce:
//
//	0 tag (4)  4 cell (4)  8 generation (4)  12 code (1)  13 replayed (1)
//	14 flags (1): 1 amount, 2 terms, 4 held  15 level (1)  16 value (8)
//	24 revision (8)
//	amount: (8), not 0    terms: a counter's own, see terms.go
//	held: above 0 (8) below 0 (8), and as many holds as there follow, each id (8)
//	amount (8) end (8)
const (
	amountSize = 8
	sumsSize   = 16
	heldSize   = 24

	hasAmount     = 1
	takesTerms    = 2
	hasHeld       = 4
	flagsOfAnswer = 16 // where they are in the 32 bits that begin with the code

	// AnswerSize, MaxPlainAnswer and MaxAnswer are the sizes of an answer that says
	// nothing out of the ordinary, of the longest without terms, and of the longest.
	// ShortAnswer is the longest of those that tell no more than one hold.
	AnswerSize     = 32
	MaxPlainAnswer = AnswerSize + amountSize
	ShortAnswer    = MaxPlainAnswer + termsSize + sumsSize + heldSize
	MaxAnswer      = ShortAnswer + (MaxHolds-1)*heldSize
)

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
	m[15] = r.Level
	binary.LittleEndian.PutUint64(m[16:], uint64(r.Value))
	binary.LittleEndian.PutUint64(m[24:], r.Revision)
	if r.Amount != 0 {
		m[14] = hasAmount
		dst = binary.LittleEndian.AppendUint64(dst, uint64(r.Amount))
	}
	return dst
}

// AppendDescription appends the answer to a Describe, which takes back the terms.
func AppendDescription(dst []byte, tag uint32, r *cuenta.Result, terms *cuenta.Terms) []byte {
	at := len(dst)
	dst = AppendAnswer(dst, tag, r)
	dst[at+14] |= takesTerms
	dst = appendOwn(dst, terms)
	if terms.Held|terms.HeldDown == 0 {
		return dst
	}
	dst[at+14] |= hasHeld
	dst = binary.LittleEndian.AppendUint64(dst, uint64(terms.Held))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(terms.HeldDown))
	for _, h := range terms.Holds[:min(len(terms.Holds), MaxHolds)] {
		dst = binary.LittleEndian.AppendUint64(dst, h.ID)
		dst = binary.LittleEndian.AppendUint64(dst, uint64(h.Amount))
		dst = binary.LittleEndian.AppendUint64(dst, uint64(h.Ends))
	}
	return dst
}

// ParseAnswer reads an answer and the tag of the message that it answers. It fails
// for one that takes terms back.
func ParseAnswer(m []byte, r *cuenta.Result) (tag uint32, err error) {
	return ParseDescription(m, r, nil)
}

// ParseDescription reads the answer to a Describe, and puts the terms that it takes
// back, if it does, into terms, whose Holds are used again.
func ParseDescription(m []byte, r *cuenta.Result, terms *cuenta.Terms) (tag uint32, err error) {
	if len(m) < AnswerSize {
		return 0, ErrMalformed
	}
	code := binary.LittleEndian.Uint32(m[12:])
	flags := uint8(code >> flagsOfAnswer)
	code &= 1<<flagsOfAnswer - 1
	if code>>9 != 0 || cuenta.Code(code) >= cuenta.NumCodes {
		return 0, ErrMalformed
	}
	*r = cuenta.Result{
		Cell:       binary.LittleEndian.Uint32(m[4:]),
		Generation: binary.LittleEndian.Uint32(m[8:]),
		Code:       cuenta.Code(code),
		Replayed:   code>>8 != 0,
		Level:      m[15],
		Value:      int64(binary.LittleEndian.Uint64(m[16:])),
		Revision:   binary.LittleEndian.Uint64(m[24:]),
	}
	if flags != 0 || len(m) != AnswerSize {
		if !parseRest(m[AnswerSize:], flags, r, terms) {
			return 0, ErrMalformed
		}
	}
	return binary.LittleEndian.Uint32(m), nil
}

// parseRest reads what the flags of an answer announce.
func parseRest(m []byte, flags uint8, r *cuenta.Result, terms *cuenta.Terms) bool {
	if flags&hasAmount != 0 {
		if len(m) < amountSize {
			return false
		}
		r.Amount = int64(binary.LittleEndian.Uint64(m))
		if m = m[amountSize:]; r.Amount == 0 {
			return false
		}
	}
	if flags&takesTerms == 0 {
		return flags <= hasAmount && len(m) == 0
	}
	if flags > hasAmount|takesTerms|hasHeld || terms == nil || len(m) < termsSize || m[0] > ownMarks || m[3] != 0 {
		return false
	}
	holds := terms.Holds[:0]
	parseOwn(m, terms)
	terms.Holds = holds
	if m = m[termsSize:]; flags&hasHeld != 0 {
		return parseHeld(m, terms)
	}
	return len(m) == 0
}

func parseHeld(m []byte, terms *cuenta.Terms) bool {
	if len(m) < sumsSize {
		return false
	}
	terms.Held = int64(binary.LittleEndian.Uint64(m))
	terms.HeldDown = int64(binary.LittleEndian.Uint64(m[8:]))
	if m = m[sumsSize:]; len(m)%heldSize != 0 || len(m) > MaxHolds*heldSize || terms.Held|terms.HeldDown == 0 {
		return false
	}
	for ; len(m) > 0; m = m[heldSize:] {
		terms.Holds = append(terms.Holds, cuenta.Held{
			ID:     binary.LittleEndian.Uint64(m),
			Amount: int64(binary.LittleEndian.Uint64(m[8:])),
			Ends:   int64(binary.LittleEndian.Uint64(m[16:])),
		})
	}
	return true
}
