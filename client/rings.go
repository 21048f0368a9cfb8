package client

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/ringclient"
)

// rings carries requests over rings in shared memory, to a server on the same
// machine.
type rings struct{ *keeper[*ringConn] }

func newRings(path string) (transport, error) {
	if runtime.GOOS != "linux" {
		return nil, errors.New("client: shm:// needs Linux")
	}
	return rings{newKeeper(func(ctx context.Context) (*ringConn, error) {
		pair, err := ringclient.Dial(ctx, path)
		if err != nil {
			return nil, err
		}
		return &ringConn{ring: pair}, nil
	})}, nil
}

func (t rings) do(ctx context.Context, requests []cuenta.Request) ([]cuenta.Result, error) {
	conn, err := t.get(ctx)
	if err != nil {
		return nil, unsent{err}
	}
	b := cuenta.Batch{Requests: requests}
	err = conn.ring.Do(ctx, &b)
	if err == nil {
		return b.Results, nil
	}
	if ctx.Err() == nil {
		conn.end(err)
	}
	if e, ok := errors.AsType[*ringclient.Error](err); ok && e.Fate == cuenta.NotApplied {
		return nil, unsent{err}
	}
	return nil, err
}

// ringConn is a pair of rings.
type ringConn struct {
	ring *ringclient.Client
	over atomic.Bool
}

func (c *ringConn) ended() bool { return c.over.Load() }

func (c *ringConn) end(error) {
	if !c.over.Swap(true) {
		_ = c.ring.Close() // what ended it is the error that counts
	}
}
