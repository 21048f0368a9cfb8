//go:build linux

package main

import (
	"bufio"
	"context"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/text"
)

// connection is made when needed and given up when in doubt, so that no answer is
// ever taken for another one's.
type connection struct {
	address string
	conn    net.Conn
	in      *bufio.Reader
}

// during runs what on an open connection. The end of ctx ends it.
func (c *connection) during(ctx context.Context, what func() error) error {
	if c.conn == nil {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", c.address)
		if err != nil {
			return err
		}
		c.conn, c.in = conn, bufio.NewReader(conn)
	}
	conn := c.conn
	unwatch := context.AfterFunc(ctx, func() {
		// It ends what is under way; it can only fail where that has ended already.
		_ = conn.SetDeadline(time.Unix(1, 0))
	})
	err := what()
	if !unwatch() || err != nil {
		c.close()
	}
	return err
}

func (c *connection) close() {
	if c.conn != nil {
		c.conn.Close() // nothing more is to be heard from it
		c.conn = nil
	}
}

// lines is the text protocol over TCP: the fronts tcp and proc.
type lines struct{ connection }

func newLines(front string) func(*entrances) way {
	return func(e *entrances) way { return &lines{connection{address: e.address[front]}} }
}

func (w *lines) exchange(ctx context.Context, b *bundle) (answers []answer, err error) {
	var text []byte
	for i := range b.requests {
		text = append(command(text, &b.requests[i]), '\n')
	}
	err = w.during(ctx, func() error {
		if _, err := w.conn.Write(text); err != nil {
			return err
		}
		for range b.requests {
			line, err := w.in.ReadString('\n')
			if err != nil {
				return err
			}
			a, err := readLine(line)
			if err != nil {
				return err
			}
			answers = append(answers, a)
		}
		return nil
	})
	return answers, err
}

// command appends a request that is drawn so that there are words for it.
func command(dst []byte, r *cuenta.Request) []byte {
	dst, _ = wire.AppendCommand(dst, r)
	return dst
}

// readLine reads an answer of the text protocol.
func readLine(line string) (answer, error) {
	line, whole := strings.CutSuffix(line, "\n")
	if !whole {
		return answer{}, strange(line)
	}
	if said, refused := strings.CutPrefix(line, "error "); refused {
		code, sentence, _ := strings.Cut(said, " ")
		e, known := cuenta.ParseError(code + ": " + sentence)
		if !known {
			return answer{}, strange(line)
		}
		return answer{Result: cuenta.Result{Code: e.Code}}, nil
	}
	n, err := strconv.ParseInt(line, 10, 64)
	if err != nil {
		return answer{}, strange(line)
	}
	return value(n), nil
}

// datagrams is the text protocol over UDP. An answer does not say what it answers,
// and one may come late or twice: so every attempt has a socket of its own, which is
// kept for a while, so that nobody gets its port while a late answer may arrive.
type datagrams struct {
	address string
	done    []net.Conn
}

// keptSockets is for as long as an answer can be on its way: a client makes few
// attempts in that time.
const keptSockets = 64

func newDatagrams(e *entrances) way { return &datagrams{address: e.address[cuenta.FrontUDP]} }

func (w *datagrams) exchange(ctx context.Context, b *bundle) ([]answer, error) {
	conn, err := net.Dial("udp", w.address)
	if err != nil {
		return nil, err
	}
	w.done = append(w.done, conn)
	if len(w.done) > keptSockets {
		w.done[0].Close() // nothing more is to be heard from it
		w.done = w.done[1:]
	}
	defer context.AfterFunc(ctx, func() {
		// As with connections.
		_ = conn.SetDeadline(time.Unix(1, 0))
	})()
	if _, err := conn.Write(command(nil, &b.requests[0])); err != nil {
		return nil, err
	}
	var buf [1 << 10]byte
	n, err := conn.Read(buf[:])
	if err != nil {
		return nil, err
	}
	a, err := readLine(string(buf[:n]))
	if err != nil {
		return nil, err
	}
	return []answer{a}, nil
}

func (w *datagrams) close() {
	for _, conn := range w.done {
		conn.Close() // nothing more is to be heard from it
	}
}
