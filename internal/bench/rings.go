package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/ringclient"
)

// rings asks over shared memory. What is in flight is one batch.
type rings struct {
	client *ringclient.Client
	batch  cuenta.Batch
	names  *namer
	text   []byte // of the batch's counters and keys
}

func openRings(ctx context.Context, c *Config) (transport, error) {
	client, err := ringclient.Dial(ctx, c.Address)
	if err != nil {
		return nil, err
	}
	r := &rings{client: client, names: newNamer(c.Identity)}
	if c.Identity != Sessions {
		return r, nil
	}
	open := cuenta.Batch{Requests: []cuenta.Request{{Op: cuenta.OpenSession}}}
	err = client.Do(ctx, &open)
	if err == nil {
		err = open.Results[0].Err()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("no session: %w", err), client.Close())
	}
	r.names.inSession(open.Results[0].Revision)
	return r, nil
}

func (r *rings) close() error { return r.client.Close() }

func (r *rings) exchange(keys []uint64, t *tally) error {
	r.fill(keys)
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

// fill makes the batch's requests.
func (r *rings) fill(keys []uint64) {
	const nameSize = 4 + keyDigits
	r.text, r.batch.Requests = slices.Grow(r.text[:0], len(keys)*(nameSize+keySize)), r.batch.Requests[:0]
	r.names.begin()
	for _, key := range keys {
		from := len(r.text)
		r.text = appendDigits(append(r.text, "key:"...), key)
		q := cuenta.Request{Op: cuenta.Add, Counter: r.text[from:], N: 1}
		switch r.names.form {
		case Keys:
			from = len(r.text)
			r.text = r.names.key(r.text)
			q.Identity.Key = r.text[from:]
		case Sessions:
			r.names.number++
			q.Identity = cuenta.Identity{Session: r.names.session, Number: r.names.number, Lowest: r.names.lowest}
		}
		r.batch.Requests = append(r.batch.Requests, q)
	}
}
