package proc

import (
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/shm"
	"github.com/cuenta-server/cuenta/internal/wire/text"
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

	// maxRefusing is how many connections are told at a time that there is no
	// room for them; what comes beyond is closed without a word.
	maxRefusing = 64

	// acceptPause is how long a worker that cannot accept waits.
	acceptPause = 100 * time.Millisecond

	// sweepPause is the least time between two looks at all deadlines.
	sweepPause = 50 * time.Millisecond
)

// busy is what a connection hears for which there is no room.
var busy = text.AppendAnswer(nil, &cuenta.Result{Code: cuenta.Busy})

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
	places   places

	poll     int // the epoll descriptor
	listener int // -1 if there is none

	conns    []*conn // by slot
	vacant   []uint32
	open     int
	refusing int // of the open ones, those that are told there is no room
	ready    []*conn
	stepping []*conn // the list that ready was, being worked off
	blocked  []*conn // waiting for room on the ring, first come, first served

	inFlight int
	unshown  bool // there are requests that were not published
	draining bool

	now         time.Time // of this turn
	sweepAt     time.Time // when the next deadline may be over; zero for none
	acceptAgain time.Time // when the listener is looked at again; zero if it is

	message []byte // the one being made
	scratch [16 << 10]byte
	events  [128]unix.EpollEvent
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

// put puts a message on the ring. It reports false if there is no room now;
// answers will come, and make some.
func (l *loop) put(tag uint32, kind uint8, r *cuenta.Request) bool {
	if l.inFlight >= l.limit {
		return false
	}
	l.message = appendRequest(l.message[:0], tag, kind, r)
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
		tag, err := parseAnswer(m, &r)
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
	if len(l.ready) == 0 && !(l.inFlight > 0 && l.bell.Yield(l.answers.Ready)) && l.bell.Arm(l.called) {
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

// accept takes one connection; where there are more, the next turn does, and so
// may the other workers.
func (l *loop) accept() {
	fd, from, err := unix.Accept4(l.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	switch err {
	case nil:
	case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
		l.watchListener(false)
		l.acceptAgain = l.now.Add(acceptPause)
		l.sweepBy(l.acceptAgain)
		return
	default: // another worker was first, or the client has gone
		return
	}
	full := l.open-l.refusing >= l.set.MaxConns
	if full && l.refusing >= maxRefusing {
		l.stats.Refused.Add(1)
		unix.Close(fd) // there is nobody to tell
		return
	}
	c, err := l.add(fd, peerName(from))
	if err != nil {
		unix.Close(fd) // the connection is lost, like one that could not be accepted
		return
	}
	if full {
		l.stats.Refused.Add(1)
		l.refusing++
		c.refused, c.ending = true, true
		c.out = busy
		c.deadline = l.now.Add(lingering)
		l.flush(c)
		return
	}
	l.stats.Open.Add(1)
	l.stats.Accepted.Add(1)
	c.announce = !l.announce(c)
}

func peerName(from unix.Sockaddr) string {
	switch a := from.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)).String()
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port)).String()
	}
	return "unknown"
}

// add begins to serve a connection.
func (l *loop) add(fd int, peer string) (*conn, error) {
	slot := uint32(len(l.conns))
	if n := len(l.vacant); n > 0 {
		slot = l.vacant[n-1]
	}
	// Edge-triggered, so that a connection costs no system call to say what is
	// waited for; the loop remembers what it may read and write.
	const interest = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET
	e := unix.EpollEvent{Events: interest, Fd: int32(slot)}
	if err := unix.EpollCtl(l.poll, unix.EPOLL_CTL_ADD, fd, &e); err != nil {
		return nil, fmt.Errorf("watching a connection: %w", err)
	}
	// Answers are written whole; there is nothing to gain by holding them back.
	// A failure shows again, and matters, at the first write.
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	c := &conn{slot: slot, fd: fd, peer: peer, writable: true, lastRead: -1}
	if n := len(l.vacant); n > 0 {
		l.vacant = l.vacant[:n-1]
		l.conns[slot] = c
	} else {
		l.conns = append(l.conns, c)
	}
	l.open++
	l.setDeadline(c)
	return c, nil
}

// close ends a connection that has no batch under way.
func (l *loop) close(c *conn) {
	unix.Close(c.fd) // whatever it says, the descriptor is gone
	c.fd = -1
	l.conns[c.slot] = nil
	l.vacant = append(l.vacant, c.slot)
	l.open--
	if c.refused {
		l.refusing--
	} else if l.set.Pool {
		l.stats.Open.Add(-1)
	}
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
	switch {
	case l.acceptAgain.IsZero() || l.listener < 0:
	case l.acceptAgain.After(l.now):
		l.sweepBy(l.acceptAgain)
	default:
		l.acceptAgain = time.Time{}
		l.watchListener(true)
	}
}

func (l *loop) watchListener(on bool) {
	op := unix.EPOLL_CTL_DEL
	if on {
		op = unix.EPOLL_CTL_ADD
	}
	if err := unix.EpollCtl(l.poll, op, l.listener, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: aboutListener}); err != nil {
		panic(err) // it was watched exactly if we say so
	}
}

// drain stops accepting, and gives each connection the end that its client has
// deserved: what has arrived by now is answered, what comes later is not heard.
func (l *loop) drain() {
	l.draining = true
	if l.listener >= 0 {
		if l.acceptAgain.IsZero() {
			l.watchListener(false) // others hold it open, so closing is not enough
		}
		unix.Close(l.listener)
		l.listener = -1
	}
	for _, c := range l.conns {
		switch {
		case c == nil:
		case c.lingers:
			l.close(c)
		default:
			c.lastRead = arrived(c.fd)
			c.readable = true
			l.enqueue(c)
		}
	}
}

// arrived returns how many bytes a connection holds that were not read yet.
func arrived(fd int) int {
	n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	if err != nil {
		return 0 // it is broken
	}
	return n
}
