package ledger

import (
	"fmt"
	"math"
	"testing"

	"github.com/cuenta-server/cuenta"
)

// TestAgain: what adds to the counter that was just changed is carried out at once, and
// nothing else is.
func TestAgain(t *testing.T) {
	plus := func(name string, n int64) cuenta.Request {
		return cuenta.Request{Op: cuenta.Add, Counter: []byte(name), N: n}
	}
	ends := cuenta.Request{Op: cuenta.Expire, Counter: []byte("t/a"), Terms: &cuenta.Terms{
		Expiry: cuenta.Expiry{Kind: cuenta.ExpireAt, Time: testTime + 1e9},
	}}
	once := plus("t/a", 1)
	once.Identity.Key = []byte("k")
	granted := cuenta.Request{Op: cuenta.OpenSession, Identity: cuenta.Identity{Session: 7}}
	numbered := func(name string, n int64, number, lowest uint64) cuenta.Request {
		r := plus(name, n)
		r.Identity = cuenta.Identity{Session: 7, Number: number, Lowest: lowest}
		return r
	}
	unknown := numbered("t/a", 1, 3, 0)
	unknown.Identity.Session = 8
	bad := numbered("t/a", 1, 3, 4)
	begun := []cuenta.Request{granted, numbered("t/a", 1, 1, 1), numbered("t/a", 1, 4, 1)} // there is room for four
	unless := plus("t/a", 1)
	unless.If = cuenta.IfAbsent
	clamped := plus("t/a", 1)
	clamped.Terms = &cuenta.Terms{Clamp: true}
	for name, c := range map[string]struct {
		before []cuenta.Request
		row    []cuenta.Request // the first is applied
		want   int
	}{
		"a row":             {nil, []cuenta.Request{plus("t/a", 1), plus("t/a", -7), plus("t/a", 0)}, 2},
		"after a read":      {[]cuenta.Request{plus("t/a", 1)}, []cuenta.Request{{Op: cuenta.Get, Counter: []byte("t/a")}, plus("t/a", 1)}, 1},
		"after a refusal":   {[]cuenta.Request{plus("t/a", 1)}, []cuenta.Request{unless, plus("t/a", 1)}, 1},
		"after one clamped": {nil, []cuenta.Request{clamped, plus("t/a", 1)}, 1},
		"no counter":        {[]cuenta.Request{plus("t/a", 1)}, []cuenta.Request{{Op: cuenta.Delete, Counter: []byte("t/a")}, plus("t/a", 1)}, 0},
		"another one":       {nil, []cuenta.Request{plus("t/a", 1), plus("t/a", 1), plus("t/b", 1), plus("t/a", 1)}, 1},
		"another operation": {nil, []cuenta.Request{plus("t/a", 1), {Op: cuenta.Reset, Counter: []byte("t/a")}, plus("t/a", 1)}, 0},
		"an identity":       {nil, []cuenta.Request{plus("t/a", 1), once}, 0},
		"numbers":           {begun, []cuenta.Request{numbered("t/a", 5, 2, 0), numbered("t/a", -2, 3, 0), plus("t/a", 1)}, 2},
		"a repeat":          {begun, []cuenta.Request{numbered("t/a", 5, 3, 0), numbered("t/a", 1, 4, 0), plus("t/a", 1)}, 0},
		"the first of many": {begun, []cuenta.Request{plus("t/a", 1), numbered("t/a", 5, 2, 2), numbered("t/a", 5, 5, 0), numbered("t/a", 5, 3, 0), numbered("t/a", 5, 3, 0)}, 3},
		"a conflict":        {begun, []cuenta.Request{numbered("t/a", 5, 2, 0), numbered("t/a", 6, 2, 0)}, 0},
		"too old":           {begun, []cuenta.Request{numbered("t/a", 5, 3, 3), numbered("t/a", 6, 2, 0)}, 0},
		"no such session":   {begun, []cuenta.Request{numbered("t/a", 5, 2, 0), unknown}, 0},
		"not well-formed":   {begun, []cuenta.Request{numbered("t/a", 5, 2, 0), bad}, 0},
		"number, and end":   {begun, []cuenta.Request{numbered("t/a", math.MaxInt64-3, 2, 0), numbered("t/a", 1, 3, 0), numbered("t/a", 1, 5, 2)}, 1},
		"a condition":       {nil, []cuenta.Request{plus("t/a", 1), unless}, 0},
		"terms":             {nil, []cuenta.Request{plus("t/a", 1), clamped}, 0},
		"up to the end":     {nil, []cuenta.Request{plus("t/a", math.MaxInt64-2), plus("t/a", 1), plus("t/a", 1), plus("t/a", 1)}, 2},
		"down to the end":   {nil, []cuenta.Request{plus("t/a", math.MinInt64+1), plus("t/a", -1), plus("t/a", -1)}, 1},
		"a limit":           {[]cuenta.Request{limitTo("t/a", 0, 2)}, []cuenta.Request{plus("t/a", 1), plus("t/a", 1), plus("t/a", 1)}, 0},
		"a time":            {[]cuenta.Request{plus("t/a", 1), ends}, []cuenta.Request{plus("t/a", 1), plus("t/a", 1)}, 0},
		"a hold":            {[]cuenta.Request{holdOf("t/a", 2, 1e9)}, []cuenta.Request{plus("t/a", math.MaxInt64-2), plus("t/a", 1)}, 0},
		"a total":           {[]cuenta.Request{declare("t", 2)}, []cuenta.Request{plus("t/a", 1), plus("t/a", 1), plus("t/a", 1)}, 0},
	} {
		l, other := newLedger(t, 8), newLedger(t, 8)
		for _, r := range c.before {
			do(l, r, testTime)
			do(other, r, testTime)
		}
		got := make([]cuenta.Result, len(c.row))
		got[0] = do(l, c.row[0], testTime)
		n := l.Again(c.row, testTime, got)
		if n != c.want {
			t.Errorf("%s: %d more, want %d", name, n, c.want)
		}
		for i := range c.row[:n+1] {
			if want := do(other, c.row[i], testTime); got[i] != want {
				t.Errorf("%s: request %d: %+v, want %+v", name, i, got[i], want)
			}
		}
		if got, want := remembered(l), remembered(other); got != want {
			t.Errorf("%s: %s is remembered, want %s", name, got, want)
		}
		if got, want := land(l), land(other); len(got) != len(want) || len(got) > 0 && got[0] != want[0] {
			t.Errorf("%s: it leaves %+v behind, want %+v", name, got, want)
		}
	}
}

// remembered is what the memory of identities holds, and how much of it was told.
func remembered(l *Ledger) string {
	held := fmt.Sprint(l.told, len(*l.recorder.(*heard)))
	for item := range l.Identities().Sessions() {
		held += fmt.Sprintln(l.Identities().Session(item, nil))
	}
	return held
}
