package ledger

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/terms"
)

// at carries a request out at a time, in nanoseconds from testTime on.
func at(l *Ledger, after int64, r cuenta.Request) (out cuenta.Result, s Standing) {
	s = l.Apply(&r, l.Hash(&r), testTime+after, &out)
	return out, s
}

func with(op cuenta.Op, name string, n int64, t cuenta.Terms) cuenta.Request {
	return cuenta.Request{Op: op, Counter: []byte(name), N: n, Terms: &t}
}

func bound(at int64) cuenta.Bound { return cuenta.Bound{Set: true, At: at} }

// within is limits.
func within(floor, ceiling int64) cuenta.Terms {
	return cuenta.Terms{Floor: bound(floor), Ceiling: bound(ceiling)}
}

func after(ns int64) cuenta.Terms {
	return cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: ns}}
}

func until(time int64) cuenta.Terms {
	return cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.ExpireAt, Time: time}}
}

func described(l *Ledger, now int64, name string) cuenta.Terms {
	r := with(cuenta.Describe, name, 0, cuenta.Terms{})
	at(l, now, r)
	return *r.Terms
}

// picture is all that requests can find out, and what the journal is still to learn.
func picture(l *Ledger) string {
	text := fmt.Sprintf("floor %d, %d alive, %+v\n", l.floor, l.alive, l.Outstanding())
	for cell := range l.used {
		if c := l.cells.At(cell); c.NameLen > 0 {
			text += fmt.Sprintf("%d %s: %+v, marks %d, %+v, effect %+v\n",
				cell, l.Name(cell), l.look(cell), c.Flags, l.terms.Of(cell), l.open.on(cell, c))
		}
	}
	return text
}

// TestBadTerms has every kind of nonsense, with a counter and without one: nothing
// comes of it.
func TestBadTerms(t *testing.T) {
	upside := within(5, 4)
	for what, r := range map[string]cuenta.Request{
		"floor above ceiling":            with(cuenta.Limit, "a", 0, upside),
		"the same at the ends":           with(cuenta.Limit, "a", 0, within(math.MaxInt64, math.MinInt64)),
		"the same, of an add":            with(cuenta.Add, "a", 1, upside),
		"the same, of a set":             with(cuenta.Set, "a", 1, upside),
		"the same, of a reset":           with(cuenta.Reset, "a", 0, upside),
		"the same, of an expire":         with(cuenta.Expire, "a", 0, cuenta.Terms{Floor: bound(5), Ceiling: bound(4), Expiry: after(1).Expiry}),
		"the same, of a delete":          with(cuenta.Delete, "a", 0, upside),
		"the same, to be clamped":        with(cuenta.Add, "a", 1, cuenta.Terms{Floor: bound(5), Ceiling: bound(4), Clamp: true}),
		"in no time":                     with(cuenta.Expire, "a", 0, after(0)),
		"in less than no time":           with(cuenta.Expire, "a", 0, after(-1)),
		"in much less, of an add":        with(cuenta.Add, "a", 1, after(math.MinInt64)),
		"at no time":                     with(cuenta.Expire, "a", 0, until(0)),
		"before 1970":                    with(cuenta.Set, "a", 1, until(-1)),
		"after no time, though lapsing":  with(cuenta.Add, "a", 1, cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter, Lapse: true}}),
		"a kind that is none":            with(cuenta.Expire, "a", 0, cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter + 1, Time: 1}}),
		"a condition that is none":       with(cuenta.Expire, "a", 0, cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: 1, If: cuenta.ExpiryIfAnySooner + 1}}),
		"limits without terms":           {Op: cuenta.Limit, Counter: []byte("a")},
		"an end without terms":           {Op: cuenta.Expire, Counter: []byte("a")},
		"an end that is to be kept":      with(cuenta.Expire, "a", 0, cuenta.Terms{}),
		"a description without a place":  {Op: cuenta.Describe, Counter: []byte("a")},
		"an operation that there is not": {Op: cuenta.NumOps, Counter: []byte("a")},
	} {
		for _, there := range []bool{false, true} {
			l := newLedger(t, 8)
			if there {
				at(l, 0, with(cuenta.Add, "a", 3, within(0, 10)))
				at(l, 0, with(cuenta.Limit, "a", 0, within(0, 10)))
			}
			before := picture(l)
			if out, s := at(l, 0, r); out != (cuenta.Result{Code: cuenta.Syntax}) || s != Durable {
				t.Errorf("%s: %+v, %v", what, out, s)
			}
			if now := picture(l); now != before {
				t.Errorf("%s: was\n%sis\n%s", what, before, now)
			}
		}
	}
}

// TestRefusedForALimit: what would pass a limit or an end of int64 is refused with the
// limit and the room that there is, or clamped; what is refused changes nothing and
// makes no counter.
func TestRefusedForALimit(t *testing.T) {
	const least, most = math.MinInt64, math.MaxInt64
	limited := func(limit, room int64) cuenta.Result {
		return cuenta.Result{Code: cuenta.Limited, Value: limit, Amount: room}
	}
	over := func(end, room int64) cuenta.Result {
		return cuenta.Result{Code: cuenta.Overflow, Value: end, Amount: room}
	}
	for _, c := range []struct {
		has     int64         // 0: there is no counter
		own     *cuenta.Terms // what limits it has
		r       cuenta.Request
		refused cuenta.Result
		clamped int64 // the value, if the change may be clamped; impossible: it may not
	}{
		{0, nil, with(cuenta.Add, "a", 5, within(0, 4)), limited(4, 4), 4},
		{0, nil, with(cuenta.Add, "a", -5, within(-4, 4)), limited(-4, -4), -4},
		{0, nil, with(cuenta.Add, "a", 0, within(1, 4)), limited(1, 1), 1},
		{0, nil, with(cuenta.Set, "a", least, within(1, 4)), limited(1, 1), 1},
		{0, nil, with(cuenta.Reset, "a", 9, within(-4, -1)), limited(-1, -1), -1},
		{0, nil, with(cuenta.Set, "a", 5, within(most, most)), limited(most, most), most},
		{0, nil, with(cuenta.Set, "a", 5, within(least, least)), limited(least, least), least},
		{7, ptr(within(0, 10)), with(cuenta.Add, "a", 4, cuenta.Terms{}), limited(10, 3), 10},
		{7, ptr(within(0, 10)), with(cuenta.Add, "a", 4, within(0, 8)), limited(8, 1), 8},
		{7, ptr(within(0, 10)), with(cuenta.Add, "a", 4, within(0, 20)), limited(10, 3), 10},
		{7, ptr(within(0, 10)), with(cuenta.Add, "a", -8, within(-5, 20)), limited(0, -7), 0},
		{7, ptr(within(0, 10)), with(cuenta.Add, "a", 1, within(11, 20)), limited(11, 4), impossible},
		{7, ptr(within(0, 10)), with(cuenta.Add, "a", 1, within(-20, -1)), limited(-1, -8), impossible},
		{7, ptr(within(0, 10)), with(cuenta.Add, "a", most, within(11, 20)), limited(10, 3), impossible},
		{most - 1, nil, with(cuenta.Add, "a", 2, cuenta.Terms{}), over(most, 1), most},
		{most, nil, with(cuenta.Add, "a", 1, cuenta.Terms{Ceiling: bound(most)}), over(most, 0), most},
		{most, nil, with(cuenta.Add, "a", most, within(0, most-3)), limited(most-3, -3), most - 3},
		{least, nil, with(cuenta.Add, "a", -1, cuenta.Terms{Floor: bound(least)}), over(least, 0), least},
		{least + 1, nil, with(cuenta.Add, "a", least, within(least+3, 0)), limited(least+3, 2), least + 3},
		{least, nil, with(cuenta.Add, "a", 1, within(most, most)), limited(most, -1), most}, // the room wraps
		{most, nil, with(cuenta.Set, "a", 0, within(least, least)), limited(least, 1), least},
		{most, ptr(within(most, most)), with(cuenta.Reset, "a", 0, cuenta.Terms{}), limited(most, 0), most},
	} {
		l := newLedger(t, 8)
		if c.has != 0 {
			at(l, 0, request(cuenta.Set, "a", c.has, cuenta.Identity{}))
		}
		if c.own != nil {
			at(l, 0, with(cuenta.Limit, "a", 0, *c.own))
		}
		before := picture(l)
		what := fmt.Sprintf("%d within %+v, %v %d %+v", c.has, c.own, c.r.Op, c.r.N, *c.r.Terms)
		out, _ := at(l, 0, c.r)
		if out.Revision, out.Generation = 0, 0; out != c.refused {
			t.Errorf("%s: %+v, want %+v", what, out, c.refused)
		}
		if now := picture(l); now != before {
			t.Errorf("%s: was\n%sis\n%s", what, before, now)
		}
		c.r.Terms.Clamp = true
		switch out, _ = at(l, 0, c.r); {
		case c.clamped == impossible && (out.Code != c.refused.Code || picture(l) != before):
			t.Errorf("%s: clamped: %+v", what, out)
		case c.clamped != impossible && (out.Code != cuenta.OK || out.Value != c.clamped || out.Amount != c.clamped-c.has):
			t.Errorf("%s: clamped: %+v, want %d", what, out, c.clamped)
		}
	}
}

const impossible = 12345

func ptr(t cuenta.Terms) *cuenta.Terms { return &t }

// TestLimitsOfItsOwn: they cannot be set below or above the value, hold from then on,
// and go with the counter.
func TestLimitsOfItsOwn(t *testing.T) {
	l := newLedger(t, 8)
	apply(l, cuenta.Add, "a", 7)
	for _, c := range []struct {
		terms cuenta.Terms
		limit int64
	}{
		{within(0, 6), 6}, {within(8, 9), 8}, {cuenta.Terms{Ceiling: bound(math.MinInt64)}, math.MinInt64},
		{cuenta.Terms{Floor: bound(math.MaxInt64)}, math.MaxInt64},
	} {
		out, _ := at(l, 0, with(cuenta.Limit, "a", 0, c.terms))
		if room := c.limit - 7; out.Code != cuenta.Limited || out.Value != c.limit || out.Amount != room || out.Revision != 1 {
			t.Errorf("%+v: %+v", c.terms, out)
		}
		if out, _ := at(l, 0, with(cuenta.Limit, "new", 0, cuenta.Terms{Floor: bound(1)})); out.Code != cuenta.Limited || out.Value != 1 || out.Amount != 1 {
			t.Errorf("a counter that is to begin below its floor: %+v", out)
		}
	}
	if got := described(l, 0, "a"); got.Floor.Set || got.Ceiling.Set || l.terms.Len() != 0 || l.alive != 1 {
		t.Fatalf("refused limits left %+v, %d with terms, %d counters", got, l.terms.Len(), l.alive)
	}
	if out, _ := at(l, 0, with(cuenta.Limit, "a", 99, within(7, 7))); out.Value != 7 || out.Revision != 2 || out.Code != cuenta.OK {
		t.Errorf("limits: %+v", out)
	}
	for _, n := range []int64{1, -1} {
		if out, _ := apply(l, cuenta.Add, "a", n); out.Code != cuenta.Limited || out.Value != 7 || out.Amount != 0 {
			t.Errorf("adding %d: %+v", n, out)
		}
	}
	at(l, 0, with(cuenta.Limit, "a", 0, cuenta.Terms{Ceiling: cuenta.Bound{At: 7}})) // not set
	if got := described(l, 0, "a"); got.Ceiling != (cuenta.Bound{}) || l.terms.Len() != 0 {
		t.Errorf("limits taken away: %+v", got)
	}
	at(l, 0, with(cuenta.Limit, "a", 0, within(7, 8)))
	apply(l, cuenta.Delete, "a", 0)
	if out, _ := apply(l, cuenta.Add, "a", 100); out.Code != cuenta.OK || out.Value != 100 || out.Revision != 6 || l.terms.Len() != 0 {
		t.Errorf("made anew: %+v, %d with terms", out, l.terms.Len())
	}
}

// TestTimesInThePast: they are refused, or delete the counter at once, exactly once.
func TestTimesInThePast(t *testing.T) {
	lapse := func(time int64) cuenta.Terms {
		return cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.ExpireAt, Time: time, Lapse: true}}
	}
	for _, time := range []int64{math.MinInt64, 0, 1, testTime - 1, testTime} {
		l := newLedger(t, 8)
		apply(l, cuenta.Add, "a", 7)
		before := picture(l)
		if time > 0 {
			for _, op := range []cuenta.Op{cuenta.Expire, cuenta.Add, cuenta.Set, cuenta.Reset} {
				if out, _ := at(l, 0, with(op, "a", 1, until(time))); out != (cuenta.Result{Code: cuenta.Past}) {
					t.Errorf("%v at %d: %+v", op, time, out)
				}
				if out, _ := at(l, 0, with(op, "new", 1, until(time))); out.Code != cuenta.Past && op != cuenta.Expire {
					t.Errorf("%v of a new one at %d: %+v", op, time, out)
				}
			}
		}
		if now := picture(l); now != before {
			t.Errorf("at %d: was\n%sis\n%s", time, before, now)
		}
		if out, s := at(l, 0, with(cuenta.Add, "a", 1, lapse(time))); out.Value != 8 || out.Revision != 2 || out.Generation != 0 || s != Fresh {
			t.Errorf("an add that lapses at %d: %+v, %v", time, out, s)
		}
		if out, _ := apply(l, cuenta.Get, "a", 0); out != (cuenta.Result{}) || l.floor != 3 || l.alive != 0 {
			t.Errorf("after it: %+v, floor %d", out, l.floor)
		}
		apply(l, cuenta.Add, "a", 7)
		if out, _ := at(l, 0, with(cuenta.Expire, "a", 0, lapse(time))); out != (cuenta.Result{Value: 7, Revision: 5}) || l.floor != 5 {
			t.Errorf("lapsing at %d: %+v, floor %d", time, out, l.floor)
		}
		if out, _ := at(l, 0, with(cuenta.Expire, "a", 0, lapse(time))); out.Code != cuenta.Unmet || l.floor != 5 {
			t.Errorf("once more: %+v, floor %d", out, l.floor)
		}
	}
}

// TestTheLastMoment: an end beyond what an int64 holds is the last moment there is.
func TestTheLastMoment(t *testing.T) {
	l := newLedger(t, 8)
	for _, long := range []int64{math.MaxInt64, math.MaxInt64 - testTime + 1, math.MaxInt64 - testTime} {
		at(l, 0, with(cuenta.Set, "a", 1, after(long)))
		if got := described(l, 0, "a").Expiry; got.Kind != cuenta.ExpireAt || got.Time != math.MaxInt64 {
			t.Errorf("after %d: %+v", long, got)
		}
	}
	if l.Lapse(math.MaxInt64-1, 1000); l.alive != 1 {
		t.Error("it ended before the last moment")
	}
}

// TestAnEndedCounterIsDeletedOnce: by the first change that meets it, or by Lapse,
// and not by reads.
func TestAnEndedCounterIsDeletedOnce(t *testing.T) {
	for _, byLapse := range []bool{false, true} {
		l := newLedger(t, 8)
		at(l, 0, with(cuenta.Add, "a", 7, after(10)))
		takeAll(l)
		for range 3 {
			if out, s := at(l, 10, request(cuenta.Get, "a", 0, cuenta.Identity{})); out != (cuenta.Result{}) || s != Timed {
				t.Fatalf("a read: %+v, %v", out, s)
			}
		}
		if o := l.Outstanding(); o.Cells != 0 || l.floor != 0 {
			t.Fatalf("reads left %+v, floor %d", o, l.floor)
		}
		if byLapse {
			l.Lapse(testTime+1<<30, 100)
			l.Lapse(testTime+1<<30, 100)
		}
		for range 3 {
			if out, _ := at(l, 1<<30, request(cuenta.Delete, "a", 0, cuenta.Identity{})); out != (cuenta.Result{}) {
				t.Errorf("a change: %+v", out)
			}
		}
		if l.floor != 2 || l.alive != 0 || l.terms.Len() != 0 {
			t.Errorf("floor %d, %d alive, %d with terms", l.floor, l.alive, l.terms.Len())
		}
		if e := takeAll(l).Cells; len(e) != 1 || !e[0].Dropped || e[0].Revision != 2 {
			t.Errorf("effects: %+v", e)
		}
		if out, _ := at(l, 1<<30, request(cuenta.Add, "a", 1, cuenta.Identity{})); out.Value != 1 || out.Revision != 3 || out.Generation == 0 {
			t.Errorf("made anew: %+v", out)
		}
	}
}

// TestAnEndHidesThePlace: whoever knows a counter's place in the shared cells from
// before it got an end does not find it there any more, and is told none.
func TestAnEndHidesThePlace(t *testing.T) {
	l := newLedger(t, 8)
	first, _ := apply(l, cuenta.Add, "a", 7)
	takeAll(l)
	place := l.cells.At(first.Cell)
	if g, v, _ := place.DurableState(); g != first.Generation || v != 7 {
		t.Fatalf("published %d of generation %d", v, g)
	}
	for round, give := range []cuenta.Request{
		with(cuenta.Expire, "a", 0, after(100)),
		with(cuenta.Add, "a", 1, after(100)),
	} {
		known := l.look(first.Cell).generation
		if out, _ := at(l, 0, give); out.Generation != 0 || out.Cell != 0 {
			t.Errorf("round %d: with an end: %+v", round, out)
		}
		takeAll(l)
		if g, _, _ := place.DurableState(); g == known || g&1 == 0 {
			t.Errorf("round %d: a worker finds generation %d as before", round, g)
		}
		for _, r := range []cuenta.Request{
			request(cuenta.Get, "a", 0, cuenta.Identity{}), request(cuenta.Add, "a", 0, cuenta.Identity{}),
			with(cuenta.Describe, "a", 0, cuenta.Terms{}), with(cuenta.Limit, "a", 0, within(-100, 100)),
			{Op: cuenta.Check, Counter: []byte("a")}, with(cuenta.Add, "a", 1000, cuenta.Terms{}),
			{Op: cuenta.Set, Counter: []byte("a"), If: cuenta.IfAbsent},
		} {
			if out, _ := at(l, 0, r); out.Generation != 0 || out.Cell != 0 {
				t.Errorf("round %d: %v tells the place: %+v", round, r.Op, out)
			}
		}
		gone := cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.NoExpiry}}
		if out, _ := at(l, 0, with(cuenta.Expire, "a", 0, gone)); out.Generation != l.look(first.Cell).generation || out.Generation&1 == 0 {
			t.Errorf("round %d: without an end: %+v", round, out)
		}
	}
}

// TestTermsAreTakenBack has runs at random that are refused at last: whatever they did
// to limits, ends, counters that they deleted and made anew, and counters whose time
// was over, all is as before, to the generation and the effects outstanding.
func TestTermsAreTakenBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	for round := range 300 {
		l := newLedger(t, 16)
		now := int64(0)
		for range rng.IntN(20) {
			at(l, now, randomTermed(rng))
			if rng.IntN(5) == 0 {
				takeAll(l)
			}
		}
		now += rng.Int64N(200)
		before := picture(l)
		var run []cuenta.Request
		for range 1 + rng.IntN(8) {
			run = append(run, randomTermed(rng))
		}
		run = append(run, cuenta.Request{Op: cuenta.Set, Counter: []byte("never"), If: cuenta.IfPresent})
		out := make([]cuenta.Result, 1+len(run))
		l.ApplyAll(&cuenta.Request{Op: cuenta.All, Span: uint16(len(run))}, run, testTime+now, out)
		if out[0].Code != cuenta.Aborted {
			t.Fatalf("round %d: %+v", round, out)
		}
		if after := picture(l); after != before {
			t.Fatalf("round %d, %v: was\n%sis\n%s", round, codes(out), before, after)
		}
		if l.Lapse(testTime+1<<31, 1000); l.terms.Len() > 0 {
			for cell := range l.used {
				if of := l.terms.Of(cell); of.Ends != 0 {
					t.Fatalf("round %d: its end was lost: %s %+v", round, l.Name(cell), of)
				}
			}
		}
	}
}

func randomTermed(rng *rand.Rand) cuenta.Request {
	ops := []cuenta.Op{cuenta.Add, cuenta.Add, cuenta.Set, cuenta.Reset, cuenta.Delete, cuenta.Delete, cuenta.Limit, cuenta.Limit, cuenta.Expire, cuenta.Get}
	r := with(ops[rng.IntN(len(ops))], fmt.Sprint("n", rng.IntN(5)), rng.Int64N(20)-10, cuenta.Terms{})
	if rng.IntN(2) == 0 {
		r.Terms.Floor, r.Terms.Ceiling = bound(-rng.Int64N(30)), bound(rng.Int64N(30))
	}
	if rng.IntN(2) == 0 || r.Op == cuenta.Expire {
		r.Terms.Expiry = cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: 1 + rng.Int64N(300)}
		if rng.IntN(4) == 0 {
			r.Terms.Expiry = cuenta.Expiry{Kind: cuenta.ExpireAt, Lapse: true}
		}
	}
	r.Terms.Clamp = rng.IntN(2) == 0
	return r
}

// TestDeletionByTimeIsTakenBack: in a run that is refused, a counter whose time is over
// is deleted and made anew; afterwards it is what it was, ended, and ends once.
func TestDeletionByTimeIsTakenBack(t *testing.T) {
	l := newLedger(t, 8)
	at(l, 0, with(cuenta.Add, "a", 7, after(10)))
	takeAll(l)
	run := []cuenta.Request{
		request(cuenta.Add, "a", 1, cuenta.Identity{}),
		with(cuenta.Limit, "a", 0, within(0, 5)),
		with(cuenta.Expire, "a", 0, after(1000)),
		with(cuenta.Add, "a", 9, cuenta.Terms{}),
	}
	out := make([]cuenta.Result, 5)
	standing := l.ApplyAll(&cuenta.Request{Op: cuenta.All, Span: 4}, run, testTime+10, out)
	if want := (cuenta.Result{Code: cuenta.Limited, Value: 5, Amount: 4}); out[4] != want {
		t.Errorf("the one that is refused: %+v, want %+v", out[4], want)
	}
	if standing != Timed {
		t.Errorf("it tells that a time is over, and is %v", standing)
	}
	if o := l.Outstanding(); o != (Outstanding{}) || l.floor != 0 {
		t.Errorf("outstanding: %+v, floor %d", o, l.floor)
	}
	if of := l.terms.Of(0); of != (terms.Terms{Ends: testTime + 10}) {
		t.Errorf("its terms: %+v", of)
	}
	l.Lapse(testTime+1<<30, 100)
	if e := takeAll(l).Cells; len(e) != 1 || !e[0].Dropped || l.floor != 2 {
		t.Errorf("then it ends: %+v, floor %d", e, l.floor)
	}
}

// TestManyEndsAtOnce: however many counters end in the same moment, a turn deletes no
// more of them than it is told to, none is passed over, and none deleted twice.
func TestManyEndsAtOnce(t *testing.T) {
	const counters, most = 200_000, 256
	l := newLedger(t, counters)
	for i := range counters {
		r := cuenta.Request{Op: cuenta.Add, N: 1, Counter: fmt.Append(nil, i), Terms: ptr(until(testTime + 1e12))}
		at(l, int64(i), r)
	}
	takeAll(l)
	deleted, turns := 0, 0
	for more := true; more; turns++ {
		more = l.Lapse(testTime+2e12, most)
		effects := takeAll(l)
		if n := len(effects.Cells); n > most {
			t.Fatalf("a turn deleted %d", n)
		}
		if slices.ContainsFunc(effects.Cells, func(e Effect) bool { return !e.Dropped || e.Revision != 2 }) {
			t.Fatal("something else than deletions, once each")
		}
		deleted += len(effects.Cells)
	}
	if deleted != counters || l.alive != 0 || l.terms.Len() != 0 || l.Count() != 0 {
		t.Errorf("%d of %d were deleted, %d are alive, %d have terms", deleted, counters, l.alive, l.terms.Len())
	}
	if limit := 8 * counters / most; turns > limit {
		t.Errorf("it took %d turns, at most %d should do", turns, limit)
	}
	t.Logf("%d turns", turns)
}
