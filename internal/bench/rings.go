package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/ringclient"
)

// rings asks over shared memory. What is in flight is one batch; what it says beyond
// increments is in shape.go.
type rings struct {
	client *ringclient.Client
	batch  cuenta.Batch
	names  *namer
	text   []byte // of the batch's counters, keys and idents

	asker    *asker
	prefix   [4]byte        // of the counters' names
	alike    *cuenta.Terms  // of all operations
	terms    []cuenta.Terms // of each operation, where they differ
	refusals []string       // of the holds of the exchange under way, empty for none
}

func openRings(ctx context.Context, c *Config) (transport, error) {
	client, err := ringclient.Dial(ctx, c.Address)
	if err != nil {
		return nil, err
	}
	a := newAsker(c)
	r := &rings{client: client, names: newNamer(c.Identity), asker: a, prefix: [4]byte([]byte(a.op.Prefix())), alike: a.op.terms(), terms: make([]cuenta.Terms, c.Pipeline)}
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
	if r.asker.op == Reserve {
		return r.settle(t)
	}
	r.count(t, r.asker.op.requests())
	return nil
}

// count tells the tally what the results are, of which each operation has so many, the
// first one its own.
func (r *rings) count(t *tally, each int) {
	good := 0
	for i := 0; i < len(r.batch.Results); i += each {
		if result := &r.batch.Results[i]; result.Code != r.asker.op.expected() {
			t.answered(good) // in order: each answer is of the oldest command in flight
			t.refused(said(result))
			good = 0
		} else {
			good++
		}
	}
	t.answered(good)
}

// said is what a result is counted under that is not the one that was to come.
func said(result *cuenta.Result) string {
	if err := result.Err(); err != nil {
		return err.Error()
	}
	return string(unexpected)
}

// fill makes the batch's requests.
func (r *rings) fill(keys []uint64) {
	const most = 2 * (nameSize + keySize) // of what an operation says
	r.text, r.batch.Requests = slices.Grow(r.text[:0], len(keys)*most), r.batch.Requests[:0]
	r.names.begin()
	for i, key := range keys {
		q := cuenta.Request{Op: cuenta.Add, Counter: r.name(key), N: 1}
		if r.asker.op != Increment {
			r.shape(&q, i)
		}
		if r.names.form != NoIdentity {
			r.identify(&q)
		}
		r.batch.Requests = append(r.batch.Requests, q)
		if r.asker.op == Transfer {
			r.move(key)
		}
	}
}

// nameSize is the length of the counters' names.
const nameSize = 4 + keyDigits

// name says the name of a counter.
func (r *rings) name(key uint64) []byte {
	from := len(r.text)
	r.text = appendDigits(append(r.text, r.prefix[:]...), key)
	return r.text[from:]
}

// identify gives a request its identity.
func (r *rings) identify(q *cuenta.Request) {
	switch r.names.form {
	case Keys:
		from := len(r.text)
		r.text = r.names.key(r.text)
		q.Identity.Key = r.text[from:]
	case Sessions:
		r.names.number++
		q.Identity = cuenta.Identity{Session: r.names.session, Number: r.names.number, Lowest: r.names.lowest}
	}
}
