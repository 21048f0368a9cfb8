package client

import (
	"context"

	"github.com/cuenta-server/cuenta"
)

// Counter is one counter of a server. It may be copied, and costs nothing to keep.
type Counter struct {
	c    *Client
	name string
	key  string // of its changes, if the program has chosen one
}

// Result is what a counter holds after a call.
type Result struct {
	// Value is the counter's value; after Delete, the one that it had.
	Value int64

	// Revision is the number of the counter's last change: 0 if it does not exist
	// or the way in does not tell.
	Revision uint64

	// Applied is, after a change with [Clamp], by how much it has changed the value, where
	// the way in tells. What an int64 does not hold wraps; over redis:// it is the end of
	// int64.
	Applied int64

	// Replayed says that an earlier attempt was carried out and this is its
	// answer. It is false where the way in does not tell.
	Replayed bool
}

// Counter returns the counter of that name, which need not exist: it then reads
// 0. An empty name means [cuenta.DefaultCounter].
func (c *Client) Counter(name string) Counter {
	if name == "" {
		name = cuenta.DefaultCounter
	}
	return Counter{c: c, name: name}
}

// Once returns the counter for one change that the program itself has a name
// for: 1 to [cuenta.MaxKey] visible ASCII bytes, used for this change only. A
// repeat with the same key, by another process or after a restart too, gets the
// first one's answer, for as long as the server remembers it: 24 hours unless it
// was told otherwise.
func (n Counter) Once(key string) Counter {
	n.key = key
	return n
}

// Add adds delta, which may be negative. A change that would pass an end of int64
// is refused as [cuenta.Overflow], and one that would pass a limit as [cuenta.Limited],
// of which [Error.Limit] says more.
func (n Counter) Add(ctx context.Context, delta int64, options ...Option) (Result, error) {
	return n.do(ctx, cuenta.Add, delta, options)
}

// AddAsync is Add that does not wait for the answer. It waits only while as many
// calls as [Options.MaxInFlight] allows are under way. The call goes on until ctx
// ends, whether the future is waited for or not.
func (n Counter) AddAsync(ctx context.Context, delta int64, options ...Option) *Future {
	return n.start(ctx, n.request(cuenta.Add, delta, options))
}

// Reset sets the counter to 0.
func (n Counter) Reset(ctx context.Context, options ...Option) (Result, error) {
	return n.do(ctx, cuenta.Reset, 0, options)
}

// Set sets the counter to value.
func (n Counter) Set(ctx context.Context, value int64, options ...Option) (Result, error) {
	return n.do(ctx, cuenta.Set, value, options)
}

// Delete removes the counter and returns the value that it had.
func (n Counter) Delete(ctx context.Context, options ...Option) (Result, error) {
	return n.do(ctx, cuenta.Delete, 0, options)
}

// Get reads the counter.
func (n Counter) Get(ctx context.Context) (Result, error) { return n.do(ctx, cuenta.Get, 0, nil) }

func (n Counter) do(ctx context.Context, op cuenta.Op, amount int64, options []Option) (Result, error) {
	return n.c.do(ctx, n.request(op, amount, options))
}

func (n Counter) request(op cuenta.Op, amount int64, options []Option) cuenta.Request {
	r := cuenta.Request{Op: op, Counter: []byte(n.name), N: amount}
	if n.key != "" && !op.Reads() {
		r.Identity.Key = []byte(n.key)
	}
	for _, option := range options {
		option(&r)
	}
	return r
}

func (n Counter) start(ctx context.Context, r cuenta.Request) *Future {
	f := &Future{unit: newUnit(r), done: make(chan struct{})}
	if err := n.c.enter(ctx); err != nil {
		f.unit.giveUp(err)
		close(f.done)
		return f
	}
	go func() {
		defer close(f.done)
		defer n.c.leave()
		n.c.carryOut(ctx, []*unit{f.unit})
	}()
	return f
}

// Future is the result of a call that is under way.
type Future struct {
	unit *unit
	done chan struct{}
}

// Done is closed when the call has ended.
func (f *Future) Done() <-chan struct{} { return f.done }

// Wait returns the call's result once it has ended. When ctx ends first it
// returns ctx's error; the call goes on, and Wait may be called again.
func (f *Future) Wait(ctx context.Context) (Result, error) {
	select {
	case <-f.done:
		return f.unit.result()
	default:
	}
	select {
	case <-f.done:
		return f.unit.result()
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
}
