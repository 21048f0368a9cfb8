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
	// A datagram is lost or answered within a blink, so it is soon sent again, as
	// a change has a key. Each wait is twice as long as the one before: 4.5 s in all.
	datagramWait  = 300 * time.Millisecond
	datagramTries = 4

	lineTimeout = 10 * time.Second

	// The words around a value on the screens of the original's TCP clients; its
	// UDP client says labelRemote.
	labelTCP = "Estado Del Contador->: "
)

// client is a conversation with a front that speaks the text protocol.
type client struct {
	label string

	// exchange sends one command and returns the line that answers it. It is open
	// if the command was sent without that line being its answer for certain: if
	// there is none, or if an earlier sending was not answered.
	exchange func(command string) (answer string, open bool, err error)
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
		return a.talk(client{labelRemote, datagrams{address, datagramWait}.exchange})
	}
	conn, err := net.DialTimeout("tcp", address, dialTimeout)
	if err != nil {
		return noServer(address, err)
	}
	defer conn.Close() // every command was answered or is reported: nothing can be lost
	return a.talk(client{labelTCP, newStream(conn, lineTimeout).exchange})
}

func (c client) words() []word { return nil }

func (c client) say(line string, w io.Writer) error {
	o, err := decode(line)
	if err != nil {
		return err
	}
	command := o.identify()
	answer, open, err := c.exchange(command)
	value := ""
	if err == nil {
		value, err = parseAnswer(answer)
		open = open || !isRefusal(err) // whoever says something else may have done anything
	}
	if err != nil {
		return withFate(err, o, command, open)
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
func (s stream) exchange(command string) (answer string, open bool, err error) {
	if err := s.conn.SetDeadline(time.Now().Add(s.patience)); err != nil {
		return "", false, errLost
	}
	// A server that is at its limit says so and closes, so an answer may be there
	// to read even where writing fails.
	_, writeErr := io.WriteString(s.conn, command+"\n")
	line, err := s.in.ReadSlice('\n')
	switch {
	case err == bufio.ErrBufferFull:
		err = fmt.Errorf("%w: %w", errLongAnswer, errLost)
	case errors.Is(err, os.ErrDeadlineExceeded) && writeErr == nil:
		err = fmt.Errorf("%w: %w", err, errLost)
	case err != nil:
		err = errLost
	}
	if err != nil {
		return "", true, err
	}
	return strings.TrimRight(string(line), "\r\n"), false, nil
}

// datagrams exchanges each command over a socket of its own, whose port no
// earlier command had: a late answer to one that was given up finds nobody, and
// cannot be taken for the answer to this one.
type datagrams struct {
	address string
	wait    time.Duration // for an answer, the first time
}

// exchange sends the command until it is answered, waiting longer each time. A
// busy server is no answer yet, as it may be less so the next time.
func (d datagrams) exchange(command string) (answer string, open bool, err error) {
	conn, err := net.Dial("udp", d.address)
	if err != nil {
		return "", false, noServer(d.address, err)
	}
	defer conn.Close() // one answer is all it was for
	wait := d.wait
	for try := 1; ; try++ {
		answer, err = once(conn, command, wait)
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			// The far side's system says that nobody has that port: nobody heard.
			return "", open, noServer(d.address, err)
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
			return "", true, err
		case err == nil && !strings.HasPrefix(answer, busy):
			return answer, open, nil
		}
		open = open || err != nil
		if try == datagramTries {
			return answer, open, err
		}
		wait *= 2
	}
}

// busy begins what a server says that is at its limit.
var busy = "error " + cuenta.Busy.String() + " "

// once sends a command and waits for its answer, and for another one if that
// says that the server is busy.
func once(conn net.Conn, command string, wait time.Duration) (answer string, err error) {
	if err := conn.SetDeadline(time.Now().Add(wait)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, command); err != nil {
		return "", err
	}
	buffer := make([]byte, text.MaxLine)
	for {
		n, err := conn.Read(buffer)
		if errors.Is(err, os.ErrDeadlineExceeded) && answer != "" {
			return answer, nil
		}
		if err != nil {
			return "", err
		}
		answer = string(text.TrimDatagram(buffer[:n]))
		if !strings.HasPrefix(answer, busy) {
			return answer, nil
		}
	}
}
