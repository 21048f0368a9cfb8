package gate

import (
	"time"

	"github.com/cuenta-server/cuenta/internal/fifo"
)

// waiter is one call of Acquire that waits. Its channel has room for the one
// grant it can get, so that granting never blocks.
type waiter struct {
	place   fifo.Place[*waiter]
	weight  int64
	since   time.Time // when it began to wait; zero if it was served at once
	granted bool
	ready   chan struct{}
}

// line is the waiters of one class, first come, first served, and the class's
// figures. It is guarded by the gate's mutex.
type line struct {
	waiters fifo.Line[*waiter]
	passed  int // grants to other classes since the last to this one, while it waits

	grants    int64 // beyond those of the fast way
	waits     int64
	canceled  int64
	totalWait time.Duration
	maxWait   time.Duration
}

func (l *line) first() *waiter { return l.waiters.First() }

func (l *line) push(w *waiter) {
	w.place.Of = w
	l.waiters.Push(&w.place)
}

func (l *line) remove(w *waiter) {
	l.waiters.Remove(&w.place)
	if l.first() == nil {
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
