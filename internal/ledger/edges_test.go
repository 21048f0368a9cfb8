package ledger

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
)

// TestTakenBackIsNotMadeAnew: a run that deletes and makes anew, and is taken back,
// leaves the effects that there were before it.
func TestTakenBackIsNotMadeAnew(t *testing.T) {
	l := newLedger(t, 8)
	apply(l, cuenta.Add, "a", 1)
	apply(l, cuenta.Set, "full", math.MaxInt64)
	land(l)
	none := cuenta.Identity{}
	aborted := func(span ...cuenta.Request) {
		t.Helper()
		if out, _ := all(t, l, none, append(span, request(cuenta.Add, "full", 1, none))...); out[0].Code != cuenta.Aborted {
			t.Fatalf("%+v", out)
		}
	}
	apply(l, cuenta.Delete, "a", 0) // revision 2
	aborted(request(cuenta.Add, "a", 5, none))
	if e := land(l); len(e) != 1 || !e[0].Dropped || e[0].Revision != 2 || e[0].Above != 0 {
		t.Errorf("made anew, and taken back: %+v", e)
	}
	apply(l, cuenta.Add, "a", 1)
	apply(l, cuenta.Delete, "a", 0) // revision 4
	apply(l, cuenta.Add, "a", 7)
	aborted(request(cuenta.Delete, "a", 0, none), request(cuenta.Add, "a", 5, none), request(cuenta.Delete, "a", 0, none))
	if o := l.Outstanding(); o.Cells != 1 || o.Anew != 1 {
		t.Errorf("outstanding: %+v", o)
	}
	if e := land(l); len(e) != 1 || !e[0].Opened || e[0].Value != 7 || e[0].Revision != 5 || e[0].Above != 4 {
		t.Errorf("made anew once, and once more but taken back: %+v", e)
	}
	if l.Floor() != 4 {
		t.Errorf("the floor is %d", l.Floor())
	}
}

// TestARefusalThatIsNotForGood: where a run fails for want of room, its identities
// may be used again.
func TestARefusalThatIsNotForGood(t *testing.T) {
	for _, own := range []bool{false, true} {
		l := newLedger(t, 1)
		apply(l, cuenta.Add, "a", 1)
		whole, part := key("k"), cuenta.Identity{}
		if own {
			whole, part = part, whole
		}
		span := []cuenta.Request{request(cuenta.Add, "a", 1, part), request(cuenta.Add, "b", 1, cuenta.Identity{})}
		out, _ := all(t, l, whole, span...)
		if got := fmt.Sprint(codes(out)); got != "[aborted aborted too-many]" {
			t.Errorf("own identities %v: %s", own, got)
		}
		if out, _ := one(l, request(cuenta.Outcome, "", 0, key("k"))); out.Code != cuenta.Absent {
			t.Errorf("own identities %v: the outcome is %v", own, out.Code)
		}
		if out, _ := one(l, request(cuenta.Add, "a", 1, key("k"))); out.Code != cuenta.OK || out.Value != 2 || out.Replayed {
			t.Errorf("own identities %v: used again: %+v", own, out)
		}
	}
}

// TestIdentityOfAnotherRun: an identity that a run brings again with another
// operation is a conflict, and nothing of the run is done.
func TestIdentityOfAnotherRun(t *testing.T) {
	l := newLedger(t, 8)
	one(l, request(cuenta.Add, "a", 1, key("k")))
	out, _ := all(t, l, cuenta.Identity{}, request(cuenta.Add, "a", 2, key("k")), request(cuenta.Add, "b", 1, cuenta.Identity{}))
	if got := fmt.Sprint(codes(out)); got != "[aborted conflict aborted]" {
		t.Error(got)
	}
	if out, _ := apply(l, cuenta.Get, "b", 0); out.Revision != 0 {
		t.Errorf("b is %+v", out)
	}
}

func TestNoSuchOperation(t *testing.T) {
	l := newLedger(t, 8)
	for _, op := range []cuenta.Op{0, cuenta.Outcome + 1, math.MaxUint8} {
		if out, _ := one(l, request(op, "a", 1, cuenta.Identity{})); out.Code != cuenta.Syntax {
			t.Errorf("operation %d: %v", op, out.Code)
		}
	}
	open(t, l, 3)
	if out, _ := one(l, cuenta.Request{Op: cuenta.OpenSession, Identity: cuenta.Identity{Session: 3}}); out.Code != cuenta.Busy {
		t.Errorf("a session's id drawn twice: %v", out.Code)
	}
	if err := l.RestoreDrop(8, 1); err == nil || !strings.Contains(err.Error(), "over the limit") {
		t.Errorf("a deletion in a cell that there is not: %v", err)
	}
}

// TestOneGroupAtATime: what was taken is where the newest states stand until it is
// published, so nothing may be taken before.
func TestOneGroupAtATime(t *testing.T) {
	l := newLedger(t, 4)
	apply(l, cuenta.Add, "a", 1)
	take(l)
	apply(l, cuenta.Add, "b", 1)
	defer func() {
		if recover() == nil {
			t.Error("effects were taken though the last ones were never published")
		}
	}()
	take(l)
}

// TestTakenBackBesideTheLast: a run changes a counter whose last change is on its way
// to the disk, and is taken back; the counter is what it was, and so is what a read of
// it waits for.
func TestTakenBackBesideTheLast(t *testing.T) {
	l := newLedger(t, 4)
	apply(l, cuenta.Set, "full", math.MaxInt64)
	land(l)
	apply(l, cuenta.Add, "b", 1) // so that a's effect has another place than it will have in the run
	apply(l, cuenta.Add, "a", 7)
	flight := take(l)
	none := cuenta.Identity{}
	out, _ := all(t, l, none, request(cuenta.Add, "a", 5, none), request(cuenta.Add, "full", 1, none))
	if out[0].Code != cuenta.Aborted {
		t.Fatalf("%+v", out)
	}
	if is, s := apply(l, cuenta.Get, "a", 0); is.Value != 7 || is.Revision != 1 || s != Taken {
		t.Errorf("taken back: %+v, %v", is, s)
	}
	publish(l, flight)
	if is, s := apply(l, cuenta.Get, "a", 0); is.Value != 7 || s != Durable {
		t.Errorf("published: %+v, %v", is, s)
	}
}
