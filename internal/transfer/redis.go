package transfer

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	wire "github.com/cuenta-server/cuenta/internal/wire/resp"

	"github.com/cuenta-server/cuenta/internal/lang"
)

const (
	// patience bounds the wait for a server to take or give anything.
	patience = 30 * time.Second

	// maxText is as much of a reply as is kept: a name, a number, an error's
	// sentence. What is longer is read and thrown away.
	maxText = 512
)

// conn is a connection to a server that speaks the Redis protocol, version 2.
// Commands are gathered in out and sent together; replies are read one by one.
type conn struct {
	net.Conn
	in  *bufio.Reader
	out []byte
	buf [maxText]byte
}

// reply is one reply of a server. The elements of an array are read as replies of
// their own.
type reply struct {
	kind byte   // '+', '-', ':', '$' or '*'
	n    int64  // of a ':', or the length of a '$' or '*'; -1 for null
	text []byte // of a '+', '-' or '$', at most maxText bytes; until the next reply is read
}

// whole reports whether the text is all there is of the reply.
func (r *reply) whole() bool { return r.kind != '$' || r.n == int64(len(r.text)) }

var errReply = lang.Text{ES: "no contesta como un Redis", EN: "it does not answer as a Redis does"}

// place is where a Redis is and how to get in.
type place struct {
	address, user, password string
	database                int
	secure                  bool
}

// parseURL reads redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]; with rediss it
// goes through TLS.
func parseURL(text string) (place, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Opaque != "" || u.RawQuery != "" || u.Fragment != "" {
		return place{}, errURL
	}
	p := place{secure: u.Scheme == "rediss", address: u.Host}
	if u.Port() == "" {
		p.address = net.JoinHostPort(u.Hostname(), "6379")
	}
	if u.User != nil {
		p.user = u.User.Username()
		password, given := u.User.Password()
		if !given || password == "" {
			return place{}, errURL
		}
		p.password = password
	}
	if path := strings.Trim(u.Path, "/"); path != "" {
		if p.database, err = strconv.Atoi(path); err != nil || p.database < 0 {
			return place{}, errURL
		}
	}
	return p, nil
}

// errURL does not repeat the address: a password may be in it.
var errURL = lang.Text{
	ES: "se espera redis://[[USUARIO]:CLAVE@]HOST[:PUERTO][/BASE]",
	EN: "want redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]"}

// dial connects, and says who is there.
func (p place) dial(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var dialer interface {
		DialContext(ctx context.Context, network, address string) (net.Conn, error)
	} = new(net.Dialer)
	if p.secure {
		dialer = new(tls.Dialer)
	}
	stream, err := dialer.DialContext(ctx, "tcp", p.address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.address, causeOf(err))
	}
	c := &conn{Conn: stream, in: bufio.NewReaderSize(stream, 64<<10)}
	if err := c.enter(ctx, p); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", p.address, err), c.Close())
	}
	return c, nil
}

// causeOf leaves away what an error repeats of the address.
func causeOf(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// enter gets in and chooses the database.
func (c *conn) enter(ctx context.Context, p place) error {
	n := 0
	if p.password != "" {
		auth := []string{"AUTH", p.user, p.password}
		if p.user == "" {
			auth = []string{"AUTH", p.password}
		}
		c.command(auth...)
		n++
	}
	if p.database != 0 {
		c.command("SELECT", strconv.Itoa(p.database))
		n++
	}
	if err := c.flush(ctx); err != nil {
		return err
	}
	for range n {
		if _, err := c.demand('+'); err != nil {
			return err
		}
	}
	return nil
}

// command adds a command to those to be sent.
func (c *conn) command(args ...string) {
	c.out = wire.AppendArray(c.out, len(args))
	for _, arg := range args {
		c.out = wire.AppendBulk(c.out, arg)
	}
}

// flush sends the commands. The time for their replies begins.
func (c *conn) flush(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return c.lost(err)
	}
	_, err := c.Write(c.out)
	c.out = c.out[:0]
	return c.lost(err)
}

// lost tells a person what became of the connection.
func (c *conn) lost(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return lang.Text{ES: "%s no respondió a tiempo", EN: "%s did not answer in time"}.Fill(c.RemoteAddr().String())
	}
	return lang.Text{ES: "se perdió la conexión con %s", EN: "the connection to %s was lost"}.Fill(c.RemoteAddr().String())
}

// next reads a reply.
func (c *conn) next() (reply, error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		return reply{}, c.lost(err)
	}
	text, ended := bytes.CutSuffix(line, []byte("\r\n"))
	if !ended || len(text) == 0 {
		return reply{}, errReply
	}
	r := reply{kind: text[0], text: text[1:]}
	switch r.kind {
	case '+', '-':
		r.text = c.buf[:copy(c.buf[:], r.text)]
		return r, nil
	case ':', '$', '*':
	default:
		return reply{}, errReply
	}
	n, ok := wire.ParseInt(r.text)
	if !ok || r.kind != ':' && n < -1 {
		return reply{}, errReply
	}
	r.n, r.text = n, nil
	if r.kind == '$' && n >= 0 {
		return c.bulk(r)
	}
	return r, nil
}

// bulk reads a bulk string and keeps the beginning.
func (c *conn) bulk(r reply) (reply, error) {
	r.text = c.buf[:min(r.n, maxText)]
	if _, err := io.ReadFull(c.in, r.text); err != nil {
		return reply{}, c.lost(err)
	}
	for rest := r.n - int64(len(r.text)) + int64(len("\r\n")); rest > 0; {
		n, err := c.in.Discard(int(min(rest, 1<<20)))
		if err != nil {
			return reply{}, c.lost(err)
		}
		rest -= int64(n)
		// A long value takes its time; silence does not.
		if err := c.SetDeadline(time.Now().Add(patience)); rest > 0 && err != nil {
			return reply{}, c.lost(err)
		}
	}
	return r, nil
}

// demand reads a reply that must be of a kind.
func (c *conn) demand(kind byte) (reply, error) {
	r, err := c.next()
	switch {
	case err != nil:
		return r, err
	case r.kind == '-':
		return r, errors.New(string(r.text))
	case r.kind != kind:
		return r, errReply
	}
	return r, nil
}
