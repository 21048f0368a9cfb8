package journal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
)

// counter is what a cell holds.
type counter struct {
	name     string
	value    int64
	revision uint64
	terms    Terms
}

// held is one of the holds on a cell's counter.
type held struct {
	cell uint32
	id   uint64
}

// book is a Sink that keeps what it gets and insists on the contract.
type book struct {
	cells map[uint32]counter
	gone  map[uint32]uint64 // last revisions of deleted counters
	floor uint64            // the highest of them
	holds map[held]Hold
	clients
}

func newBook() *book {
	return &book{cells: map[uint32]counter{}, gone: map[uint32]uint64{}, holds: map[held]Hold{}, clients: newClients()}
}

func (b *book) clone() *book {
	return &book{maps.Clone(b.cells), maps.Clone(b.gone), b.floor, maps.Clone(b.holds), b.clients.clone()}
}

func (b *book) Floor(revision uint64) { b.floor = max(b.floor, revision) }

func (b *book) Drop(cell uint32, revision uint64) error {
	b.Floor(revision)
	if revision > b.cells[cell].revision {
		b.remove(cell)
		b.gone[cell] = max(b.gone[cell], revision)
	}
	return nil
}

func (b *book) Put(cell uint32, name []byte, value int64, revision uint64) error {
	c, known := b.cells[cell]
	if revision <= b.gone[cell] {
		return nil
	}
	if known && name != nil && c.name != string(name) && revision > c.revision || !known && name == nil {
		return fmt.Errorf("cell %d: known %v, name %q", cell, known, name)
	}
	if known && revision <= c.revision {
		return nil
	}
	if !known {
		c.name = string(name)
	}
	b.cells[cell] = counter{c.name, value, revision, c.terms}
	return nil
}

func (b *book) Terms(cell uint32, revision uint64, t Terms) error {
	c, known := b.cells[cell]
	if !known {
		return fmt.Errorf("cell %d has no counter, and terms", cell)
	}
	if revision >= c.revision {
		c.terms = t
		b.cells[cell] = c
	}
	return nil
}

func (b *book) Hold(cell uint32, revision uint64, h Hold) error {
	c, known := b.cells[cell]
	if !known {
		return fmt.Errorf("cell %d has no counter, and a hold", cell)
	}
	if revision >= c.revision {
		b.holds[held{cell, h.ID}] = h
	}
	return nil
}

func (b *book) Unhold(cell uint32, revision, id uint64) error {
	c, known := b.cells[cell]
	if !known {
		return fmt.Errorf("cell %d has no counter, and the end of a hold", cell)
	}
	if revision >= c.revision {
		delete(b.holds, held{cell, id})
	}
	return nil
}

// remove takes a counter away, and all it had.
func (b *book) remove(cell uint32) {
	delete(b.cells, cell)
	maps.DeleteFunc(b.holds, func(h held, _ Hold) bool { return h.cell == cell })
}

func (b *book) equal(other *book) bool {
	return maps.Equal(b.cells, other.cells) && b.floor == other.floor && maps.Equal(b.holds, other.holds) && b.clients.equal(&other.clients)
}

// group makes a record of n changes, most of them to cells below limit, in the
// book too.
func (b *book) group(r *Record, rng *rand.Rand, time int64, n int, limit uint32) {
	b.now = max(b.now, time)
	r.Reset(b.now)
	for range n {
		if rng.IntN(3) == 0 {
			b.change(r, rng)
			continue
		}
		cell := rng.Uint32N(limit)
		c, known := b.cells[cell]
		if known && rng.IntN(8) == 0 {
			r.Drop(cell, c.revision+1)
			b.Floor(c.revision + 1)
			b.remove(cell)
			continue
		}
		if !known {
			c.revision = b.floor
		}
		c.value += rng.Int64N(1000) - 300
		c.revision++
		if known {
			r.Set(cell, c.value, c.revision)
		} else {
			c.name = fmt.Sprintf("counter-%d-%d", cell, c.revision)
			r.Open(cell, []byte(c.name), c.value, c.revision)
		}
		if rng.IntN(4) == 0 {
			c.terms = someTerms(rng)
			r.Terms(cell, c.revision, c.terms)
		}
		b.cells[cell] = c
		for range rng.IntN(4) / 2 * 2 {
			b.changeHold(r, rng, cell, c.revision)
		}
	}
}

func bound(at int64) cuenta.Bound { return cuenta.Bound{Set: true, At: at} }

// someTerms makes terms, some of them empty.
func someTerms(rng *rand.Rand) (t Terms) {
	if rng.IntN(2) == 0 {
		t.Floor = bound(-rng.Int64N(1 << 20))
	}
	if rng.IntN(2) == 0 {
		t.Ceiling = bound(rng.Int64N(1 << 20))
	}
	if rng.IntN(2) == 0 {
		t.Expires = 1 + rng.Int64N(1<<40)
	}
	t.Total = rng.IntN(8) == 0
	return t
}

// putTerms puts the terms of all counters into a snapshot, and calls between in the
// middle.
func (b *book) putTerms(s *Snapshot, between func() error) error {
	for cell := range uint32(1 << 10) {
		if cell == 20 {
			if err := between(); err != nil {
				return err
			}
		}
		if c := b.cells[cell]; !c.terms.Empty() {
			if err := s.PutTerms(cell, c.revision, c.terms); err != nil {
				return err
			}
		}
	}
	return nil
}

// snapshot writes the book as a snapshot.
func (b *book) snapshot(j *Journal, now int64) error {
	at := j.Sequence()
	s, err := j.BeginSnapshot(at, uint64(len(b.cells)), b.floor, now)
	if err != nil {
		return err
	}
	for cell := range uint32(1 << 10) {
		if c, ok := b.cells[cell]; ok {
			if err := s.Put(cell, []byte(c.name), c.value, c.revision); err != nil {
				return err
			}
		}
	}
	if err := errors.Join(b.putTerms(s, nothing), b.putHolds(s, nothing)); err != nil {
		return err
	}
	if err := b.put(s, nothing); err != nil {
		return err
	}
	return s.Commit(at)
}

const (
	dir   = "/data"
	small = 2048 // bytes of a segment
)

// mustOpen opens the journal in dir, with the state of its data directory.
func mustOpen(t testing.TB, fs disk.FS) (*Journal, *book, Recovery) {
	t.Helper()
	b := newBook()
	j, rec, err := Open(fs, dir, b, Options{SegmentSize: small})
	if err != nil {
		t.Fatal(err)
	}
	return j, b, rec
}

// append appends once there is room.
func appendWhenRoom(j *Journal, r *Record) error {
	for {
		switch err := j.Room(int64(r.Len())); {
		case err == nil:
			return j.Append(r)
		case !errors.Is(err, ErrWait):
			return err
		}
		if err := j.AwaitRoom(context.Background()); err != nil {
			return err
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func rng(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// expect recovers a copy of the file system and compares with the book.
func expect(t testing.TB, fs *disktest.FS, want *book) Recovery {
	t.Helper()
	j, got, rec := mustOpen(t, fs.Crash(100, 1))
	if !got.equal(want) {
		t.Fatalf("recovered %v\nwant %v", got.cells, want.cells)
	}
	must(t, j.Close())
	return rec
}

// fill appends groups until the log has reached a segment.
func fill(t testing.TB, j *Journal, b *book, rnd *rand.Rand, segment uint64) (groups int) {
	t.Helper()
	var r Record
	for now := int64(1); j.Stats().Active < segment; now++ {
		b.group(&r, rnd, now, 1+rnd.IntN(5), 40)
		must(t, appendWhenRoom(j, &r))
		groups++
	}
	return groups
}
