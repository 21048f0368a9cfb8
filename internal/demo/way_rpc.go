package demo

import (
	"context"
	"errors"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/rpcclient"
)

// calls is net/rpc: the front rpc. Its identities are numbers in a session.
type calls struct {
	address string
	client  *rpcclient.Client
	session uint64
}

func newCalls(address string) way { return &calls{address: address} }

func (w *calls) attempt(ctx context.Context, op *operation) (int64, error) {
	value, err := w.call(ctx, op)
	if refused, answered := errors.AsType[*cuenta.Error](err); answered {
		return 0, &refusal{refused.Error(), passing(refused.Code)}
	}
	if err != nil {
		w.close()
	}
	return value, err
}

func (w *calls) call(ctx context.Context, op *operation) (value int64, err error) {
	if w.client == nil {
		if w.client, err = rpcclient.Dial(ctx, "tcp", w.address); err != nil {
			w.client = nil
			return 0, err
		}
	}
	request := cuenta.RPCRequest{Op: cuenta.Add.String(), Counter: op.counter, N: 1}
	if op.once {
		if w.session == 0 {
			if w.session, err = w.client.OpenSession(ctx); err != nil {
				return 0, err
			}
		}
		request.Session, request.Number, request.Lowest = w.session, op.number, op.number
	}
	reply, err := w.client.Do(ctx, request)
	return reply.Value, err
}

func (w *calls) close() {
	if w.client != nil {
		_ = w.client.Close() // nothing more is to be heard from it
		w.client = nil
	}
}
