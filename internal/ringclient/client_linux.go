package ringclient

import (
	"context"
	"net"
	"slices"
	"sync"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/shm"
	"github.com/cuenta-server/cuenta/internal/wire/ring"
)

// maxEntry is how much of the ring a request takes at most, in bytes.
var maxEntry = shm.EntrySize(ring.MaxRequest)

// Client is a program's end of the rings. It is safe for concurrent use.
type Client struct {
	conn  *net.UnixConn
	link  *shm.Link
	cells *shm.Segment // nil if the server gave none
	bell  *shm.SocketBell
	ready func() bool   // whether there are answers
	limit int           // messages that may be under way
	wake  chan struct{} // gives the lead to the receiver; one token at most
	ended chan struct{} // closed when the receiver has ended

	// Of whoever leads.
	answers *shm.Consumer
	untold  []*call // calls of Submit that are over

	mu       sync.Mutex // over the rest
	leading  bool       // somebody looks for answers
	requests *shm.Producer
	room     int         // messages that may still be sent
	sent     uint32      // tag of the next message
	answered uint32      // tag of the next answer
	waiting  line[*call] // for room
	underway line[*call] // sent, in order
	spare    []*call
	message  []byte
	places   shm.Places
	fault    error // why nothing is sent any more
}

// Do has the server carry out the batch and returns when its Results are there.
// What a batch is, the root package says; the batch's origin and class are the
// server's to know. Of a counter's holds a Describe may be told fewer than its terms
// have room for, but one at least: behind the last one there is none. A nil error says
// that every request was answered, if only with a refusal; any other is an [*Error].
//
// The end of ctx gives the batch up: one that still waits for room on the ring is
// not applied, the fate of one that is under way is unknown. The batch is the
// caller's again when Do returns, in any case.
func (c *Client) Do(ctx context.Context, b *cuenta.Batch) error {
	if len(b.Requests) == 1 && b.Requests[0].Op == cuenta.Get && ctx.Err() == nil && c.read(b) {
		return nil
	}
	k, leads, err := c.begin(ctx, b, nil)
	if k == nil {
		return err
	}
	if leads {
		c.lead(k)
	}
	select {
	case <-k.over:
	case <-ctx.Done():
		if err, gaveUp := c.giveUp(k, ctx.Err()); gaveUp {
			return err
		}
		<-k.over
	}
	err = k.err
	c.mu.Lock()
	c.recycle(k)
	c.mu.Unlock()
	return err
}

// Submit puts the batch on the ring and returns; done is called once, when the
// batch's Results are there, with what Do would have returned. The names and keys
// in the batch are the caller's again when Submit returns, the batch itself when
// done is called. Batches are carried out in the order of their submission.
//
// done is called on a goroutine that serves others too, so it must not block and
// not use the client. If Submit fails, which it does with an [*Error] whose fate
// is NotApplied, done is not called. It waits only while there are
// [cuenta.MaxBatch] requests under way; the end of ctx gives that up.
func (c *Client) Submit(ctx context.Context, b *cuenta.Batch, done func(error)) error {
	k, leads, err := c.begin(ctx, b, done)
	if leads {
		c.passOn()
	}
	if k == nil {
		return err
	}
	select {
	case err = <-k.sent:
	case <-ctx.Done():
		var gaveUp bool
		if err, gaveUp = c.giveUp(k, ctx.Err()); !gaveUp {
			err = <-k.sent
		}
	}
	return err
}

// begin puts a batch on the ring, or in the line of those that wait for room
// there. It returns a call if there is something to wait for: to be answered in
// Do, to be sent in Submit, whose call is not its own any more once it is sent.
func (c *Client) begin(ctx context.Context, b *cuenta.Batch, done func(error)) (k *call, leads bool, err error) {
	n := len(b.Requests)
	b.Results = slices.Grow(b.Results[:0], n)[:n]
	switch {
	case ctx.Err() != nil:
		return nil, false, refuse(b, ctx.Err())
	case n == 0 || n > min(c.limit, cuenta.MaxBatch):
		fill(b, cuenta.TooLarge)
		if done != nil {
			done(nil)
		}
		return nil, false, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault != nil {
		return nil, false, refuse(b, c.fault)
	}
	k = c.newCall(b, done)
	c.waiting.push(k)
	c.send()
	leads = !c.leading
	c.leading = true
	if k.isSent && done != nil {
		return nil, leads, nil
	}
	k.queued = !k.isSent
	return k, leads, nil
}

// send puts on the ring what there is room for, in order.
func (c *Client) send() {
	published := false
	for c.waiting.len() > 0 && c.fits(c.waiting.first()) {
		k := c.waiting.pop()
		c.put(k)
		published = true
	}
	if published {
		c.requests.Publish()
		// If it fails, the connection has, and whoever waits for the answers
		// hears of it.
		_ = c.bell.Ring()
	}
}

// fits reports whether there is room for all of a batch. A ring that is broken
// has none, and its other end answers no more.
func (c *Client) fits(k *call) bool {
	if k.size > c.room {
		return false
	}
	fits, _ := c.requests.HasRoom(k.size * maxEntry)
	if !fits {
		size := 0
		for i := range k.batch.Requests {
			size += shm.EntrySize(ring.RequestSize(&k.batch.Requests[i]))
		}
		fits, _ = c.requests.HasRoom(size)
	}
	return fits
}

// put puts a batch on the ring that fits.
func (c *Client) put(k *call) {
	requests := k.batch.Requests
	for i := range requests {
		r := &requests[i]
		if left := len(requests) - i - 1; int(r.Span) > left {
			shorter := *r // so that it spans nothing of the batches behind this one
			shorter.Span = uint16(left)
			r = &shorter
		}
		c.message = ring.AppendRequest(c.message[:0], c.sent, r)
		if ok, err := c.requests.Put(c.message); !ok {
			panic(err) // there was room
		}
		c.sent++
	}
	c.room -= k.size
	k.position = c.requests.Position()
	c.underway.push(k)
	k.isSent = true
	if k.queued && k.done != nil {
		k.sent <- nil
	}
}

// giveUp ends a call before its answer. It reports false if it is too late for
// that: it is over, or was a call of Submit that has been sent.
func (c *Client) giveUp(k *call, why error) (err error, gaveUp bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case k.isOver || k.isSent && k.done != nil:
		return nil, false
	case k.isSent:
		fill(k.batch, cuenta.Unknown)
		k.batch = nil // its answers will be thrown away
		return &Error{Fate: cuenta.FateUnknown, Err: why}, true
	}
	err = refuse(k.batch, why)
	c.waiting.remove(k)
	c.recycle(k)
	c.send() // it may have held up others
	return err, true
}

// Close ends the client. What is under way is given up, its fate unknown.
func (c *Client) Close() error {
	c.mu.Lock()
	before := c.fault
	c.fault = ErrClosed
	err := c.conn.Close()
	free := !c.leading
	c.leading = true
	c.mu.Unlock()
	if before != nil {
		err = nil // it was closed already
	}
	if free {
		c.wake <- struct{}{}
	}
	<-c.ended
	return err
}
