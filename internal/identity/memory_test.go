package identity

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
)

const (
	start = int64(1_800_000_000) * int64(time.Second)
	hour  = int64(time.Hour)
)

func newMemory(t testing.TB, c Config) *Memory {
	t.Helper()
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// use does something under an identity, and returns what the memory makes of it:
// "new", "replay N" or a code.
func use(m *Memory, id cuenta.Identity, client uint32, value int64, now int64) string {
	if p, ok := m.Next(&id, now); ok {
		p.Keep(&Answer{Value: value, Revision: uint64(value), Fingerprint: 7}, 1, now)
		return "new"
	}
	var s Slot
	code := m.Find(&id, client, now, &s)
	switch {
	case code != cuenta.OK:
		return code.String()
	case s.Known:
		return fmt.Sprint("replay ", s.Answer.Value)
	}
	m.Keep(&s, &Answer{Value: value, Revision: uint64(value), Fingerprint: 7}, 1, now)
	return "new"
}

func number(session, n, lowest uint64) cuenta.Identity {
	return cuenta.Identity{Session: session, Number: n, Lowest: lowest}
}

func named(key string) cuenta.Identity { return cuenta.Identity{Key: []byte(key)} }

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSessions(t *testing.T) {
	m := newMemory(t, Config{})
	expect(t, use(m, number(5, 1, 0), 0, 10, start), "no-session")
	if code := m.Open(5, 0, 1, start); code != cuenta.OK {
		t.Fatal(code)
	}
	if code := m.Open(5, 0, 1, start); code != cuenta.Busy {
		t.Errorf("an id granted twice: %v", code)
	}
	if code := m.Open(0, 0, 1, start); code != cuenta.Busy {
		t.Errorf("id 0 granted: %v", code)
	}
	for _, step := range []struct {
		n, lowest uint64
		value     int64
		want      string
	}{
		{3, 0, 30, "new"}, {1, 0, 10, "new"}, {3, 0, 31, "replay 30"}, {1, 0, 11, "replay 10"}, {2, 2, 20, "new"},
		{1, 0, 12, "too-old"}, {2, 0, 0, "replay 20"}, {129, 0, 40, "new"}, {2, 0, 0, "replay 20"}, {130, 0, 41, "new"}, {2, 0, 0, "too-old"},
		{3, 0, 0, "replay 30"}, {100, 100, 50, "new"}, {3, 0, 0, "too-old"}, {129, 0, 0, "replay 40"}, {130, 130, 0, "replay 41"}, {129, 0, 0, "too-old"},
		{math.MaxUint64, 0, 60, "new"}, {130, 0, 0, "too-old"}, {math.MaxUint64, 0, 0, "replay 60"}, {math.MaxUint64 - 127, 0, 61, "new"}, {math.MaxUint64 - 128, 0, 0, "too-old"},
		{math.MaxUint64, math.MaxUint64, 0, "replay 60"}, {math.MaxUint64 - 1, 0, 0, "too-old"},
	} {
		if got := use(m, number(5, step.n, step.lowest), 0, step.value, start); got != step.want {
			t.Errorf("number %d, lowest %d: got %q, want %q", step.n, step.lowest, got, step.want)
		}
	}
}

func TestSessionsEndWhenIdle(t *testing.T) {
	m := newMemory(t, Config{Idle: time.Hour})
	m.Open(1, 0, 1, start)
	m.Open(2, 0, 1, start)
	expect(t, use(m, number(1, 1, 0), 0, 1, start+hour/2), "new")
	m.Sweep(start+hour+2*int64(time.Minute), 10)
	expect(t, use(m, number(1, 1, 0), 0, 1, start+hour+2*int64(time.Minute)), "replay 1")
	expect(t, use(m, number(2, 1, 0), 0, 1, start+hour+2*int64(time.Minute)), "no-session")
	m.Sweep(start+2*hour, 10)
	expect(t, use(m, number(1, 1, 0), 0, 1, start+2*hour), "no-session")
	if s := m.Stats(); s.Sessions != 0 || s.Memory != 0 {
		t.Errorf("all has ended, and there are %+v", s)
	}
}

// TestNextHeedsTheEnd: a number that has its place is too late all the same once the time
// of its session is over, though nothing has swept it away.
func TestNextHeedsTheEnd(t *testing.T) {
	for late := uint64(3); late <= 4; late++ {
		m := newMemory(t, Config{Idle: time.Hour})
		m.Open(1, 0, 1, start)
		for n := range uint64(2) {
			expect(t, use(m, number(1, n+1, 0), 0, 1, start), "new")
		}
		id := number(1, 3, 3)
		if _, ok := m.Next(&id, start); !ok {
			t.Error("the next number has no place")
		}
		expect(t, use(m, number(1, late, 0), 0, 1, start+2*hour), "no-session")
	}
}

// TestRows: a row of numbers ends where another session's begins, and where the lowest
// number rises.
func TestRows(t *testing.T) {
	m := newMemory(t, Config{})
	for session := range uint64(2) {
		m.Open(session+1, 0, 1, start)
		for n := uint64(1); n <= 8; n++ {
			expect(t, use(m, number(session+1, n, 1), 0, int64(10*session+n), start), "new")
		}
	}
	expect(t, use(m, number(1, 9, 9), 0, 9, start), "new")
	expect(t, use(m, number(1, 10, 0), 0, 10, start), "new")
	expect(t, use(m, number(2, 11, 9), 0, 21, start), "new")
	expect(t, use(m, number(1, 11, 0), 0, 11, start), "new")
	expect(t, use(m, number(2, 11, 0), 0, 0, start), "replay 21")
	expect(t, use(m, number(1, 11, 0), 0, 0, start), "replay 11")
	expect(t, use(m, number(1, 12, 0), 0, 12, start), "new")

	id := number(1, 15, 14) // as one of several that are carried out together
	var s Slot
	if code := m.Find(&id, 0, start, &s); code != cuenta.OK || s.Known {
		t.Fatal(code, s.Known)
	}
	m.Keep(&s, &Answer{Value: 15}, 1, start)
	expect(t, use(m, number(1, 13, 0), 0, 0, start), "too-old")
	expect(t, use(m, number(1, 14, 0), 0, 14, start), "new")
	expect(t, use(m, number(1, 15, 0), 0, 0, start), "replay 15")
}

// TestALongRunGetsShorter: what a session took once for many answers it gives back, a
// part at a time, when it has long needed few.
func TestALongRunGetsShorter(t *testing.T) {
	m := newMemory(t, Config{})
	m.Open(1, 0, 1, start)
	n := uint64(1)
	for ; n <= 64; n++ {
		expect(t, use(m, number(1, n, 1), 0, 1, start), "new")
	}
	for _, length := range []uint64{64, 16, 4, 4} {
		for range maxSlack - 1 {
			if took := m.Stats().Memory; took != sessionBytes+length*answerBytes {
				t.Fatalf("number %d: the session takes %d bytes, want room for %d answers", n, took, length)
			}
			expect(t, use(m, number(1, n, n), 0, 1, start), "new")
			n++
		}
		expect(t, use(m, number(1, n, n), 0, 1, start), "new")
		n++
	}
}

func TestKeys(t *testing.T) {
	m := newMemory(t, Config{})
	expect(t, use(m, named("a"), 0, 1, start), "new")
	expect(t, use(m, named("a"), 0, 2, start), "replay 1")
	expect(t, use(m, named("A"), 0, 3, start), "new")
	expect(t, use(m, named("a"), 0, 4, start+24*hour), "replay 1")
	m.Sweep(start+24*hour+2*int64(time.Minute), 10)
	expect(t, use(m, named("a"), 0, 5, start+24*hour+2*int64(time.Minute)), "new")
}

// v7 returns a UUID of version 7 of a time.
func v7(now int64, n int) string {
	ms := now / int64(time.Millisecond)
	return fmt.Sprintf("%08x-%04x-7000-8000-%012x", ms>>16, ms&0xffff, n)
}

func TestKeysWithTheirOwnTime(t *testing.T) {
	m := newMemory(t, Config{})
	minute := int64(time.Minute)
	expect(t, use(m, named(v7(start, 1)), 0, 1, start), "new")
	expect(t, use(m, named(v7(start+minute, 2)), 0, 1, start), "new")
	expect(t, use(m, named(v7(start+minute+int64(time.Millisecond), 3)), 0, 1, start), "too-new")
	expect(t, use(m, named("ffffffff-ffff-7fff-bfff-ffffffffffff"), 0, 1, start), "too-new")
	expect(t, use(m, named("00000000-0000-7000-8000-000000000000"), 0, 1, start), "too-old")
	expect(t, use(m, named(v7(start-24*hour, 4)), 0, 1, start), "new")
	expect(t, use(m, named(v7(start-24*hour-int64(time.Millisecond), 5)), 0, 1, start), "too-old")
	later := start + 24*hour + 3*minute
	m.Sweep(later, 10)
	for n, at := range map[int]int64{1: start, 2: start + minute, 4: start - 24*hour} {
		expect(t, use(m, named(v7(at, n)), 0, 1, later), "too-old")
	}
}

// TestALongerRetentionForgetsNothingTwice: what a short retention has forgotten
// stays too old under a longer one.
func TestALongerRetentionForgetsNothingTwice(t *testing.T) {
	short := newMemory(t, Config{Retention: time.Hour})
	expect(t, use(short, named(v7(start, 1)), 0, 1, start), "new")
	short.Sweep(start+2*hour, 10)
	long := newMemory(t, Config{Retention: 48 * time.Hour})
	long.RestoreHorizon(short.Horizon())
	expect(t, use(long, named(v7(start, 1)), 0, 1, start+2*hour), "too-old")
	expect(t, use(long, named(v7(start+hour, 2)), 0, 1, start+2*hour), "new")
}

func TestReleaseLeavesNothing(t *testing.T) {
	m := newMemory(t, Config{})
	id := named("refused")
	for range 3 {
		var s Slot
		code := m.Find(&id, 9, start, &s)
		if code != cuenta.OK || s.Known {
			t.Fatal(code, s.Known)
		}
		m.Release(&s)
	}
	if s := m.Stats(); s.Keys != 0 || s.Memory != 0 {
		t.Errorf("%+v", s)
	}
	m.Sweep(math.MaxInt64, 10)
}

// TestOneClientCannotTakeAll: at its share only the greedy client is refused,
// nothing is forgotten for it, and others find room.
func TestOneClientCannotTakeAll(t *testing.T) {
	m := newMemory(t, Config{Memory: 1 << 20})
	greedy, other := uint32(1), uint32(2)
	took := 0
	for ; use(m, named(fmt.Sprint("greedy ", took)), greedy, 1, start) == "new"; took++ {
	}
	if s := m.Stats(); s.Memory > s.Limit/8*7 || s.Memory < s.Limit/4*3 {
		t.Errorf("one client took %d of %d bytes", s.Memory, s.Limit)
	}
	expect(t, use(m, named("greedy more"), greedy, 1, start), "busy")
	opened := uint64(0) // a session takes less than a key, so one may still fit
	for ; m.Open(100+opened, greedy, 1, start) == cuenta.OK; opened++ {
		if opened > 1 {
			t.Fatal("the greedy one opens session after session")
		}
	}
	if code := m.Open(78, other, 1, start); code != cuenta.OK {
		t.Errorf("a session for another: %v", code)
	}
	expect(t, use(m, named("other"), other, 1, start), "new")
	for i := range took {
		expect(t, use(m, named(fmt.Sprint("greedy ", i)), greedy, 2, start), "replay 1")
	}
	for i := 0; use(m, number(78, uint64(1+i), 0), other, 1, start) != "busy"; i++ {
		if i > 200 {
			break // a session by itself is bounded by its window
		}
	}
	end := start + 25*hour
	for range took {
		use(m, named("sweeps"), other, 1, end)
	}
	expect(t, use(m, named("greedy again"), greedy, 1, end), "new")
}

func TestAFullMemoryRefusesAndForgetsNothing(t *testing.T) {
	m := newMemory(t, Config{Memory: 16 << 10})
	m.Open(1, 0, 1, start)
	kept := map[uint64]string{}
	n := uint64(1)
	for ; n < 10_000; n++ {
		if got := use(m, named(fmt.Sprint(n)), 0, int64(n), start); got == "busy" {
			break
		}
		kept[n] = fmt.Sprint("replay ", n)
	}
	for i := uint64(1); use(m, number(1, i, 0), 0, 1, start) != "busy"; i++ {
		if i > 8 {
			t.Fatal("there is room for a session's answers, and none for a key")
		}
	}
	for n, want := range kept {
		expect(t, use(m, named(fmt.Sprint(n)), 0, 0, start), want)
	}
	if len(kept) < 50 {
		t.Errorf("%d keys in 16 KiB", len(kept))
	}
}

// TestAgainstAModel compares with the plainest thing that could keep sessions, on
// random numbers and rows of them, and a copy restored from time to time with both.
func TestAgainstAModel(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 9))
		m := newMemory(t, Config{})
		m.Open(3, 0, 1, start)
		lowest, answers, high, last := uint64(1), map[uint64]int64{}, uint64(1), uint64(0)
		for step := range 3000 {
			n := max(1, high+r.Uint64N(8)-min(high, r.Uint64N(1+uint64(1)<<r.UintN(9))))
			if seed%2 == 0 && r.IntN(8) > 0 {
				n = last + 1
			}
			last = n
			id := number(3, n, 0)
			if r.IntN(3+4*int(seed%3)) == 0 {
				id.Lowest = n - min(n-1, r.Uint64N(40))
			}
			want := "new"
			if v, known := answers[n]; n < lowest {
				want = "too-old"
			} else if known {
				want = fmt.Sprint("replay ", v)
				lowest = max(lowest, id.Lowest)
			} else {
				answers[n] = int64(step)
				high = max(high, n)
				lowest = max(lowest, id.Lowest)
				if n >= cuenta.SessionWindow {
					lowest = max(lowest, n-cuenta.SessionWindow+1)
				}
			}
			if got := use(m, id, 0, int64(step), start); got != want {
				t.Fatalf("seed %d, step %d, %+v: got %q, want %q", seed, step, id, got, want)
			}
			if r.IntN(200) == 0 {
				m = restored(t, m)
			}
		}
	}
}

// restored returns a copy as a restart makes it.
func restored(t *testing.T, m *Memory) *Memory {
	t.Helper()
	again := newMemory(t, Config{})
	for item := range m.Sessions() {
		id, lowest, used, answers := m.Session(item, nil)
		if id == 0 {
			continue
		}
		if err := again.RestoreSession(id, lowest, used); err != nil {
			t.Fatal(err)
		}
		for _, a := range answers {
			if err := again.RestoreAnswer(id, a.Number, lowest, a.Answer, used); err != nil {
				t.Fatal(err)
			}
		}
	}
	for item := range m.Keys() {
		if name, a, until := m.Key(item); name != nil {
			if err := again.RestoreKey(name, a, 0, until); err != nil {
				t.Fatal(err)
			}
		}
	}
	again.RestoreHorizon(m.Horizon())
	return again
}

func TestKeysAreRestored(t *testing.T) {
	m := newMemory(t, Config{})
	for i := range 100 {
		use(m, named(fmt.Sprint(i)), 0, int64(i), start+int64(i)*int64(time.Minute))
	}
	again := restored(t, m)
	end := start + 24*hour + 50*int64(time.Minute)
	m.Sweep(end, 1000)
	again.Sweep(end, 1000)
	if a, b := m.Stats().Keys, again.Stats().Keys; a != b || a < 45 || a > 55 {
		t.Errorf("%d keys are left, and %d in the copy", a, b)
	}
	expect(t, use(again, named("99"), 0, 0, end), "replay 99")
	expect(t, use(again, named("0"), 0, 5, end), "new")
}

// TestSessionFootprint: a session that keeps up to four answers takes less than
// 200 bytes.
func TestSessionFootprint(t *testing.T) {
	m := newMemory(t, Config{})
	const sessions = 1_000_000
	for i := range uint64(sessions) {
		id := (i + 1) * 0x9e3779b97f4a7c15
		m.Open(id, 0, 1, start)
		for n := range uint64(6) {
			use(m, number(id, n+1, 1+n-min(n, 3)), 0, 1, start)
		}
	}
	real := m.sessions.Memory() + m.answers.Memory() + m.byID.Memory()
	if per := real / sessions; per >= 200 {
		t.Errorf("a session takes %d bytes", per)
	} else {
		t.Logf("%d bytes a session, %d accounted for", per, m.Stats().Memory/sessions)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	m := newMemory(t, Config{})
	m.Open(3, 0, 1, start)
	n := uint64(0)
	if allocs := testing.AllocsPerRun(1000, func() {
		n++
		id := number(3, n, n-min(n-1, 15))
		var s Slot
		m.Find(&id, 0, start, &s)
		m.Keep(&s, &Answer{Value: 1}, 1, start)
	}); allocs != 0 {
		t.Errorf("%v allocations for a number of a session", allocs)
	}
}

func BenchmarkNumber(b *testing.B) {
	m := newMemory(b, Config{})
	m.Open(3, 0, 1, start)
	n := uint64(0)
	for b.Loop() {
		n++
		id := number(3, n, n-min(n-1, 15))
		var s Slot
		m.Find(&id, 0, start, &s)
		m.Keep(&s, &Answer{Value: 1}, 1, start)
	}
}

func BenchmarkKey(b *testing.B) {
	m := newMemory(b, Config{Memory: 1 << 33})
	n := 0
	var key []byte
	for b.Loop() {
		n++
		key = fmt.Appendf(key[:0], "%d", n)
		id := cuenta.Identity{Key: key}
		var s Slot
		m.Find(&id, 0, start, &s)
		m.Keep(&s, &Answer{Value: 1}, 1, start)
	}
}
