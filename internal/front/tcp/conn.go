package tcp

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/wire/text"
)

// maxLines is how many commands of one connection go into one batch, so that a
// long pipeline shares the service with the others.
const maxLines = 512

// past is a deadline that ends every wait at once.
var past = time.Unix(1, 0)

// conn is one connection. Only its own goroutine uses it.
type conn struct {
	*Server
	net     net.Conn
	origin  cuenta.Origin
	session text.Session

	readBy, writeBy time.Time // the deadlines that are set
	lineSince       time.Time // when the unfinished line began; zero if there is none
}

// serve is the life of a connection.
func (s *Server) serve(nc net.Conn) {
	c := &conn{Server: s, net: nc, origin: cuenta.Origin{Front: cuenta.FrontTCP, Peer: nc.RemoteAddr().String()}}
	defer s.forget(nc, &s.served)
	defer s.traffic.Open.Add(-1)
	s.log.Info("new connection", "front", cuenta.FrontTCP, "peer", c.origin.Peer)
	err := c.converse()
	if c.session.Ended() {
		goodbye(nc, lingering)
	}
	s.log.Debug("connection closed", "front", cuenta.FrontTCP, "peer", c.origin.Peer, "reason", reason(err))
}

// converse reads and answers until the connection or the session ends, or the
// server drains.
func (c *conn) converse() error {
	for !c.session.Ended() {
		// The order matters: a drain that begins after the deadline was set puts
		// it in the past, and one that began before is seen here.
		if err := c.setReadDeadline(); err != nil {
			return err
		}
		if c.draining() {
			return c.conclude()
		}
		n, err := c.read(c.session.Space())
		if n > 0 {
			if err := c.answer(); err != nil {
				return err
			}
		}
		if err != nil && c.draining() && errors.Is(err, os.ErrDeadlineExceeded) {
			return c.conclude()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// conclude answers what had arrived when the server began to drain, and hardly
// anything that the client goes on sending: what is read along with it.
func (c *conn) conclude() error {
	for left := received(c.net); left > 0 && !c.session.Ended(); {
		// Only where it is unknown how much there is does this ever wait.
		if err := c.net.SetReadDeadline(time.Now().Add(lastRead)); err != nil {
			return err
		}
		n, err := c.read(c.session.Space())
		left -= n
		if n > 0 {
			if err := c.answer(); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) read(space []byte) (int, error) {
	n, err := c.net.Read(space)
	c.session.Filled(n)
	c.traffic.BytesIn.Add(int64(n))
	if n == 0 {
		return 0, err
	}
	end := bytes.LastIndexByte(space[:n], '\n')
	switch {
	case end == n-1:
		c.lineSince = time.Time{}
	case end >= 0 || c.lineSince.IsZero():
		c.lineSince = time.Now()
	}
	return n, err
}

// answer executes and answers all complete lines that were read.
func (c *conn) answer() error {
	out := c.outputs.Get().(*[]byte)
	defer c.outputs.Put(out)
	for more := true; more; more = c.session.Pending() {
		*out = c.execute((*out)[:0])
		if len(*out) == 0 {
			continue // empty lines, or the beginning of one
		}
		if err := c.write(*out); err != nil {
			return err
		}
	}
	return nil
}

// execute has one batch of lines done and appends the answers. The batch goes
// back to the pool before the answers are written, so that slow readers do not
// hold on to batches.
func (c *conn) execute(out []byte) []byte {
	b := c.batches.Get().(*cuenta.Batch)
	defer c.batches.Put(b)
	b.Requests = b.Requests[:0]
	lines := c.session.Decode(b, maxLines)
	if lines == 0 {
		return out
	}
	failed := c.session.Malformed()
	b.Results = b.Results[:0]
	if len(b.Requests) > 0 {
		b.Origin, b.Class, b.NoWait = c.origin, cuenta.ClassQueue, false
		c.service.Do(c.ctx, b)
		for i := range b.Results {
			if b.Results[i].Code != cuenta.OK {
				failed++
			}
		}
	}
	c.traffic.Requests.Add(int64(lines))
	if failed > 0 {
		c.traffic.Errors.Add(int64(failed))
	}
	return c.session.AppendAnswers(out, b.Results)
}

func (c *conn) write(p []byte) error {
	by := time.Now().Add(c.limits.WriteTimeout)
	if stale(c.writeBy, by, c.limits.WriteTimeout) {
		if err := c.net.SetWriteDeadline(by); err != nil {
			return err
		}
		c.writeBy = by
	}
	n, err := c.net.Write(p)
	c.traffic.BytesOut.Add(int64(n))
	return err
}

func (c *conn) setReadDeadline() error {
	timeout := c.limits.IdleTimeout
	by := time.Now().Add(timeout)
	if !c.lineSince.IsZero() {
		timeout = c.limits.LineTimeout
		by = c.lineSince.Add(timeout)
	}
	if !stale(c.readBy, by, timeout) {
		return nil
	}
	c.readBy = by
	return c.net.SetReadDeadline(by)
}

// stale reports whether a deadline must be set anew. One that is a little early
// is left as it is: setting it costs as much as a small batch, and a timeout
// may come an eighth of its length, but no more than a second, too soon.
func stale(set, want time.Time, timeout time.Duration) bool {
	return set.After(want) || want.Sub(set) > min(timeout/8, time.Second)
}

// reason says in a word why a connection ended.
func reason(err error) string {
	switch {
	case err == nil:
		return "ended by the server"
	case errors.Is(err, io.EOF):
		return "ended by the client"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "timed out"
	}
	return err.Error()
}
