package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/config"
	"github.com/cuenta-server/cuenta/internal/lang"
	"github.com/cuenta-server/cuenta/internal/wire/text"
)

const (
	// A datagram is lost or answered within a blink; a read is asked again, a
	// change is not, so its answer gets the time of all the reads.
	datagramTimeout = time.Second
	datagramTries   = 3

	lineTimeout = 10 * time.Second

	// The words around a value on the screens of the original's TCP clients; its
	// UDP client says labelRemote.
	labelTCP = "Estado Del Contador->: "
)

// client is a conversation with a front that speaks the text protocol.
type client struct {
	label string

	// exchange sends one command and returns the line that answers it.
	exchange func(line string, change bool) (string, error)
}

func (a *app) client() error {
	front := a.operands[0]
	switch front {
	case cuenta.FrontUDP, cuenta.FrontTCP, cuenta.FrontProc:
	default:
		return usageError{lang.Text{ES: "%q no es udp, tcp ni proc", EN: "%q is not udp, tcp or proc"}.Fill(front)}
	}
	address := config.Find(front).Default
	if len(a.operands) == 2 {
		var err error
		if address, err = config.ParseAddress(a.operands[1]); err != nil {
			return usageError{lang.Text{ES: "%q: %v", EN: "%q: %v"}.Fill(a.operands[1], err)}
		}
	}
	if front == cuenta.FrontUDP {
		return a.talk(client{labelRemote, datagrams{address, datagramTimeout}.exchange})
	}
	conn, err := net.DialTimeout("tcp", address, dialTimeout)
	if err != nil {
		return noServer(address, systemCause(err))
	}
	defer conn.Close() // every command was answered or is reported: nothing can be lost
	return a.talk(client{labelTCP, newStream(conn, lineTimeout).exchange})
}

func (c client) words() []word { return nil }

func (c client) say(line string, w io.Writer) error {
	r, err := decode(line)
	if err != nil {
		return err
	}
	change := r.Op != cuenta.Get
	answer, err := c.exchange(line, change)
	if err != nil {
		return err
	}
	value, err := parseAnswer(answer)
	if err != nil {
		return withFate(err, change)
	}
	_, err = fmt.Fprintln(w, c.label+value)
	return err
}

// errLongAnswer ends a conversation: where the next answer begins is not known.
var errLongAnswer = lang.Text{
	ES: "la respuesta es demasiado larga; no es de un servidor de cuentas",
	EN: "the answer is too long; it is no counter server's",
}

// stream exchanges lines over a connection.
type stream struct {
	conn     net.Conn
	in       *bufio.Reader
	patience time.Duration
}

func newStream(conn net.Conn, patience time.Duration) stream {
	return stream{conn, bufio.NewReaderSize(conn, text.MaxLine), patience}
}

// exchange treats silence as the loss of the connection: the answer might still
// come, and then be taken for that of the next command.
func (s stream) exchange(line string, change bool) (string, error) {
	if err := s.conn.SetDeadline(time.Now().Add(s.patience)); err != nil {
		return "", errLost
	}
	// A server that is at its limit says so and closes, so an answer may be there
	// to read even where writing fails.
	_, writeErr := io.WriteString(s.conn, line+"\n")
	answer, err := s.in.ReadSlice('\n')
	switch {
	case err == bufio.ErrBufferFull:
		err = fmt.Errorf("%w: %w", errLongAnswer, errLost)
	case errors.Is(err, os.ErrDeadlineExceeded) && writeErr == nil:
		err = fmt.Errorf("%w: %w", err, errLost)
	case err != nil:
		err = errLost
	}
	return strings.TrimRight(string(answer), "\r\n"), withFate(err, change)
}

// datagrams exchanges each command over a socket of its own, whose port no
// earlier command had: a late answer to one that was given up finds nobody, and
// cannot be taken for the answer to this one.
type datagrams struct {
	address  string
	patience time.Duration // for the answer to a read
}

func (d datagrams) exchange(line string, change bool) (string, error) {
	if change {
		return d.once(line, change, datagramTries*d.patience)
	}
	for try := 1; ; try++ {
		answer, err := d.once(line, change, d.patience)
		if try == datagramTries || !errors.Is(err, os.ErrDeadlineExceeded) {
			return answer, err
		}
	}
}

func (d datagrams) once(line string, change bool, patience time.Duration) (string, error) {
	conn, err := net.Dial("udp", d.address)
	if err != nil {
		return "", noServer(d.address, systemCause(err))
	}
	defer conn.Close() // one answer is all it was for
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, line); err != nil {
		return "", err
	}
	answer := make([]byte, text.MaxLine)
	n, err := conn.Read(answer)
	if errors.Is(err, syscall.ECONNREFUSED) {
		// The far side's system says that nobody has that port: nobody heard.
		return "", noServer(d.address, systemCause(err))
	}
	return string(text.TrimDatagram(answer[:n])), withFate(err, change)
}

// systemCause is what the system said, without the addresses around it.
func systemCause(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	if call, ok := errors.AsType[*os.SyscallError](err); ok {
		err = call.Err
	}
	return err
}
