package engine

import (
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
	"github.com/cuenta-server/cuenta/internal/identity"
	"github.com/cuenta-server/cuenta/internal/journal"
)

// timedEngine opens an engine whose clock, and so its ledger, is at a time.
func timedEngine(t *testing.T, fs *disktest.FS, at time.Time) *Engine {
	t.Helper()
	config := testConfig(fs)
	config.Identities = identity.Config{Idle: time.Minute, Retention: time.Minute}
	e, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	e.clock = clock{base: max(at.UnixNano(), e.recovery.Time), start: time.Now()}
	return e
}

// TestWhatHasEndedStaysEnded: a session that was said to have ended does not come
// back when the power is cut and the system's clock was set back; whoever was told
// may have asked for the same in another session.
func TestWhatHasEndedStaysEnded(t *testing.T) {
	fs := disktest.New()
	start := time.Unix(1_700_000_000, 0)
	e := timedEngine(t, fs, start)
	session := openSession(t, e)
	fs = abandon(e, fs)
	for _, ask := range []cuenta.Request{
		{Op: cuenta.Outcome, Identity: cuenta.Identity{Session: session, Number: 1}},
		numbered("a", 1, session, 1, 0),
	} {
		e = timedEngine(t, fs, start.Add(time.Hour))
		if r := do(e, cuenta.ClassRemote, ask)[0]; r.Code != cuenta.NoSession {
			t.Fatalf("%v an hour later: %+v", ask.Op, r)
		}
		fs = abandon(e, fs)
		e = timedEngine(t, fs, start)
		if r := do(e, cuenta.ClassRemote, numbered("a", 1, session, 1, 0))[0]; r.Code != cuenta.NoSession {
			t.Errorf("%v, and with the clock set back: %+v", ask.Op, r)
		}
		fs = abandon(e, fs)
	}
}

// TestTheTimeIsRecordedOncePerMinute: the first refusal for the sake of time writes
// a record, the next ones of the same minute wait for it at most; and where there is
// no room for it, that is the answer.
func TestTheTimeIsRecordedOncePerMinute(t *testing.T) {
	e := open(t, disktest.New())
	defer closeEngine(t, e)
	c := NewCycle(e.ledger, drawSession)
	ask := func(now int64, room error) (cuenta.Code, Ticket) {
		b := cuenta.Batch{Requests: []cuenta.Request{numbered("a", 1, 42, 1, 0)}}
		ticket, applied := c.Admit(&b, func(int64) error { return room }, 1<<20, now)
		if !applied {
			t.Fatal("not applied")
		}
		return b.Results[0].Code, ticket
	}
	now := time.Unix(1_700_000_040, 0).UnixNano()
	if code, ticket := ask(now, cuenta.Full.Err()); code != cuenta.Full || ticket != 0 || !c.Idle() {
		t.Errorf("without room: %v, %d", code, ticket)
	}
	if code, ticket := ask(now, nil); code != cuenta.NoSession || ticket != 1 || c.Idle() {
		t.Errorf("the first: %v, %d", code, ticket)
	}
	record := c.Seal(now)
	if record == nil || !record.Empty() || !c.Idle() {
		t.Fatal("the time is not recorded")
	}
	if code, ticket := ask(now+int64(10*time.Second), nil); code != cuenta.NoSession || ticket != 1 || !c.Idle() {
		t.Errorf("the second: %v, %d", code, ticket)
	}
	c.Landed()
	if code, ticket := ask(now+int64(time.Minute), nil); code != cuenta.NoSession || ticket != 2 {
		t.Errorf("a minute later: %v, %d", code, ticket)
	}
	b := cuenta.Batch{Requests: []cuenta.Request{{Op: cuenta.Outcome, Identity: cuenta.Identity{Session: 42, Number: 1}}}}
	if _, applied := c.Admit(&b, func(int64) error { return journal.ErrWait }, 1<<20, now); applied {
		t.Error("a question that may need a record did not wait for room")
	}
}
