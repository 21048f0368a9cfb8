package ringclient

import (
	"errors"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/shm"
	"github.com/cuenta-server/cuenta/internal/wire/ring"
)

// errNonsense says that the server's answers cannot be read.
var errNonsense = errors.New("the server's answers make no sense")

// lead looks for answers until there is that to the call, but not for long:
// whoever would have to sleep leaves that to the receiver.
func (c *Client) lead(k *call) {
	for !k.isOver && shm.Yield(c.ready) {
		if c.take() != nil {
			break // the receiver will come to the same
		}
	}
	c.passOn()
}

// passOn gives the lead to the receiver, or up if there is nothing to wait for.
func (c *Client) passOn() {
	c.mu.Lock()
	needed := c.underway.len() > 0 || c.fault != nil
	c.leading = needed
	c.mu.Unlock()
	if needed {
		c.wake <- struct{}{}
	}
}

// receive is the receiver's life: it sleeps at the doorbell where no caller can,
// and sees to the end of all when the connection ends.
func (c *Client) receive() {
	defer close(c.ended)
	for range c.wake {
		for idle, closed := false, false; !idle; {
			err := c.bell.Wait(c.ready)
			// What was answered before the end counts.
			if takeErr := c.take(); err == nil {
				err = takeErr
			}
			if idle, closed = c.rest(err); closed {
				c.release()
				return
			}
		}
	}
}

// rest ends everything if there was an error. It reports whether there is
// nothing left to wait for; then it gives up the lead, unless the client is
// closed: nobody may come near the rings any more.
func (c *Client) rest(err error) (idle, closed bool) {
	c.mu.Lock()
	if err != nil {
		c.end()
	}
	idle = c.underway.len() == 0
	closed = idle && c.fault == ErrClosed
	c.leading = !idle || closed
	c.mu.Unlock()
	c.tell()
	return idle, closed
}

// end gives up all calls. After the server's end it is known what it has taken:
// the ring's memory outlives it. After this client's it may still take more.
func (c *Client) end() {
	if c.fault == nil {
		c.fault = ErrGone
		_ = c.conn.Close() // it is of no more use, whatever this says
	}
	for c.underway.len() > 0 {
		k := c.underway.pop()
		switch {
		case k.batch == nil:
		case c.fault == ErrGone && !c.requests.Taken(k.position):
			k.err = refuse(k.batch, c.fault)
		default:
			fill(k.batch, cuenta.Unknown)
			k.err = &Error{Fate: cuenta.FateUnknown, Err: c.fault}
		}
		c.finish(k)
	}
	for c.waiting.len() > 0 {
		k := c.waiting.pop()
		k.err = refuse(k.batch, c.fault)
		if k.done != nil {
			k.sent <- k.err
			continue
		}
		c.finish(k)
	}
}

// take takes what answers there are, and sends what waited for room. It is for
// whoever leads.
func (c *Client) take() error {
	run, err := c.answers.Take()
	if len(run) == 0 {
		return err
	}
	c.mu.Lock()
	err = c.sort(run)
	if c.fault == nil {
		c.send()
	}
	c.mu.Unlock()
	c.tell()
	return err
}

// sort gives answers to their calls.
func (c *Client) sort(run shm.Messages) error {
	var lost cuenta.Result // the place of answers that nobody waits for
	for {
		m, err := run.Next()
		if m == nil || err != nil {
			return err
		}
		if c.underway.len() == 0 {
			return errNonsense
		}
		k := c.underway.first()
		r := &lost
		if k.batch != nil {
			r = &k.batch.Results[k.next]
		}
		tag, err := ring.ParseDescription(m, r, k.terms())
		if err != nil || tag != c.answered {
			return errNonsense
		}
		c.answered++
		c.room++
		k.next++
		if k.next == k.size {
			c.underway.pop()
			c.learn(k)
			c.finish(k)
		}
	}
}

// finish marks a call as over, and tells the caller that waits for it. Who has
// submitted it is told later, see tell.
func (c *Client) finish(k *call) {
	k.isOver = true
	switch {
	case k.done != nil:
		c.untold = append(c.untold, k)
	case k.batch == nil:
		c.recycle(k)
	default:
		k.over <- struct{}{}
	}
}

// tell tells those who have submitted calls that are over, without the lock:
// what they do then is not ours.
func (c *Client) tell() {
	if len(c.untold) == 0 {
		return
	}
	for _, k := range c.untold {
		k.done(k.err)
	}
	c.mu.Lock()
	for i, k := range c.untold {
		if !k.queued { // else whoever has submitted it may still look at it
			c.recycle(k)
		}
		c.untold[i] = nil
	}
	c.untold = c.untold[:0]
	c.mu.Unlock()
}
