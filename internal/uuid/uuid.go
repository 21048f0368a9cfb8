// Package uuid makes and reads UUIDs of version 7 (RFC 9562, section 5.7): 48 bits
// of Unix time in milliseconds, then random bits. As idempotency keys they say
// when they were made, and so when their answers may have been forgotten.
package uuid

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// Size is the length of a UUID's text form.
const Size = 36

// UUID is a UUID in its binary form.
type UUID [16]byte

// NewV7 returns a new UUID of version 7: the time now and 74 random bits.
func NewV7() UUID {
	var u UUID
	rand.Read(u[6:]) // it never fails
	ms := uint64(time.Now().UnixMilli())
	binary.BigEndian.PutUint16(u[:], uint16(ms>>32))
	binary.BigEndian.PutUint32(u[2:], uint32(ms))
	u[6] = u[6]&0x0f | 7<<4 // version
	u[8] = u[8]&0x3f | 2<<6 // variant
	return u
}

// String returns the text form: 36 characters, in lower case.
func (u UUID) String() string {
	var b [Size]byte
	hex.Encode(b[:8], u[:4])
	hex.Encode(b[9:13], u[4:6])
	hex.Encode(b[14:18], u[6:8])
	hex.Encode(b[19:23], u[8:10])
	hex.Encode(b[24:], u[10:])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// Time reads the time of a UUID of version 7 in its text form, in milliseconds
// since 1970. It reports false for everything else: other lengths, versions and
// variants, braces, a prefix. Hexadecimal digits count in either case. It
// allocates nothing.
func Time(key []byte) (ms int64, ok bool) {
	if len(key) != Size || key[14] != '7' {
		return 0, false
	}
	for i, c := range key {
		digit, isDigit := value(c)
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return 0, false
			}
			continue
		case 19:
			isDigit = isDigit && digit>>2 == 2
		}
		if !isDigit {
			return 0, false
		}
		if i < 13 {
			ms = ms<<4 | digit
		}
	}
	return ms, true
}

// value returns what a hexadecimal digit stands for.
func value(c byte) (digit int64, ok bool) {
	switch {
	case '0' <= c && c <= '9':
		return int64(c - '0'), true
	case 'a' <= c && c <= 'f':
		return int64(c-'a') + 10, true
	case 'A' <= c && c <= 'F':
		return int64(c-'A') + 10, true
	}
	return 0, false
}
