package proc

import (
	"bytes"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/wire/ring"
	"github.com/cuenta-server/cuenta/internal/wire/text"
)

const (
	// maxLines is how many commands of one connection go into one batch, so
	// that a long pipeline shares the ring with the others. It must fit a tag.
	maxLines = 512

	// lingering is how long a worker that has ended a connection listens for the
	// client's own end, and maxUnheard how much the client may still say, in
	// bytes: TCP answers what arrives after a close with a reset, and that may
	// overtake the last answers.
	lingering  = time.Second
	maxUnheard = 1 << 20
)

// conn is one connection of a worker: a state machine that the loop drives. It
// decodes a batch of commands, sends it, waits for all answers, writes them, and
// only then reads again; so a client that does not read stops only itself.
type conn struct {
	slot    uint32
	fd      int // -1 once closed
	peer    string
	client  uint32 // stands for the peer's host; see cuenta.Request
	session text.Session
	*work   // nil while there is nothing to do

	announce bool // the server is yet to be told of it
	sent     int  // requests of the batch that were sent or answered here
	due      int  // answers still to come from the server
	working  bool // there is a batch under way; the connection is not closed then

	out      []byte // the answers that are yet to be written
	readable bool   // a read may get something
	writable bool   // a write may get rid of something
	hungUp   bool   // the end of the stream is near: read until it shows
	queued   bool   // in the loop's list of those with something to do

	ending   bool // the session is over: write what is left, then close
	lingers  bool // closed by us, waiting for the client to close
	unheard  int  // bytes heard while lingering
	lastRead int  // while draining: bytes that may still be read; -1 otherwise
	refused  bool // there was no room for it

	lineSince time.Time // when the unfinished line began; zero if there is none
	deadline  time.Time // zero while the service is at work
}

// work is what a connection needs while it has a batch under way or answers to
// write. The loop keeps the spare ones, so that silent connections hold little
// memory, however much they have said before.
type work struct {
	batch   cuenta.Batch
	answers []byte
}

func (l *loop) takeWork() *work {
	n := len(l.spare)
	if n == 0 {
		return new(work)
	}
	w := l.spare[n-1]
	l.spare = l.spare[:n-1]
	return w
}

func (l *loop) giveWork(c *conn) {
	if c.work != nil {
		l.spare = append(l.spare, c.work)
		c.work = nil
	}
}

// step does the next thing there is to do on a connection.
func (l *loop) step(c *conn) {
	switch {
	case c.fd < 0 || c.working:
	case len(c.out) > 0:
		l.flush(c)
	case c.lingers:
		l.listenOut(c)
	case c.ending || c.session.Ended():
		l.end(c)
	default:
		l.converse(c)
	}
}

// converse begins the next batch, if there is one.
func (l *loop) converse(c *conn) {
	c.work = l.takeWork()
	lines := l.decode(c)
	if lines == 0 {
		l.giveWork(c)
		return
	}
	l.stats.Requests.Add(int64(lines))
	n := len(c.batch.Requests)
	if cap(c.batch.Results) < n {
		c.batch.Results = make([]cuenta.Result, n)
	}
	c.batch.Results = c.batch.Results[:n]
	c.sent = l.answerHere(c)
	c.working = true
	c.deadline = time.Time{}
	l.send(c)
}

// decode decodes the next batch, reading if there is no complete line.
func (l *loop) decode(c *conn) int {
	c.batch.Requests = c.batch.Requests[:0]
	lines := c.session.Decode(&c.batch, maxLines)
	if lines > 0 || !l.fill(c) {
		return lines
	}
	lines = c.session.Decode(&c.batch, maxLines)
	if lines == 0 { // empty lines, or the beginning of one
		l.setDeadline(c)
		l.enqueue(c)
	}
	return lines
}

// answerHere answers the reads that the batch begins with, as far as their
// counters' cells are known. Everything the connection asked before has been
// answered, so the cells hold at least that. It stops at the first request for
// the server, because reads after it must see its effect.
func (l *loop) answerHere(c *conn) int {
	for i := range c.batch.Requests {
		r := &c.batch.Requests[i]
		if r.Op != cuenta.Get || !l.places.Read(r.Counter, &c.batch.Results[i]) {
			return i
		}
	}
	return len(c.batch.Requests)
}

// send puts what is left of the batch on the ring, and the connection on the
// list of those that wait for room if it does not fit.
func (l *loop) send(c *conn) {
	if c.announce {
		c.announce = !l.announce(c)
	}
	for c.sent < len(c.batch.Requests) {
		run := c.batch.Requests[c.sent:]
		run = run[:1+int(run[0].Span)] // what belongs together
		if !l.fits(run) {
			l.blocked = append(l.blocked, c)
			return
		}
		for i := range run {
			run[i].Client = c.client
			l.put(tagOf(c, c.sent), &run[i])
			c.sent++
			c.due++
		}
	}
	if c.due == 0 {
		l.complete(c)
	}
}

// announce tells the server of a connection. It reports false if there is no
// room on the ring; then the first batch tries again.
func (l *loop) announce(c *conn) bool {
	l.message = ring.AppendHello(l.message[:0], noTag, c.peer)
	return l.putMessage()
}

// answered takes one answer of the server.
func (l *loop) answered(c *conn, index int, r *cuenta.Result) {
	q := &c.batch.Requests[index]
	c.batch.Results[index] = *r
	if q.Op == cuenta.Describe && r.Code == cuenta.OK {
		*q.Terms = l.described
	}
	l.places.Learn(q, r)
	c.due--
	if c.due == 0 && c.sent == len(c.batch.Requests) {
		l.complete(c)
	}
}

// complete writes the answers of the batch, all of which are there.
func (l *loop) complete(c *conn) {
	c.working = false
	c.answers = c.session.AppendAnswers(c.answers[:0], c.batch.Results)
	if failed := int64(c.session.Malformed() + c.session.Refused()); failed > 0 {
		l.stats.Errors.Add(failed)
	}
	c.out = c.answers
	c.deadline = l.now.Add(l.set.WriteTimeout)
	l.flush(c)
}

// flush writes as much as the connection takes.
func (l *loop) flush(c *conn) {
	if len(c.out) > 0 && c.writable {
		n, err := unix.Write(c.fd, c.out)
		switch {
		case err == unix.EAGAIN:
			n = 0
		case err != nil:
			l.close(c)
			return
		}
		l.stats.BytesOut.Add(int64(n))
		c.out = c.out[n:]
		c.writable = len(c.out) == 0
	}
	if len(c.out) == 0 {
		l.giveWork(c)
		l.setDeadline(c)
		l.enqueue(c)
		return
	}
	l.sweepBy(c.deadline)
}

// fill reads once. It reports whether anything came; the connection may be
// closed otherwise.
func (l *loop) fill(c *conn) bool {
	space := c.session.Space()
	if c.lastRead >= 0 {
		space = space[:min(len(space), c.lastRead)]
		if len(space) == 0 { // drained: all that had arrived is answered
			l.close(c)
			return false
		}
	}
	n := l.read(c, space)
	if n <= 0 {
		return false
	}
	c.session.Filled(n)
	if c.lastRead >= 0 {
		c.lastRead -= n
	}
	c.noteLine(space[:n], l.now)
	return true
}

// read reads once: 0 if there is nothing now, or if the connection is closed.
func (l *loop) read(c *conn, space []byte) int {
	if !c.readable {
		return 0
	}
	n, err := unix.Read(c.fd, space)
	switch {
	case err == unix.EAGAIN:
		c.readable = false
		return 0
	case err != nil || n == 0:
		l.close(c)
		return 0
	}
	// A short read has emptied the socket, unless its end is next.
	c.readable = n == len(space) || c.hungUp
	l.stats.BytesIn.Add(int64(n))
	return n
}

// noteLine remembers since when a line is unfinished.
func (c *conn) noteLine(p []byte, now time.Time) {
	end := bytes.LastIndexByte(p, '\n')
	switch {
	case end == len(p)-1:
		c.lineSince = time.Time{}
	case end >= 0 || c.lineSince.IsZero():
		c.lineSince = now
	}
}

// end closes the server's side of a connection whose session is over.
func (l *loop) end(c *conn) {
	if l.draining || unix.Shutdown(c.fd, unix.SHUT_WR) != nil {
		l.close(c)
		return
	}
	c.lingers = true
	c.deadline = l.now.Add(lingering)
	l.sweepBy(c.deadline)
	l.enqueue(c)
}

// listenOut throws away what a client says after the end.
func (l *loop) listenOut(c *conn) {
	n := l.read(c, l.scratch[:])
	c.unheard += n
	switch {
	case c.fd < 0 || n == 0:
	case c.unheard > maxUnheard:
		l.close(c)
	default:
		l.enqueue(c)
	}
}

// setDeadline gives the client its time to say something.
func (l *loop) setDeadline(c *conn) {
	c.deadline = l.now.Add(l.set.IdleTimeout)
	if !c.lineSince.IsZero() {
		c.deadline = c.lineSince.Add(l.set.LineTimeout)
	}
	l.sweepBy(c.deadline)
}
