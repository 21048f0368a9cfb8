package client

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/text"
)

// datagrams carries requests as datagrams of the text protocol. Its answers do not tell
// what they answer, and a network may repeat or delay any of them. So every
// attempt has a socket, and with it a port, of its own: what arrives there is an
// answer to this request. A socket that is done is kept for a while, unread, so
// that nobody on this machine is given its port while a late answer may arrive.
type datagrams struct {
	address string

	mu     sync.Mutex
	done   []doneSocket // by age
	closed bool
}

type doneSocket struct {
	net.Conn
	since time.Time
}

const (
	// A socket that is done is kept for maxLate, unless maxDone others are younger.
	maxLate = 10 * time.Second
	maxDone = 256

	// maxText is longer than any answer.
	maxText = 512
)

func newUDP(address string) (transport, error) { return &datagrams{address: address}, nil }

func (t *datagrams) do(ctx context.Context, requests []cuenta.Request) ([]cuenta.Result, error) {
	if len(requests) != 1 {
		return nil, &cuenta.Error{Code: cuenta.Unsupported, Text: "a datagram takes one operation"}
	}
	command, ok := wire.AppendCommand(nil, &requests[0])
	if !ok {
		return nil, unsayable
	}
	var d net.Dialer
	socket, err := d.DialContext(ctx, "udp", t.address)
	if err != nil {
		return nil, unsent{err}
	}
	defer t.retire(socket)
	defer context.AfterFunc(ctx, func() {
		// It ends the read; it can only fail where the socket is closed already.
		_ = socket.SetReadDeadline(time.Unix(1, 0))
	})()
	if _, err := socket.Write(command); err != nil {
		return nil, err
	}
	var answer [maxText]byte
	n, err := socket.Read(answer[:])
	switch {
	case ctx.Err() != nil && err != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	}
	result, err := textResult(answer[:n], requests[0].N)
	return []cuenta.Result{result}, err
}

// retire keeps a socket from which nothing more is expected.
func (t *datagrams) retire(socket net.Conn) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	old := 0
	for old < len(t.done) && (t.closed || len(t.done)-old >= maxDone || now.Sub(t.done[old].since) > maxLate) {
		_ = t.done[old].Close() // nothing was to come from it
		old++
	}
	t.done = append(t.done[old:], doneSocket{socket, now})
	if t.closed {
		_ = socket.Close()
	}
}

func (t *datagrams) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, socket := range t.done {
		_ = socket.Close() // nothing was to come from it
	}
	t.done = nil
	return nil
}

// unsayable is the refusal of what the text protocol has no words for. What adds
// 0 would read there, and change nothing.
var unsayable = &cuenta.Error{Code: cuenta.Unsupported, Text: "the text protocol cannot say that, use another way in"}

var errText = errors.New("the server does not answer as the text protocol has it")

// textResult reads an answer of the text protocol to a request for that amount.
func textResult(answer []byte, amount int64) (cuenta.Result, error) {
	line, ok := bytes.CutSuffix(answer, []byte("\n"))
	if !ok {
		return cuenta.Result{}, errText
	}
	if said, ok := bytes.CutPrefix(line, []byte("error ")); ok {
		code, text, _ := bytes.Cut(said, []byte(" "))
		if refused, known := cuenta.ParseError(string(code) + ": " + string(text)); known {
			return refusal(refused.Code, amount), nil
		}
		return cuenta.Result{}, errText
	}
	value, err := strconv.ParseInt(string(line), 10, 64)
	if err != nil {
		return cuenta.Result{}, errText
	}
	return cuenta.Result{Value: value}, nil
}
