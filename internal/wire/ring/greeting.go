package ring

import (
	"encoding/binary"
	"fmt"

	"github.com/cuenta-server/cuenta"
)

// Before there is a ring, a program and the front shm greet each other over a
// Unix socket of stream type:
//
//	program: magic (8)  version (4)  zero (4)
//	server:  magic (8)  version (4)  most in flight (4)  code (1)  cells (1)  zero (6)
//
// With the code OK the server's greeting carries descriptors: the link's memory
// and, if cells is 1, the counters' cells for reading. With another code it is
// its last word.
const (
	GreetingSize = 16
	WelcomeSize  = 24

	magic = 0x53_41_54_4e_45_55_43 // "CUENTAS", the least significant byte first

	// Version is that of the greeting and of all that travels on the rings.
	Version = 2
)

// Welcome is the server's greeting.
type Welcome struct {
	Code     cuenta.Code // OK, or why there will be no ring
	InFlight uint32      // how many messages may be unanswered at once
	Cells    bool        // whether the cells come with it
}

// AppendGreeting appends a program's greeting.
func AppendGreeting(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, magic)
	dst = binary.LittleEndian.AppendUint32(dst, Version)
	return binary.LittleEndian.AppendUint32(dst, 0)
}

// ParseGreeting reads a program's greeting, of which it believes nothing: OK, or
// what to answer. Syntax means that it is no greeting, and no answer is due.
func ParseGreeting(m []byte) cuenta.Code {
	if len(m) != GreetingSize || binary.LittleEndian.Uint64(m) != magic || binary.LittleEndian.Uint32(m[12:]) != 0 {
		return cuenta.Syntax
	}
	if binary.LittleEndian.Uint32(m[8:]) != Version {
		return cuenta.Unsupported
	}
	return cuenta.OK
}

// AppendWelcome appends the server's greeting.
func AppendWelcome(dst []byte, w Welcome) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, magic)
	dst = binary.LittleEndian.AppendUint32(dst, Version)
	dst = binary.LittleEndian.AppendUint32(dst, w.InFlight)
	cells := byte(0)
	if w.Cells {
		cells = 1
	}
	return append(dst, byte(w.Code), cells, 0, 0, 0, 0, 0, 0)
}

// ParseWelcome reads the server's greeting.
func ParseWelcome(m []byte) (Welcome, error) {
	if len(m) != WelcomeSize || binary.LittleEndian.Uint64(m) != magic {
		return Welcome{}, fmt.Errorf("what listens there hands out no rings: %w", ErrMalformed)
	}
	if v := binary.LittleEndian.Uint32(m[8:]); v != Version {
		return Welcome{}, fmt.Errorf("the server speaks version %d of the rings, this program %d", v, Version)
	}
	w := Welcome{InFlight: binary.LittleEndian.Uint32(m[12:]), Code: cuenta.Code(m[16]), Cells: m[17] == 1}
	if w.Code >= cuenta.NumCodes || m[17] > 1 || w.Code == cuenta.OK && w.InFlight == 0 {
		return Welcome{}, ErrMalformed
	}
	return w, nil
}
