package transfer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/cuenta-server/cuenta/internal/lang"
)

// again marks what an earlier run has added.
const again = "added before"

const (
	// A server at its limit is asked again, waiting longer each time: some 10 s in
	// all.
	busyTries = 10
	busyWait  = 10 * time.Millisecond
)

// Target is a server that takes counters, by its Redis front.
type Target struct{ conn *conn }

// Dial connects to the Redis front at HOST:PORT.
func Dial(ctx context.Context, address string) (*Target, error) {
	c, err := place{address: address}.dial(ctx)
	if err != nil {
		return nil, err
	}
	return &Target{c}, nil
}

// Close ends the connection.
func (t *Target) Close() error { return t.conn.Close() }

// apply sets the counters, or adds to them under identities of that name. Entries
// that the server refuses are marked as wrong, and those as again that were added
// under their identity before. After an error any part may have been done.
func (t *Target) apply(ctx context.Context, entries []Entry, add string) error {
	wait := busyWait
	for try := 0; len(entries) > 0; try++ {
		done, err := t.round(ctx, entries, add, try == 0)
		if err != nil {
			return err
		}
		if done > 0 {
			entries, try, wait = entries[done:], 1, busyWait
			continue
		}
		if try >= busyTries {
			return errBusy
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
		wait *= 2
	}
	return nil
}

var errBusy = lang.Text{
	ES: "el servidor está al límite y no acepta más; la misma orden sigue donde quedó",
	EN: "the server is at its limit and takes no more; the same command goes on where this left off"}

// busy begins the refusal of a server that is at its limit.
var busy = []byte("TRYAGAIN")

// round sends the entries once and returns how many are done. From the first that
// a busy server refuses on, all are to be sent again, in order: what comes later
// for the same counter must stay later. That does no harm: each is the same the
// second time. Whether an earlier run has added an entry shows the first time only.
func (t *Target) round(ctx context.Context, entries []Entry, add string, first bool) (done int, err error) {
	for i := range entries {
		t.say(&entries[i], add)
	}
	if err := t.conn.flush(ctx); err != nil {
		return 0, err
	}
	done = len(entries)
	for i := range entries {
		e := &entries[i]
		if add != "" {
			applied, err := t.outcome()
			if err != nil {
				return 0, err
			}
			if applied && first {
				e.Kind = again
			}
		}
		r, err := t.answer(e, add)
		if err != nil {
			return 0, err
		}
		if r.kind == '+' || r.kind == ':' || i > done {
			continue
		}
		if bytes.HasPrefix(r.text, busy) {
			done = min(done, i)
		} else if e.Wrong, err = refused(&r); err != nil {
			return 0, err
		}
	}
	return done, nil
}

// say adds the commands for an entry.
func (t *Target) say(e *Entry, add string) {
	value := strconv.FormatInt(e.Value, 10)
	switch {
	case add == "" && e.Limited:
		t.sayLimited(e, value)
		return
	case add == "" && e.Ends != 0:
		t.conn.command("SET", e.Name, value, "PXAT", strconv.FormatInt(e.Ends, 10))
		return
	case add == "":
		t.conn.command("SET", e.Name, value)
		return
	}
	key := identity(add, e)
	t.conn.command("CUENTA.OUTCOME", key)
	t.conn.command("CUENTA.ONCE", key, "INCRBY", e.Name, value)
}

// sayLimited adds the commands for an entry with limits. They are done together. The
// limits that the counter may have make room for the value first, and its end, which
// may be over by the server's clock, comes last.
func (t *Target) sayLimited(e *Entry, value string) {
	limit := []string{"CUENTA.LIMIT", e.Name}
	t.conn.command("MULTI")
	t.conn.command(limit...)
	t.conn.command("SET", e.Name, value)
	if e.Floor.Set {
		limit = append(limit, "FLOOR", strconv.FormatInt(e.Floor.At, 10))
	}
	if e.Ceiling.Set {
		limit = append(limit, "CEILING", strconv.FormatInt(e.Ceiling.At, 10))
	}
	if e.Total {
		limit = append(limit, "TOTAL")
	}
	t.conn.command(limit...)
	if e.Ends != 0 {
		t.conn.command("PEXPIREAT", e.Name, strconv.FormatInt(e.Ends, 10))
	}
	t.conn.command("EXEC")
}

// answer reads the answer to the commands for an entry: of several done together the
// first that is a refusal, else the last.
func (t *Target) answer(e *Entry, add string) (reply, error) {
	if add != "" || !e.Limited {
		return t.conn.next()
	}
	queued := 4 // MULTI and what is in it
	if e.Ends != 0 {
		queued++
	}
	var told reply
	note := func(r reply) {
		if told.kind != '-' {
			told = r
			told.text = bytes.Clone(r.text) // the next one is read over it
		}
	}
	for range queued {
		r, err := t.conn.next()
		if err != nil {
			return r, err
		}
		note(r)
	}
	r, err := t.conn.next()
	if err != nil || r.kind != '*' {
		note(r)
		return told, err
	}
	for range r.n {
		r, err := t.conn.next()
		if err != nil {
			return r, err
		}
		note(r)
	}
	return told, nil
}

// identity is the idempotency key of an entry: of its place in its source, so that
// the same place with another content is a conflict, and never added beside.
func identity(source string, e *Entry) string {
	where := e.Name
	if e.Line > 0 {
		where = fmt.Sprintf("%d.%d", e.Line, e.Item)
	}
	sum := sha256.Sum256([]byte(source + "\n" + where))
	return "import:" + base64.RawURLEncoding.EncodeToString(sum[:16])
}

// outcome reads whether something was done under an identity.
func (t *Target) outcome() (applied bool, err error) {
	r, err := t.conn.next()
	switch {
	case err != nil:
		return false, err
	case r.kind == '-' && bytes.HasPrefix(r.text, busy):
		return false, nil // so will the command behind it be
	case r.kind != '*':
		return false, orReply(refusalOf(&r))
	}
	state := false
	for range r.n {
		field, err := t.conn.next()
		if err != nil {
			return false, err
		}
		applied = applied || state && string(field.text) == "applied"
		state = string(field.text) == "state"
	}
	return applied, nil
}

// refused tells why the server refuses one entry; it is an error if it would refuse
// all that follow as well.
func refused(r *reply) (lang.Text, error) {
	switch text := r.text; {
	case bytes.HasPrefix(text, []byte("ERR increment or decrement would overflow")):
		return lang.Text{ES: "la cuenta se saldría de int64", EN: "the counter would leave int64"}, nil
	case bytes.HasPrefix(text, []byte("LIMIT")):
		return lang.Text{
			ES: "no lo dejan los límites de la cuenta, o lo que hay apartado", EN: "the counter's limits, or what is held of them, do not allow it"}, nil
	case bytes.HasPrefix(text, []byte("ERR over a size limit")):
		return lang.Text{ES: "el nombre tiene demasiados niveles para los totales", EN: "the name has too many levels for totals"}, nil
	case bytes.HasPrefix(text, []byte("CONFLICT")):
		return lang.Text{
			ES: "en una importación anterior había ahí otra cosa; no se suma otra vez",
			EN: "an earlier import found something else there; nothing is added again"}, nil
	}
	return lang.Text{}, orReply(refusalOf(r))
}

// refusalOf is the server's own words as an error; nil if it has not refused.
func refusalOf(r *reply) error {
	if r.kind != '-' {
		return nil
	}
	return errors.New(string(r.text))
}
