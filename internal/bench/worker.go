package bench

import "time"

// worker keeps one connection busy.
type worker struct {
	run       *run
	transport transport
	next      func() uint64 // the key of the next operation
	keys      []uint64
	times     []time.Duration // when each operation of an exchange was due
	tally     tally

	// Of an open loop: the time between two operations of this connection, when
	// the next one is due, and since when the connection is free for it.
	interval, due, free time.Duration
}

func newWorker(r *run, number int, t transport, next func() uint64) *worker {
	w := &worker{
		run: r, transport: t, next: next,
		keys:  make([]uint64, r.config.Pipeline),
		times: make([]time.Duration, r.config.Pipeline),
		tally: tally{run: r, recorder: r.recorders[number%len(r.recorders)]},
	}
	if rate := r.config.Rate; rate > 0 {
		w.interval = time.Duration(float64(r.config.Connections) / rate * float64(time.Second))
		w.due = w.interval * time.Duration(number) / time.Duration(r.config.Connections)
	}
	return w
}

// work exchanges until the run ends or the connection breaks.
func (w *worker) work() {
	for !w.isOver() {
		n := w.plan()
		if n == 0 {
			break
		}
		for i := range n {
			w.keys[i] = w.next()
		}
		w.tally.due = w.times[:n]
		if err := w.transport.exchange(w.keys[:n], &w.tally); err != nil {
			w.tally.lost(len(w.tally.due), describe(err))
			return
		}
		w.free = w.run.now()
	}
	w.leave()
}

func (w *worker) isOver() bool {
	select {
	case <-w.run.ended:
		return true
	default:
		return false
	}
}

// plan decides how many operations the next exchange has and when each was due;
// 0 is the end.
func (w *worker) plan() int {
	if w.interval > 0 && !w.awaitDue() {
		return 0
	}
	now := w.run.now()
	n := len(w.keys)
	if w.interval > 0 {
		n = w.schedule(now)
	} else {
		for i := range n {
			w.times[i] = now
		}
	}
	w.tally.warming = now < w.run.config.WarmUp
	if bound := w.run.config.Operations; bound > 0 && !w.tally.warming {
		claimed := w.run.claimed.Add(int64(n))
		if excess := claimed - bound; excess > 0 {
			w.run.end()
			n = max(0, n-int(excess))
		}
	}
	return n
}

// awaitDue waits for the moment of the next operation. It reports false if the run ends first.
func (w *worker) awaitDue() bool {
	wait := w.due - w.run.now()
	if wait <= 0 {
		return true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.run.ended:
		return false
	}
}

// schedule takes the operations that are due by now, at least the one that was
// waited for. One that fell due while the connection was busy counts from the moment it was
// due, because a client that does not wait for the others would have sent it
// then: that is the correction for coordinated omission. One that fell due while
// the connection was free counts from now: that the timer rang late is not the
// server's doing.
func (w *worker) schedule(now time.Duration) (n int) {
	for n < len(w.times) && (n == 0 || w.due <= now) {
		w.times[n] = now
		if w.due < w.free {
			w.times[n] = w.due
		}
		w.due += w.interval
		n++
	}
	return n
}

// leave counts what an open loop should have sent and did not come to.
func (w *worker) leave() {
	if w.interval == 0 || w.run.config.Operations > 0 {
		return
	}
	if late := w.run.now() - w.due; late > 0 {
		w.run.unsent.Add(1 + int64(late/w.interval))
	}
}
