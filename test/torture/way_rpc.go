//go:build linux

package main

import (
	"context"
	"errors"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/history"
	"github.com/cuenta-server/cuenta/internal/rpcclient"
)

// calls is net/rpc: the front rpc.
type calls struct {
	address string
	client  *rpcclient.Client
}

func newCalls(e *entrances) way { return &calls{address: e.address[cuenta.FrontRPC]} }

// open connects if need be.
func (w *calls) open(ctx context.Context) (err error) {
	if w.client != nil {
		return nil
	}
	client, err := rpcclient.Dial(ctx, "tcp", w.address)
	if err == nil {
		w.client = client
	}
	return err
}

func (w *calls) exchange(ctx context.Context, b *bundle) ([]answer, error) {
	if err := w.open(ctx); err != nil {
		return nil, err
	}
	r := &b.requests[0]
	id := &r.Identity
	call := cuenta.RPCRequest{
		Op: r.Op.String(), Counter: string(r.Counter), N: r.N,
		Identity: string(id.Key), Session: id.Session, Number: id.Number, Lowest: id.Lowest,
	}
	do := w.client.Do
	if r.Op == cuenta.Outcome {
		call = cuenta.RPCRequest{Identity: call.Identity, Session: call.Session, Number: call.Number}
		do = w.client.Outcome
	}
	reply, err := do(ctx, call)
	refused, answered := errors.AsType[*cuenta.Error](err)
	// A request that was cut in the middle, behind its head, is answered so: the rest
	// of it could not be read.
	if cut := answered && refused.Code == cuenta.Syntax; answered && !cut {
		return []answer{{Result: cuenta.Result{Code: refused.Code}}}, nil
	}
	if err != nil {
		w.close()
		return nil, err
	}
	a := full(cuenta.Result{Value: reply.Value, Revision: reply.Revision, Replayed: reply.Replayed})
	if !id.Given() || r.Op == cuenta.Outcome {
		a.told &^= history.First | history.Replayed
	}
	return []answer{a}, nil
}

func (w *calls) grant(ctx context.Context) (uint64, error) {
	if err := w.open(ctx); err != nil {
		return 0, err
	}
	session, err := w.client.OpenSession(ctx)
	if _, answered := errors.AsType[*cuenta.Error](err); err != nil && !answered {
		w.close()
	}
	return session, err
}

func (w *calls) close() {
	if w.client != nil {
		_ = w.client.Close() // nothing more is to be heard from it
		w.client = nil
	}
}
