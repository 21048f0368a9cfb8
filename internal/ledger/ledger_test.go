package ledger

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/shm"
)

func newLedger(t testing.TB, cells int) *Ledger {
	t.Helper()
	seg, err := shm.Create("test-cells", cells*shm.CellSize)
	if err != nil {
		t.Fatal(err)
	}
	l, err := New(shm.NewCells(seg), math.MaxUint32)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := seg.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func apply(l *Ledger, op cuenta.Op, name string, n int64) (cuenta.Result, Standing) {
	var out cuenta.Result
	s := l.Apply(&cuenta.Request{Op: op, Counter: []byte(name), N: n}, &out)
	return out, s
}

// model is the obvious ledger: numbers without bounds, in a map.
type model map[string]*struct {
	value    *big.Int
	revision uint64
}

func (m model) apply(op cuenta.Op, name string, n int64) (value int64, revision uint64, code cuenta.Code) {
	c := m[name]
	if c == nil {
		if op == cuenta.Get {
			return 0, 0, cuenta.OK
		}
		c = &struct {
			value    *big.Int
			revision uint64
		}{value: new(big.Int)}
		m[name] = c
	}
	next := c.value
	switch op {
	case cuenta.Add:
		next = new(big.Int).Add(c.value, big.NewInt(n))
	case cuenta.Reset:
		next = new(big.Int)
	}
	if !next.IsInt64() {
		if next.Sign() > 0 {
			return math.MaxInt64, c.revision, cuenta.Overflow
		}
		return math.MinInt64, c.revision, cuenta.Overflow
	}
	if op != cuenta.Get {
		c.value = next
		c.revision++
	}
	return next.Int64(), c.revision, cuenta.OK
}

func randomAmount(r *rand.Rand) int64 {
	switch r.IntN(8) {
	case 0:
		return math.MaxInt64 - r.Int64N(3)
	case 1:
		return math.MinInt64 + r.Int64N(3)
	case 2:
		return 0
	}
	return r.Int64N(2000) - 1000
}

// TestModel drives the ledger beside a naive one, with effects taken, published
// and replayed into a second ledger at random moments.
func TestModel(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		l, replica, m := newLedger(t, 10_000), newLedger(t, 10_000), model{}
		names := 1 + r.IntN(4000)
		for range 20_000 {
			name := fmt.Sprintf("n%d", r.IntN(names))
			if r.IntN(4) == 0 {
				name += strings.Repeat("x", 30) // does not fit into the cell
			}
			op := []cuenta.Op{cuenta.Get, cuenta.Add, cuenta.Add, cuenta.Add, cuenta.Reset}[r.IntN(5)]
			n := randomAmount(r)
			got, _ := apply(l, op, name, n)
			value, revision, code := m.apply(op, name, n)
			if got.Value != value || got.Revision != revision || got.Code != code {
				t.Fatalf("seed %d: %v %s %d: got %+v, want %d at revision %d, %v", seed, op, name, n, got, value, revision, code)
			}
			if r.IntN(100) == 0 {
				replay(t, l, replica)
			}
		}
		replay(t, l, replica)
		if err := replica.Restored(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for name, c := range m {
			got, standing := apply(replica, cuenta.Get, name, 0)
			if got.Value != c.value.Int64() || got.Revision != c.revision || standing != Durable {
				t.Fatalf("seed %d: replica has %s = %+v, want %v at revision %d", seed, name, got, c.value, c.revision)
			}
		}
	}
}

func replay(t *testing.T, from, to *Ledger) {
	t.Helper()
	effects := from.TakeEffects(nil)
	for range 2 { // a second time does no harm
		for _, e := range effects {
			var name []byte
			if e.Opened {
				name = from.Name(e.Cell)
			}
			if err := to.Restore(e.Cell, name, e.Value, e.Revision); err != nil {
				t.Fatal(err)
			}
		}
	}
	from.Publish(effects)
}

func TestStandingFollowsTheCommit(t *testing.T) {
	l := newLedger(t, 10)
	want := func(step string, want Standing) {
		t.Helper()
		if _, got := apply(l, cuenta.Get, "a", 0); got != want {
			t.Errorf("%s: a read stands on %d, want %d", step, got, want)
		}
	}
	want("untouched", Durable)
	apply(l, cuenta.Add, "a", 1)
	want("changed", Fresh)
	effects := l.TakeEffects(nil)
	want("taken", Taken)
	out, _ := apply(l, cuenta.Get, "a", 0)
	if value, revision, ok := l.Cell(out.Cell).Durable(out.Generation); value != 0 || revision != 0 || !ok {
		t.Errorf("before publishing, the cell shows %d at %d (%v)", value, revision, ok)
	}
	apply(l, cuenta.Add, "a", 1)
	want("changed again", Fresh)
	l.Publish(effects)
	if value, revision, _ := l.Cell(out.Cell).Durable(out.Generation); value != 1 || revision != 1 {
		t.Errorf("after publishing, the cell shows %d at %d, want 1 at 1", value, revision)
	}
	want("first change published", Fresh)
	l.Publish(l.TakeEffects(nil))
	want("all published", Durable)
}

func TestEffectsOfOneCounterMerge(t *testing.T) {
	l := newLedger(t, 10)
	for range 1000 {
		apply(l, cuenta.Add, "hot", 2)
	}
	apply(l, cuenta.Add, "", 5)
	got := l.TakeEffects(nil)
	want := []Effect{{Cell: 0, Opened: true, Value: 2000, Revision: 1000}, {Cell: 1, Opened: true, Value: 5, Revision: 1}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("effects %+v, want %+v", got, want)
	}
	if string(l.Name(1)) != cuenta.DefaultCounter {
		t.Errorf("the counter without a name is %q, want %q", l.Name(1), cuenta.DefaultCounter)
	}
	apply(l, cuenta.Add, "hot", 1)
	if got := l.TakeEffects(nil); len(got) != 1 || got[0].Opened {
		t.Errorf("second effects %+v, want one that opens nothing", got)
	}
}

func TestRefusalsChangeNothing(t *testing.T) {
	l := newLedger(t, 2)
	apply(l, cuenta.Add, "a", math.MaxInt64)
	apply(l, cuenta.Add, "b", 1)
	l.Publish(l.TakeEffects(nil))
	for _, c := range []struct {
		r    cuenta.Request
		want cuenta.Code
	}{
		{cuenta.Request{Op: cuenta.Add, Counter: []byte("a"), N: 1}, cuenta.Overflow},
		{cuenta.Request{Op: cuenta.Add, Counter: []byte("c"), N: 1}, cuenta.TooMany},
		{cuenta.Request{Op: cuenta.Add, Counter: []byte("a b"), N: 1}, cuenta.Syntax},
		{cuenta.Request{Op: cuenta.Add, Counter: []byte("a"), N: 1, Identity: []byte("x")}, cuenta.Unsupported},
		{cuenta.Request{Op: 99, Counter: []byte("a")}, cuenta.Syntax},
	} {
		var out cuenta.Result
		if l.Apply(&c.r, &out); out.Code != c.want {
			t.Errorf("%+v: %v, want %v", c.r, out.Code, c.want)
		}
	}
	if effects := l.TakeEffects(nil); len(effects) != 0 {
		t.Errorf("refusals left %+v", effects)
	}
}

func TestRestoreRefusesNonsense(t *testing.T) {
	l := newLedger(t, 4)
	for _, c := range []struct {
		cell uint32
		name string
		want string
	}{
		{9, "a", "over the limit"},
		{1, "", "before it was named"},
		{2, "a", ""},
		{2, "b", `named "a" and "b"`},
	} {
		var name []byte
		if c.name != "" {
			name = []byte(c.name)
		}
		err := l.Restore(c.cell, name, 1, 1)
		if c.want == "" && err == nil {
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("restoring cell %d %q: %v, want %q", c.cell, c.name, err, c.want)
		}
	}
	if err := l.Restored(); err == nil {
		t.Error("cells 0 and 1 are missing, and Restored found nothing")
	}
}

func TestRestoreKeepsTheNewest(t *testing.T) {
	l := newLedger(t, 4)
	for _, revision := range []uint64{5, 3, 7, 6} {
		if err := l.Restore(0, []byte("a"), int64(revision)*10, revision); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Restored(); err != nil {
		t.Fatal(err)
	}
	if out, _ := apply(l, cuenta.Get, "a", 0); out.Value != 70 || out.Revision != 7 {
		t.Errorf("restored %+v, want 70 at 7", out)
	}
}
