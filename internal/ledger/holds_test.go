package ledger

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
)

func limitTo(name string, floor, ceiling int64) cuenta.Request {
	return cuenta.Request{Op: cuenta.Limit, Counter: []byte(name), Terms: &cuenta.Terms{
		Floor: cuenta.Bound{Set: true, At: floor}, Ceiling: cuenta.Bound{Set: true, At: ceiling},
	}}
}

func holdOf(name string, n, forNanoseconds int64) cuenta.Request {
	return cuenta.Request{Op: cuenta.Hold, Counter: []byte(name), N: n, Terms: &cuenta.Terms{
		Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: forNanoseconds},
	}}
}

func onHold(op cuenta.Op, name string, id uint64, n int64) cuenta.Request {
	return cuenta.Request{Op: op, Counter: []byte(name), N: n, Terms: &cuenta.Terms{
		Hold: id, Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: 1000},
	}}
}

// held is what a model knows of a counter with holds.
type heldModel struct {
	value, floor, ceiling int64
	holds                 map[uint64][2]int64 // amount, end
}

func (m *heldModel) sums() (up, down int64) {
	for _, h := range m.holds {
		up, down = up+max(0, h[0]), down+max(0, -h[0])
	}
	return up, down
}

func (m *heldModel) fits(value, up, down int64) bool {
	return value+up <= m.ceiling && value-down >= m.floor
}

// TestHoldsAgainstAModel holds, settles, releases, extends and adds at random, all or
// none at times, while time goes on, and compares.
func TestHoldsAgainstAModel(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 5))
		l := newLedger(t, 64)
		m := &heldModel{floor: -50, ceiling: 100, holds: map[uint64][2]int64{}}
		do(l, limitTo("plazas", m.floor, m.ceiling), testTime)
		now := testTime
		var ids []uint64
		for step := range 400 {
			m.step(t, l, r, &ids, now, fmt.Sprint("seed ", seed, " step ", step))
			if r.IntN(8) == 0 {
				now += r.Int64N(1 << 30)
				for l.Lapse(now, 10) {
				}
				// The wheel may keep what has ended for the rest of a span.
				for id, h := range m.holds {
					if _, _, there := l.holds.Find(0, id); !there {
						if h[1] > now {
							t.Fatalf("seed %d: hold %d ended %d ns early", seed, id, h[1]-now)
						}
						delete(m.holds, id)
					} else if h[1] < now-1<<28 {
						t.Fatalf("seed %d: hold %d is there %d ns after its end", seed, id, now-h[1])
					}
				}
			}
			m.compare(t, l, now, fmt.Sprint("seed ", seed, " step ", step))
		}
	}
}

func (m *heldModel) step(t *testing.T, l *Ledger, r *rand.Rand, ids *[]uint64, now int64, where string) {
	t.Helper()
	up, down := m.sums()
	id := uint64(r.IntN(20))
	if len(*ids) > 0 && r.IntN(5) > 0 {
		id = (*ids)[len(*ids)-1-r.IntN(min(10, len(*ids)))]
	}
	h, there := m.holds[id]
	n := r.Int64N(60) - 30
	switch r.IntN(6) {
	case 0, 1:
		life := 1 + r.Int64N(1<<31)
		out := do(l, holdOf("plazas", n, life), now)
		fits := n != 0 && m.fits(m.value, up+max(0, n), down+max(0, -n))
		if (out.Code == cuenta.OK) != fits {
			t.Fatalf("%s: held %d: %+v", where, n, out)
		}
		if fits {
			m.holds[out.Revision] = [2]int64{n, now + life}
			*ids = append(*ids, out.Revision)
		}
	case 2:
		out := do(l, onHold(cuenta.Settle, "plazas", id, n), now)
		without := m.fits(m.value+n, up-max(0, h[0]), down-max(0, -h[0])) || n == 0
		switch {
		case !there && out.Code != cuenta.NoHold, there && (out.Code == cuenta.OK) != without:
			t.Fatalf("%s: settled %d with %d of %d: %+v", where, id, n, h[0], out)
		case out.Code == cuenta.OK:
			m.value += n
			delete(m.holds, id)
		}
	case 3:
		if out := do(l, onHold(cuenta.Release, "plazas", id, 0), now); (out.Code == cuenta.OK) != there {
			t.Fatalf("%s: released %d: %+v", where, id, out)
		}
		delete(m.holds, id)
	case 4:
		if out := do(l, onHold(cuenta.Extend, "plazas", id, 0), now); (out.Code == cuenta.OK) != there {
			t.Fatalf("%s: extended %d: %+v", where, id, out)
		} else if there {
			m.holds[id] = [2]int64{h[0], now + 1000}
		}
	case 5:
		m.aborted(t, l, id, now)
		out := do(l, cuenta.Request{Op: cuenta.Add, Counter: []byte("plazas"), N: n}, now)
		if fits := m.fits(m.value+n, up, down); (out.Code == cuenta.OK) != fits {
			t.Fatalf("%s: added %d: %+v", where, n, out)
		} else if fits {
			m.value += n
		}
	}
}

// aborted has a run taken back that makes, settles and ends holds, and the counter.
func (m *heldModel) aborted(t *testing.T, l *Ledger, id uint64, now int64) {
	t.Helper()
	name := []byte("plazas")
	span := []cuenta.Request{
		holdOf("plazas", 1, 5), onHold(cuenta.Extend, "plazas", id, 0), onHold(cuenta.Release, "plazas", id, 0),
		{Op: cuenta.Delete, Counter: name}, holdOf("plazas", 7, 5), {Op: cuenta.Check, Counter: name, N: -1},
	}
	all := cuenta.Request{Op: cuenta.All, Span: uint16(len(span))}
	out := make([]cuenta.Result, len(span)+1)
	if l.ApplyAll(&all, span, now, out); out[0].Code != cuenta.Aborted {
		t.Fatalf("not aborted: %+v", out)
	}
}

func (m *heldModel) compare(t *testing.T, l *Ledger, now int64, where string) {
	t.Helper()
	terms := &cuenta.Terms{Holds: make([]cuenta.Held, 0, 3)}
	found := map[uint64][2]int64{}
	for {
		out := do(l, cuenta.Request{Op: cuenta.Describe, Counter: []byte("plazas"), Terms: terms}, now)
		up, down := m.sums()
		if out.Code != cuenta.OK || out.Value != m.value || terms.Held != up || terms.HeldDown != down {
			t.Fatalf("%s: %+v, %+v, want %d, held %d and %d", where, out, terms, m.value, up, down)
		}
		for _, h := range terms.Holds {
			found[h.ID] = [2]int64{h.Amount, h.Ends}
			terms.Hold = h.ID
		}
		if len(terms.Holds) < cap(terms.Holds) {
			break
		}
	}
	if fmt.Sprint(found) != fmt.Sprint(m.holds) {
		t.Fatalf("%s: %v, want %v", where, found, m.holds)
	}
}

func TestHoldsThatCannotBe(t *testing.T) {
	l := newLedger(t, 64)
	do(l, limitTo("a", 0, 10), testTime)
	past := holdOf("a", 1, 1)
	past.Terms.Expiry = cuenta.Expiry{Kind: cuenta.ExpireAt, Time: 5}
	for want, r := range map[string]cuenta.Request{
		"syntax: no end":        {Op: cuenta.Hold, Counter: []byte("a"), N: 1, Terms: &cuenta.Terms{}},
		"syntax: no terms":      {Op: cuenta.Hold, Counter: []byte("a"), N: 1},
		"syntax: nothing":       holdOf("a", 0, 5),
		"syntax: the least":     holdOf("a", math.MinInt64, 5),
		"past: over":            past,
		"limit: too much":       holdOf("a", 11, 5),
		"limit: below":          holdOf("a", -1, 5),
		"no-hold: never":        onHold(cuenta.Settle, "a", 99, 1),
		"no-hold: no counter":   onHold(cuenta.Release, "b", 1, 0),
		"no-hold: none named":   onHold(cuenta.Extend, "a", 0, 0),
		"syntax: settle, terms": {Op: cuenta.Settle, Counter: []byte("a"), N: 1},
	} {
		code, _, _ := strings.Cut(want, ":")
		if out := do(l, r, testTime); out.Code.String() != code {
			t.Errorf("%s: %+v", want, out)
		}
	}
	id := do(l, holdOf("a", 4, 500), testTime).Revision
	for _, c := range []struct {
		floor, ceiling int64
		code           cuenta.Code
	}{{0, 3, cuenta.Limited}, {0, 4, cuenta.OK}} {
		if out := do(l, limitTo("a", c.floor, c.ceiling), testTime); out.Code != c.code {
			t.Errorf("limits below what is held: %+v", out)
		}
	}
	if out := do(l, onHold(cuenta.Settle, "a", id, 5), testTime); out.Code != cuenta.Limited || out.Value != 4 || out.Amount != 4 {
		t.Errorf("settled with more than fits: %+v", out)
	}
	if out := do(l, onHold(cuenta.Settle, "a", id, 3), testTime); out.Code != cuenta.OK || out.Value != 3 || out.Amount != 1 {
		t.Errorf("settled: %+v", out)
	}
	if out := do(l, onHold(cuenta.Settle, "a", id, 3), testTime); out.Code != cuenta.NoHold {
		t.Errorf("settled twice: %+v", out)
	}
}
