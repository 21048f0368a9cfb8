package proc

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/shm"
	"github.com/cuenta-server/cuenta/internal/wire/ring"
)

const (
	// What an event is about; a connection's slot otherwise.
	aboutListener = -1 - iota
	aboutBell
	aboutLifeline
)

const (
	// noTag marks a message whose answer nobody waits for.
	noTag = ^uint32(0)

	// sweepPause is the least time between two looks at all deadlines.
	sweepPause = 50 * time.Millisecond
)

// loop is a worker at work: one thread, which does for each connection what
// there is to do without waiting, and sleeps when there is nothing. All
// requests that one turn has put on the ring are published together.
type loop struct {
	set      settings
	limit    int // messages in flight
	link     *shm.Link
	stats    *shm.LinkStats
	requests *shm.Producer
	answers  *shm.Consumer
	server   *shm.Doorbell // to ring
	bell     *shm.Doorbell // to be woken by
	places   shm.Places

	poll      int // the epoll descriptor
	listener  int // -1 if there is none
	accepting bool

	conns    []*conn // by slot
	vacant   []uint32
	open     int
	refusing int // of the open ones, those that are told there is no room
	ready    []*conn
	stepping []*conn // the list that ready was, being worked off
	spare    []*work
	blocked  []*conn // waiting for room on the ring, first come, first served

	inFlight int
	unshown  bool // there are requests that were not published
	draining bool

	now         time.Time // of this turn
	sweepAt     time.Time // when the next deadline may be over; zero for none
	acceptAgain time.Time // when a pause in accepting is over

	message   []byte       // the one being made
	described cuenta.Terms // what the answer being taken takes back, if it is to a Describe
	scratch   [16 << 10]byte
	events    [128]unix.EpollEvent
}

func tagOf(c *conn, index int) uint32 { return c.slot*maxLines + uint32(index) }

// run works until there is nothing left to serve.
func (l *loop) run() error {
	for {
		l.now = time.Now()
		if err := l.takeAnswers(); err != nil {
			return err
		}
		l.unblock()
		l.stepAll()
		if err := l.publish(); err != nil {
			return err
		}
		if l.link.Draining() && !l.draining {
			l.drain()
		}
		if !l.sweepAt.IsZero() && !l.sweepAt.After(l.now) {
			l.sweep()
		}
		if l.open == 0 && l.listener < 0 {
			return nil
		}
		if err := l.sleep(); err != nil {
			return err
		}
	}
}

// fits reports whether there is room for requests now, which are to be taken
// together. If not, answers will come, and make some.
func (l *loop) fits(requests []cuenta.Request) bool {
	if l.inFlight+len(requests) > l.limit {
		return false
	}
	size := 0
	for i := range requests {
		size += shm.EntrySize(ring.RequestSize(&requests[i]))
	}
	ok, err := l.requests.HasRoom(size)
	if err != nil {
		panic(err) // the server is the one process that a worker believes
	}
	return ok
}

// put puts a request on the ring that fits.
func (l *loop) put(tag uint32, r *cuenta.Request) {
	l.message = ring.AppendRequest(l.message[:0], tag, r)
	if !l.putMessage() {
		panic("proc: what fits the ring does not")
	}
}

func (l *loop) putMessage() bool {
	if l.inFlight >= l.limit {
		return false
	}
	ok, err := l.requests.Put(l.message)
	if err != nil {
		panic(err) // the server is the one process that a worker believes
	}
	if ok {
		l.inFlight++
		l.unshown = true
	}
	return ok
}

func (l *loop) publish() error {
	if !l.unshown {
		return nil
	}
	l.unshown = false
	l.requests.Publish()
	return l.server.Ring()
}

func (l *loop) takeAnswers() error {
	run, err := l.answers.Take()
	if err != nil {
		return err
	}
	for {
		m, err := run.Next()
		if m == nil || err != nil {
			return err
		}
		var r cuenta.Result
		tag, err := ring.ParseDescription(m, &r, &l.described)
		if err != nil {
			return err
		}
		l.inFlight--
		if tag != noTag {
			l.answered(l.conns[tag/maxLines], int(tag%maxLines), &r)
		}
	}
}

// unblock goes on with the batches that waited for room.
func (l *loop) unblock() {
	waiting := l.blocked
	l.blocked = nil
	for i, c := range waiting {
		l.send(c)
		if len(l.blocked) > 0 { // still no room: it keeps its place before the others
			l.blocked = waiting[i:]
			return
		}
	}
}

// enqueue notes that there may be something to do on a connection.
func (l *loop) enqueue(c *conn) {
	if !c.queued {
		c.queued = true
		l.ready = append(l.ready, c)
	}
}

func (l *loop) stepAll() {
	l.ready, l.stepping = l.stepping[:0], l.ready
	for i, c := range l.stepping {
		l.stepping[i] = nil
		c.queued = false
		l.step(c)
	}
}

// sleep waits for the next event, and takes note of all there are.
func (l *loop) sleep() error {
	timeout := 0
	if len(l.ready) == 0 && !(l.inFlight > 0 && shm.Yield(l.answers.Ready)) && l.bell.Arm(l.called) {
		timeout = l.patience()
	}
	n, err := unix.EpollWait(l.poll, l.events[:], timeout)
	l.bell.Disarm()
	if err == unix.EINTR {
		return nil
	}
	if err != nil {
		return fmt.Errorf("waiting for events: %w", err)
	}
	l.now = time.Now()
	for _, e := range l.events[:n] {
		switch e.Fd {
		case aboutBell: // being awake is all it asks
		case aboutLifeline:
			return errServerGone
		case aboutListener:
			l.accept()
		default:
			l.note(l.conns[e.Fd], e.Events)
		}
	}
	return nil
}

// called reports whether the server wants something.
func (l *loop) called() bool { return l.answers.Ready() || (l.link.Draining() && !l.draining) }

// patience returns how long to sleep at most, in milliseconds.
func (l *loop) patience() int {
	if l.sweepAt.IsZero() {
		return -1
	}
	return max(0, int((l.sweepAt.Sub(l.now)+time.Millisecond-1)/time.Millisecond))
}

// note takes note of what an event says about a connection. The connection may
// have been closed in this turn.
func (l *loop) note(c *conn, events uint32) {
	if c == nil {
		return
	}
	if events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.hungUp = true
		events |= unix.EPOLLIN
	}
	c.readable = c.readable || events&unix.EPOLLIN != 0
	c.writable = c.writable || events&unix.EPOLLOUT != 0
	l.enqueue(c)
}

// sweepBy makes sure that deadlines are looked at by then.
func (l *loop) sweepBy(t time.Time) {
	if l.sweepAt.IsZero() || t.Before(l.sweepAt) {
		l.sweepAt = t
	}
}

// sweep closes what is past its deadline.
func (l *loop) sweep() {
	l.sweepAt = time.Time{}
	soonest := l.now.Add(sweepPause)
	for _, c := range l.conns {
		switch {
		case c == nil || c.deadline.IsZero():
		case !c.deadline.After(l.now):
			l.close(c)
		case c.deadline.Before(soonest):
			l.sweepBy(soonest)
		default:
			l.sweepBy(c.deadline)
		}
	}
	l.resumeAccepting()
}
