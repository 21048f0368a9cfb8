package client

import (
	"bytes"
	"context"
	"errors"
	"math"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/cuenta-server/cuenta"
)

// udp carries requests as datagrams of the text protocol. Its answers do not tell
// what they answer, and a network may repeat or delay any of them. So every
// attempt has a socket, and with it a port, of its own: what arrives there is an
// answer to this request. A socket that is done is kept for a while, unread, so
// that nobody on this machine is given its port while a late answer may arrive.
type udp struct {
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

func newUDP(address string) (transport, error) { return &udp{address: address}, nil }

func (t *udp) do(ctx context.Context, requests []cuenta.Request) ([]cuenta.Result, error) {
	if len(requests) != 1 {
		return nil, &cuenta.Error{Code: cuenta.Unsupported, Text: "a datagram takes one operation"}
	}
	command, err := textCommand(&requests[0])
	if err != nil {
		return nil, err
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
func (t *udp) retire(socket net.Conn) {
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

func (t *udp) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, socket := range t.done {
		_ = socket.Close() // nothing was to come from it
	}
	t.done = nil
	return nil
}

// textCommand writes a request in the text protocol.
func textCommand(r *cuenta.Request) ([]byte, error) {
	verb, amount := "", uint64(0)
	switch r.Op {
	case cuenta.Get:
		verb = "con."
	case cuenta.Reset:
		verb = "res."
	case cuenta.Add:
		if r.N == math.MinInt64 {
			return nil, &cuenta.Error{Code: cuenta.Unsupported, Text: "the text protocol takes amounts from -9223372036854775807"}
		}
		verb, amount = "inc.", uint64(r.N)
		if r.N < 0 {
			verb, amount = "dec.", uint64(-r.N)
		}
	default:
		return nil, &cuenta.Error{Code: cuenta.Unsupported, Text: "the text protocol has no " + r.Op.String()}
	}
	command := strconv.AppendUint([]byte(verb), amount, 10)
	command = append(append(command, " @"...), r.Counter...)
	if len(r.Identity.Key) > 0 {
		command = append(append(command, " id="...), r.Identity.Key...)
	}
	return command, nil
}

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
