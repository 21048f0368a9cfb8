package journal

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cuenta-server/cuenta/internal/disk/disktest"
)

// churn changes few counters often, in a log and in a book.
type churn struct {
	t   *testing.T
	rng *rand.Rand
	j   *Journal
	b   *book
	r   Record

	cells uint32 // that may be used
}

func newChurn(t *testing.T, seed uint64) (*churn, *disktest.FS) {
	mem := disktest.New()
	b := newBook()
	j, _, err := Open(mem, dir, b, Options{SegmentSize: small, ByHand: true})
	must(t, err)
	return &churn{t: t, rng: rng(seed), j: j, b: b, cells: 4}, mem
}

// groups appends up to n records.
func (c *churn) groups(n int) {
	for range c.rng.IntN(n + 1) {
		c.r.Reset(1)
		for range 1 + c.rng.IntN(4) {
			c.change(c.rng.Uint32N(c.cells))
		}
		c.j.MakeNext()
		must(c.t, c.j.Append(&c.r))
	}
}

// change makes, changes or deletes a counter, or gives it terms and holds.
func (c *churn) change(cell uint32) {
	x, known := c.b.cells[cell]
	what := c.rng.IntN(5)
	if known && what == 0 {
		c.r.Drop(cell, x.revision+1)
		c.b.Floor(x.revision + 1)
		c.b.remove(cell)
		return
	}
	if known {
		x.revision += 1 + c.rng.Uint64N(3) // the last of some, as a group has it
		if what > 2 {
			x.value += c.rng.Int64N(100)
		}
		c.r.Set(cell, x.value, x.revision)
	} else {
		x.revision = c.b.floor + 1
		x.name = fmt.Sprint("c", cell, "-", x.revision)
		c.r.Open(cell, []byte(x.name), 0, x.revision)
	}
	if what < 3 {
		x.terms = someTerms(c.rng)
		c.r.Terms(cell, x.revision, x.terms)
	}
	c.b.cells[cell] = x
	for range c.rng.IntN(4) {
		c.b.changeHold(&c.r, c.rng, cell, x.revision)
	}
}

// walk writes a snapshot, with changes between all that it says.
func (c *churn) walk() {
	c.groups(8)
	s, err := c.j.BeginSnapshot(c.j.Sequence(), 0, c.b.floor, 1)
	must(c.t, err)
	used := c.cells
	c.cells += 2
	for cell := range used {
		c.groups(2)
		if x, ok := c.b.cells[cell]; ok {
			must(c.t, s.Put(cell, []byte(x.name), x.value, x.revision))
		}
	}
	for _, cell := range c.rng.Perm(int(c.cells)) {
		c.groups(2)
		if x := c.b.cells[uint32(cell)]; !x.terms.Empty() {
			must(c.t, s.PutTerms(uint32(cell), x.revision, x.terms))
		}
	}
	c.walkHolds(s)
	end := c.j.Sequence()
	c.groups(3)
	must(c.t, s.Commit(end))
	c.groups(8)
}

// walkHolds puts holds place by place. They stay where they are, so one that is there
// all the time is met, and one that is made meanwhile, or ended, may be or not.
func (c *churn) walkHolds(s *Snapshot) {
	const places = 12
	for at := range uint64(places) {
		c.groups(2)
		for cell := range c.cells {
			for _, id := range c.b.heldOn(cell) {
				if (uint64(cell)*5+id*7)%places == at {
					must(c.t, s.PutHold(cell, c.b.cells[cell].revision, c.b.holds[held{cell, id}]))
				}
			}
		}
	}
}

// onlooker is a book that counts the cases in which the order matters.
type onlooker struct {
	*book
	terms, holds, ends met
	snapshot           map[uint32]uint64
	nowhere            int // ends of holds that were not there
}

// met is how many came of a later revision than the cell's; were put back; were passed over.
type met struct{ ahead, back, old int }

func (m *met) all() bool { return m.ahead > 0 && m.back > 0 && m.old > 0 }

func (m *met) add(n met) { m.ahead, m.back, m.old = m.ahead+n.ahead, m.back+n.back, m.old+n.old }

func (m *met) count(o *onlooker, cell uint32, revision uint64) {
	switch at := o.cells[cell].revision; {
	case revision > at:
		m.ahead++
		o.snapshot[cell] = max(o.snapshot[cell], revision)
	case revision < at:
		m.old++
	case revision < o.snapshot[cell]:
		m.back++
	}
}

func (o *onlooker) Terms(cell uint32, revision uint64, t Terms) error {
	o.terms.count(o, cell, revision)
	return o.book.Terms(cell, revision, t)
}

func (o *onlooker) Hold(cell uint32, revision uint64, h Hold) error {
	o.holds.count(o, cell, revision)
	return o.book.Hold(cell, revision, h)
}

func (o *onlooker) Unhold(cell uint32, revision, id uint64) error {
	o.ends.count(o, cell, revision)
	if _, ok := o.book.holds[held{cell, id}]; !ok && revision >= o.cells[cell].revision {
		o.nowhere++
	}
	return o.book.Unhold(cell, revision, id)
}

// TestTermsWhileChanging takes snapshots while counters come, go, change and get
// terms and holds, all in every order. A crash afterwards loses nothing.
func TestTermsWhileChanging(t *testing.T) {
	var all onlooker
	for seed := range uint64(1000) {
		c, mem := newChurn(t, seed)
		c.walk()
		if seed%2 == 0 {
			c.walk()
		}
		must(t, c.j.Close())
		got := &onlooker{book: newBook(), snapshot: map[uint32]uint64{}}
		j, _, err := Open(mem, dir, got, Options{SegmentSize: small, ByHand: true})
		must(t, err)
		must(t, j.Close())
		if !got.equal(c.b) {
			t.Fatalf("seed %d: recovered %+v, %v\nwant %+v, %v", seed, got.cells, got.book.holds, c.b.cells, c.b.holds)
		}
		must(t, Check(mem, dir, unheard))
		all.terms.add(got.terms)
		all.holds.add(got.holds)
		all.ends.add(got.ends)
		all.nowhere += got.nowhere
	}
	if !all.terms.all() || !all.holds.all() || all.ends.back == 0 || all.ends.old == 0 || all.nowhere == 0 {
		t.Errorf("met terms %+v, holds %+v, ends of holds %+v, %d of them of none", all.terms, all.holds, all.ends, all.nowhere)
	}
}

// The terms of a snapshot may be later than what it has of their cells, and be of
// cells that it has not. The log takes them back where it has older ones, and then
// forward again.
func TestTermsAheadOfTheirCells(t *testing.T) {
	first, second, third := Terms{Expires: 1}, Terms{Ceiling: bound(2)}, Terms{Floor: bound(3), Expires: 3}
	c, mem := newChurn(t, 1)
	record := func(put func(r *Record)) {
		c.r.Reset(1)
		put(&c.r)
		must(t, c.j.Append(&c.r))
	}
	record(func(r *Record) { r.Open(1, []byte("a"), 5, 1); r.Terms(1, 1, first) })
	s, err := c.j.BeginSnapshot(1, 1, 0, 1)
	must(t, err)
	must(t, s.Put(1, []byte("a"), 5, 1))
	record(func(r *Record) { r.Set(1, 5, 2); r.Terms(1, 2, second) })
	record(func(r *Record) {
		r.Set(1, 5, 3)
		r.Terms(1, 3, third)
		r.Open(2, []byte("b"), 1, 1)
		r.Terms(2, 1, first)
	})
	must(t, s.PutTerms(2, 1, first)) // it has no such cell
	must(t, s.PutTerms(1, 3, third))
	must(t, s.Commit(3))
	must(t, c.j.Close())
	var said toldTerms
	j, _, err := Open(mem, dir, &said, Options{SegmentSize: small, ByHand: true})
	must(t, err)
	must(t, j.Close())
	want := []saidTerms{{1, 3, third}, {1, 2, second}, {1, 3, third}, {2, 1, first}}
	if !slices.Equal(said.terms, want) {
		t.Errorf("told %+v\nwant %+v", said.terms, want)
	}
}

// saidTerms are terms that a sink was told.
type saidTerms struct {
	cell     uint32
	revision uint64
	terms    Terms
}

type toldTerms struct {
	told
	terms []saidTerms
}

func (s *toldTerms) Terms(cell uint32, revision uint64, t Terms) error {
	s.terms = append(s.terms, saidTerms{cell, revision, t})
	return nil
}
