package client

import (
	"context"
	"net"

	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// redis carries requests over the Redis protocol. All callers share a connection:
// their commands are written one after the other, many with one system call, and
// the replies come in the same order.
type redis struct{ *keeper[*redisConn] }

func newRedis(address string) (transport, error) {
	return redis{newKeeper(func(ctx context.Context) (*redisConn, error) {
		var d net.Dialer
		stream, err := d.DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		return newRedisConn(stream), nil
	})}, nil
}

func (t redis) do(ctx context.Context, requests []cuenta.Request) ([]cuenta.Result, error) {
	if isTransfer(requests) {
		return t.transfer(ctx, requests)
	}
	commands, err := appendCommands(nil, requests)
	if err != nil {
		return nil, err
	}
	conn, err := t.get(ctx)
	if err != nil {
		return nil, unsent{err}
	}
	return conn.do(ctx, commands, requests)
}

// transfer carries out a transfer, which is one command.
func (t redis) transfer(ctx context.Context, requests []cuenta.Request) ([]cuenta.Result, error) {
	commands := appendWords(nil, &requests[0].Identity, transferCommand(requests))
	conn, err := t.get(ctx)
	if err != nil {
		return nil, unsent{err}
	}
	results, err := conn.do(ctx, commands, requests[:1])
	if err != nil {
		return nil, err
	}
	return transferResults(results[0], requests), nil
}

// appendCommands appends a command for each request.
func appendCommands(dst []byte, requests []cuenta.Request) ([]byte, error) {
	for i := range requests {
		r := &requests[i]
		if r.Terms != nil || r.If != cuenta.Always || r.Op == cuenta.Set || r.Op == cuenta.Reset {
			words, sayable := termCommand(r)
			if !sayable {
				return nil, unsaidToRedis
			}
			dst = appendWords(dst, &r.Identity, words)
			continue
		}
		args := 0
		switch r.Op {
		case cuenta.OpenSession:
			args = 1
		case cuenta.Get, cuenta.Delete:
			args = 2
		case cuenta.Add:
			args = 3
		case cuenta.Outcome:
			dst = appendOutcome(dst, &r.Identity)
			continue
		default:
			return nil, unsaidToRedis
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
		}
	}
	return dst, nil
}

// unsaidToRedis is the refusal of what this client does not say over the Redis protocol.
var unsaidToRedis = &cuenta.Error{Code: cuenta.Unsupported, Text: "not over the Redis protocol, use another way in"}

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
