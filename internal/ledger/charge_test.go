package ledger

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
)

func declare(name string, ceiling int64) cuenta.Request {
	r := limitTo(name, math.MinInt64+1, ceiling)
	r.Terms.Total = true
	return r
}

// TestChargesAgainstAModel charges leaves of a small tree, clamped or not, within runs
// that are taken back or not, and compares all values.
func TestChargesAgainstAModel(t *testing.T) {
	leaves := []string{"a/b/c", "a/b/d", "a/e", "a/b", "f/g", "a//c", "a/b/c/h"}
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 7))
		l := newLedger(t, 64)
		ceilings := map[string]int64{"a": 100 + r.Int64N(100), "a/b": 50 + r.Int64N(100), "f": 1 << 40}
		values := map[string]int64{}
		for name, ceiling := range ceilings {
			if out := do(l, declare(name, ceiling), testTime); out.Code != cuenta.OK {
				t.Fatalf("%+v", out)
			}
		}
		if l.Totals() != len(ceilings) {
			t.Fatalf("%d totals", l.Totals())
		}
		for range 200 {
			leaf := leaves[r.IntN(len(leaves))]
			n, clamp := r.Int64N(60)-20, r.IntN(2) == 0
			request := cuenta.Request{Op: cuenta.Add, Counter: []byte(leaf), N: n}
			if clamp {
				request.Terms = &cuenta.Terms{Clamp: true}
			}
			span := []cuenta.Request{request, {Op: cuenta.Check, Counter: []byte("?"), N: 1}}
			l.ApplyAll(&cuenta.Request{Op: cuenta.All, Span: 2}, span, testTime, make([]cuenta.Result, 3))
			fits, level := chargeModel(ceilings, values, leaf, n, clamp)
			out := do(l, request, testTime)
			switch {
			case clamp && (out.Code != cuenta.OK || out.Amount != fits), !clamp && fits == n && out.Code != cuenta.OK:
				t.Fatalf("seed %d: %s by %d: %+v, want %d", seed, leaf, n, out, fits)
			case !clamp && fits != n:
				if out.Code != cuenta.Limited || out.Amount != fits || out.Level != level {
					t.Fatalf("seed %d: %s by %d: %+v, want %d, level %d", seed, leaf, n, out, fits, level)
				}
				continue
			}
			for name := range above(leaf) {
				if _, declared := ceilings[name]; declared || name == leaf {
					values[name] += fits
				}
			}
		}
		for name, want := range values {
			if got, _ := apply(l, cuenta.Get, name, 0); got.Value != want {
				t.Errorf("seed %d: %s is %d, want %d", seed, name, got.Value, want)
			}
		}
	}
}

// above returns a name and all above it.
func above(name string) map[string]int {
	names := map[string]int{name: 0}
	for level := 1; ; level++ {
		i := strings.LastIndexByte(name, '/')
		if i <= 0 {
			return names
		}
		name = name[:i]
		names[name] = level
	}
}

// chargeModel returns how much of a charge fits, and if not all of it does and it is
// not clamped, at which level it does not: the nearest total that refuses, then the
// counter itself.
func chargeModel(ceilings, values map[string]int64, leaf string, n int64, clamp bool) (fits int64, level uint8) {
	fits = n
	for at := 1; at <= strings.Count(leaf, "/"); at++ {
		for name, l := range above(leaf) {
			if ceiling, declared := ceilings[name]; declared && l == at && ceiling-values[name] < fits {
				if fits = ceiling - values[name]; !clamp {
					return fits, uint8(at)
				}
			}
		}
	}
	if ceiling, limited := ceilings[leaf]; limited && ceiling-values[leaf] < fits {
		fits = ceiling - values[leaf]
	}
	return fits, 0
}

// TestOverflowAnywhereAbove refuses what one total cannot hold, and changes nothing.
func TestOverflowAnywhereAbove(t *testing.T) {
	l := newLedger(t, 64)
	for _, name := range []string{"a", "a/b"} {
		do(l, cuenta.Request{Op: cuenta.Limit, Counter: []byte(name), Terms: &cuenta.Terms{Total: true}}, testTime)
	}
	apply(l, cuenta.Set, "a", math.MaxInt64-1)
	out, _ := apply(l, cuenta.Add, "a/b/c", 2)
	if out.Code != cuenta.Overflow || out.Level != 2 {
		t.Errorf("%+v", out)
	}
	for _, name := range []string{"a/b", "a/b/c"} {
		if got, _ := apply(l, cuenta.Get, name, 0); got.Value != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	deep := "a" + strings.Repeat("/x", cuenta.MaxLevels)
	if out, _ := apply(l, cuenta.Add, deep, -1); out.Code != cuenta.OK {
		t.Errorf("%d levels: %+v", cuenta.MaxLevels, out)
	}
	if out, _ := apply(l, cuenta.Add, deep+"/x", -1); out.Code != cuenta.TooLarge {
		t.Errorf("a level more: %+v", out)
	}
	for _, name := range []string{"a", "a/b"} {
		apply(l, cuenta.Delete, name, 0)
	}
	if out, _ := apply(l, cuenta.Add, deep+"/x", -1); out.Code != cuenta.OK || l.Totals() != 0 {
		t.Errorf("without totals: %+v, %d totals", out, l.Totals())
	}
}

// TestASettledHoldIsCharged settles with what the totals above have room for.
func TestASettledHoldIsCharged(t *testing.T) {
	l := newLedger(t, 64)
	do(l, declare("a", 10), testTime)
	id := do(l, holdOf("a/b", 20, 1000), testTime).Revision
	if out := do(l, onHold(cuenta.Settle, "a/b", id, 11), testTime); out.Code != cuenta.Limited || out.Level != 1 || out.Amount != 10 {
		t.Errorf("%+v", out)
	}
	if out := do(l, onHold(cuenta.Settle, "a/b", id, 7), testTime); out.Code != cuenta.OK {
		t.Errorf("%+v", out)
	}
	if got := fmt.Sprint(do(l, cuenta.Request{Op: cuenta.Get, Counter: []byte("a")}, testTime).Value); got != "7" {
		t.Errorf("the total is %s", got)
	}
}

// TestARepeatTellsWhoseLimitItWas: as the first answer did, with a key and in a session;
// and of the counter's own limit the revision.
func TestARepeatTellsWhoseLimitItWas(t *testing.T) {
	l := newLedger(t, 64)
	open(t, l, 5)
	do(l, declare("a", 10), testTime)
	do(l, limitTo("a/b/c", 0, 5), testTime)
	for i, c := range []struct {
		n     int64
		level uint8
	}{{11, 0}, {4, 2}, {-1, 0}} {
		apply(l, cuenta.Set, "a", 8)
		for _, id := range []cuenta.Identity{key(fmt.Sprint("k", i)), {Session: 5, Number: uint64(1 + i)}} {
			if i == 0 { // beyond the counter's own limit, with room above
				apply(l, cuenta.Set, "a", -9)
			}
			first, _ := one(l, request(cuenta.Add, "a/b/c", c.n, id))
			again, s := one(l, request(cuenta.Add, "a/b/c", c.n, id))
			if first.Code != cuenta.Limited || first.Level != c.level || s != Fresh {
				t.Errorf("%+v: %+v", c, first)
			}
			first.Replayed, first.Cell, first.Generation = true, 0, 0
			if again != first {
				t.Errorf("%+v: the repeat says %+v, not %+v", c, again, first)
			}
		}
	}
}
