package stream

import (
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/cuenta-server/cuenta"
)

// past is a deadline that ends every wait at once.
var past = time.Unix(1, 0)

// lastRead is how long a drain waits for bytes that may have arrived, where the
// system does not tell how many did.
const lastRead = 20 * time.Millisecond

// task is one connection and its goroutine, which alone uses it.
type task struct {
	*goroutines
	Conversation
	net    net.Conn
	origin cuenta.Origin

	readBy, writeBy time.Time // the deadlines that are set
	since           time.Time // when the unfinished command began; zero if there is none
}

// serve is the life of a connection.
func (g *goroutines) serve(nc net.Conn) {
	peer := nc.RemoteAddr().String()
	t := &task{goroutines: g, Conversation: g.conf.New(peer, nc.LocalAddr().String()), net: nc}
	t.origin = cuenta.Origin{Front: g.conf.Front, Peer: peer}
	defer t.Close()
	g.conf.Log.Info("new connection", "peer", peer)
	err := t.converse()
	if t.Ended() || errors.Is(err, errDrained) && receivedOn(nc) > 0 {
		goodbye(nc, lingering)
	}
	g.conf.Log.Debug("connection closed", "peer", peer, "reason", reason(err))
}

// errDrained says that all that had arrived before a drain was answered.
var errDrained = errors.New("the server stops")

// converse reads and answers until the connection or the conversation ends, or
// the server drains.
func (t *task) converse() error {
	for !t.Ended() {
		// The order matters: a drain that begins after the deadline was set puts
		// it in the past, and one that began before is seen here.
		if err := t.setReadDeadline(); err != nil {
			return err
		}
		if t.concluding() {
			return t.conclude()
		}
		n, err := t.read(t.Space())
		if n > 0 {
			if err := t.answer(); err != nil {
				return err
			}
		}
		if err != nil && t.concluding() && errors.Is(err, os.ErrDeadlineExceeded) {
			return t.conclude()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// conclude answers what had arrived when the server began to drain.
func (t *task) conclude() error {
	for left := receivedOn(t.net); left > 0 && !t.Ended(); {
		// Only where it is unknown how much there is does this ever wait.
		if err := t.net.SetReadDeadline(time.Now().Add(lastRead)); err != nil {
			return err
		}
		space := t.Space()
		n, err := t.read(space[:min(left, len(space))])
		left -= n
		if n > 0 {
			if err := t.answer(); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
	return errDrained
}

func (t *task) read(space []byte) (int, error) {
	if len(space) == 0 {
		return 0, errStuck
	}
	n, err := t.net.Read(space)
	t.Filled(n)
	t.conf.Traffic.BytesIn.Add(int64(n))
	return n, err
}

// errStuck says that a conversation neither takes what it has nor more.
var errStuck = errors.New("the command does not fit")

// answer executes and answers all complete commands that were read.
func (t *task) answer() error {
	out := t.outputs.Get().(*[]byte)
	defer t.outputs.Put(out)
	all := 0
	for more := true; more; {
		var commands int
		*out, commands = t.execute((*out)[:0])
		all += commands
		more = commands > 0 && t.Pending()
		if len(*out) == 0 {
			continue // empty lines, or the beginning of a command
		}
		if err := t.write(*out); err != nil {
			return err
		}
	}
	switch {
	case !t.Partial():
		t.since = time.Time{}
	case all > 0 || t.since.IsZero():
		t.since = time.Now()
	}
	return nil
}

// execute has one batch of commands done and appends the answers. The batch goes
// back to the pool before the answers are written, so that slow readers do not
// hold on to batches.
func (t *task) execute(out []byte) ([]byte, int) {
	b := t.batches.Get().(*cuenta.Batch)
	defer t.batches.Put(b)
	b.Requests, b.Results = b.Requests[:0], b.Results[:0]
	commands := t.Decode(b, maxTurn)
	if commands == 0 && t.Pending() { // one that needs more room
		commands = t.Decode(b, cuenta.MaxBatch)
	}
	if commands == 0 {
		return out, 0
	}
	if len(b.Requests) > 0 {
		b.Origin, b.Class, b.NoWait = t.origin, t.conf.Class, false
		t.conf.Service.Do(t.ctx, b)
	}
	t.conf.Traffic.Requests.Add(int64(commands))
	out = t.AppendAnswers(out, b.Results)
	if failed := t.Malformed() + failures(t.Conversation, b.Results); failed > 0 {
		t.conf.Traffic.Errors.Add(int64(failed))
	}
	return out, commands
}

func (t *task) write(p []byte) error {
	by := time.Now().Add(t.conf.WriteTimeout)
	if stale(t.writeBy, by, t.conf.WriteTimeout) {
		if err := t.net.SetWriteDeadline(by); err != nil {
			return err
		}
		t.writeBy = by
	}
	n, err := t.net.Write(p)
	t.conf.Traffic.BytesOut.Add(int64(n))
	return err
}

func (t *task) setReadDeadline() error {
	timeout := t.conf.IdleTimeout
	by := time.Now().Add(timeout)
	switch {
	case !t.since.IsZero():
		timeout = t.conf.PartialTimeout
		by = t.since.Add(timeout)
	case timeout < 0:
		by = time.Time{}
	}
	if !stale(t.readBy, by, timeout) {
		return nil
	}
	t.readBy = by
	return t.net.SetReadDeadline(by)
}

// stale reports whether a deadline must be set anew. One that is a little early
// is left as it is: setting it costs as much as a small batch, and a timeout
// may come an eighth of its length, but no more than a second, too soon.
func stale(set, want time.Time, timeout time.Duration) bool {
	if set.IsZero() || want.IsZero() {
		return set != want
	}
	return set.After(want) || want.Sub(set) > min(timeout/8, time.Second)
}

// goodbye ends the server's side of a connection and waits for the client to
// end its own. TCP answers bytes that arrive after a close with a reset, and a
// reset may overtake the last answers on their way to the client.
func goodbye(nc net.Conn, patience time.Duration) {
	side, ok := nc.(interface{ CloseWrite() error })
	if !ok || side.CloseWrite() != nil || nc.SetReadDeadline(time.Now().Add(patience)) != nil {
		return
	}
	// Nothing the client says now counts, nor how it ends.
	_, _ = io.CopyN(io.Discard, nc, maxUnheard)
}

// reason says in a word why a connection ended.
func reason(err error) string {
	switch {
	case err == nil:
		return "ended by the server"
	case errors.Is(err, io.EOF):
		return "ended by the client"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "timed out"
	}
	return err.Error()
}
