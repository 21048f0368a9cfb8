package bench

import (
	"fmt"
	"io"
	"strconv"

	"github.com/cuenta-server/cuenta"
)

// session is that of one connection; the zero one gives no identities. An
// exchange begins when all answers of the one before are there, so its first
// number is the lowest to which an answer is still wanted.
type session struct {
	id             uint64
	number, lowest uint64
}

func (s *session) begin() { s.lowest = s.number + 1 }

// next returns the identity of the next operation.
func (s *session) next() cuenta.Identity {
	if s.id == 0 {
		return cuenta.Identity{}
	}
	s.number++
	return cuenta.Identity{Session: s.id, Number: s.number, Lowest: s.lowest}
}

// appendIdentity appends what comes before a command of the Redis protocol with
// one argument.
func (s *session) appendIdentity(dst []byte) []byte {
	id := s.next()
	if id.Session == 0 {
		return dst
	}
	dst = append(dst, "*7\r\n$10\r\nCUENTA.SEQ\r\n$16\r\n"...)
	dst = append(cuenta.AppendSession(dst, id.Session), '\r', '\n')
	dst = appendNumber(dst, id.Number)
	dst = append(dst, "$6\r\nLOWEST\r\n"...)
	return appendNumber(dst, id.Lowest)
}

// appendNumber appends a number as an argument of the Redis protocol.
func appendNumber(dst []byte, n uint64) []byte {
	var digits [20]byte
	text := strconv.AppendUint(digits[:0], n, 10)
	dst = strconv.AppendInt(append(dst, '$'), int64(len(text)), 10)
	dst = append(append(dst, '\r', '\n'), text...)
	return append(dst, '\r', '\n')
}

// openSession has the server grant a session over the Redis protocol. The
// commands then lose their own beginning, the count of their words.
func (s *stream) openSession() error {
	const command, before, idSize = "*1\r\n$14\r\nCUENTA.SESSION\r\n", "$16\r\n", 16
	if _, err := io.WriteString(s.conn, command); err != nil {
		return err
	}
	answer := make([]byte, len(before)+idSize+len("\r\n"))
	n, err := io.ReadAtLeast(s.conn, answer, 1)
	if err == nil && answer[0] == '-' {
		return fmt.Errorf("no session: %s", reason(answer[1:n]))
	}
	if err == nil {
		_, err = io.ReadFull(s.conn, answer[n:])
	}
	if err != nil {
		return err
	}
	id, ok := cuenta.ParseSession(answer[len(before):][:idSize])
	if !ok {
		return errStrange
	}
	s.session.id = id
	s.codec.before = s.codec.before[len("*2\r\n"):]
	return nil
}
