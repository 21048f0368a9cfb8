package demo

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/ringclient"
)

// rings is the front shm. No proxy fits between two processes that share memory, so
// its fault is in here: every so often an attempt is given up at a random moment
// and the rings are thrown away, with whatever answer is on them.
type rings struct {
	path    string
	dice    *rand.Rand
	client  *ringclient.Client
	session uint64
}

const (
	// One of so many attempts is given up, within a moment that lies mostly between
	// the request's way out and its answer's way back.
	giveUpOneIn  = 12
	giveUpWithin = 3 * time.Millisecond
)

func newRings(path string, d *rand.Rand) way { return &rings{path: path, dice: d} }

func (w *rings) attempt(ctx context.Context, op *operation) (int64, error) {
	if w.dice.IntN(giveUpOneIn) == 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, within(w.dice, giveUpWithin))
		defer cancel()
	}
	result, err := w.add(ctx, op)
	if refused, answered := errors.AsType[*cuenta.Error](err); answered {
		return 0, &refusal{refused.Error(), passing(refused.Code)}
	}
	if err != nil {
		w.close()
	}
	return result.Value, err
}

func (w *rings) add(ctx context.Context, op *operation) (result cuenta.Result, err error) {
	if w.client == nil {
		if w.client, err = ringclient.Dial(ctx, w.path); err != nil {
			w.client = nil
			return result, err
		}
	}
	request := cuenta.Request{Op: cuenta.Add, Counter: []byte(op.counter), N: 1}
	if op.once {
		if w.session == 0 {
			granted, err := w.do(ctx, cuenta.Request{Op: cuenta.OpenSession})
			if err != nil {
				return result, err
			}
			w.session = granted.Revision
		}
		request.Identity = cuenta.Identity{Session: w.session, Number: op.number, Lowest: op.number}
	}
	return w.do(ctx, request)
}

func (w *rings) do(ctx context.Context, request cuenta.Request) (cuenta.Result, error) {
	b := cuenta.Batch{Requests: []cuenta.Request{request}}
	if err := w.client.Do(ctx, &b); err != nil {
		return cuenta.Result{}, err
	}
	return b.Results[0], b.Results[0].Err()
}

func (w *rings) close() {
	if w.client != nil {
		_ = w.client.Close() // nothing more is to be heard from it
		w.client = nil
	}
}
