package ring

import (
	"encoding/binary"

	"github.com/cuenta-server/cuenta"
)

// Terms are 36 bytes, those of a request and those that an answer takes back. What
// is not set travels too, as a request's fingerprint covers it.
//
//	0 marks (1): 1 floor set, 2 ceiling set, 4 clamp, 8 lapse, 16 total
//	1 kind of the end (1)  2 its condition (1)  3 zero (1)
//	4 floor (8)  12 ceiling (8)  20 expected (8)  28 time (8)
const termsSize = 36

const (
	markFloor = 1 << iota
	markCeiling
	markClamp
	markLapse
	markTotal
	numMarks
)

func appendTerms(dst []byte, t *cuenta.Terms) []byte {
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

// parseTerms reads terms of termsSize bytes. Whether they can be meant is [Sound]'s
// question.
func parseTerms(m []byte, t *cuenta.Terms) bool {
	marks := m[0]
	if marks >= numMarks || m[3] != 0 {
		return false
	}
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
	return true
}
