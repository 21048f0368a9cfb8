package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/rpc"
	"os"
	"time"

	"github.com/cuenta-server/cuenta"
)

// transport is one connection to a front.
type transport interface {
	// exchange sends one operation for each key and returns when all are answered
	// or given up. It tells the tally of answers as they come. After an error the
	// connection is of no further use.
	exchange(keys []uint64, t *tally) error

	// close ends the connection, and an exchange under way with an error.
	close() error
}

// errStrange says that what answers does not speak the front's protocol.
var errStrange = errors.New("the answers are not of this front's protocol")

// connect opens one connection.
func connect(ctx context.Context, c *Config) (transport, error) {
	if c.Front == cuenta.FrontSHM {
		return openRings(ctx, c)
	}
	dial := c.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	network := "tcp"
	if c.Front == cuenta.FrontUDP {
		network = "udp"
	}
	conn, err := dial(ctx, network, c.Address)
	if err != nil {
		return nil, err
	}
	names := newNamer(c.Identity)
	switch c.Front {
	case cuenta.FrontUDP:
		return &datagrams{conn: conn, codec: codecOf(c.Front, c.Address), names: names}, nil
	case cuenta.FrontRPC:
		return greet(conn, c.Pipeline, names)
	}
	speech := codecOf(c.Front, c.Address)
	if c.Op != "" && c.Op != Increment {
		speech = newAsker(c).codec()
	}
	s := newStream(conn, speech, names)
	if c.Identity == Sessions {
		if err := s.openSession(); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	if c.Op == Reserve {
		return newReservations(s, c.Pipeline), nil
	}
	return s, nil
}

// stream sends pipelined commands over a connection.
type stream struct {
	conn  net.Conn
	codec codec
	names *namer
	out   []byte
	in    []byte
	held  int // bytes of an answer that is not all there yet, at the front of in
}

// readSize is the room for answers: those to a deep pipeline come in one piece,
// and ten thousand connections still fit in memory.
const readSize = 8 << 10

func newStream(conn net.Conn, c codec, names *namer) *stream {
	return &stream{conn: conn, codec: c, names: names, in: make([]byte, readSize)}
}

// openSession has the server grant a session over the Redis protocol.
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
	s.names.inSession(id)
	return nil
}

func (s *stream) close() error { return s.conn.Close() }

func (s *stream) exchange(keys []uint64, t *tally) error {
	s.out = s.out[:0]
	s.names.begin()
	for _, key := range keys {
		s.out = s.codec.command(s.out, key, s.names)
	}
	if _, err := s.conn.Write(s.out); err != nil {
		return err
	}
	for len(t.due) > 0 {
		n, err := s.conn.Read(s.in[s.held:])
		s.held += n
		answered := s.scan(t)
		switch {
		case !answered && s.held == len(s.in):
			return errStrange
		case err != nil && len(t.due) > 0:
			return err
		}
	}
	if s.held > 0 {
		return errStrange // more answers than commands
	}
	return nil
}

// scan takes the answers out of what was read, and reports whether there were any.
func (s *stream) scan(t *tally) bool {
	rest, good := s.in[:s.held], 0
	for len(rest) > 0 && good < len(t.due) {
		size, refusal := s.codec.next(rest)
		if size == 0 {
			break
		}
		rest = rest[size:]
		if refusal == nil {
			good++
			continue
		}
		t.answered(good) // in order: each answer is of the oldest command in flight
		t.refused(string(refusal))
		good = 0
	}
	t.answered(good)
	read := s.held
	s.held = copy(s.in, rest)
	return s.held < read
}

// datagrams sends each command as a datagram of its own.
type datagrams struct {
	conn  net.Conn
	codec codec
	names *namer
	out   []byte
	in    [512]byte
}

// datagramPatience is how long an answer is waited for. A datagram is lost or
// answered much sooner.
const datagramPatience = time.Second

func (d *datagrams) close() error { return d.conn.Close() }

// exchange gives up what is not answered in time. Such an answer may still come
// and be taken for one to a later command; the count of answers is right all the
// same, and what was given up stays an error.
func (d *datagrams) exchange(keys []uint64, t *tally) error {
	for _, key := range keys {
		d.out = d.codec.command(d.out[:0], key, d.names)
		if _, err := d.conn.Write(d.out); err != nil {
			return err
		}
	}
	if err := d.conn.SetReadDeadline(time.Now().Add(datagramPatience)); err != nil {
		return err
	}
	for left := len(keys); left > 0; left-- {
		n, err := d.conn.Read(d.in[:])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.lost(left, "no answer")
			return nil
		}
		if err != nil {
			return err
		}
		// An answer ends in a newline or with its datagram.
		if _, refusal := nextText(append(d.in[:min(n, len(d.in)-1)], '\n')); refusal != nil {
			t.refused(string(refusal))
		} else {
			t.answered(1)
		}
	}
	return nil
}

// calls makes calls of net/rpc.
type calls struct {
	client  *rpc.Client
	names   *namer
	done    chan *rpc.Call
	replies []cuenta.RPCReply
}

// greet changes from HTTP to net/rpc, as rpc.DialHTTP does.
func greet(conn net.Conn, pipeline int, names *namer) (transport, error) {
	_, err := io.WriteString(conn, "CONNECT "+rpc.DefaultRPCPath+" HTTP/1.0\n\n")
	if err == nil {
		var response *http.Response
		response, err = http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodConnect})
		if err == nil && response.StatusCode != http.StatusOK {
			err = fmt.Errorf("%w: %s", errStrange, response.Status)
		}
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	c := &calls{
		client:  rpc.NewClient(conn),
		names:   names,
		done:    make(chan *rpc.Call, pipeline),
		replies: make([]cuenta.RPCReply, pipeline),
	}
	if names.form == Sessions {
		var id uint64
		if err := c.client.Call(cuenta.RPCService+".OpenSession", int64(0), &id); err != nil {
			return nil, errors.Join(fmt.Errorf("no session: %w", err), c.close())
		}
		names.inSession(id)
	}
	return c, nil
}

func (c *calls) close() error { return c.client.Close() }

func (c *calls) exchange(keys []uint64, t *tally) error {
	var broken error
	c.names.begin()
	for i, key := range keys {
		c.client.Go(cuenta.RPCService+".Apply", c.request(key), &c.replies[i], c.done)
	}
	for range keys {
		call := <-c.done
		if _, said := errors.AsType[rpc.ServerError](call.Error); said {
			t.refused(string(reason([]byte(call.Error.Error()))))
		} else if call.Error != nil {
			broken = call.Error
		} else {
			t.answered(1)
		}
	}
	return broken
}

func (c *calls) request(key uint64) *cuenta.RPCRequest {
	r := &cuenta.RPCRequest{Op: cuenta.Add.String(), Counter: "key:" + string(appendDigits(nil, key)), N: 1}
	switch c.names.form {
	case Keys:
		r.Identity = string(c.names.key(nil))
	case Sessions:
		c.names.number++
		r.Session, r.Number, r.Lowest = c.names.session, c.names.number, c.names.lowest
	}
	return r
}

// describe names a broken connection's end in a few words, without addresses, so that
// ten thousand of them count as one kind.
func describe(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	if call, ok := errors.AsType[*os.SyscallError](err); ok {
		err = call.Err
	}
	if errors.Is(err, io.EOF) {
		return "the server closed the connection"
	}
	return string(reason([]byte(err.Error())))
}
