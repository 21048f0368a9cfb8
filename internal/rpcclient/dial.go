package rpcclient

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/rpc"
	"time"

	"github.com/cuenta-server/cuenta"
)

// NoServerError says that nothing serves at an address.
type NoServerError struct {
	Network string // "unix" or "tcp"
	Address string // path of the socket, or host and port
	Err     error  // what the system said
}

func (e *NoServerError) Error() string {
	return fmt.Sprintf("no server at %s %s (%v): start one with `cuenta serve`", e.Network, e.Address, e.Err)
}

func (e *NoServerError) Unwrap() error { return e.Err }

// OtherServerError says that what serves at an address is no server of counters.
type OtherServerError struct {
	Network string
	Address string
	Said    string // what it answered, in short
}

func (e *OtherServerError) Error() string {
	return fmt.Sprintf("what listens at %s %s is not a cuenta server's console or rpc port (%s)", e.Network, e.Address, e.Said)
}

// maxGreeting bounds what a stranger may say before it is taken for one.
const maxGreeting = 4096

// Dial connects to a server: network is "unix" or "tcp". It fails with
// [*NoServerError] when nothing listens there, with [*OtherServerError] when
// something else does, and with the code [cuenta.Busy] when the server is at its
// limit of connections.
func Dial(ctx context.Context, network, address string) (*Client, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, &NoServerError{Network: network, Address: address, Err: cause(err)}
	}
	// The deadline is set by the end of ctx only: a server that accepts and then
	// says nothing must not hold the caller for longer.
	unwatch := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	err = greet(conn, network, address)
	if !unwatch() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	return &Client{rpc: rpc.NewClient(conn)}, nil
}

// cause leaves away what net.OpError repeats of the address.
func cause(err error) error {
	if op, ok := err.(*net.OpError); ok {
		return op.Err
	}
	return err
}

// greet asks the HTTP server at the far side to change to net/rpc, as
// rpc.DialHTTP does.
func greet(conn net.Conn, network, address string) error {
	if _, err := io.WriteString(conn, "CONNECT "+rpc.DefaultRPCPath+" HTTP/1.0\n\n"); err != nil {
		return fmt.Errorf("%w while it was being greeted: %v", ErrLost, err)
	}
	said := bufio.NewReader(io.LimitReader(conn, maxGreeting))
	response, err := http.ReadResponse(said, &http.Request{Method: http.MethodConnect})
	if err != nil {
		return &OtherServerError{Network: network, Address: address, Said: err.Error()}
	}
	switch response.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusServiceUnavailable:
		return cuenta.Busy.Err()
	}
	return &OtherServerError{Network: network, Address: address, Said: response.Status}
}
