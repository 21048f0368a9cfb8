package queue

import "github.com/cuenta-server/cuenta/internal/fifo"

// producer is one call of Put that waits. Its channel has room for the one
// decision it can get, so that deciding never blocks.
type producer[T any] struct {
	place   fifo.Place[*producer[T]]
	value   T
	weight  int
	decided bool
	err     error // of the decision
	ready   chan struct{}
}

// join puts a producer in line. Under the mutex.
func (q *Queue[T]) join(v T, weight int) *producer[T] {
	p, ok := q.idle.Get().(*producer[T])
	if !ok {
		p = &producer[T]{ready: make(chan struct{}, 1)}
	}
	*p = producer[T]{value: v, weight: weight, ready: p.ready}
	p.place.Of = p
	q.producers.Push(&p.place)
	q.stats.Waited++
	return p
}

// admit moves the messages of waiting producers in while there is room for the
// first of them. Under the mutex.
func (q *Queue[T]) admit() {
	for p := q.producers.First(); p != nil && p.weight <= q.capacity-q.weight; p = q.producers.First() {
		q.accept(p.value, p.weight)
		q.decide(p, nil)
	}
}

// decide takes a producer out of the line and tells it how its message fared.
// Under the mutex.
func (q *Queue[T]) decide(p *producer[T], err error) {
	q.producers.Remove(&p.place)
	p.clear()
	p.decided, p.err = true, err
	p.ready <- struct{}{} // has room for one
}

// leave takes a producer that gives up out of the line, and reports whether
// nothing was decided yet.
func (q *Queue[T]) leave(p *producer[T]) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.decided {
		return false
	}
	q.producers.Remove(&p.place)
	p.clear()
	q.stats.Canceled++
	q.admit() // it may have blocked lighter ones
	return true
}

// clear forgets the message, so that an idle producer keeps nothing alive.
func (p *producer[T]) clear() {
	var none T
	p.value = none
}
