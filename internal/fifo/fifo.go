// Package fifo is the line of those who wait: first come, first served, and whoever
// gives up leaves it from wherever they stand. It takes no memory of its own, because
// whoever waits brings the place. It is guarded by what it stands before: nothing
// here is safe for concurrent use.
package fifo

// Place is where somebody stands in a line. Its zero value stands in none.
type Place[T any] struct {
	Of         T // who stands there
	prev, next *Place[T]
}

// Line is a line. Its zero value is an empty one.
type Line[T any] struct {
	first, last *Place[T]
	length      int
}

// Len returns how many wait.
func (l *Line[T]) Len() int { return l.length }

// First returns who is served next, the zero value if nobody waits.
func (l *Line[T]) First() T {
	if l.first == nil {
		var nobody T
		return nobody
	}
	return l.first.Of
}

// Push adds a place, which stands in no line, at the end.
func (l *Line[T]) Push(p *Place[T]) {
	p.prev = l.last
	if l.last == nil {
		l.first = p
	} else {
		l.last.next = p
	}
	l.last = p
	l.length++
}

// Remove takes a place out, which stands in this line.
func (l *Line[T]) Remove(p *Place[T]) {
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
