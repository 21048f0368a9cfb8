package ledger

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
)

func ticketFor(name, ident string, n int64) cuenta.Request {
	return cuenta.Request{Op: cuenta.Ticket, Counter: []byte(name), N: n, Terms: &cuenta.Terms{Ident: []byte(ident)}}
}

// TestTicketsHaveNoGaps gives out tickets, blocks of them too, to idents that come
// again, over series that are begun anew.
func TestTicketsHaveNoGaps(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 6))
		l := newLedger(t, 4096)
		given, last := map[string][2]int64{}, int64(0)
		for step := range 300 {
			if r.IntN(60) == 0 {
				beginAnew(t, l, "turno")
				given, last = map[string][2]int64{}, 0
			}
			ident, n := fmt.Sprint("ana-", r.IntN(80)), 1+r.Int64N(3)
			out := do(l, ticketFor("turno", ident, n), testTime)
			want, known := given[ident]
			if !known {
				want = [2]int64{last + n, n}
				given[ident], last = want, last+n
			}
			if out.Code != cuenta.OK || out.Value != want[0] || out.Amount != want[1] || out.Replayed != known {
				t.Fatalf("seed %d, step %d: %s got %+v, want %v", seed, step, ident, out, want)
			}
			if out, _ := apply(l, cuenta.Get, "turno", 0); out.Value != last {
				t.Fatalf("seed %d, step %d: %d are given out, want %d", seed, step, out.Value, last)
			}
		}
	}
}

// beginAnew forgets the idents and begins with number 1.
func beginAnew(t *testing.T, l *Ledger, name string) {
	t.Helper()
	all := cuenta.Request{Op: cuenta.All, Span: 2}
	out := make([]cuenta.Result, 3)
	l.ApplyAll(&all, []cuenta.Request{
		{Op: cuenta.Reset, Counter: []byte(name)}, {Op: cuenta.Add, Counter: []byte(name + "/#"), N: 1},
	}, testTime, out)
	if out[0].Code != cuenta.OK {
		t.Fatalf("%+v", out)
	}
}

// TestATicketIsAllOrNothing has no room for the counter that keeps it, or no number.
func TestATicketIsAllOrNothing(t *testing.T) {
	l := newLedger(t, 64)
	for i := range 63 {
		apply(l, cuenta.Add, fmt.Sprint("c", i), 1)
	}
	before := take(l)
	publish(l, before)
	if out := do(l, ticketFor("c0", "ana", 1), testTime); out.Code != cuenta.OK {
		t.Fatalf("the last cell: %+v", out)
	}
	out := do(l, ticketFor("c1", "ana", 1), testTime)
	if now, _ := apply(l, cuenta.Get, "c1", 0); out.Code != cuenta.TooMany || now.Value != 1 || now.Revision != 1 {
		t.Errorf("%+v, and the counter is %+v", out, now)
	}
	do(l, limitTo("c2", 0, 2), testTime)
	if out := do(l, ticketFor("c2", "ana", 2), testTime); out.Code != cuenta.Limited || out.Amount != 1 {
		t.Errorf("sold out: %+v", out)
	}
	for _, r := range []cuenta.Request{
		ticketFor("c2", "", 1), ticketFor("c2", "a b", 1), ticketFor("c2", "ana", 0), ticketFor("c2", strings.Repeat("x", 129), 1),
		{Op: cuenta.Ticket, Counter: []byte("c2"), N: 1},
	} {
		if out := do(l, r, testTime); out.Code != cuenta.Syntax {
			t.Errorf("%+v: %+v", r, out)
		}
	}
	if out := do(l, ticketFor(strings.Repeat("n", 250), "ident", 1), testTime); out.Code != cuenta.TooLarge {
		t.Errorf("a long name: %+v", out)
	}
}
