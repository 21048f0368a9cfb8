package client

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strconv"
	"sync"

	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// maxUnread bounds the exchanges on a connection whose answers have not come. More
// can only be waiting where callers give up on a server that has stopped talking.
const maxUnread = 8192

var errStalled = errors.New("the server has stopped answering on this connection")

// redisConn is one connection. One goroutine writes what callers have appended,
// another reads replies for them; both end with the connection.
type redisConn struct {
	net.Conn
	wake    chan struct{}  // there is something to write, or the connection has ended
	running sync.WaitGroup // read and write

	mu     sync.Mutex
	out    []byte // to be written
	first  *exchange
	last   *exchange
	unread int // from first to last
	err    error
}

// exchange is what one caller waits for.
type exchange struct {
	expected []expectation
	results  []cuenta.Result
	err      error
	done     chan struct{}
	next     *exchange
}

// expectation is what must be known of a request to understand its reply.
type expectation struct {
	op    cuenta.Op
	n     int64
	terms *cuenta.Terms // of Add what it says, of Describe what it fills in; not the request's, which may have given up
}

func expectationOf(r *cuenta.Request) expectation {
	to := expectation{op: r.Op, n: r.N}
	switch t := r.Terms; {
	case t == nil:
	case r.Op == cuenta.Describe:
		to.terms = &cuenta.Terms{Holds: make([]cuenta.Held, 0, cap(t.Holds))}
	case r.Op == cuenta.Add:
		to.terms = &cuenta.Terms{Floor: t.Floor, Ceiling: t.Ceiling, Clamp: t.Clamp}
	}
	return to
}

func newRedisConn(stream net.Conn) *redisConn {
	c := &redisConn{Conn: stream, wake: make(chan struct{}, 1)}
	c.running.Go(c.read)
	c.running.Go(c.write)
	return c
}

func (c *redisConn) do(ctx context.Context, commands []byte, requests []cuenta.Request) ([]cuenta.Result, error) {
	x := &exchange{
		expected: make([]expectation, len(requests)),
		results:  make([]cuenta.Result, 0, len(requests)),
		done:     make(chan struct{}),
	}
	for i := range requests {
		x.expected[i] = expectationOf(&requests[i])
	}
	if err := c.enqueue(x, commands); err != nil {
		return nil, unsent{err}
	}
	select {
	case <-x.done:
		for i := range x.results {
			if to := &x.expected[i]; to.op == cuenta.Describe && x.results[i].Code == cuenta.OK {
				*requests[i].Terms = *to.terms
			}
		}
		return x.results, x.err
	case <-ctx.Done():
	}
	if cause := context.Cause(ctx); errors.Is(cause, errSlow) {
		// Nothing behind it is answered before it, so the others need not wait for
		// their own time to be up.
		c.stop(errStalled)
		return nil, cause
	}
	return nil, context.Cause(ctx)
}

func (c *redisConn) enqueue(x *exchange, commands []byte) error {
	c.mu.Lock()
	if c.err != nil {
		defer c.mu.Unlock()
		return c.err
	}
	if c.unread == maxUnread {
		c.mu.Unlock()
		c.stop(errStalled)
		return errStalled
	}
	c.out = append(c.out, commands...)
	if c.last == nil {
		c.first = x
	} else {
		c.last.next = x
	}
	c.last = x
	c.unread++
	c.mu.Unlock()
	c.stir()
	return nil
}

func (c *redisConn) stir() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *redisConn) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err != nil
}

// end stops the connection and waits until it has.
func (c *redisConn) end(err error) {
	c.stop(err)
	c.running.Wait()
}

// stop closes the connection, and whoever waits gets err.
func (c *redisConn) stop(err error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = err
	waiting := c.first
	c.first, c.last, c.unread, c.out = nil, nil, 0, nil
	c.mu.Unlock()
	_ = c.Close() // what ended the connection is the error that counts
	c.stir()
	for ; waiting != nil; waiting = waiting.next {
		waiting.results, waiting.err = nil, err
		close(waiting.done)
	}
}

// write sends what callers append, as much at once as there is.
func (c *redisConn) write() {
	var spare []byte
	for range c.wake {
		c.mu.Lock()
		out, over := c.out, c.err != nil
		c.out = spare[:0]
		c.mu.Unlock()
		if over {
			return
		}
		if len(out) > 0 {
			if _, err := c.Write(out); err != nil {
				c.stop(err)
			}
		}
		spare = out
		if cap(spare) > maxSpare {
			spare = nil
		}
	}
}

// maxSpare is the largest buffer that is kept to be written into again.
const maxSpare = 64 << 10

// read gives replies to those that wait for them, in their order.
func (c *redisConn) read() {
	in := bufio.NewReaderSize(c.Conn, maxReply)
	for {
		reply, err := readReply(in)
		if err == nil {
			err = c.deliver(&reply)
		}
		if err != nil {
			c.stop(err)
			return
		}
	}
}

// deliver gives a reply to the first that waits.
func (c *redisConn) deliver(r *reply) error {
	c.mu.Lock()
	x := c.first
	if x == nil {
		defer c.mu.Unlock()
		if r.Kind == '-' { // a server that has no room says so unasked
			return &cuenta.Error{Code: codeOf(r.Text), Text: string(r.Text)}
		}
		return wire.ErrReply
	}
	defer c.mu.Unlock()
	result, err := r.result(x.expected[len(x.results)])
	if err != nil {
		return err
	}
	if x.results = append(x.results, result); len(x.results) == len(x.expected) {
		if c.first = x.next; c.first == nil {
			c.last = nil
		}
		c.unread--
		close(x.done)
	}
	return nil
}

func appendNumber(dst []byte, id *cuenta.Identity) []byte {
	var digits [20]byte
	dst = wire.AppendBulk(dst, cuenta.AppendSession(digits[:0], id.Session))
	return appendUint(dst, id.Number)
}

func appendUint(dst []byte, n uint64) []byte {
	var digits [20]byte
	return wire.AppendBulk(dst, strconv.AppendUint(digits[:0], n, 10))
}
