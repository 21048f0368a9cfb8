package ringclient

import (
	"slices"

	"github.com/cuenta-server/cuenta"
)

// call is a batch on its way.
type call struct {
	batch *cuenta.Batch // nil once it was given up
	size  int           // requests
	next  int           // of them, the one that is answered next
	done  func(error)   // of Submit, nil for Do

	position uint64 // the ring's, behind the last request
	queued   bool   // it had to wait for room
	isSent   bool
	isOver   bool // answered, or never to be
	err      error

	// Each has room for what is told once.
	sent chan error    // of a call of Submit that was queued: that it is sent, or why not
	over chan struct{} // of a call of Do
}

func (c *Client) newCall(b *cuenta.Batch, done func(error)) *call {
	n := len(c.spare)
	if n == 0 {
		c.spare = append(c.spare, &call{sent: make(chan error, 1), over: make(chan struct{}, 1)})
		n = 1
	}
	k := c.spare[n-1]
	c.spare = c.spare[:n-1]
	k.batch, k.size, k.done = b, len(b.Requests), done
	return k
}

// terms returns where the terms go that the next answer may take back; nil for an
// answer that has none.
func (k *call) terms() *cuenta.Terms {
	if k.batch == nil {
		return new(cuenta.Terms) // nobody waits for them
	}
	if r := &k.batch.Requests[k.next]; r.Op == cuenta.Describe {
		return r.Terms
	}
	return nil
}

// recycle takes back a call that nobody will be told of any more.
func (c *Client) recycle(k *call) {
	*k = call{sent: k.sent, over: k.over}
	c.spare = append(c.spare, k)
}

// fill gives all of a batch the same answer.
func fill(b *cuenta.Batch, code cuenta.Code) {
	for i := range b.Results {
		b.Results[i] = cuenta.Result{Code: code}
	}
}

// refuse is the answer to a batch that the server has not taken.
func refuse(b *cuenta.Batch, why error) error {
	code := cuenta.Stopping
	if why != ErrGone && why != ErrClosed {
		code = cuenta.Canceled
	}
	fill(b, code)
	return &Error{Fate: cuenta.NotApplied, Err: why}
}

// line is a queue.
type line[T comparable] struct {
	items []T
	head  int
}

func (l *line[T]) len() int { return len(l.items) - l.head }

func (l *line[T]) first() T { return l.items[l.head] }

func (l *line[T]) push(item T) {
	if l.head > 0 && len(l.items) == cap(l.items) {
		n := copy(l.items, l.items[l.head:])
		clear(l.items[n:])
		l.items, l.head = l.items[:n], 0
	}
	l.items = append(l.items, item)
}

func (l *line[T]) pop() T {
	var none T
	item := l.items[l.head]
	l.items[l.head] = none
	l.head++
	if l.head == len(l.items) {
		l.items, l.head = l.items[:0], 0
	}
	return item
}

func (l *line[T]) remove(item T) {
	if i := slices.Index(l.items[l.head:], item); i >= 0 {
		l.items = slices.Delete(l.items, l.head+i, l.head+i+1)
	}
}
