package rpc

import (
	"bufio"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"strings"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/limit"
)

// operatorWeight is how many places of the calls under way a call to the
// operator takes. Its reply may be large, and many of them at once would be a
// lot of memory for one connection.
const operatorWeight = 16

// maxErrorText bounds an error that repeats what the client sent, in bytes.
const maxErrorText = 200

// codec is one connection's rpc.ServerCodec. net/rpc calls its reading side from
// one goroutine, and its writing side from one at a time.
type codec struct {
	conn   *limit.Conn
	config *Config
	cancel context.CancelFunc // gives up the calls that still wait

	buffered *bufio.Reader
	in       *messages
	dec      *gob.Decoder
	places   chan struct{} // taken while a call is under way; without one nothing is read

	out *bufio.Writer
	enc *gob.Encoder
}

// newCodec returns a codec for conn, of which net/http reads through buffered.
func newCodec(conn *limit.Conn, buffered *bufio.Reader, config *Config, cancel context.CancelFunc) *codec {
	c := &codec{
		conn:     conn,
		config:   config,
		cancel:   cancel,
		buffered: buffered,
		places:   make(chan struct{}, config.MaxInFlight),
		out:      bufio.NewWriter(conn),
	}
	c.in = &messages{r: buffered, max: config.MaxMessage}
	c.dec = gob.NewDecoder(c.in)
	c.enc = gob.NewEncoder(c.out)
	return c
}

// greet says what rpc.DialHTTP waits for, and reports whether it could.
func (c *codec) greet() bool {
	c.armWrite()
	if _, err := io.WriteString(c.conn, "HTTP/1.0 200 Connected to Go RPC\n\n"); err != nil {
		c.conn.Cut()
		return false
	}
	return true
}

func (c *codec) ReadRequestHeader(r *rpc.Request) error {
	c.take(1)
	err := c.readHeader(r)
	if err != nil {
		c.release(1)
		return err
	}
	c.take(weight(r.ServiceMethod) - 1)
	c.config.Traffic.Requests.Add(1)
	return nil
}

func (c *codec) readHeader(r *rpc.Request) error {
	if c.in.err == nil && c.buffered.Buffered() == 0 {
		c.armRead(c.config.IdleTimeout)
		if _, err := c.buffered.Peek(1); err != nil {
			return err
		}
	}
	c.armRead(c.config.MessageTimeout)
	return c.decode(r)
}

// ReadRequestBody reads the argument of the call whose header was read. net/rpc
// answers its error to the client; the connection then goes on if the stream is
// still whole.
func (c *codec) ReadRequestBody(argument any) error {
	c.armRead(c.config.MessageTimeout)
	err := c.decode(argument)
	if err == nil {
		return nil
	}
	if refusal, ok := errors.AsType[*cuenta.Error](err); ok {
		return refusal
	}
	return &cuenta.Error{Code: cuenta.Syntax, Text: "cannot read the argument: " + clip(err.Error())}
}

// decode reads one value. gob does not promise to be safe from malformed input,
// so that a panic in it is taken for one more way to be malformed.
func (c *codec) decode(v any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("gob: %v", p)
			c.in.err = err
		}
	}()
	return c.dec.Decode(v)
}

// WriteResponse writes one answer. A client that does not take it in time loses
// its connection.
func (c *codec) WriteResponse(r *rpc.Response, reply any) error {
	defer c.release(weight(r.ServiceMethod))
	if r.Error != "" {
		c.config.Traffic.Errors.Add(1)
		r.Error = typed(r.Error)
	}
	c.armWrite()
	err := errors.Join(c.enc.Encode(r), c.enc.Encode(reply), c.out.Flush())
	if err != nil {
		c.cancel()
		c.conn.Cut()
	}
	return err
}

// Close is called once everything is answered.
func (c *codec) Close() error {
	c.conn.StopReading() // what lies unread shall not cost the last answer
	return c.conn.Close()
}

func (c *codec) take(n int) {
	for range n {
		c.places <- struct{}{}
	}
}

func (c *codec) release(n int) {
	for range n {
		<-c.places
	}
}

// The errors of deadlines are left to the read or write that follows: it fails
// for the same reason.

func (c *codec) armRead(d time.Duration) { _ = c.conn.SetReadDeadline(time.Now().Add(d)) }

func (c *codec) armWrite() { _ = c.conn.SetWriteDeadline(time.Now().Add(c.config.WriteTimeout)) }

// weight returns how many places a call takes.
func weight(method string) int {
	switch strings.TrimPrefix(method, cuenta.RPCService+".") {
	case "Info", "InfoJSON", "Services", "Fronts", "List", "Start", "Stop":
		return operatorWeight
	}
	return 1
}

// typed gives an error of net/rpc itself, which begins with its name, the text
// form of a refusal.
func typed(text string) string {
	if said, ok := strings.CutPrefix(text, "rpc: "); ok {
		return (&cuenta.Error{Code: cuenta.Syntax, Text: clip(said)}).Error()
	}
	return text
}

func clip(text string) string {
	if len(text) <= maxErrorText {
		return text
	}
	return strings.ToValidUTF8(text[:maxErrorText], "") + "…"
}
