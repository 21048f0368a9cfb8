package stream

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cuenta-server/cuenta"
)

const (
	// bellSlot is what an event of the bell is about; a connection's slot
	// otherwise.
	bellSlot = -1

	// maxEvents is how many sockets are read before their commands are done.
	maxEvents = 1024

	// maxScratch is how much memory for answers is kept from round to round.
	maxScratch = 1 << 20
)

// loop serves all connections by one goroutine, in rounds: read what is there,
// have it done as one batch, answer. Only that goroutine uses what is not under mu.
//
// It waits in epoll_wait itself, not in the runtime's poller, which would put a
// switch of goroutines between an event and its answer: with one command in
// flight on each connection that costs a fifth more processor time. It is not
// bound to its thread: alone it stays on it anyway, and where it has to wait for
// another leader's commit, waking a bound thread takes longer. System calls that
// cannot block are plain ones all the same, as raw ones gain nothing that can be
// measured.
type loop struct {
	*Server
	acceptor acceptor
	poll     int // the epoll descriptor
	bell     int // an eventfd that wakes the loop

	started time.Time
	now     time.Duration // since then, of this round

	conns  []*conn // by slot
	vacant []int32
	open   int

	deadlines []time.Duration // by slot; 0 for none
	sweepAt   time.Duration   // when the next may be over; 0 for none

	queues
	left  share   // of the round
	turn  []*conn // those whose commands are in the batch
	batch cuenta.Batch
	tally tally

	scratch  []byte // answers of one connection
	waste    [16 << 10]byte
	events   [maxEvents]unix.EpollEvent
	leaving  bool
	finished chan struct{}

	mu       sync.Mutex
	arrivals []arrival
	stop     bool // drain
	over     bool // the descriptors are closed
}

// tally is what a round adds to the front's traffic.
type tally struct{ in, out, requests, errors int }

// newLoop returns a loop that is yet to run.
func newLoop(s *Server) (*loop, error) {
	l := &loop{Server: s, started: time.Now(), finished: make(chan struct{})}
	l.batch.Origin.Front, l.batch.Class = s.conf.Front, s.conf.Class
	if err := l.makeDescriptors(); err != nil {
		return nil, err
	}
	return l, nil
}

// serve takes a listener over and begins to run.
func (l *loop) serve(listener *net.TCPListener) (err error) {
	if l.acceptor, err = newAcceptor(l, listener); err != nil {
		l.closeDescriptors()
		return err
	}
	go l.run()
	return nil
}

func (l *loop) accept() error { return l.acceptor.accept() }

// stopAccepting ends the accepting. An error would be that of an earlier close.
func (l *loop) stopAccepting() { _ = l.acceptor.file.Close() }

func (l *loop) drained() <-chan struct{} { return l.finished }

func (l *loop) drain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop = true
	l.ring()
}

// abandon wakes the loop, which sees that the context has ended.
func (l *loop) abandon() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := l.Server.serving()
	l.cut()
	l.ring()
	return left
}

// hand gives the loop a connection.
func (l *loop) hand(a arrival) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arrivals = append(l.arrivals, a)
	if len(l.arrivals) == 1 {
		l.ring()
	}
}

// ring wakes the loop. The caller holds mu.
func (l *loop) ring() {
	if l.over {
		return
	}
	// It can fail only when the bell has rung 2⁶⁴ times unheard.
	_, _ = unix.Write(l.bell, []byte{1, 0, 0, 0, 0, 0, 0, 0})
}

// run serves until the drain is over.
func (l *loop) run() {
	defer close(l.finished)
	defer l.finish()
	for l.ctx.Err() == nil && !(l.leaving && l.open == 0) {
		l.wait()
		l.round()
		if l.sweepAt != 0 && l.sweepAt <= l.now {
			l.sweep()
		}
	}
}

// finish closes everything that is left.
func (l *loop) finish() {
	for _, c := range l.conns {
		if c != nil {
			l.close(c, "cut off")
		}
	}
	for _, a := range l.arrivals { // nobody hands over any more
		_ = unix.Close(a.fd) // it was not served
		l.Server.leave(a.place)
	}
	l.closeDescriptors()
}

func (l *loop) makeDescriptors() (err error) {
	if l.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("making an epoll descriptor: %w", err)
	}
	if l.bell, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		_ = unix.Close(l.poll) // the first error tells more
		return fmt.Errorf("making an eventfd: %w", err)
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: bellSlot}
	if err := unix.EpollCtl(l.poll, unix.EPOLL_CTL_ADD, l.bell, &event); err != nil {
		l.closeDescriptors()
		return fmt.Errorf("watching an eventfd: %w", err)
	}
	return nil
}

func (l *loop) closeDescriptors() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	// They hold nothing that could be lost.
	_ = unix.Close(l.bell)
	_ = unix.Close(l.poll)
}

// wait waits until there is something to do, and reads what there is to read.
func (l *loop) wait() {
	timeout := 0
	if l.queues.empty() {
		timeout = l.patience()
	}
	n, err := unix.EpollWait(l.poll, l.events[:], timeout)
	if err != nil && err != unix.EINTR {
		panic("stream: waiting for events: " + err.Error())
	}
	l.now = time.Since(l.started)
	for _, e := range l.events[:max(n, 0)] {
		if e.Fd == bellSlot {
			l.called()
		} else if c := l.conns[e.Fd]; c != nil { // not closed a moment ago
			l.notice(c, e.Events)
		}
	}
}

// patience returns how long to wait at most, in milliseconds.
func (l *loop) patience() int {
	if l.sweepAt == 0 {
		return -1
	}
	return int((max(0, l.sweepAt-l.now) + time.Millisecond - 1) / time.Millisecond)
}

// called looks what the loop was woken up for.
func (l *loop) called() {
	var count [8]byte
	// Only how often it rang is lost if this fails.
	_, _ = unix.Read(l.bell, count[:])
	l.mu.Lock()
	arrivals, stop := l.arrivals, l.stop
	l.arrivals = nil
	l.mu.Unlock()
	for _, a := range arrivals {
		l.admit(a)
	}
	if stop && !l.leaving {
		l.leave()
	}
}

// leave begins the drain: what has arrived by now is answered, and no more.
func (l *loop) leave() {
	l.leaving = true
	for _, c := range l.conns {
		if c != nil && !c.lingers {
			c.unread = received(c.fd)
			l.settle(c)
		}
	}
}

// round has done what the connections ask whose turn it is, as one batch, and
// answers.
func (l *loop) round() {
	if !l.queues.empty() {
		l.gather()
	}
	if len(l.turn) > 0 {
		l.execute()
		if l.ctx.Err() != nil {
			return // cut off: nobody is told anything any more
		}
		for i, c := range l.turn {
			l.turn[i] = nil
			l.answer(c)
		}
		l.turn = l.turn[:0]
	}
	l.report()
}

// execute has the batch done.
func (l *loop) execute() {
	l.batch.Results = l.batch.Results[:0]
	if len(l.batch.Requests) > 0 {
		l.conf.Service.Do(l.ctx, &l.batch)
		l.now = time.Since(l.started) // it may have taken long, which is not the clients' fault
	}
	l.report()
}

// report adds the tally to the front's traffic.
func (l *loop) report() {
	t := l.conf.Traffic
	add(&t.BytesIn, l.tally.in)
	add(&t.BytesOut, l.tally.out)
	add(&t.Requests, l.tally.requests)
	add(&t.Errors, l.tally.errors)
	l.tally = tally{}
}

func add(to *atomic.Int64, n int) {
	if n > 0 {
		to.Add(int64(n))
	}
}

// expire sets when a connection's patience is over; 0 for never.
func (l *loop) expire(c *conn, at time.Duration) {
	l.deadlines[c.slot] = at
	if at != 0 && (l.sweepAt == 0 || at < l.sweepAt) {
		l.sweepAt = at
	}
}

// sweep closes what is past its deadline. Deadlines move with every command, so
// it comes far less often than they do.
func (l *loop) sweep() {
	l.sweepAt = 0
	closed := 0
	for slot, at := range l.deadlines {
		switch {
		case at == 0:
		case at <= l.now && closed < maxClosed:
			l.close(l.conns[slot], "timed out")
			closed++
		case l.sweepAt == 0 || at < l.sweepAt:
			l.sweepAt = at
		}
	}
}
