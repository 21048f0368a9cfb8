package rpc

import (
	"bufio"
	"encoding/binary"
	"io"

	"github.com/cuenta-server/cuenta"
)

// messages passes a stream of gob messages on to a decoder, and ends it where a
// message, or all type definitions together, are over their bound. gob by itself
// takes messages of up to a gigabyte, and keeps every type that it is told.
//
// A message is its length, then the id of a type, then the rest. A negative id
// means that the message defines the type. Both numbers are written as gob
// writes unsigned integers: below 128 as one byte, else as the negated count of
// the bytes that follow, most significant first.
type messages struct {
	r     *bufio.Reader
	max   int // bytes of one message, and of all type definitions
	left  int // bytes of the current message that were not passed on yet
	types int // bytes of type definitions so far
	err   error
}

var (
	errMessageTooLarge = &cuenta.Error{Code: cuenta.TooLarge, Text: "the message is over its size limit"}
	errTooManyTypes    = &cuenta.Error{Code: cuenta.TooLarge, Text: "the connection defines too many types"}
	errNotGob          = &cuenta.Error{Code: cuenta.Syntax, Text: "not a gob message"}
)

func (m *messages) Read(p []byte) (int, error) {
	if m.left == 0 && m.err == nil {
		m.err = m.next()
	}
	if m.err != nil {
		return 0, m.err
	}
	n, err := m.r.Read(p[:min(len(p), m.left)])
	m.left -= n
	if err == io.EOF && m.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	m.err = err
	return n, err
}

// ReadByte is there because gob would put a buffer of its own before a reader
// without it, and read ahead.
func (m *messages) ReadByte() (byte, error) {
	var b [1]byte
	_, err := io.ReadFull(m, b[:])
	return b[0], err
}

// next looks at the beginning of a message, and reads nothing of it.
func (m *messages) next() error {
	length, width, err := m.peekUint(0)
	switch {
	case err != nil:
		return err
	case length == 0:
		return errNotGob
	case length > uint64(m.max):
		return errMessageTooLarge
	}
	id, idWidth, err := m.peekUint(width)
	switch {
	case err == io.EOF:
		return io.ErrUnexpectedEOF
	case err != nil:
		return err
	case uint64(idWidth) > length:
		return errNotGob
	}
	if definition := id&1 != 0; definition {
		m.types += int(length)
		if m.types > m.max {
			return errTooManyTypes
		}
	}
	m.left = width + int(length)
	return nil
}

// peekUint returns the unsigned integer at an offset, and its width in bytes.
func (m *messages) peekUint(at int) (v uint64, width int, err error) {
	p, err := m.r.Peek(at + 1)
	if err != nil {
		return 0, 0, err
	}
	first := p[at]
	if first < 128 {
		return uint64(first), 1, nil
	}
	count := -int(int8(first))
	if count > 8 {
		return 0, 0, errNotGob
	}
	p, err = m.r.Peek(at + 1 + count)
	if err == io.EOF {
		return 0, 0, io.ErrUnexpectedEOF
	}
	if err != nil {
		return 0, 0, err
	}
	var bytes [8]byte
	copy(bytes[8-count:], p[at+1:])
	return binary.BigEndian.Uint64(bytes[:]), 1 + count, nil
}
