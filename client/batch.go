package client

import (
	"context"

	"github.com/cuenta-server/cuenta"
)

// maxRun is how many changes, each with an identity of its own, share one request:
// half a session's window, so that others find room.
const maxRun = cuenta.SessionWindow / 2

// Batch collects operations that are sent together. It is not safe for concurrent
// use. Once it is done it is empty, so that nothing is done twice.
type Batch struct {
	c        *Client
	requests []cuenta.Request
}

// Item is what came of one operation of a batch.
type Item struct {
	Result
	Err error // an [*Error], or nil
}

// Batch returns an empty batch.
func (c *Client) Batch() *Batch { return &Batch{c: c} }

// Add adds delta to a counter.
func (b *Batch) Add(counter string, delta int64, options ...Option) {
	b.append(counter, cuenta.Add, delta, options)
}

// Reset sets a counter to 0.
func (b *Batch) Reset(counter string, options ...Option) {
	b.append(counter, cuenta.Reset, 0, options)
}

// Set sets a counter to value.
func (b *Batch) Set(counter string, value int64, options ...Option) {
	b.append(counter, cuenta.Set, value, options)
}

// SetLimits gives a counter limits: see [Counter.SetLimits].
func (b *Batch) SetLimits(counter string, options ...Option) {
	b.append(counter, cuenta.Limit, 0, append([]Option{func(r *cuenta.Request) { termsOf(r) }}, options...))
}

// Expire gives a counter another end: see [Counter.Expire].
func (b *Batch) Expire(counter string, options ...Option) {
	b.append(counter, cuenta.Expire, 0, append([]Option{func(r *cuenta.Request) { termsOf(r) }}, options...))
}

// Delete removes a counter.
func (b *Batch) Delete(counter string, options ...Option) {
	b.append(counter, cuenta.Delete, 0, options)
}

// Get reads a counter, after what stands before it in the batch.
func (b *Batch) Get(counter string) { b.append(counter, cuenta.Get, 0, nil) }

// Check is refused as [cuenta.Unmet] unless the condition holds: [IfValue],
// [IfRevision] or [IfAbsent]. Of an atomic batch then nothing is carried out.
func (b *Batch) Check(counter string, condition Option) {
	b.append(counter, cuenta.Check, 0, []Option{condition, func(r *cuenta.Request) {
		switch r.If {
		case cuenta.IfValue:
			r.N, r.Terms = r.Terms.Expect, nil
		case cuenta.IfRevision:
			r.N, r.If, r.Terms = r.Terms.Expect, cuenta.Always, nil
		case cuenta.IfAbsent:
			r.If = cuenta.Always
		}
	}})
}

// Len returns how many operations there are.
func (b *Batch) Len() int { return len(b.requests) }

func (b *Batch) append(counter string, op cuenta.Op, amount int64, options []Option) {
	b.requests = append(b.requests, b.c.Counter(counter).request(op, amount, options))
}

func (b *Batch) take() []cuenta.Request {
	requests := b.requests
	b.requests = nil
	return requests
}

// Do carries out the operations in their order, each for itself and under its own
// identity, and returns one item for each. They travel in requests of up to 64.
// Where some fail, the others have counted all the same; the error is the first
// item's that failed.
func (b *Batch) Do(ctx context.Context) ([]Item, error) {
	items := make([]Item, 0, len(b.requests))
	var first error
	for rest := b.take(); len(rest) > 0; {
		run := make([]*unit, min(len(rest), maxRun))
		for i := range run {
			run[i] = newUnit(rest[i])
		}
		rest = rest[len(run):]
		b.c.run(ctx, run...)
		for _, u := range run {
			result, err := u.result()
			items = append(items, Item{result, err})
			if first == nil {
				first = err
			}
		}
	}
	return items, first
}

// DoAtomic carries out all the operations or none, in one request; at most
// [cuenta.MaxBatch]-1. If one is refused, the error is its refusal and nothing has
// changed.
//
// Where an answer was lost on the way, the results are Replayed. Each change has
// an identity of its own, so its result is the original one; that of a read is not
// remembered and holds nothing more. A batch of more than 64 changes has one
// identity as a whole: then no result holds more than that it was carried out.
//
// Over redis:// and udp:// it is refused as [cuenta.Unsupported].
func (b *Batch) DoAtomic(ctx context.Context) ([]Result, error) {
	requests := b.take()
	if len(requests) == 0 {
		return nil, nil
	}
	u := newUnit(cuenta.Request{Op: cuenta.All, Span: uint16(min(len(requests), cuenta.MaxBatch))}, requests...)
	b.c.run(ctx, u)
	if u.err != nil {
		return nil, u.err
	}
	results := make([]Result, len(requests))
	for i := range results {
		results[i] = u.resultAt(1 + i)
	}
	return results, nil
}
