// Package gate is the weighted semaphore with priority classes that guards the
// ledger.
//
// # What it is
//
// A gate has a capacity of C units. Who wants to pass asks for some of them,
// waits until they are free, and gives them back. A change of the counters asks
// for all C, so it is alone; a scan or a snapshot asks for one, so up to C of
// them share the gate, and none runs beside a change. The weight is thus what a
// readers–writer lock knows as read and write, and everything in between.
//
// # Who is next
//
// Whoever must wait waits in the line of its class. From the waiters at the
// heads of the lines the gate chooses one, and grants it its units as soon as
// they are free:
//
//  1. Console before remote before queue. A person at a console gets an answer
//     however loaded the network is.
//  2. But no class starves: as long as a class has waiters, at least one of
//     every [Share] grants is its own. Each class counts the grants that passed
//     it by; one that was passed by Share−1 times is chosen before any other.
//     When two lower classes run late at once, the one that has waited for more
//     grants goes one grant early, which leaves the last grant in time to the other.
//  3. Within a class, first come, first served.
//
// The chosen waiter blocks all the others. A heavy waiter is therefore not
// overtaken for ever by light ones that happen to fit into what is free: they
// wait until it has passed. Nor does anybody slip in from outside, since the
// fast way is shut while anyone waits. What this costs is the hand-over of
// units that were already free, to a goroutine that must first wake up; it is
// why callers bring a whole batch, not one operation.
//
// # How it works
//
// One atomic word holds the units in use and a bit that says that someone
// waits. Without waiters, passing is one compare-and-swap on that word, plus an
// uncontended addition that counts the grant. With the bit set everything goes
// through a mutex and the lines. Only under the mutex is the bit set or cleared,
// and while it is set, units are taken only under the mutex; a release, which
// only ever frees units, looks at the bit after it has freed them. So either the
// release sees the waiter, or the waiter saw the units.
//
// A grant is made to the waiter under the mutex, by whoever freed the units. A
// waiter that gives up looks, under the same mutex, whether it was granted in
// the meantime: if so it has passed and says so, otherwise it leaves the line
// without a trace, and those it blocked are looked at again. There is no moment
// in which a grant belongs to nobody.
//
// # Where it comes from
//
// The original report guards its account by a weighted semaphore with
// priorities: consoles first, then the remote procedure calls, then what
// arrives through the message queue. That strict order starves the queue when
// the consoles are busy; the share is ours. Weighted semaphores in which the
// first waiter blocks the rest are known from golang.org/x/sync/semaphore.
package gate

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cuenta-server/cuenta"
)

// Share is the number of consecutive grants of which a waiting class gets at
// least one.
const Share = 16

// ErrWeight says that more units were asked for than there are, or less than one.
var ErrWeight = errors.New("gate: the weight is not between 1 and the capacity")

// waiting is the bit of Gate.word that says that someone waits; the units in
// use are above it.
const waiting, unit = 1, 2

// Gate is a weighted semaphore with priority classes. It is safe for concurrent
// use and must not be copied.
type Gate struct {
	capacity int64
	word     atomic.Int64
	fast     [cuenta.NumClasses]atomic.Int64 // grants that found the gate free
	tried    atomic.Int64                    // grants to TryAcquire
	idle     sync.Pool                       // of *waiter

	mu    sync.Mutex
	lines [cuenta.NumClasses]line
}

// New returns a gate of that many units. A capacity below 1 or above half of
// int64, which the word cannot hold, panics.
func New(capacity int64) *Gate {
	if capacity < 1 || capacity > math.MaxInt64/unit {
		panic("gate: impossible capacity")
	}
	return &Gate{capacity: capacity}
}

// Acquire waits until n units are granted, and returns nil, or until ctx ends,
// and returns its error; then nothing is held. A weight that can never be
// granted is [ErrWeight] at once.
func (g *Gate) Acquire(ctx context.Context, class cuenta.Class, n int64) error {
	if n < 1 || n > g.capacity {
		return ErrWeight
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if g.take(n) {
		g.fast[class].Add(1)
		return nil
	}
	return g.wait(ctx, class, n)
}

// TryAcquire takes n units if they are free and nobody waits, and reports
// whether it did. It has no class, as it never waits.
func (g *Gate) TryAcquire(n int64) bool {
	if n < 1 || n > g.capacity || !g.take(n) {
		return false
	}
	g.tried.Add(1)
	return true
}

// take is the fast way in.
func (g *Gate) take(n int64) bool {
	for {
		word := g.word.Load()
		if word&waiting != 0 || word/unit+n > g.capacity {
			return false
		}
		if g.word.CompareAndSwap(word, word+n*unit) {
			return true
		}
	}
}

// Release gives n units back. To release what is not held panics.
func (g *Gate) Release(n int64) {
	if n < 1 {
		panic("gate: released less than one unit")
	}
	word := g.word.Add(-n * unit)
	if word < 0 {
		panic("gate: released more than was acquired")
	}
	if word&waiting != 0 {
		g.mu.Lock()
		g.serve()
		g.mu.Unlock()
	}
}

// wait is the slow way in, through the line of the class.
func (g *Gate) wait(ctx context.Context, class cuenta.Class, n int64) error {
	w, ok := g.idle.Get().(*waiter)
	if !ok {
		w = &waiter{ready: make(chan struct{}, 1)}
	}
	*w = waiter{weight: n, ready: w.ready}

	g.mu.Lock()
	g.lines[class].push(w)
	g.word.Or(waiting)
	g.serve() // the units may have come free on the way here
	if !w.granted {
		w.since = time.Now()
	}
	g.mu.Unlock()

	select {
	case <-w.ready:
	case <-ctx.Done():
		if g.leave(class, w) {
			g.idle.Put(w)
			return ctx.Err()
		}
		<-w.ready // granted in the same moment
	}
	g.idle.Put(w)
	return nil
}

// leave takes a waiter out of its line and reports whether it was still there.
func (g *Gate) leave(class cuenta.Class, w *waiter) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.granted {
		return false
	}
	g.lines[class].remove(w)
	g.lines[class].canceled++
	g.serve() // it may have blocked others
	return true
}

// serve grants what can be granted, and opens the fast way again when nobody
// waits. Under the mutex, with the waiting bit set.
func (g *Gate) serve() {
	for {
		next := g.next()
		if next == nil {
			g.word.And(^int64(waiting))
			return
		}
		// Others only give units back meanwhile, so what fits goes on fitting.
		w := next.first()
		if g.word.Load()/unit+w.weight > g.capacity {
			return
		}
		g.word.Add(w.weight * unit)
		g.grant(next)
	}
}

// next chooses the line whose head is to be served, nil if all are empty.
func (g *Gate) next() *line {
	var first, late, other *line // in the order of the classes; late was passed by most
	for i := range g.lines {
		l := &g.lines[i]
		switch {
		case l.first() == nil:
		case first == nil:
			first = l
		case late == nil:
			late = l
		case l.passed > late.passed:
			late, other = l, late
		default:
			other = l
		}
	}
	if late == nil {
		return first
	}
	if late.passed >= Share-1 || other != nil && other.passed >= Share-2 {
		return late
	}
	return first
}

// grant lets the head of a line pass.
func (g *Gate) grant(l *line) {
	w := l.first()
	l.remove(w)
	l.granted(w)
	for i := range g.lines {
		if other := &g.lines[i]; other != l && other.first() != nil {
			other.passed++
		}
	}
	w.granted = true
	w.ready <- struct{}{} // has room for one
}
