package bench

import (
	"context"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/ringclient"
)

// rings asks over shared memory. What is in flight is one batch.
type rings struct {
	client *ringclient.Client
	batch  cuenta.Batch
	names  []byte
}

func openRings(ctx context.Context, c *Config) (transport, error) {
	client, err := ringclient.Dial(ctx, c.Address)
	if err != nil {
		return nil, err
	}
	return &rings{client: client}, nil
}

func (r *rings) close() error { return r.client.Close() }

func (r *rings) exchange(keys []uint64, t *tally) error {
	const prefix = "key:"
	r.names, r.batch.Requests = r.names[:0], r.batch.Requests[:0]
	for _, key := range keys {
		r.names = appendDigits(append(r.names, prefix...), key)
	}
	for i := range keys {
		name := r.names[i*(len(prefix)+keyDigits):][:len(prefix)+keyDigits]
		r.batch.Requests = append(r.batch.Requests, cuenta.Request{Op: cuenta.Add, Counter: name, N: 1})
	}
	if err := r.client.Do(context.Background(), &r.batch); err != nil {
		return err
	}
	good := 0
	for i := range r.batch.Results {
		if result := &r.batch.Results[i]; result.Code != cuenta.OK {
			t.answered(good) // in order: each answer is of the oldest command in flight
			t.refused(result.Err().Error())
			good = 0
		} else {
			good++
		}
	}
	t.answered(good)
	return nil
}
