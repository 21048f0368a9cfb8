package stream

import (
	"time"

	"golang.org/x/sys/unix"
)

// conn is one connection of a loop, which drives it.
type conn struct {
	Conversation     // nil if it was refused
	fd           int // -1 once closed
	slot         int32
	place        place
	peer         string

	watched  uint32 // the events that are waited for
	queued   bool   // it waits for its turn
	writable bool   // to write
	ended    bool   // the client has said everything
	lingers  bool   // the server has; what the client still says is thrown away
	unread   int    // while draining: bytes that are still to be read; -1 otherwise
	unheard  int    // bytes that were thrown away

	said int // bytes that were read since all was decoded
	told int // bytes of answers in its last turn, or half as many as in those before

	from, to int // its part of the batch

	out  []byte // answers that the client has not taken
	sent int    // of them, those that it has taken since
	due  int    // how many more it must take by the time writeBy

	heard   time.Duration // when it last said something
	since   time.Duration // when its unfinished command began; 0 if there is none
	writeBy time.Duration
}

func (c *conn) backlog() int { return len(c.out) - c.sent }

// deaf reports whether nothing more is read from the client.
func (c *conn) deaf() bool { return c.ended || c.unread == 0 }

// admit makes a connection the loop's.
func (l *loop) admit(a arrival) {
	c := &conn{fd: a.fd, place: a.place, peer: a.peer, unread: -1, heard: l.now, watched: unix.EPOLLIN}
	if n := len(l.vacant); n > 0 {
		c.slot = l.vacant[n-1]
		l.vacant = l.vacant[:n-1]
		l.conns[c.slot] = c
	} else {
		c.slot = int32(len(l.conns))
		l.conns = append(l.conns, c)
		l.deadlines = append(l.deadlines, 0)
	}
	l.open++
	event := unix.EpollEvent{Events: c.watched, Fd: c.slot}
	if err := unix.EpollCtl(l.poll, unix.EPOLL_CTL_ADD, c.fd, &event); err != nil {
		l.conf.Log.Warn("cannot watch a connection", "peer", c.peer, "error", err)
		l.close(c, "cannot be watched")
		return
	}
	if a.place == refused {
		l.write(c, l.conf.BusyLine)
		l.linger(c, refusing)
		return
	}
	c.Conversation = l.conf.New(a.peer, a.local)
	l.settle(c)
}

// close ends a connection.
func (l *loop) close(c *conn, why string) {
	if c.fd < 0 {
		return
	}
	// All that was to be said has been written; a failure to close changes nothing.
	_ = unix.Close(c.fd)
	c.fd = -1
	if c.Conversation != nil {
		c.Close()
	}
	l.conns[c.slot], l.deadlines[c.slot] = nil, 0
	l.vacant = append(l.vacant, c.slot)
	l.open--
	l.Server.leave(c.place)
	l.conf.Log.Debug("connection closed", "peer", c.peer, "reason", why)
}

// notice takes note of an event.
func (l *loop) notice(c *conn, events uint32) {
	const broken = unix.EPOLLERR | unix.EPOLLHUP
	switch {
	case c.lingers:
		l.listenOut(c)
		return
	case events&(unix.EPOLLOUT|broken) != 0 && c.backlog() > 0:
		c.writable = true
		l.enqueue(c)
	}
	if !c.queued && c.watched&unix.EPOLLIN != 0 && events&(unix.EPOLLIN|broken) != 0 {
		l.fill(c)
	}
}

// fill reads what there is, once.
func (l *loop) fill(c *conn) {
	space := c.Space()
	space = space[:min(len(space), maxRead)]
	if c.unread >= 0 {
		space = space[:min(len(space), c.unread)]
	}
	if len(space) == 0 {
		l.close(c, errStuck.Error())
		return
	}
	n, open := l.read(c, space)
	switch {
	case !open:
	case n < 0:
		c.ended = true
		l.settle(c)
	case n > 0:
		c.Filled(n)
		if c.said += n; n == len(space) {
			c.said += modest // there is more to come
		}
		c.heard = l.now
		if c.unread >= 0 {
			c.unread -= n
		}
		l.enqueue(c)
	}
}

// read reads once: 0 if there is nothing, -1 at the end. It reports whether the
// connection is still open.
func (l *loop) read(c *conn, p []byte) (n int, open bool) {
	for {
		n, err := unix.Read(c.fd, p)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return 0, true
		case err != nil:
			l.close(c, err.Error())
			return 0, false
		case n == 0:
			return -1, true
		}
		l.tally.in += n
		return n, true
	}
}

// answer writes the answers to what was decoded.
func (l *loop) answer(c *conn) {
	if c.fd < 0 {
		return
	}
	results := l.batch.Results[c.from:c.to]
	l.scratch = c.AppendAnswers(l.scratch[:0], results)
	add(&l.conf.Traffic.Errors, failures(c.Conversation, results))
	c.told = max(len(l.scratch), c.told/2)
	rest := l.scratch
	if c.backlog() == 0 {
		rest = rest[l.write(c, rest):]
		if c.fd < 0 {
			return
		}
		c.due, c.writeBy = len(rest), l.now+l.conf.WriteTimeout
	}
	c.compact()
	c.out = append(c.out, rest...)
	if cap(l.scratch) > maxScratch {
		l.scratch = nil
	}
	l.resume(c)
}

// compact forgets what the client has taken of its answers, when that is most.
func (c *conn) compact() {
	if c.sent > len(c.out)/2 {
		c.out = c.out[:copy(c.out, c.out[c.sent:])]
		c.sent = 0
	}
}

// write writes what the connection takes now. The connection may be closed then.
func (l *loop) write(c *conn, p []byte) int {
	for len(p) > 0 {
		n, err := unix.Write(c.fd, p)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return 0
		case err != nil:
			l.close(c, err.Error())
			return 0
		}
		l.tally.out += n
		return n
	}
	return 0
}

// flush writes answers that have waited. All that waits at one time must be
// taken in the time for writing, however much comes behind it.
func (l *loop) flush(c *conn) {
	n := l.write(c, c.out[c.sent:][:min(c.backlog(), maxWrite)])
	if c.fd < 0 {
		return
	}
	c.sent += n
	c.due -= n
	if c.due <= 0 {
		c.due, c.writeBy = c.backlog(), l.now+l.conf.WriteTimeout
	}
	if c.backlog() == 0 {
		c.out, c.sent = nil, 0
		c.heard = l.now // it had no time to speak before
	}
	l.resume(c)
}

// resume goes on with a connection that has got rid of answers.
func (l *loop) resume(c *conn) {
	if !c.Ended() && c.backlog() < l.conf.MaxOutput && c.Pending() {
		l.enqueue(c)
	}
	l.settle(c)
}

// settle decides what a connection waits for.
func (l *loop) settle(c *conn) {
	backlog := c.backlog()
	over := c.Ended()
	if backlog == 0 && !c.queued && (over || c.deaf()) {
		l.end(c)
		return
	}
	var events uint32
	if backlog > 0 {
		events = unix.EPOLLOUT
	}
	if !over && !c.deaf() && !c.queued && backlog < l.conf.MaxOutput {
		events |= unix.EPOLLIN
	}
	l.watch(c, events)
	if c.fd >= 0 {
		l.expire(c, l.deadline(c))
	}
}

// deadline returns when a connection's patience is over.
func (l *loop) deadline(c *conn) time.Duration {
	switch {
	case c.backlog() > 0:
		return c.writeBy
	case c.since != 0:
		return c.since + l.conf.PartialTimeout
	case l.conf.IdleTimeout < 0:
		return 0
	}
	return c.heard + l.conf.IdleTimeout
}

// watch sets the events to wait for.
func (l *loop) watch(c *conn, events uint32) {
	if c.watched == events {
		return
	}
	c.watched = events
	event := unix.EpollEvent{Events: events, Fd: c.slot}
	if err := unix.EpollCtl(l.poll, unix.EPOLL_CTL_MOD, c.fd, &event); err != nil {
		l.close(c, err.Error())
	}
}

// end ends a connection on which everything is said.
func (l *loop) end(c *conn) {
	switch {
	case c.ended:
		l.close(c, "ended by the client")
	case c.Ended() || received(c.fd) > 0:
		l.linger(c, lingering)
	default:
		l.close(c, "the server stops")
	}
}

// linger ends the server's side of a connection and waits for the client to end
// its own. TCP answers bytes that arrive after a close with a reset, and a reset
// may overtake the last answers on their way to the client.
func (l *loop) linger(c *conn, patience time.Duration) {
	if c.fd < 0 {
		return
	}
	if err := unix.Shutdown(c.fd, unix.SHUT_WR); err != nil {
		l.close(c, err.Error())
		return
	}
	c.lingers = true
	l.expire(c, l.now+patience)
	l.watch(c, unix.EPOLLIN)
}

// listenOut throws away what a client says after the end.
func (l *loop) listenOut(c *conn) {
	n, open := l.read(c, l.waste[:])
	if !open {
		return
	}
	c.unheard += n
	if n < 0 || c.unheard > maxUnheard {
		l.close(c, "ended by the server")
	}
}
