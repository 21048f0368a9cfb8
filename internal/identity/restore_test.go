package identity

import (
	"strings"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
)

// TestRestoreRefusesNonsense: what no journal can have held stops a start.
func TestRestoreRefusesNonsense(t *testing.T) {
	m := newMemory(t, Config{})
	if err := m.RestoreAnswer(7, 1, 1, Answer{}, start); err == nil || !strings.Contains(err.Error(), "session 0000000000000007 has an answer before") {
		t.Errorf("an answer without its session: %v", err)
	}
	if err := m.RestoreSession(7, 10, start); err != nil {
		t.Fatal(err)
	}
	if err := m.RestoreAnswer(7, 10+cuenta.SessionWindow, 1, Answer{}, start); err == nil || !strings.Contains(err.Error(), "keeps the answers to 129 numbers") {
		t.Errorf("an answer beyond the window: %v", err)
	}
	// A record that is older than the snapshot may hold one that was forgotten.
	if err := m.RestoreAnswer(7, 9, 1, Answer{Value: 9}, start); err != nil {
		t.Error(err)
	}
	expect(t, use(m, number(7, 9, 0), 0, 1, start), "too-old")
	expect(t, use(m, number(7, 10, 0), 0, 1, start), "new")
}

// TestAKeyUsedAnewInTheLog: the log holds both uses of a key that was forgotten in
// between. The later one counts, and the key ends when that does.
func TestAKeyUsedAnewInTheLog(t *testing.T) {
	m := newMemory(t, Config{Retention: time.Hour})
	for i, used := range []int64{start, start + 3*hour, start} { // the snapshot may be newer than the log
		if err := m.RestoreKey([]byte("k"), Answer{Value: int64(i), Fingerprint: 7}, used, 0); err != nil {
			t.Fatal(err)
		}
	}
	m.Sweep(start+2*hour, 10)
	expect(t, use(m, named("k"), 0, 9, start+3*hour), "replay 1")
	m.Sweep(start+5*hour, 10)
	expect(t, use(m, named("k"), 0, 9, start+5*hour), "new")
	name, _, _ := m.Key(0)
	if m.Keys() != 1 || string(name) != "k" {
		t.Errorf("%d places for keys, %q in the first", m.Keys(), name)
	}
	m.Sweep(start+9*hour, 10)
	if name, _, until := m.Key(0); name != nil || until != 0 {
		t.Errorf("a place given up holds %q until %d", name, until)
	}
}

// TestRoomOfWhatHasEnded: before something new is refused for want of room, what
// has ended makes room.
func TestRoomOfWhatHasEnded(t *testing.T) {
	m := newMemory(t, Config{Retention: time.Hour, Memory: 64 << 10})
	n := 0
	for ; use(m, named(time.Duration(n).String()), 0, 1, start) == "new"; n++ {
	}
	if n < 100 || m.Stats().Refused != 1 {
		t.Fatalf("%d keys, %+v", n, m.Stats())
	}
	expect(t, use(m, named("later"), 0, 1, start+2*hour), "new")
	m.Open(1, 0, 1, start+2*hour)
	expect(t, use(m, number(1, 1, 0), 0, 1, start+2*hour), "new")
	for n = 0; use(m, named(time.Duration(-n).String()), 0, 1, start+2*hour) == "new"; n++ {
	}
	expect(t, use(m, number(1, 100, 1), 0, 1, start+4*hour), "new") // its answers take much more than a key
}

// TestALongRunStaysWhereItIsNeeded: a session that goes on with low numbers keeps
// the answers to high ones, and a run that is short already stays.
func TestALongRunStaysWhereItIsNeeded(t *testing.T) {
	m := newMemory(t, Config{})
	m.Open(1, 0, 1, start)
	expect(t, use(m, number(1, 120, 1), 0, 120, start), "new")
	for n := range uint64(100) { // as often as it takes to look whether the run may be shorter
		expect(t, use(m, number(1, n/4+1, n/4+1), 0, 1, start), map[bool]string{true: "new", false: "replay 1"}[n%4 == 0])
	}
	for n := uint64(26); n < 100; n++ {
		expect(t, use(m, number(1, n, n), 0, 1, start), "new")
	}
	expect(t, use(m, number(1, 120, 0), 0, 9, start), "replay 120")
	m.Open(2, 0, 1, start)
	expect(t, use(m, number(2, 3, 1), 0, 3, start), "new")
	for n := uint64(4); n < 100; n++ {
		expect(t, use(m, number(2, n, n), 0, int64(n), start), "new")
	}
	expect(t, use(m, number(2, 99, 99), 0, 9, start), "replay 99")
}
