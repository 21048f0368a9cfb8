package client

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cuenta-server/cuenta"
)

// Client talks to one server. It is safe for concurrent use, and meant to be
// opened once and shared. It connects again by itself when it has to.
type Client struct {
	options Options
	link    transport
	whole   bool  // a transfer has one identity, as a whole
	pool    *pool // nil where there are no sessions
	budget  *budget
	slots   chan struct{} // holds one for each call under way

	ctx context.Context // ends with Close
	cut context.CancelFunc

	mu     sync.Mutex
	closed bool
	calls  sync.WaitGroup // under way; none is added once it is closed
}

// Open returns a client with default [Options].
func Open(ctx context.Context, address string) (*Client, error) {
	return Options{}.Open(ctx, address)
}

// Open returns a client of the server at address; see the package for its forms.
// It asks the server once, to see that it is there: that goes on until it answers,
// ctx ends or [Options.Timeout] is over.
func (o Options) Open(ctx context.Context, address string) (*Client, error) {
	s, where, err := parse(address)
	if err != nil {
		return nil, err
	}
	link, err := s.dial(where)
	if err != nil {
		return nil, err
	}
	c := newClient(o, link, s.keyed)
	c.whole = s.whole
	if _, err := c.Counter("").Get(ctx); err != nil {
		_ = c.Close() // it does not fail
		return nil, err
	}
	return c, nil
}

func newClient(o Options, link transport, keyed bool) *Client {
	o = o.withDefaults(keyed)
	c := &Client{
		options: o,
		link:    link,
		budget:  newBudget(o.Budget, time.Now()),
		slots:   make(chan struct{}, o.MaxInFlight),
	}
	c.ctx, c.cut = context.WithCancel(context.Background())
	if !keyed {
		// Twice as many as all the calls need, so that who needs many numbers of one
		// session together, or whose fellow holds up a window, finds room.
		const each = cuenta.SessionWindow
		c.pool = &pool{max: 2 * ((o.MaxInFlight + each - 1) / each), open: c.openSession}
	}
	return c
}

// Close ends the calls that are under way, which fail with [ErrClosed], waits for
// them to return, and closes the connection. Who wants their results waits for
// them first. It always returns nil.
func (c *Client) Close() error {
	c.mu.Lock()
	closed := c.closed
	c.closed = true
	c.mu.Unlock()
	if closed {
		return nil
	}
	c.cut()
	c.calls.Wait()
	c.link.close()
	return nil
}

// Outcome asks what became of a change, and returns what its own call would have
// returned: the result, or the refusal. [cuenta.Absent] says that nothing was
// done: so far, since a copy of the request that is still on its way may yet be
// carried out. [cuenta.TooOld] says that the server does not know any more. An
// identity in a session is known until 128 later ones were used in it; the client
// takes care that this does not happen to one whose fate it reported as unknown.
func (c *Client) Outcome(ctx context.Context, id Identity) (Result, error) {
	r := cuenta.Request{Op: cuenta.Outcome, Identity: cuenta.Identity{Session: id.Session, Number: id.Number}}
	if id.Key != "" {
		r.Identity.Key = []byte(id.Key)
	}
	return c.do(ctx, r)
}

// do carries out one request as a call.
func (c *Client) do(ctx context.Context, r cuenta.Request) (Result, error) {
	u := newUnit(r)
	c.run(ctx, u)
	return u.result()
}

// enter waits for a place among the calls under way.
func (c *Client) enter(ctx context.Context) error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return ErrClosed
	}
	c.calls.Add(1)
	c.mu.Unlock()
	select {
	case c.slots <- struct{}{}:
		return nil
	default:
	}
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		c.calls.Done()
		return ctx.Err()
	case <-c.ctx.Done():
		c.calls.Done()
		return ErrClosed
	}
}

func (c *Client) leave() {
	<-c.slots
	c.calls.Done()
}

// openSession asks for a session once.
func (c *Client) openSession(ctx context.Context) (uint64, error) {
	results, err := c.exchange(ctx, []cuenta.Request{{Op: cuenta.OpenSession}})
	if err != nil {
		return 0, err
	}
	if err := results[0].Err(); err != nil {
		return 0, err
	}
	return results[0].Revision, nil
}

// exchange is the transport's do, but makes sure that there are results.
func (c *Client) exchange(ctx context.Context, requests []cuenta.Request) ([]cuenta.Result, error) {
	results, err := c.link.do(ctx, requests)
	if err == nil && len(results) != len(requests) {
		return nil, errNoAnswer
	}
	return results, err
}

var errNoAnswer = errors.New("the server's answer does not fit what was asked")
