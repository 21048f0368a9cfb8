package ledger

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cuenta-server/cuenta"
)

func key(k string) cuenta.Identity { return cuenta.Identity{Key: []byte(k)} }

func request(op cuenta.Op, name string, n int64, id cuenta.Identity) cuenta.Request {
	return cuenta.Request{Op: op, Counter: []byte(name), N: n, Identity: id}
}

func one(l *Ledger, r cuenta.Request) (out cuenta.Result, s Standing) {
	s = l.Apply(&r, l.Hash(&r), testTime, &out)
	return out, s
}

// open opens a session.
func open(t *testing.T, l *Ledger, id uint64) {
	t.Helper()
	out, s := one(l, cuenta.Request{Op: cuenta.OpenSession, Identity: cuenta.Identity{Session: id}})
	if out.Code != cuenta.OK || out.Revision != id || s != Fresh {
		t.Fatalf("opening: %+v, %v", out, s)
	}
}

// TestReadsAreNoRepeats: what reads under an identity that was used for a change is not
// taken for another attempt, where only repeats are answered either.
func TestReadsAreNoRepeats(t *testing.T) {
	l := newLedger(t, 8)
	one(l, request(cuenta.Add, "c", 5, key("k")))
	for _, op := range []cuenta.Op{cuenta.Get, cuenta.Check, cuenta.Describe} {
		r := request(op, "c", 0, key("k"))
		r.Terms = &cuenta.Terms{}
		out := make([]cuenta.Result, 1)
		if _, known := l.Replay(&r, nil, testTime, out); known || out[0].Code != cuenta.OK {
			t.Errorf("%s: %v, %+v", op, known, out[0])
		}
	}
	r := request(cuenta.Add, "c", 5, key("k"))
	out := make([]cuenta.Result, 1)
	if _, known := l.Replay(&r, nil, testTime, out); !known || !out[0].Replayed {
		t.Errorf("a repeat: %v, %+v", known, out[0])
	}
}

func TestARepeatIsAnsweredAgain(t *testing.T) {
	l := newLedger(t, 8)
	open(t, l, 5)
	for i, id := range []cuenta.Identity{key("k"), {Session: 5, Number: 1}} {
		name := fmt.Sprint("c", i)
		first, _ := one(l, request(cuenta.Add, name, 5, id))
		one(l, request(cuenta.Add, name, 1, cuenta.Identity{}))
		again, _ := one(l, request(cuenta.Add, name, 5, id))
		if !again.Replayed || again.Value != 5 || again.Revision != first.Revision || again.Generation != 0 {
			t.Errorf("a repeat: %+v", again)
		}
		for what, r := range map[string]cuenta.Request{
			"amount":    request(cuenta.Add, name, 6, id),
			"counter":   request(cuenta.Add, "other", 5, id),
			"operation": request(cuenta.Set, name, 5, id),
			"condition": {Op: cuenta.Add, Counter: []byte(name), N: 5, If: cuenta.IfPresent, Identity: id},
		} {
			if out, _ := one(l, r); out.Code != cuenta.Conflict || out.Replayed {
				t.Errorf("another %s: %+v", what, out)
			}
		}
		if out, _ := one(l, request(cuenta.Get, name, 0, id)); out.Value != 6 || out.Replayed {
			t.Errorf("a read: %+v", out)
		}
		if out, _ := one(l, request(cuenta.Outcome, "", 0, id)); !out.Replayed || out.Value != 5 {
			t.Errorf("the outcome: %+v", out)
		}
	}
	for id, want := range map[*cuenta.Identity]cuenta.Code{
		{Key: []byte("new")}:    cuenta.Absent,
		{Session: 5, Number: 2}: cuenta.Absent,
		{Session: 6, Number: 1}: cuenta.NoSession,
		{}:                      cuenta.Syntax,
		{Session: 5}:            cuenta.Syntax,
		{Key: []byte("a b")}:    cuenta.Syntax,
		{Key: []byte("00000000-0000-7000-8000-000000000000")}: cuenta.TooOld,
		{Key: []byte("ffffffff-ffff-7000-8000-000000000000")}: cuenta.Absent,
	} {
		if out, s := one(l, request(cuenta.Outcome, "", 0, *id)); out.Code != want || s == Fresh && want == cuenta.Syntax {
			t.Errorf("the outcome of %+v: %+v", id, out)
		}
	}
}

// TestRefusalsAreAnswers: a refusal by the ledger uses up the identity, one for
// want of room does not.
func TestRefusalsAreAnswers(t *testing.T) {
	l := newLedger(t, 1)
	apply(l, cuenta.Add, "a", math.MaxInt64)
	over := request(cuenta.Add, "a", 1, key("over"))
	unmet := cuenta.Request{Op: cuenta.Set, Counter: []byte("a"), N: 3, If: cuenta.IfAbsent, Identity: key("unmet")}
	full := request(cuenta.Add, "b", 1, key("full"))
	for range 2 {
		if out, _ := one(l, over); out.Code != cuenta.Overflow || out.Value != math.MaxInt64 {
			t.Errorf("%+v", out)
		}
		if out, _ := one(l, unmet); out.Code != cuenta.Unmet {
			t.Errorf("%+v", out)
		}
		if out, _ := one(l, full); out.Code != cuenta.TooMany || out.Replayed {
			t.Errorf("%+v", out)
		}
		apply(l, cuenta.Delete, "a", 0)
	}
	land(l)
	take(l)
	if out, _ := one(l, full); out.Code != cuenta.OK || out.Replayed {
		t.Errorf("once there is room: %+v", out)
	}
}

// TestARepeatWaitsForTheFirst: until the group of the first has landed, a repeat's
// answer is no more durable than that. A number of a session is a new one in a long run, one
// that has its place, or one of a row.
func TestARepeatWaitsForTheFirst(t *testing.T) {
	inRow := func(l *Ledger, r cuenta.Request) {
		before := request(cuenta.Add, "a", 0, cuenta.Identity{})
		row, out := []cuenta.Request{before, r}, make([]cuenta.Result, 2)
		out[0], _ = one(l, before)
		if l.Again(row, testTime, out) != 1 {
			t.Fatal("it is not one of a row")
		}
	}
	alone := func(l *Ledger, r cuenta.Request) {
		if _, s := one(l, r); s != Fresh {
			t.Errorf("the first: %v", s)
		}
	}
	for name, c := range map[string]struct {
		id    cuenta.Identity
		first func(*Ledger, cuenta.Request)
	}{
		"a key":                       {key("k"), alone},
		"the last of a run":           {cuenta.Identity{Session: 7, Number: 128}, alone},
		"a number that has its place": {cuenta.Identity{Session: 7, Number: 2}, alone},
		"a number in a row":           {cuenta.Identity{Session: 7, Number: 2}, inRow},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLedger(t, 8)
			open(t, l, 7)
			one(l, request(cuenta.Add, "b", 1, cuenta.Identity{Session: 7, Number: 4}))
			takeRecord(l)
			r := request(cuenta.Add, "a", 1, c.id)
			c.first(l, r)
			if _, s := one(l, r); s != Fresh {
				t.Errorf("a repeat in the open group: %v", s)
			}
			var flight Effects
			l.TakeEffects(&flight)
			if told := l.recorder.(*heard); len(flight.Cells) != 1 || flight.Told != 1 || len(*told) != 1 {
				t.Fatalf("%+v, and %d told", flight, len(*told))
			}
			if _, s := one(l, r); s != Taken {
				t.Errorf("a repeat while it is written: %v", s)
			}
			apply(l, cuenta.Add, "a", 1)
			l.Publish(&flight)
			if out, s := one(l, r); s != Durable || out.Value != 1 {
				t.Errorf("a repeat afterwards: %v, %+v", s, out)
			}
			if o := l.Outstanding(); o.Cells != 1 || l.told != 0 {
				t.Errorf("repeats left %+v, and %d told", o, l.told)
			}
		})
	}
}

func all(t *testing.T, l *Ledger, id cuenta.Identity, span ...cuenta.Request) ([]cuenta.Result, Standing) {
	t.Helper()
	header := cuenta.Request{Op: cuenta.All, Span: uint16(len(span)), Identity: id}
	out := make([]cuenta.Result, 1+len(span))
	return out, l.ApplyAll(&header, span, testTime, out)
}

func codes(out []cuenta.Result) (c []cuenta.Code) {
	for _, o := range out {
		c = append(c, o.Code)
	}
	return c
}

func TestAllOrNone(t *testing.T) {
	l := newLedger(t, 8)
	apply(l, cuenta.Add, "a", 10)
	apply(l, cuenta.Add, "gone", 3)
	apply(l, cuenta.Delete, "gone", 0)
	land(l)
	take(l)
	before := fmt.Sprint(l.alive, l.floor, l.Outstanding(), l.index.Len())

	none := cuenta.Identity{}
	out, s := all(t, l, none, request(cuenta.Add, "a", -4, none), request(cuenta.Add, "new", 4, none), request(cuenta.Delete, "a", 0, none),
		request(cuenta.Add, "gone", 1, none), request(cuenta.Set, "new", 9, none), cuenta.Request{Op: cuenta.Set, Counter: []byte("new"), N: 3, If: cuenta.IfAbsent})
	if got := fmt.Sprint(codes(out)); got != "[aborted aborted aborted aborted aborted aborted unmet]" || s != Durable {
		t.Errorf("%s, %v", got, s)
	}
	if after := fmt.Sprint(l.alive, l.floor, l.Outstanding(), l.index.Len()); after != before {
		t.Errorf("a run taken back left %s, before it was %s", after, before)
	}
	if out, _ := apply(l, cuenta.Get, "a", 0); out.Value != 10 || out.Revision != 1 {
		t.Errorf("%+v", out)
	}
	out, s = all(t, l, none, request(cuenta.Add, "a", -4, none), request(cuenta.Add, "new", 4, none), request(cuenta.Get, "new", 0, none))
	if got := fmt.Sprint(codes(out)); got != "[ok ok ok ok]" || out[0].Value != 2 || out[1].Value != 6 || out[3].Value != 4 || s != Fresh {
		t.Errorf("%+v, %v", out, s)
	}
	for _, bad := range [][]cuenta.Request{
		{request(cuenta.All, "", 0, none)}, {{Op: cuenta.Check, Span: 1}}, {request(cuenta.Outcome, "", 0, key("x"))}, {{}},
		{request(cuenta.Add, "a", 1, cuenta.Identity{Session: 1, Number: 2}), request(cuenta.Add, "a", 1, cuenta.Identity{Session: 1, Number: 2})},
		{request(cuenta.Add, "a", 1, cuenta.Identity{Session: 1, Number: 2}), request(cuenta.Add, "a", 1, cuenta.Identity{Session: 2, Number: 3})},
		{request(cuenta.Add, "a", 1, cuenta.Identity{Session: 1, Number: 2}), request(cuenta.Add, "a", 1, cuenta.Identity{Session: 1, Number: 3, Lowest: 3})},
		{request(cuenta.Add, "a", 1, cuenta.Identity{Session: 1, Number: 2}), request(cuenta.Add, "a", 1, key("k"))},
	} {
		if out, _ := all(t, l, none, bad...); out[0].Code != cuenta.Syntax {
			t.Errorf("%+v: %v", bad, codes(out))
		}
	}
}

func TestAllUnderOneIdentity(t *testing.T) {
	l := newLedger(t, 8)
	none := cuenta.Identity{}
	for range 2 {
		out, _ := all(t, l, key("transfer"), request(cuenta.Add, "a", -4, none), request(cuenta.Add, "b", 4, none))
		if out[0].Code != cuenta.OK || out[0].Value != 2 {
			t.Errorf("%+v", out)
		}
	}
	if out, _ := apply(l, cuenta.Get, "a", 0); out.Value != -4 {
		t.Errorf("counted %d", out.Value)
	}
	if out, _ := all(t, l, key("transfer"), request(cuenta.Add, "a", -4, none)); out[0].Code != cuenta.Conflict || out[1].Code != cuenta.Conflict {
		t.Errorf("another run: %+v", out)
	}
	if out, _ := all(t, l, key("x"), request(cuenta.Add, "a", -4, key("y"))); out[0].Code != cuenta.Syntax {
		t.Errorf("identities within: %+v", out)
	}
	for range 2 {
		out, _ := all(t, l, key("old"), request(cuenta.Get, "a", 0, none), request(cuenta.Set, "a", 7, none))
		if out[0].Value != -4 || out[0].Revision != 1 {
			t.Errorf("an exchange answers what was before: %+v", out)
		}
	}
	apply(l, cuenta.Set, "a", math.MaxInt64)
	for i := range 2 {
		out, _ := all(t, l, key("over"), request(cuenta.Add, "b", 1, none), request(cuenta.Add, "a", 1, none))
		if out[0].Code != cuenta.Aborted || out[0].Replayed != (i == 1) {
			t.Errorf("%+v", out)
		}
		apply(l, cuenta.Reset, "a", 0)
	}
}

func TestAllWithIdentitiesOfTheirOwn(t *testing.T) {
	l := newLedger(t, 8)
	open(t, l, 9)
	n := func(n uint64) cuenta.Identity { return cuenta.Identity{Session: 9, Number: n, Lowest: 1} }
	for i := range 2 {
		out, _ := all(t, l, cuenta.Identity{}, request(cuenta.Add, "a", -4, n(1)), request(cuenta.Get, "a", 0, cuenta.Identity{}), request(cuenta.Add, "b", 4, n(2)))
		if out[0].Code != cuenta.OK || out[1].Value != -4 || out[3].Value != 4 || out[3].Replayed != (i == 1) {
			t.Errorf("%+v", out)
		}
	}
	if out, _ := one(l, request(cuenta.Add, "b", 4, n(2))); !out.Replayed || out.Value != 4 {
		t.Errorf("one of them by itself: %+v", out)
	}
	if out, _ := all(t, l, cuenta.Identity{}, request(cuenta.Add, "b", 4, n(2)), request(cuenta.Add, "c", 4, n(3))); out[2].Code != cuenta.Conflict {
		t.Errorf("old and new mixed: %v", codes(out))
	}
	if out, _ := one(l, request(cuenta.Outcome, "", 0, n(3))); out.Code != cuenta.Absent {
		t.Errorf("what was never done: %+v", out)
	}
	apply(l, cuenta.Set, "a", math.MaxInt64)
	for i := range 2 {
		out, _ := all(t, l, cuenta.Identity{}, request(cuenta.Add, "b", 1, key("p")), request(cuenta.Add, "a", 1, key("q")), request(cuenta.Add, "c", 1, key("r")))
		if got := fmt.Sprint(codes(out)); got != "[aborted aborted overflow aborted]" || out[2].Replayed != (i == 1) {
			t.Errorf("%s %+v", got, out)
		}
		apply(l, cuenta.Reset, "a", 0)
	}
	if out, _ := all(t, l, cuenta.Identity{}, request(cuenta.Add, "b", 1, key("twice")), request(cuenta.Add, "b", 1, key("twice"))); out[2].Code != cuenta.Conflict {
		t.Errorf("a key twice in one run: %v", codes(out))
	}
	if out, _ := one(l, request(cuenta.Add, "b", 1, key("twice"))); out.Code != cuenta.OK || out.Replayed {
		t.Errorf("its key afterwards: %+v", out)
	}
	if out, _ := all(t, l, cuenta.Identity{}, request(cuenta.Add, "b", 1, n(10)), request(cuenta.Add, "b", 1, n(138))); out[0].Code != cuenta.TooLarge {
		t.Errorf("more than the window: %v", codes(out))
	}
}

// TestNothingIsCountedTwice throws every request of a random stream at the ledger
// several times, in any order within the window, across restarts from its effects,
// and demands that the counters are what one of each makes.
func TestNothingIsCountedTwice(t *testing.T) {
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 3))
		l := newLedger(t, 64)
		open(t, l, 1)
		log := []record{takeRecord(l)}
		want := map[string]int64{}
		answered := map[uint64]cuenta.Result{}
		const last = 1000
		for base := uint64(1); base < last; base += 20 {
			var span []cuenta.Request
			for n := base; n < base+20; n++ {
				name := fmt.Sprint("c", n%40)
				want[name] += int64(n)
				span = append(span, request(cuenta.Add, name, int64(n), cuenta.Identity{Session: 1, Number: n}))
			}
			for range 3 {
				r.Shuffle(len(span), func(i, j int) { span[i], span[j] = span[j], span[i] })
				for _, q := range span {
					out, _ := one(l, q)
					first, repeated := answered[q.Identity.Number]
					if out.Code != cuenta.OK || out.Replayed != repeated || repeated && (out.Value != first.Value || out.Revision != first.Revision) {
						t.Fatalf("seed %d, number %d: %+v, first %+v", seed, q.Identity.Number, out, first)
					}
					if !repeated {
						answered[q.Identity.Number] = out
					}
				}
				if r.IntN(3) == 0 {
					log = append(log, takeRecord(l))
					l = replayed(t, l, log)
				}
			}
		}
		for name, value := range want {
			if out, _ := apply(l, cuenta.Get, name, 0); out.Value != value {
				t.Errorf("seed %d: %s is %d, want %d", seed, name, out.Value, value)
			}
		}
	}
}

func takeAll(l *Ledger) *Effects {
	e := new(Effects)
	l.TakeEffects(e)
	l.Publish(e)
	return e
}

// record is all that a ledger left behind.
type record struct {
	cells []Effect
	told  heard
}

func takeRecord(l *Ledger) record {
	told := l.recorder.(*heard)
	r := record{takeAll(l).Cells, *told}
	*told = nil
	return r
}

// replayed returns a ledger that was given back all that another left behind.
func replayed(t *testing.T, from *Ledger, log []record) *Ledger {
	t.Helper()
	l := newLedger(t, 64)
	for _, r := range log {
		replay(t, from, l, r.cells)
		for _, restore := range r.told {
			if err := restore(l.Identities()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.Restored(0); err != nil {
		t.Fatal(err)
	}
	return l
}
