// Package rpcclient is the near side of the net/rpc service: what the consoles
// and the one-shot commands say to a running server, over its TCP port or its
// Unix socket. It exists apart from the front so that a client never links the
// server's side, and so that every failure a person can meet has its own kind.
package rpcclient

import (
	"context"
	"errors"
	"io"
	"net"
	"net/rpc"

	"github.com/cuenta-server/cuenta"
)

// Client is a connection to a server. It is safe for concurrent use. Every
// method waits until the answer is there, the connection is lost ([ErrLost]) or
// ctx ends. Refusals come back as [*cuenta.Error].
//
// When a change ends with ErrLost or with the context's error it may have been
// made all the same: its fate is unknown. The client never repeats it. Its caller
// may, over any connection, if the change has an identity; [Client.Outcome] tells
// whether there is need to.
type Client struct{ rpc *rpc.Client }

// ErrLost says that the connection ended before the answer came.
var ErrLost = errors.New("the connection to the server was lost")

// Close ends the connection; calls under way fail with [ErrLost].
func (c *Client) Close() error { return c.rpc.Close() }

// Do applies one request.
func (c *Client) Do(ctx context.Context, request cuenta.RPCRequest) (cuenta.RPCReply, error) {
	return call[cuenta.RPCReply](ctx, c, "Apply", request)
}

// Transfer moves an amount from one counter to another, all or none.
func (c *Client) Transfer(ctx context.Context, t cuenta.RPCTransfer) (cuenta.RPCReply, error) {
	return call[cuenta.RPCReply](ctx, c, "Transferir", t)
}

// ResetTickets begins a counter's tickets anew.
func (c *Client) ResetTickets(ctx context.Context, t cuenta.RPCTicket) (cuenta.RPCReply, error) {
	return call[cuenta.RPCReply](ctx, c, "ResetTickets", t)
}

// Outcome tells what became of the request with r's identity; the rest of r is
// not looked at. It returns what that request did, or refuses as that was
// refused. [cuenta.Absent] says that nothing was done under the identity,
// [cuenta.TooOld] that it is no longer known.
func (c *Client) Outcome(ctx context.Context, r cuenta.RPCRequest) (cuenta.RPCReply, error) {
	return call[cuenta.RPCReply](ctx, c, "Outcome", r)
}

// OpenSession has the server grant a session, and returns its id.
func (c *Client) OpenSession(ctx context.Context) (uint64, error) {
	return call[uint64](ctx, c, "OpenSession", int64(0))
}

// Info returns the server's report as a text for people.
func (c *Client) Info(ctx context.Context) (string, error) {
	return call[string](ctx, c, "Info", int64(0))
}

// InfoJSON returns the server's report as a JSON object.
func (c *Client) InfoJSON(ctx context.Context) (string, error) {
	return call[string](ctx, c, "InfoJSON", int64(0))
}

// Fronts returns the state and traffic of every front, in a fixed order.
func (c *Client) Fronts(ctx context.Context) ([]cuenta.ServiceStatus, error) {
	return call[[]cuenta.ServiceStatus](ctx, c, "Fronts", int64(0))
}

// Services returns the fronts as a text, one line each.
func (c *Client) Services(ctx context.Context) (string, error) {
	return call[string](ctx, c, "Services", "")
}

// Start starts a stopped front.
func (c *Client) Start(ctx context.Context, front string) error {
	_, err := call[string](ctx, c, "Start", front)
	return err
}

// Stop drains and stops a front; the one that carries this connection answers
// first.
func (c *Client) Stop(ctx context.Context, front string) error {
	_, err := call[string](ctx, c, "Stop", front)
	return err
}

// List returns up to limit (1 to 1000) counters whose names begin with prefix,
// from cursor on (0 at first), and the cursor to go on with, 0 at the end.
func (c *Client) List(ctx context.Context, prefix string, cursor uint64, limit int) ([]cuenta.Counter, uint64, error) {
	listed, err := call[cuenta.RPCListed](ctx, c, "List", cuenta.RPCList{Prefix: prefix, Cursor: cursor, Limit: limit})
	return listed.Counters, listed.Cursor, err
}

// call makes one call. It runs beside the caller because net/rpc knows no
// contexts, and may block in writing as well as in waiting; a call given up ends
// with its late answer or with the connection.
func call[Reply any](ctx context.Context, c *Client, method string, argument any) (Reply, error) {
	type outcome struct {
		reply Reply
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		o.err = c.rpc.Call(cuenta.RPCService+"."+method, argument, &o.reply)
		done <- o
	}()
	var none Reply
	select {
	case <-ctx.Done():
		return none, ctx.Err()
	case o := <-done:
		if o.err != nil {
			return none, translate(o.err)
		}
		return o.reply, nil
	}
}

// translate gives an error of net/rpc the kind that it has here.
func translate(err error) error {
	if said, ok := errors.AsType[rpc.ServerError](err); ok {
		if refusal, ok := cuenta.ParseError(string(said)); ok {
			return refusal
		}
		return err
	}
	if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, rpc.ErrShutdown) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) {
		return ErrLost
	}
	return err
}
