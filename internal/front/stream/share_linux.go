package stream

import (
	"slices"

	"github.com/cuenta-server/cuenta"
)

// How a round is shared out.
//
// Everybody waits for the whole of a round, so what it does is bounded, in
// requests and in bytes. The modest connections come first: one that sends a
// command and waits for its answer must not stand behind those that send without
// end. The greedy ones take turns with what is left, and some is always left for
// them. Whoever finds no room comes first in the next round.
//
// What a connection costs is known only afterwards. It is taken for what it has
// just said and what it has been answered lately.

const (
	// maxWork is how many bytes of commands and answers one round is about.
	maxWork = 1 << 20

	// modest is how many of them a connection may be about to come first.
	modest = 1 << 10

	// maxRead is how much is read from a connection in one round, and maxWrite
	// how much is written of answers that have waited.
	maxRead, maxWrite = 16 << 10, 64 << 10

	// maxClosed is how many connections are closed in one round whose patience is
	// over: the kernel takes its time to forget what they did not read.
	maxClosed = 32

	// longQueue is how many may be in a queue before those behind them are not
	// listened to: their events would take the place of others'.
	longQueue = 128
)

// queues are the connections that may have something to do, each in one of them,
// in their order.
type queues struct {
	modest []*conn
	greedy []*conn
	large  []*conn // their next command needs a batch of its own

	begun bool // the last round began with a large one
}

func (q *queues) empty() bool { return len(q.modest)+len(q.greedy)+len(q.large) == 0 }

// share is a part of a round.
type share struct{ requests, bytes int }

func (s share) less(t share) share { return share{s.requests - t.requests, s.bytes - t.bytes} }

// wants is how many bytes the connection's next turn is likely to be about.
func (c *conn) wants() int {
	if c.writable {
		return min(c.backlog(), maxWrite)
	}
	return c.said + c.told
}

// enqueue gives a connection a turn.
func (l *loop) enqueue(c *conn) {
	if c.queued {
		return
	}
	c.queued = true
	if c.backlog() == 0 && c.wants() <= modest {
		l.modest = append(l.modest, c)
		return
	}
	l.greedy = append(l.greedy, c)
	if len(l.greedy) > longQueue {
		l.watch(c, 0)
	}
}

// gather gives turns, as far as the round goes.
func (l *loop) gather() {
	l.batch.Requests = l.batch.Requests[:0]
	l.left = share{cuenta.MaxBatch, maxWork}
	l.begun = !l.begun && len(l.large) > 0 // not twice in a row: others wait, too
	if l.begun {
		c := l.large[0]
		l.large = slices.Delete(l.large, 0, 1)
		l.giveTurn(c, cuenta.MaxBatch)
	}
	aside := share{}
	if len(l.greedy) > 0 {
		aside = share{maxTurn, maxWork / 4}
	}
	l.giveTurns(&l.modest, aside)
	l.giveTurns(&l.greedy, share{})
}

// giveTurns gives each in a queue a turn, while more is left than is put aside. It
// may join the queue again, behind the others.
func (l *loop) giveTurns(queue *[]*conn, aside share) {
	served, all := 0, len(*queue)
	for served < all {
		left := l.left.less(aside)
		if left.requests <= 0 || left.bytes <= 0 || !l.giveTurn((*queue)[served], min(left.requests, maxTurn)) {
			break
		}
		served++
	}
	*queue = slices.Delete(*queue, 0, served)
}

// giveTurn gives a connection its turn: to write, or to have at most so many requests
// done. It reports false if that is too few.
func (l *loop) giveTurn(c *conn, most int) bool {
	cost := c.wants()
	switch {
	case c.fd < 0:
		return true
	case c.writable:
		c.queued, c.writable = false, false
		l.flush(c)
	case !l.decode(c, most):
		return false
	}
	l.left.bytes -= cost
	return true
}

// decode takes at most so many requests into the batch. It reports false if the
// connection must wait for more room.
func (l *loop) decode(c *conn, most int) bool {
	b := &l.batch
	first := len(b.Requests)
	commands := c.Decode(b, min(first+most, cuenta.MaxBatch))
	l.left.requests -= max(commands, len(b.Requests)-first)
	l.tally.requests += commands
	l.tally.errors += c.Malformed()
	pending := c.Pending()
	switch stuck := commands == 0 && pending; {
	case stuck && most < maxTurn:
		return false
	case stuck && most < cuenta.MaxBatch:
		l.large = append(l.large, c)
		return true
	}
	c.queued = false
	if !pending {
		c.said = 0
	}
	switch {
	case !c.Partial():
		c.since = 0
	case commands > 0 || c.since == 0:
		c.since = l.now
	}
	if commands == 0 {
		l.settle(c)
		return true
	}
	c.from, c.to = first, len(b.Requests)
	l.turn = append(l.turn, c)
	return true
}
