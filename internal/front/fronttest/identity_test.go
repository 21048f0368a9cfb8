package fronttest

import (
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/uuid"
)

func key(k string) cuenta.Identity { return cuenta.Identity{Key: []byte(k)} }

func numbered(session, number, lowest uint64) cuenta.Identity {
	return cuenta.Identity{Session: session, Number: number, Lowest: lowest}
}

func add(n int64, id cuenta.Identity) cuenta.Request {
	return cuenta.Request{Op: cuenta.Add, N: n, Identity: id}
}

func outcome(id cuenta.Identity) cuenta.Request {
	return cuenta.Request{Op: cuenta.Outcome, Identity: id}
}

// asked is a request and what is to be heard of it.
type asked struct {
	r    cuenta.Request
	want cuenta.Result
}

func play(t *testing.T, s *Service, steps []asked) {
	t.Helper()
	for i, step := range steps {
		if got := do(s, step.r)[0]; got != step.want {
			t.Errorf("step %d, %v: got %+v, want %+v", i, step.r.Op, got, step.want)
		}
	}
}

func done(value int64, revision uint64) cuenta.Result {
	return cuenta.Result{Value: value, Revision: revision, Generation: 1}
}

func replayed(value int64, revision uint64) cuenta.Result {
	return cuenta.Result{Value: value, Revision: revision, Replayed: true}
}

func refused(c cuenta.Code) cuenta.Result { return cuenta.Result{Code: c} }

func TestKeys(t *testing.T) {
	over := cuenta.Result{Code: cuenta.Overflow, Value: math.MaxInt64, Revision: 2, Generation: 1}
	again := over
	again.Replayed, again.Generation = true, 0
	s := NewService()
	play(t, s, []asked{
		{outcome(key("k")), refused(cuenta.Absent)},
		{add(4, key("k")), done(4, 1)},
		{add(1, cuenta.Identity{}), done(5, 2)},
		{add(4, key("k")), replayed(4, 1)},
		{outcome(key("k")), replayed(4, 1)},
		{add(5, key("k")), refused(cuenta.Conflict)},
		{cuenta.Request{Op: cuenta.Get, Identity: key("k")}, done(5, 2)},
		{cuenta.Request{Op: cuenta.Get, Identity: key("read")}, done(5, 2)},
		{outcome(key("read")), refused(cuenta.Absent)},
		{add(math.MaxInt64, key("over")), over},
		{cuenta.Request{Op: cuenta.Reset}, done(0, 3)},
		{add(math.MaxInt64, key("over")), again},
		{outcome(key("over")), again},
		{add(1, cuenta.Identity{Key: []byte("k"), Session: 1, Number: 1}), refused(cuenta.Syntax)},
		{outcome(cuenta.Identity{}), refused(cuenta.Syntax)},
	})
	s.Refuse(cuenta.Busy)
	play(t, s, []asked{{add(1, key("later")), refused(cuenta.Busy)}})
	s.Refuse(cuenta.OK)
	play(t, s, []asked{{add(2, key("later")), done(2, 4)}})
	client := add(1, key("far"))
	client.Client = 7
	do(s, client)
	if got := s.Clients(); got[7] != 1 || got[0] == 0 {
		t.Errorf("clients: %v", got)
	}
}

func TestKeysWithATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewService()
		first, second := uuid.NewV7().String(), uuid.NewV7().String()
		play(t, s, []asked{{add(1, key(first)), done(1, 1)}})
		time.Sleep(retention)
		play(t, s, []asked{{add(1, key(second)), refused(cuenta.TooOld)}, {outcome(key(second)), refused(cuenta.TooOld)}})
		ahead := dated(uuid.NewV7(), time.Now().Add(maxAhead+time.Millisecond))
		play(t, s, []asked{{add(1, key(ahead)), refused(cuenta.TooNew)}})
		time.Sleep(time.Millisecond)
		play(t, s, []asked{{add(1, key(ahead)), done(2, 2)}, {add(1, key(ahead)), replayed(2, 2)}})
	})
}

func TestSessions(t *testing.T) {
	s := NewService()
	play(t, s, []asked{
		{add(1, numbered(1, 1, 0)), refused(cuenta.NoSession)},
		{cuenta.Request{Op: cuenta.OpenSession}, cuenta.Result{Revision: 1}},
		{cuenta.Request{Op: cuenta.OpenSession}, cuenta.Result{Revision: 2}},
		{add(1, numbered(1, 0, 0)), refused(cuenta.Syntax)},
		{add(1, numbered(1, 2, 3)), refused(cuenta.Syntax)},
		{outcome(numbered(1, 3, 0)), refused(cuenta.Absent)},
		{add(1, numbered(1, 3, 0)), done(1, 1)},
		{add(10, numbered(1, 1, 0)), done(11, 2)},
		{add(10, numbered(2, 1, 0)), done(21, 3)},
		{add(1, numbered(1, 3, 0)), replayed(1, 1)},
		{add(2, numbered(1, 3, 0)), refused(cuenta.Conflict)},
		{add(1, numbered(1, 4, 4)), done(22, 4)},
		{add(1, numbered(1, 3, 0)), refused(cuenta.TooOld)},
		{outcome(numbered(1, 2, 0)), refused(cuenta.TooOld)},
		{add(1, numbered(1, 4+cuenta.SessionWindow, 0)), done(23, 5)},
		{add(1, numbered(1, 4, 0)), refused(cuenta.TooOld)},
		{add(1, numbered(1, 5, 0)), done(24, 6)},
		{add(1, numbered(1, math.MaxUint64, 0)), done(25, 7)},
		{add(1, numbered(1, math.MaxUint64-cuenta.SessionWindow, 0)), refused(cuenta.TooOld)},
		{add(1, numbered(1, math.MaxUint64, 0)), replayed(25, 7)},
		{add(10, numbered(2, 1, 0)), replayed(21, 3)},
	})
}

func TestAllOrNone(t *testing.T) {
	s := NewService()
	add := func(n int64) cuenta.Request { return add(n, cuenta.Identity{}) }
	all := func(id cuenta.Identity, rs ...cuenta.Request) []cuenta.Result {
		header := cuenta.Request{Op: cuenta.All, Span: uint16(len(rs)), Identity: id}
		return do(s, append([]cuenta.Request{header}, rs...)...)
	}
	expect := func(got []cuenta.Result, want ...cuenta.Result) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	get := cuenta.Request{Op: cuenta.Get}
	over := cuenta.Result{Code: cuenta.Overflow, Value: math.MaxInt64}
	aborted := cuenta.Result{Code: cuenta.Aborted}

	expect(all(cuenta.Identity{}, add(4), add(5)), cuenta.Result{Value: 2}, done(4, 1), done(9, 2))
	expect(all(key("k"), get, add(1)), cuenta.Result{Value: 9, Revision: 2}, done(9, 2), done(10, 3))
	expect(all(key("k"), get, add(1))[:1], replayed(9, 2))
	expect(all(key("k"), get, add(2))[:1], refused(cuenta.Conflict))
	overflowing := cuenta.Request{Op: cuenta.Add, N: math.MaxInt64}
	expect(all(key("over"), overflowing, add(1)), aborted, over, aborted)
	if v, revision := s.Value(cuenta.DefaultCounter); v != 10 || revision != 3 {
		t.Errorf("after an aborted batch: %d at revision %d", v, revision)
	}
	do(s, cuenta.Request{Op: cuenta.Reset})
	aborted.Replayed = true
	expect(all(key("over"), overflowing, add(1))[:1], aborted)
}
