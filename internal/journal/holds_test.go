package journal

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta/internal/disk/disktest"
)

// heldOn returns the ids of a cell's holds in order.
func (b *book) heldOn(cell uint32) (ids []uint64) {
	for h := range b.holds {
		if h.cell == cell {
			ids = append(ids, h.id)
		}
	}
	slices.Sort(ids)
	return ids
}

// changeHold makes, extends or ends a hold on a cell's counter, which has this revision
// in the end of a group.
func (b *book) changeHold(r *Record, rng *rand.Rand, cell uint32, revision uint64) {
	h := Hold{revision - rng.Uint64N(min(revision, 3)), 1 + rng.Int64N(1<<20), 1 + rng.Int64N(1<<40)}
	if rng.IntN(3) == 0 {
		h.Amount = -h.Amount
	}
	ids, what := b.heldOn(cell), rng.IntN(3)
	if len(ids) > 0 && what < 2 {
		h.ID = ids[rng.IntN(len(ids))]
	}
	if len(ids) > 0 && what == 0 {
		delete(b.holds, held{cell, h.ID})
		r.Unhold(cell, revision, h.ID)
		return
	}
	b.holds[held{cell, h.ID}] = h
	r.Hold(cell, revision, h)
}

// putHolds puts all holds into a snapshot, and calls between in the middle.
func (b *book) putHolds(s *Snapshot, between func() error) error {
	for cell := range uint32(1 << 10) {
		if cell == 20 {
			if err := between(); err != nil {
				return err
			}
		}
		for _, id := range b.heldOn(cell) {
			if err := s.PutHold(cell, b.cells[cell].revision, b.holds[held{cell, id}]); err != nil {
				return err
			}
		}
	}
	return nil
}

// saidHold is a hold that a sink was told, or one that has ended.
type saidHold struct {
	cell     uint32
	revision uint64
	hold     Hold
	ended    bool
}

type toldHolds struct {
	told
	holds []saidHold
}

func (s *toldHolds) Hold(cell uint32, revision uint64, h Hold) error {
	s.holds = append(s.holds, saidHold{cell, revision, h, false})
	return nil
}

func (s *toldHolds) Unhold(cell uint32, revision, id uint64) error {
	s.holds = append(s.holds, saidHold{cell, revision, Hold{ID: id}, true})
	return nil
}

// The holds of a snapshot may be later than what it has of their cells, and be of
// cells that it has not. What is not there any more comes again, and ends again.
func TestHoldsAheadOfTheirCells(t *testing.T) {
	c, mem := newChurn(t, 1)
	record := func(put func(r *Record)) {
		c.r.Reset(1)
		put(&c.r)
		must(t, c.j.Append(&c.r))
	}
	old, short, extended, late := Hold{1, 5, 9}, Hold{2, -1, 8}, Hold{1, 5, 99}, Hold{4, 7, 70}
	record(func(r *Record) { r.Open(1, []byte("a"), 5, 1); r.Hold(1, 1, old) })
	s, err := c.j.BeginSnapshot(1, 1, 0, 1)
	must(t, err)
	must(t, s.Put(1, []byte("a"), 5, 1))
	record(func(r *Record) { r.Set(1, 5, 2); r.Hold(1, 2, short) })
	record(func(r *Record) { r.Set(1, 5, 3); r.Hold(1, 3, extended); r.Unhold(1, 3, 2) })
	must(t, s.PutHold(1, 3, extended))
	record(func(r *Record) {
		r.Set(1, 5, 5)
		r.Hold(1, 5, late)
		r.Unhold(1, 5, 1)
		r.Open(2, []byte("b"), 1, 1)
		r.Hold(2, 1, old)
	})
	must(t, s.PutHold(2, 1, old)) // it has no such cell
	must(t, s.PutHold(1, 5, late))
	must(t, s.Commit(4))
	must(t, c.j.Close())
	var said toldHolds
	j, _, err := Open(mem, dir, &said, Options{SegmentSize: small, ByHand: true})
	must(t, err)
	must(t, j.Close())
	want := []saidHold{
		{1, 3, extended, false}, {1, 5, late, false},
		{1, 2, short, false}, {1, 3, extended, false}, {1, 3, Hold{ID: 2}, true},
		{1, 5, late, false}, {1, 5, Hold{ID: 1}, true}, {2, 1, old, false},
	}
	if !slices.Equal(said.holds, want) {
		t.Errorf("told %+v\nwant %+v", said.holds, want)
	}
}

// A snapshot that comes to a cell after its counter was deleted, and to its holds after
// another counter has some, has those of neither: the log has them all.
func TestHoldsOfCountersThatCameAndWent(t *testing.T) {
	for name, before := range map[string]bool{"walked before": true, "walked vacant": false} {
		c, mem := newChurn(t, 1)
		record := func(put func(r *Record)) {
			c.r.Reset(1)
			put(&c.r)
			must(t, c.j.Append(&c.r))
		}
		record(func(r *Record) { r.Open(1, []byte("a"), 5, 1); r.Hold(1, 1, Hold{1, 1, 1}) })
		s, err := c.j.BeginSnapshot(1, 1, 0, 1)
		must(t, err)
		if before {
			must(t, s.Put(1, []byte("a"), 5, 1))
		}
		record(func(r *Record) { r.Set(1, 5, 2); r.Hold(1, 2, Hold{2, 2, 2}); r.Unhold(1, 2, 1) })
		record(func(r *Record) { r.Drop(1, 3) })
		record(func(r *Record) { r.Open(1, []byte("b"), 6, 4); r.Hold(1, 4, Hold{4, 4, 4}) })
		must(t, s.PutHold(1, 4, Hold{4, 4, 4}))
		record(func(r *Record) { r.Set(1, 6, 6); r.Hold(1, 6, Hold{6, 6, 6}); r.Unhold(1, 6, 4) })
		must(t, s.Commit(5))
		must(t, c.j.Close())
		got := recoveredHolds(t, mem)
		if len(got.holds) != 1 || got.holds[held{1, 6}] != (Hold{6, 6, 6}) || got.cells[1].name != "b" {
			t.Errorf("%s: recovered %v, %v", name, got.cells, got.holds)
		}
	}
}

func recoveredHolds(t *testing.T, mem *disktest.FS) *book {
	t.Helper()
	got := newBook()
	j, _, err := Open(mem, dir, got, Options{SegmentSize: small, ByHand: true})
	must(t, err)
	must(t, j.Close())
	return got
}

// full is a sink that takes counters, and no holds.
type full struct{ told }

func (*full) Hold(uint32, uint64, Hold) error     { return fs.ErrInvalid }
func (*full) Unhold(uint32, uint64, uint64) error { return fs.ErrInvalid }

// What a sink refuses of holds is told with its place, in snapshots and in records.
func TestSinkRefusesHolds(t *testing.T) {
	counter, hold := block(ofCounters, 1, 1, 1, 'a', 2, 1), block(ofHolds, 1, 1, 1, 1, 2, 1)
	data := forgedSnapshot(snapshotFoot{end: 3}, counter, hold)
	s := &snapshotReader{name: "f", r: bytes.NewReader(data), size: int64(len(data)), into: &full{}, seen: new(cells), sessions: new(sessions)}
	if err := s.read(); !errors.Is(err, fs.ErrInvalid) || !strings.Contains(err.Error(), "f, block at offset 85") {
		t.Errorf("%v", err)
	}
	for _, entry := range [][]byte{{entryHold, 1, 1, 1, 2, 1}, {entryUnhold, 1, 1, 1}} {
		record := forged(stamp{history: 1, sequence: 1}, append([]byte{entryOpen, 1, 1, 'a', 2, 1}, entry...)...)
		r := &replay{into: &full{}}
		err := r.readSegment("f", 1, forgedSegment(1<<10, record))
		if !errors.Is(err, fs.ErrInvalid) || !strings.Contains(err.Error(), "f, record at offset 64") {
			t.Errorf("%x: %v", entry, err)
		}
	}
}
