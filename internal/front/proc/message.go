package proc

import (
	"encoding/binary"
	"errors"

	"github.com/cuenta-server/cuenta"
)

// A request on the ring is a head of 16 bytes, the counter's name and the
// identity. The server echoes the tag without looking at it. Every message gets
// exactly one answer, in order, so that the worker can count what is in flight.
//
//	0 tag (4)  4 kind (1)  5 length of the name (1)  6 length of the identity (1)  7 zero (1)  8 amount (8)
//
// An answer is 32 bytes:
//
//	0 tag (4)  4 cell (4)  8 generation (4)  12 code (4)  16 value (8)  24 revision (8)
const (
	requestHead = 16
	answerSize  = 32
	maxRequest  = requestHead + cuenta.MaxName + cuenta.MaxKey

	// kindHello announces a connection; the name is its peer. Other kinds are a
	// [cuenta.Op].
	kindHello = 0xff
	maxPeer   = 64
)

// errLie says that a worker sent what no honest worker sends.
var errLie = errors.New("the worker sent what no worker sends")

// request is a message from a worker. What it holds is borrowed.
type request struct {
	tag  uint32
	kind uint8
	cuenta.Request
}

func appendRequest(dst []byte, tag uint32, kind uint8, r *cuenta.Request) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, tag)
	dst = append(dst, kind, byte(len(r.Counter)), byte(len(r.Identity.Key)), 0)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(r.N))
	dst = append(dst, r.Counter...)
	return append(dst, r.Identity.Key...)
}

// parseRequest reads a message, of which it believes nothing.
func parseRequest(m []byte, r *request) error {
	if len(m) < requestHead {
		return errLie
	}
	name, identity := int(m[5]), int(m[6])
	if m[7] != 0 || len(m) != requestHead+name+identity || identity > cuenta.MaxKey {
		return errLie
	}
	r.tag, r.kind = binary.LittleEndian.Uint32(m), m[4]
	r.N = int64(binary.LittleEndian.Uint64(m[8:]))
	r.Counter, r.Identity.Key = m[requestHead:requestHead+name], m[requestHead+name:]
	switch r.kind {
	case uint8(cuenta.Get), uint8(cuenta.Add), uint8(cuenta.Reset):
		r.Op = cuenta.Op(r.kind)
		if name > 0 && !cuenta.ValidName(r.Counter) {
			return errLie
		}
	case kindHello:
		if name > maxPeer || identity > 0 || !cuenta.ValidName(r.Counter) {
			return errLie
		}
	default:
		return errLie
	}
	return nil
}

func appendAnswer(dst []byte, tag uint32, r *cuenta.Result) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, tag)
	dst = binary.LittleEndian.AppendUint32(dst, r.Cell)
	dst = binary.LittleEndian.AppendUint32(dst, r.Generation)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(r.Code))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(r.Value))
	return binary.LittleEndian.AppendUint64(dst, r.Revision)
}

// parseAnswer reads an answer, which a worker believes.
func parseAnswer(m []byte, r *cuenta.Result) (tag uint32, err error) {
	if len(m) != answerSize {
		return 0, errors.New("the server sent what no server sends")
	}
	r.Cell = binary.LittleEndian.Uint32(m[4:])
	r.Generation = binary.LittleEndian.Uint32(m[8:])
	r.Code = cuenta.Code(m[12])
	r.Value = int64(binary.LittleEndian.Uint64(m[16:]))
	r.Revision = binary.LittleEndian.Uint64(m[24:])
	return binary.LittleEndian.Uint32(m), nil
}
