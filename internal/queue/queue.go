// Package queue is the bounded message queue between the UDP and TCP servers
// and the service.
//
// Many producers put messages in; one taker at a time, the leader of a commit,
// takes as many as fit into its group. A message has a weight, its number of
// requests, and the queue is bounded by the sum of the weights, because
// requests are what costs memory and time further on.
//
// Order is that of arrival, for everybody: while a producer waits for room,
// nobody who comes later gets in before it. So the messages of one producer
// never overtake each other, and a message as heavy as the whole queue gets its
// place. A producer that waits has handed its message over already: the taker
// that makes room moves it into the queue itself. The producer then need not
// run before the taker goes on, and one that gives up finds its message either
// accepted or still its own, never both.
//
// Waiting is the back-pressure that a stream's sender feels. For datagrams,
// which cannot be slowed down, there is [Queue.TryPut], and the sender is told
// to try again. Nothing that was accepted is dropped, not even by [Queue.Close].
package queue

import (
	"context"
	"errors"
	"sync"

	"github.com/cuenta-server/cuenta/internal/fifo"
)

var (
	// ErrClosed says that the queue takes no more messages.
	ErrClosed = errors.New("queue: closed")

	// ErrWeight says that a message is heavier than the queue's capacity, or
	// that its weight is below one.
	ErrWeight = errors.New("queue: the weight is not between 1 and the capacity")
)

// Queue is a bounded queue of messages. It is safe for concurrent use, with one
// taker at a time, and must not be copied.
type Queue[T any] struct {
	capacity int
	idle     sync.Pool // of *producer[T]

	mu        sync.Mutex
	messages  ring[T]
	weight    int                     // of all messages
	producers fifo.Line[*producer[T]] // that wait, first come, first served
	closed    bool
	stats     Stats // the totals; the rest is filled in by Stats
}

// New returns a queue that holds messages up to that much weight together. It
// panics if that is less than one.
func New[T any](capacity int) *Queue[T] {
	if capacity < 1 {
		panic("queue: a capacity below one")
	}
	return &Queue[T]{capacity: capacity}
}

// Put puts a message in, and waits for room as long as ctx allows. With the
// error of ctx, [ErrClosed] or [ErrWeight], the message was not accepted.
func (q *Queue[T]) Put(ctx context.Context, v T, weight int) error {
	if weight < 1 || weight > q.capacity {
		return ErrWeight
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return ErrClosed
	}
	if q.room(weight) {
		q.accept(v, weight)
		q.mu.Unlock()
		return nil
	}
	p := q.join(v, weight)
	q.mu.Unlock()

	select {
	case <-p.ready:
	case <-ctx.Done():
		if q.leave(p) {
			q.idle.Put(p)
			return ctx.Err()
		}
		<-p.ready // decided in the same moment
	}
	err := p.err
	q.idle.Put(p)
	return err
}

// TryPut puts a message in if there is room and nobody waits for it, and
// reports whether it did.
func (q *Queue[T]) TryPut(v T, weight int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || weight < 1 || weight > q.capacity || !q.room(weight) {
		q.stats.Refused++
		return false
	}
	q.accept(v, weight)
	return true
}

// room reports whether a message that arrives now may go in.
func (q *Queue[T]) room(weight int) bool {
	return q.producers.First() == nil && weight <= q.capacity-q.weight
}

func (q *Queue[T]) accept(v T, weight int) {
	q.messages.push(v, weight)
	q.weight += weight
	q.stats.Accepted++
	q.stats.AcceptedWeight += uint64(weight)
	q.stats.HighWater = max(q.stats.HighWater, q.weight)
}

// Take appends the oldest messages to dst, as many as weigh no more than
// maxWeight together, but at least one if there is any, so that a heavy message
// cannot be stuck. With a maxWeight below one it takes nothing. It never waits.
// The room it makes goes to waiting producers at once, so it may take their
// messages as well.
func (q *Queue[T]) Take(dst []T, maxWeight int) []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := 0
	for q.messages.length > 0 && taken < maxWeight {
		weight := q.messages.first().weight
		if taken > 0 && weight > maxWeight-taken {
			break
		}
		taken += weight
		q.weight -= weight
		dst = append(dst, q.messages.pop())
		q.stats.Taken++
		q.admit()
	}
	q.stats.TakenWeight += uint64(taken)
	return dst
}

// Peek returns the oldest message without taking it; false if there is none.
func (q *Queue[T]) Peek() (T, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.messages.length == 0 {
		var none T
		return none, false
	}
	return q.messages.first().value, true
}

// Len returns how many messages can be taken.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.messages.length
}

// Close lets no more messages in: producers that wait, and later ones, get
// [ErrClosed]. What was accepted can still be taken. To close again does nothing.
func (q *Queue[T]) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for p := q.producers.First(); p != nil; p = q.producers.First() {
		q.decide(p, ErrClosed)
	}
}
