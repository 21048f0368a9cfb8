package queue

// producer is one call of Put that waits. Its channel has room for the one
// decision it can get, so that deciding never blocks.
type producer[T any] struct {
	value      T
	weight     int
	decided    bool
	err        error // of the decision
	ready      chan struct{}
	prev, next *producer[T]
}

// line is the producers that wait, first come, first served.
type line[T any] struct {
	first, last *producer[T]
	length      int
}

func (l *line[T]) push(p *producer[T]) {
	p.prev = l.last
	if l.last == nil {
		l.first = p
	} else {
		l.last.next = p
	}
	l.last = p
	l.length++
}

func (l *line[T]) remove(p *producer[T]) {
	if p.prev == nil {
		l.first = p.next
	} else {
		p.prev.next = p.next
	}
	if p.next == nil {
		l.last = p.prev
	} else {
		p.next.prev = p.prev
	}
	p.prev, p.next = nil, nil
	l.length--
}

// join puts a producer in line. Under the mutex.
func (q *Queue[T]) join(v T, weight int) *producer[T] {
	p, ok := q.idle.Get().(*producer[T])
	if !ok {
		p = &producer[T]{ready: make(chan struct{}, 1)}
	}
	*p = producer[T]{value: v, weight: weight, ready: p.ready}
	q.producers.push(p)
	q.stats.Waited++
	return p
}

// admit moves the messages of waiting producers in while there is room for the
// first of them. Under the mutex.
func (q *Queue[T]) admit() {
	for p := q.producers.first; p != nil && p.weight <= q.capacity-q.weight; p = q.producers.first {
		q.accept(p.value, p.weight)
		q.decide(p, nil)
	}
}

// decide takes a producer out of the line and tells it how its message fared.
// Under the mutex.
func (q *Queue[T]) decide(p *producer[T], err error) {
	q.producers.remove(p)
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
	q.producers.remove(p)
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
