package client

import (
	"context"
	"net"
	"sync"

	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// redis carries requests over the Redis protocol. All callers share a connection:
// their commands are written one after the other, many with one system call, and
// the replies come in the same order.
type redis struct {
	address string
	connect chan struct{} // held by who connects
	running sync.WaitGroup

	mu     sync.Mutex
	conn   *redisConn // the last one, which may have ended; nil before the first
	closed bool
}

func newRedis(address string) (transport, error) {
	return &redis{address: address, connect: make(chan struct{}, 1)}, nil
}

func (t *redis) do(ctx context.Context, requests []cuenta.Request) ([]cuenta.Result, error) {
	commands, err := appendCommands(nil, requests)
	if err != nil {
		return nil, err
	}
	conn, err := t.connection(ctx)
	if err != nil {
		return nil, unsent{err}
	}
	return conn.do(ctx, commands, requests)
}

// connection returns the connection that is open, or opens one.
func (t *redis) connection(ctx context.Context) (*redisConn, error) {
	if conn, err := t.current(); conn != nil || err != nil {
		return conn, err
	}
	select {
	case t.connect <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-t.connect }()
	if conn, err := t.current(); conn != nil || err != nil {
		return conn, err
	}
	var d net.Dialer
	stream, err := d.DialContext(ctx, "tcp", t.address)
	if err != nil {
		return nil, err
	}
	conn := newRedisConn(stream)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		_ = stream.Close() // nothing was said on it
		return nil, ErrClosed
	}
	t.conn = conn
	t.running.Go(conn.read)
	t.running.Go(conn.write)
	return conn, nil
}

// current returns the open connection, nil if there is none.
func (t *redis) current() (*redisConn, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, ErrClosed
	}
	if t.conn != nil && !t.conn.ended() {
		return t.conn, nil
	}
	return nil, nil
}

func (t *redis) close() error {
	t.mu.Lock()
	t.closed = true
	conn := t.conn
	t.mu.Unlock()
	if conn != nil {
		conn.end(ErrClosed)
	}
	t.running.Wait()
	return nil
}

// appendCommands appends a command for each request.
func appendCommands(dst []byte, requests []cuenta.Request) ([]byte, error) {
	for i := range requests {
		r := &requests[i]
		args := 0
		switch r.Op {
		case cuenta.OpenSession:
			args = 1
		case cuenta.Get, cuenta.Delete:
			args = 2
		case cuenta.Add, cuenta.Set, cuenta.Reset:
			args = 3
		case cuenta.Outcome:
			dst = appendOutcome(dst, &r.Identity)
			continue
		default:
			return nil, &cuenta.Error{Code: cuenta.Unsupported, Text: "the Redis protocol has no batches that are all or none"}
		}
		dst = appendIdentity(dst, &r.Identity, args)
		switch r.Op {
		case cuenta.OpenSession:
			dst = wire.AppendBulk(dst, "CUENTA.SESSION")
		case cuenta.Get:
			dst = wire.AppendBulk(wire.AppendBulk(dst, "GET"), r.Counter)
		case cuenta.Delete:
			dst = wire.AppendBulk(wire.AppendBulk(dst, "GETDEL"), r.Counter)
		case cuenta.Add:
			dst = wire.AppendBulkInt(wire.AppendBulk(wire.AppendBulk(dst, "INCRBY"), r.Counter), r.N)
		case cuenta.Set:
			dst = wire.AppendBulkInt(wire.AppendBulk(wire.AppendBulk(dst, "SET"), r.Counter), r.N)
		case cuenta.Reset:
			dst = wire.AppendBulk(wire.AppendBulk(wire.AppendBulk(dst, "SET"), r.Counter), "0")
		}
	}
	return dst, nil
}

// appendIdentity begins a command of so many arguments with its identity.
func appendIdentity(dst []byte, id *cuenta.Identity, args int) []byte {
	switch {
	case len(id.Key) > 0:
		dst = wire.AppendArray(dst, 2+args)
		dst = wire.AppendBulk(dst, "CUENTA.ONCE")
		return wire.AppendBulk(dst, id.Key)
	case id.Session != 0:
		dst = wire.AppendArray(dst, 5+args)
		dst = wire.AppendBulk(dst, "CUENTA.SEQ")
		dst = appendNumber(dst, id)
		dst = wire.AppendBulk(dst, "LOWEST")
		return appendUint(dst, id.Lowest)
	}
	return wire.AppendArray(dst, args)
}

func appendOutcome(dst []byte, id *cuenta.Identity) []byte {
	if len(id.Key) > 0 {
		dst = wire.AppendBulk(wire.AppendArray(dst, 2), "CUENTA.OUTCOME")
		return wire.AppendBulk(dst, id.Key)
	}
	dst = wire.AppendBulk(wire.AppendArray(dst, 3), "CUENTA.OUTCOME")
	return appendNumber(dst, id)
}
