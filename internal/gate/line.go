package gate

import "time"

// waiter is one call of Acquire that waits. Its channel has room for the one
// grant it can get, so that granting never blocks.
type waiter struct {
	weight     int64
	since      time.Time // when it began to wait; zero if it was served at once
	granted    bool
	ready      chan struct{}
	prev, next *waiter
}

// line is the waiters of one class, first come, first served, and the class's
// figures. It is guarded by the gate's mutex.
type line struct {
	first, last *waiter
	passed      int // grants to other classes since the last to this one, while it waits

	length    int64
	grants    int64 // beyond those of the fast way
	waits     int64
	canceled  int64
	totalWait time.Duration
	maxWait   time.Duration
}

func (l *line) push(w *waiter) {
	w.prev = l.last
	if l.last == nil {
		l.first = w
	} else {
		l.last.next = w
	}
	l.last = w
	l.length++
}

func (l *line) remove(w *waiter) {
	if w.prev == nil {
		l.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		l.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
	l.length--
	if l.first == nil {
		l.passed = 0
	}
}

// granted counts a grant to w.
func (l *line) granted(w *waiter) {
	l.passed = 0
	l.grants++
	if w.since.IsZero() {
		return
	}
	waited := time.Since(w.since)
	l.waits++
	l.totalWait += waited
	l.maxWait = max(l.maxWait, waited)
}
