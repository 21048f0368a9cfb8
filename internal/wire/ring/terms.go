package ring

import (
	"encoding/binary"

	"github.com/cuenta-server/cuenta"
)

// Terms are 36 bytes and what their marks announce; a request's ident stands behind
// its name. What is not set travels too, as a request's fingerprint covers it.
//
//	0 marks (1): 1 floor set, 2 ceiling set, 4 clamp, 8 lapse, 16 total, 32 rate,
//	64 hold, 128 holds  1 kind of the end (1)  2 its condition (1)
//	3 length of the ident (1)
//	4 floor (8)  12 ceiling (8)  20 expected (8)  28 time (8)
//	rate: kind (1) limit (8) period (8) burst (8), not all 0    hold: (8), not 0
//	holds: how many shall be told at most (1), not 0
const (
	termsSize  = 36
	rateSize   = 25
	holdSize   = 8
	wantedSize = 1

	// maxIdent is how long name and ident are together at most. What is longer is cut,
	// and stays too long for the counter that would keep the ident's numbers.
	maxIdent = cuenta.MaxName + 1
)

const (
	markFloor = 1 << iota
	markCeiling
	markClamp
	markLapse
	markTotal
	markRate
	markHold
	markHolds

	// ownMarks are those of a counter's terms, which a description tells.
	ownMarks = markRate - 1
)

// MaxHolds is how many holds a description tells at most, whatever is asked for.
const MaxHolds = 16

// appendTerms appends all terms of a request but the ident, which has that length.
func appendTerms(dst []byte, t *cuenta.Terms, ident int) []byte {
	at := len(dst)
	dst = appendOwn(dst, t)
	dst[at+3] = byte(ident)
	if t.Rate != (cuenta.Rate{}) {
		dst[at] |= markRate
		dst = append(dst, byte(t.Rate.Kind))
		dst = binary.LittleEndian.AppendUint64(dst, uint64(t.Rate.Limit))
		dst = binary.LittleEndian.AppendUint64(dst, uint64(t.Rate.Period))
		dst = binary.LittleEndian.AppendUint64(dst, uint64(t.Rate.Burst))
	}
	if t.Hold != 0 {
		dst[at] |= markHold
		dst = binary.LittleEndian.AppendUint64(dst, t.Hold)
	}
	if wanted := min(cap(t.Holds), MaxHolds); wanted > 0 {
		dst[at] |= markHolds
		dst = append(dst, byte(wanted))
	}
	return dst
}

// appendOwn appends the terms that a counter may have of its own.
func appendOwn(dst []byte, t *cuenta.Terms) []byte {
	marks := mark(t.Floor.Set, markFloor) | mark(t.Ceiling.Set, markCeiling) |
		mark(t.Clamp, markClamp) | mark(t.Expiry.Lapse, markLapse) | mark(t.Total, markTotal)
	dst = append(dst, marks, byte(t.Expiry.Kind), byte(t.Expiry.If), 0)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(t.Floor.At))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(t.Ceiling.At))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(t.Expect))
	return binary.LittleEndian.AppendUint64(dst, uint64(t.Expiry.Time))
}

func mark(set bool, bit byte) byte {
	if set {
		return bit
	}
	return 0
}

// identSize is how long an ident is in the message of a request whose name has that
// length.
func identSize(t *cuenta.Terms, name int) int {
	return min(lengthOf(t.Ident, cuenta.MaxKey), maxIdent-name)
}

func appendIdent(dst []byte, t *cuenta.Terms, size int) []byte {
	ident := t.Ident
	if len(ident) > cuenta.MaxKey {
		ident = unsayable
	}
	return append(dst, ident[:size]...)
}

// sizeOfTerms is how long the terms of a request are, the ident left out.
func sizeOfTerms(t *cuenta.Terms) int {
	size := termsSize
	if t.Rate != (cuenta.Rate{}) {
		size += rateSize
	}
	if t.Hold != 0 {
		size += holdSize
	}
	if cap(t.Holds) > 0 {
		size += wantedSize
	}
	return size
}

// parseTerms reads terms of a request, and returns how long its ident is and what
// follows them. Whether they can be meant is [Sound]'s question.
func parseTerms(m []byte, t *cuenta.Terms) (ident int, rest []byte, ok bool) {
	if len(m) < termsSize {
		return 0, nil, false
	}
	marks := m[0]
	ident = int(m[3])
	parseOwn(m, t)
	m = m[termsSize:]
	if marks > ownMarks {
		if m, ok = parseMore(m, marks, t); !ok {
			return 0, nil, false
		}
	}
	return ident, m, ident <= cuenta.MaxKey
}

// parseMore reads what few terms have.
func parseMore(m []byte, marks byte, t *cuenta.Terms) (rest []byte, ok bool) {
	if marks&markRate != 0 {
		if len(m) < rateSize {
			return nil, false
		}
		t.Rate = cuenta.Rate{
			Kind:   cuenta.RateKind(m[0]),
			Limit:  int64(binary.LittleEndian.Uint64(m[1:])),
			Period: int64(binary.LittleEndian.Uint64(m[9:])),
			Burst:  int64(binary.LittleEndian.Uint64(m[17:])),
		}
		if m = m[rateSize:]; t.Rate == (cuenta.Rate{}) {
			return nil, false
		}
	}
	if marks&markHold != 0 {
		if len(m) < holdSize {
			return nil, false
		}
		t.Hold = binary.LittleEndian.Uint64(m)
		if m = m[holdSize:]; t.Hold == 0 {
			return nil, false
		}
	}
	if marks&markHolds != 0 {
		if len(m) < wantedSize || m[0] == 0 || m[0] > MaxHolds {
			return nil, false
		}
		t.Holds = make([]cuenta.Held, 0, m[0])
		m = m[wantedSize:]
	}
	return m, true
}

// parseOwn reads terms of termsSize bytes.
func parseOwn(m []byte, t *cuenta.Terms) {
	marks := m[0]
	*t = cuenta.Terms{
		Floor:   cuenta.Bound{Set: marks&markFloor != 0, At: int64(binary.LittleEndian.Uint64(m[4:]))},
		Ceiling: cuenta.Bound{Set: marks&markCeiling != 0, At: int64(binary.LittleEndian.Uint64(m[12:]))},
		Clamp:   marks&markClamp != 0,
		Total:   marks&markTotal != 0,
		Expect:  int64(binary.LittleEndian.Uint64(m[20:])),
		Expiry: cuenta.Expiry{
			Kind:  cuenta.ExpiryKind(m[1]),
			If:    cuenta.ExpiryCondition(m[2]),
			Time:  int64(binary.LittleEndian.Uint64(m[28:])),
			Lapse: marks&markLapse != 0,
		},
	}
}
