package ledger

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/identity"
	"github.com/cuenta-server/cuenta/internal/shm"
)

func newLedger(t testing.TB, cells int) *Ledger {
	t.Helper()
	seg, err := shm.Create("test-cells", cells*shm.CellSize)
	if err != nil {
		t.Fatal(err)
	}
	l, err := New(shm.NewCells(seg), math.MaxUint32, identity.Config{})
	if err != nil {
		t.Fatal(err)
	}
	l.RecordTo(new(heard))
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

// heard is how to give back to a memory of identities what a recorder was told.
type heard []func(*identity.Memory) error

func (h *heard) Session(id uint64) {
	*h = append(*h, func(m *identity.Memory) error { return m.RestoreSession(id, 1, testTime) })
}

func (h *heard) Answer(session, number, lowest uint64, a *identity.Answer) {
	is := *a
	*h = append(*h, func(m *identity.Memory) error { return m.RestoreAnswer(session, number, lowest, is, testTime) })
}

func (h *heard) Key(key []byte, a *identity.Answer) {
	name, is := bytes.Clone(key), *a
	*h = append(*h, func(m *identity.Memory) error { return m.RestoreKey(name, is, testTime, 0) })
}

const testTime = int64(1_800_000_000_000_000_000)

// take takes the effects on cells.
func take(l *Ledger) []Effect {
	var e Effects
	l.TakeEffects(&e)
	return e.Cells
}

// land takes the effects on cells and publishes them.
func land(l *Ledger) []Effect {
	cells := take(l)
	publish(l, cells)
	return cells
}

func publish(l *Ledger, cells []Effect) { l.Publish(&Effects{Cells: cells}) }

func apply(l *Ledger, op cuenta.Op, name string, n int64) (cuenta.Result, Standing) {
	var out cuenta.Result
	r := cuenta.Request{Op: op, Counter: []byte(name), N: n}
	s := l.Apply(&r, l.Hash(&r), testTime, &out)
	return out, s
}

// model is the obvious ledger: numbers without bounds, in a map.
type model struct {
	counters map[string]*modelCounter
	floor    uint64
}

type modelCounter struct {
	value    *big.Int
	revision uint64
}

func newModel() *model { return &model{counters: map[string]*modelCounter{}} }

func (m *model) apply(r cuenta.Request) cuenta.Result {
	name := string(r.Counter)
	c := m.counters[name]
	now := cuenta.Result{}
	if c != nil {
		now = cuenta.Result{Value: c.value.Int64(), Revision: c.revision}
	}
	refused := func(code cuenta.Code, value int64) cuenta.Result {
		return cuenta.Result{Code: code, Value: value, Revision: now.Revision}
	}
	switch {
	case r.Op == cuenta.Get:
		return now
	case r.Op == cuenta.Check && now.Revision != uint64(r.N):
		return refused(cuenta.Unmet, now.Value)
	case r.Op == cuenta.Check:
		return now
	case r.Op == cuenta.Delete && c == nil:
		return now
	case r.Op == cuenta.Delete:
		delete(m.counters, name)
		m.floor = max(m.floor, c.revision+1)
		return cuenta.Result{Value: now.Value, Revision: c.revision + 1}
	case r.If == cuenta.IfAbsent && c != nil, r.If == cuenta.IfPresent && c == nil:
		return refused(cuenta.Unmet, now.Value)
	}
	if c == nil {
		c = &modelCounter{new(big.Int), m.floor}
	}
	next := new(big.Int)
	switch r.Op {
	case cuenta.Add:
		next.Add(c.value, big.NewInt(r.N))
	case cuenta.Set:
		next.SetInt64(r.N)
	}
	if !next.IsInt64() {
		if next.Sign() > 0 {
			return refused(cuenta.Overflow, math.MaxInt64)
		}
		return refused(cuenta.Overflow, math.MinInt64)
	}
	m.counters[name] = &modelCounter{next, c.revision + 1}
	return cuenta.Result{Value: next.Int64(), Revision: c.revision + 1}
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

func randomRequest(r *rand.Rand, names int) cuenta.Request {
	name := fmt.Sprintf("n%d", r.IntN(names))
	if r.IntN(4) == 0 {
		name += strings.Repeat("x", 30) // does not fit into the cell
	}
	request := cuenta.Request{Counter: []byte(name), N: randomAmount(r)}
	switch r.IntN(12) {
	case 0, 1:
		request.Op = cuenta.Get
	case 2:
		request.Op = cuenta.Reset
	case 3, 4:
		request.Op = cuenta.Delete
	case 5:
		request.Op, request.N = cuenta.Check, r.Int64N(4)
	case 6, 7:
		request.Op, request.If = cuenta.Set, cuenta.Condition(r.IntN(3))
	default:
		request.Op = cuenta.Add
	}
	return request
}

// TestModel drives the ledger beside a naive one, with effects taken, published
// and replayed into a second ledger at random moments.
func TestModel(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 1))
		names := 1 + r.IntN(4000)
		// Just enough cells: those of deleted counters have to be used again.
		l, replica, m := newLedger(t, 2*names), newLedger(t, 2*names), newModel()
		var flight []Effect // taken, not landed yet
		for range 20_000 {
			request := randomRequest(r, names)
			var got cuenta.Result
			l.Apply(&request, l.Hash(&request), testTime, &got)
			want := m.apply(request)
			if alive := got.Generation != 0; alive != (m.counters[string(request.Counter)] != nil) {
				t.Fatalf("seed %d: after %v %s, alive %v", seed, request.Op, request.Counter, alive)
			}
			got.Cell, got.Generation = 0, 0
			if got != want {
				t.Fatalf("seed %d: %v %s %d: got %+v, want %+v", seed, request.Op, request.Counter, request.N, got, want)
			}
			if r.IntN(50) == 0 {
				publish(l, flight)
				flight = take(l)
				replay(t, l, replica, flight)
			}
		}
		publish(l, flight)
		effects := take(l)
		replay(t, l, replica, effects)
		publish(l, effects)
		checkReplica(t, seed, replica, m)
		checkReplica(t, seed, l, m)
	}
}

func checkReplica(t *testing.T, seed uint64, l *Ledger, m *model) {
	t.Helper()
	if l.index.Len() == 0 {
		if err := l.Restored(0); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	if int(l.Count()) != len(m.counters) || int(l.alive) != len(m.counters) || l.Floor() != m.floor {
		t.Fatalf("seed %d: %d counters above %d, want %d above %d", seed, l.Count(), l.Floor(), len(m.counters), m.floor)
	}
	for name, c := range m.counters {
		got, standing := apply(l, cuenta.Get, name, 0)
		if got.Value != c.value.Int64() || got.Revision != c.revision || standing != Durable {
			t.Fatalf("seed %d: %s = %+v (%v), want %v at revision %d", seed, name, got, standing, c.value, c.revision)
		}
	}
}

func replay(t *testing.T, from, to *Ledger, effects []Effect) {
	t.Helper()
	for range 2 { // a second time does no harm
		for _, e := range effects {
			var name []byte
			if e.Opened {
				name = from.Name(e.Cell)
			}
			var err error
			if e.Above > 0 {
				if err := to.RestoreDrop(e.Cell, e.Above); err != nil {
					t.Fatal(err)
				}
			}
			if e.Dropped {
				err = to.RestoreDrop(e.Cell, e.Revision)
			} else if to.look(e.Cell).revision <= e.Revision {
				err = to.Restore(e.Cell, name, e.Value, e.Revision)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
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
	effects := take(l)
	want("taken", Taken)
	out, _ := apply(l, cuenta.Get, "a", 0)
	if value, revision, ok := l.Cell(out.Cell).Durable(out.Generation); ok {
		t.Errorf("before publishing, the cell shows %d at %d", value, revision)
	}
	apply(l, cuenta.Add, "a", 1)
	want("changed again", Fresh)
	publish(l, effects)
	if value, revision, _ := l.Cell(out.Cell).Durable(out.Generation); value != 1 || revision != 1 {
		t.Errorf("after publishing, the cell shows %d at %d, want 1 at 1", value, revision)
	}
	want("first change published", Fresh)
	land(l)
	want("all published", Durable)
}

func TestEffectsOfOneCounterMerge(t *testing.T) {
	l := newLedger(t, 10)
	for range 1000 {
		apply(l, cuenta.Add, "hot", 2)
	}
	apply(l, cuenta.Add, "", 5)
	got := land(l)
	want := []Effect{
		{Cell: 0, Generation: 1, Opened: true, Value: 2000, Revision: 1000},
		{Cell: 1, Generation: 1, Opened: true, Value: 5, Revision: 1},
	}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("effects %+v, want %+v", got, want)
	}
	if string(l.Name(1)) != cuenta.DefaultCounter {
		t.Errorf("the counter without a name is %q, want %q", l.Name(1), cuenta.DefaultCounter)
	}
	apply(l, cuenta.Add, "hot", 1)
	if got := land(l); len(got) != 1 || got[0].Opened {
		t.Errorf("second effects %+v, want one that opens nothing", got)
	}
}

func TestRefusalsChangeNothing(t *testing.T) {
	l := newLedger(t, 2)
	apply(l, cuenta.Add, "a", math.MaxInt64)
	apply(l, cuenta.Add, "b", 1)
	land(l)
	for _, c := range []struct {
		r    cuenta.Request
		want cuenta.Code
	}{
		{cuenta.Request{Op: cuenta.Add, Counter: []byte("a"), N: 1}, cuenta.Overflow},
		{cuenta.Request{Op: cuenta.Add, Counter: []byte("c"), N: 1}, cuenta.TooMany},
		{cuenta.Request{Op: cuenta.Add, Counter: []byte("a b"), N: 1}, cuenta.Syntax},
		{cuenta.Request{Op: cuenta.Add, Counter: []byte("c"), N: 1, Identity: cuenta.Identity{Key: []byte("x")}}, cuenta.TooMany},
		{cuenta.Request{Op: cuenta.Add, Counter: []byte("a"), N: 1, Identity: cuenta.Identity{Number: 1}}, cuenta.Syntax},
		{cuenta.Request{Op: 99, Counter: []byte("a")}, cuenta.Syntax},
	} {
		var out cuenta.Result
		if l.Apply(&c.r, l.Hash(&c.r), testTime, &out); out.Code != c.want {
			t.Errorf("%+v: %v, want %v", c.r, out.Code, c.want)
		}
	}
	if effects := take(l); len(effects) != 0 {
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
		{3, strings.Repeat("long", 10), ""},
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
}

func TestRestoreKeepsTheNewest(t *testing.T) {
	l := newLedger(t, 4)
	for _, revision := range []uint64{5, 3, 7, 6} {
		if err := l.Restore(0, []byte("a"), int64(revision)*10, revision); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Restored(0); err != nil {
		t.Fatal(err)
	}
	if out, _ := apply(l, cuenta.Get, "a", 0); out.Value != 70 || out.Revision != 7 {
		t.Errorf("restored %+v, want 70 at 7", out)
	}
}

// TestDeletionIsRevealedOnlyWhenDurable follows a deletion through its commit:
// until it landed, "there is none" stands on what a power cut could take back,
// and its cell is nobody else's.
func TestDeletionIsRevealedOnlyWhenDurable(t *testing.T) {
	l := newLedger(t, 2)
	apply(l, cuenta.Add, "a", 5)
	land(l)
	if out, standing := apply(l, cuenta.Delete, "a", 0); out.Value != 5 || out.Revision != 2 || standing != Fresh {
		t.Fatalf("deletion: %+v on %v", out, standing)
	}
	absent := func(step string, want Standing) {
		t.Helper()
		if out, standing := apply(l, cuenta.Get, "a", 0); out != (cuenta.Result{}) || standing != want {
			t.Errorf("%s: %+v on %v, want nothing on %v", step, out, standing, want)
		}
	}
	absent("deleted", Fresh)
	var out cuenta.Result
	if l.ReadDurable(&cuenta.Request{Counter: []byte("a")}, &out); out.Value != 5 {
		t.Errorf("what is durable is still 5, not %+v", out)
	}
	apply(l, cuenta.Add, "b", 1) // in the second cell
	if out, _ := apply(l, cuenta.Add, "c", 1); out.Code != cuenta.TooMany {
		t.Errorf("the cell was given away before the deletion was durable: %+v", out)
	}
	effects := take(l)
	absent("taken", Taken)
	publish(l, effects)
	absent("durable", Durable)
	if l.ReadDurable(&cuenta.Request{Counter: []byte("a")}, &out); out != (cuenta.Result{}) {
		t.Errorf("the deletion is durable, and %+v is read", out)
	}
	land(l)
	out, _ = apply(l, cuenta.Add, "c", 1)
	if out.Code != cuenta.OK || out.Cell != 0 || out.Generation != 3 || out.Revision != 3 {
		t.Errorf("a new counter in the cell: %+v, want generation 3, above revision 2", out)
	}
}

// TestDeletedAndMadeAnewWithinOneGroup checks what the journal is told.
func TestDeletedAndMadeAnewWithinOneGroup(t *testing.T) {
	l := newLedger(t, 4)
	apply(l, cuenta.Add, "a", 5)
	apply(l, cuenta.Delete, "a", 0)
	if e := land(l); len(e) != 1 || !e[0].Dropped || e[0].Opened || e[0].Revision != 2 {
		t.Errorf("made and deleted: %+v", e)
	}
	apply(l, cuenta.Add, "a", 7)
	apply(l, cuenta.Delete, "a", 0)
	apply(l, cuenta.Add, "a", 8)
	if e := land(l); len(e) != 1 || e[0].Dropped || !e[0].Opened || e[0].Value != 8 || e[0].Revision != 5 || e[0].Above != 4 {
		t.Errorf("made, deleted and made: %+v", e)
	}
	apply(l, cuenta.Delete, "a", 0)
	apply(l, cuenta.Add, "a", 9)
	if e := land(l); len(e) != 1 || e[0].Dropped || !e[0].Opened || e[0].Value != 9 || e[0].Revision != 7 || e[0].Above != 6 {
		t.Errorf("deleted and made, the name known: %+v", e)
	}
}

// TestNamesComeAndGo makes and deletes counters with ever new names: neither
// cells, nor the index, nor the memory of long names may grow.
func TestNamesComeAndGo(t *testing.T) {
	l := newLedger(t, 64)
	var slots, chunks uint64
	for i := range 200_000 {
		name := fmt.Sprintf("%d-%s", i, strings.Repeat("y", i%200))
		if out, _ := apply(l, cuenta.Add, name, 1); out.Code != cuenta.OK {
			t.Fatalf("%d: %v", i, out.Code)
		}
		apply(l, cuenta.Delete, name, 0)
		if i%16 == 0 {
			land(l)
		}
		if i == 20_000 {
			slots, chunks = l.index.Memory(), l.names.Memory()
		}
	}
	if n := l.index.Memory(); n != slots || l.names.Memory() != chunks {
		t.Errorf("the index grew from %d to %d bytes, the long names from %d to %d", slots, n, chunks, l.names.Memory())
	}
}
