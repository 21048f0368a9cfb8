package fronttest

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// patience is how long a test waits for a server before it calls it dead. Only
// a failing test waits that long.
const patience = 30 * time.Second

// Client is one connection of the text protocol in a test. Its methods fail the
// test, so they belong in the test's own goroutine.
type Client struct {
	Conn net.Conn
	t    testing.TB
	r    *bufio.Reader
}

// NewClient wraps a connection and closes it when the test ends.
func NewClient(t testing.TB, conn net.Conn) *Client {
	t.Cleanup(func() {
		// Most tests have closed it by now; only the descriptor matters here.
		_ = conn.Close()
	})
	return &Client{Conn: conn, t: t, r: bufio.NewReader(conn)}
}

// Send writes text as it is, in one write.
func (c *Client) Send(text string) {
	c.t.Helper()
	if err := c.Conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.WriteString(c.Conn, text); err != nil {
		c.t.Fatalf("sending %s: %v", quote(text), err)
	}
}

// Line returns the next answer, without its line end.
func (c *Client) Line() string {
	c.t.Helper()
	line, err := c.next()
	if err != nil {
		c.t.Fatalf("waiting for an answer: %v (got %s)", err, quote(line))
	}
	if len(line) > maxAnswer {
		c.t.Errorf("answer of %d bytes, at most %d are allowed: %s", len(line), maxAnswer, quote(line))
	}
	return strings.TrimSuffix(line, "\n")
}

func (c *Client) next() (string, error) {
	if err := c.Conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	return c.r.ReadString('\n')
}

// Expect reads one answer for each of want. A want that ends in "…" stands for
// every answer that begins so.
func (c *Client) Expect(want ...string) {
	c.t.Helper()
	for i, w := range want {
		got := c.Line()
		if start, open := strings.CutSuffix(w, "…"); got != w && !(open && strings.HasPrefix(got, start)) {
			c.t.Fatalf("answer %d: got %s, want %s", i+1, quote(got), quote(w))
		}
	}
}

// Ask sends one command and returns its answer.
func (c *Client) Ask(command string) string {
	c.t.Helper()
	c.Send(command + "\n")
	return c.Line()
}

// Ends demands that the server closes the connection and says nothing more.
func (c *Client) Ends() {
	c.t.Helper()
	if rest := c.Rest(); len(rest) > 0 {
		c.t.Fatalf("got %d more answers before the end, the first %s", len(rest), quote(rest[0]))
	}
}

// Rest returns all answers up to the end of the connection, which must come. A
// reset counts as an end: it is how TCP closes on a peer that still talks.
func (c *Client) Rest() (answers []string) {
	c.t.Helper()
	for {
		line, err := c.next()
		var timeout net.Error
		switch {
		case err == nil:
			answers = append(answers, strings.TrimSuffix(line, "\n"))
		case errors.As(err, &timeout) && timeout.Timeout():
			c.t.Fatalf("the server did not close the connection")
		case line != "":
			c.t.Fatalf("the last answer has no line end: %s", quote(line))
		default:
			return answers
		}
	}
}

// CloseWrite ends the client's side of the stream, or skips the test where the
// connection has no sides.
func (c *Client) CloseWrite() {
	c.t.Helper()
	side, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		c.t.Skip("the connection cannot be half closed")
	}
	if err := side.CloseWrite(); err != nil {
		c.t.Fatal(err)
	}
}

// Reset ends the connection with a TCP reset instead of an orderly close, or
// skips the test where there is no such thing.
func (c *Client) Reset() {
	c.t.Helper()
	tcp, ok := c.Conn.(*net.TCPConn)
	if !ok {
		c.t.Skip("the connection is not TCP")
	}
	if err := tcp.SetLinger(0); err != nil {
		c.t.Fatal(err)
	}
	if err := tcp.Close(); err != nil {
		c.t.Fatal(err)
	}
}
