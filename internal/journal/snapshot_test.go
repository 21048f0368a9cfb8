package journal

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta/internal/disk/disktest"
)

func TestSnapshotReplacesLog(t *testing.T) {
	fs := disktest.New()
	j, b, _ := mustOpen(t, fs)
	rnd := rng(3)
	fill(t, j, b, rnd, 5)
	since := j.Stats().SinceSnapshot
	must(t, b.snapshot(j, 77))
	st := j.Stats()
	if st.Segments != 1 || st.SinceSnapshot != 0 || since == 0 || st.Snapshot.Counters != uint64(len(b.cells)) ||
		st.Snapshot.Time != 77 || st.Snapshot.Written != 1 || st.Snapshot.Bytes == 0 {
		t.Errorf("since was %d, now %+v", since, st)
	}
	fill(t, j, b, rnd, 7)
	must(t, b.snapshot(j, 78))
	fill(t, j, b, rnd, 8)
	names, err := fs.List(dir)
	must(t, err)
	var snapshots, segments int
	for _, n := range names {
		if strings.HasPrefix(n, snapshotPrefix) {
			snapshots++
		}
		if strings.HasPrefix(n, segmentPrefix) {
			segments++
		}
	}
	if snapshots != 1 || segments > 3 {
		t.Errorf("left: %v", names)
	}
	rec := expect(t, fs, b)
	if rec.Snapshot == "" || rec.Time < 78 {
		t.Errorf("recovery %+v", rec)
	}
	must(t, j.Close())
}

// A snapshot may hold effects behind where it begins: they come again from the
// log, openings too, and older ones than those in the snapshot.
func TestSnapshotWhileChanging(t *testing.T) {
	fs := disktest.New()
	j, b, _ := mustOpen(t, fs)
	var r Record
	change := func(cell uint32, value int64) {
		c, known := b.cells[cell]
		r.Reset(1)
		if known {
			r.Set(cell, value, c.revision+1)
		} else {
			c.name = fmt.Sprint("c", cell)
			r.Open(cell, []byte(c.name), value, 1)
		}
		b.cells[cell] = counter{c.name, value, c.revision + 1, c.terms}
		must(t, j.Append(&r))
	}
	change(0, 10)
	change(1, 20)
	s, err := j.BeginSnapshot(j.Sequence(), 2, 0, 5)
	must(t, err)
	must(t, s.Put(0, []byte("c0"), 10, 1)) // as it was
	change(0, 11)
	change(1, 21)
	change(2, 31)
	change(1, 22)
	must(t, s.Put(1, []byte("c1"), 22, 3)) // as it is
	must(t, s.Put(2, []byte("c2"), 31, 1))
	end := j.Sequence()
	change(2, 32)
	change(3, 40)
	must(t, s.Commit(end))
	expect(t, fs, b)
	must(t, j.Close())
}

func TestSnapshotRules(t *testing.T) {
	fs := disktest.New()
	j, b, _ := mustOpen(t, fs)
	defer j.Close()
	var r Record
	b.group(&r, rng(4), 1, 3, 9)
	must(t, j.Append(&r))
	if _, err := j.BeginSnapshot(2, 0, 0, 0); err == nil {
		t.Error("a snapshot of the future was begun")
	}
	s, err := j.BeginSnapshot(1, 0, 0, 0)
	must(t, err)
	if _, err := j.BeginSnapshot(1, 0, 0, 0); err == nil {
		t.Error("a second snapshot was begun")
	}
	must(t, s.Put(4, []byte("a"), 1, 1))
	if err := s.Put(4, []byte("b"), 1, 1); err == nil {
		t.Error("a cell was put twice")
	}
	if err := s.Commit(1); err == nil {
		t.Error("a failed snapshot was committed")
	}
	for _, end := range []uint64{0, 2} {
		s, err = j.BeginSnapshot(1, 0, 0, 0)
		must(t, err)
		if err := s.Commit(end); err == nil {
			t.Errorf("a snapshot from 1 to %d was committed with the log at 1", end)
		}
	}
	s, err = j.BeginSnapshot(1, 0, 0, 0)
	must(t, err)
	s.Abort()
	s.Abort()
	if st := j.Stats(); st.Snapshot.Aborted != 4 || st.Snapshot.Written != 0 {
		t.Errorf("%+v", st.Snapshot)
	}
	names, err := fs.List(dir)
	must(t, err)
	if strings.Contains(fmt.Sprint(names), snapshotPrefix) {
		t.Errorf("left: %v", names)
	}
}

// A snapshot never takes the place of one that begins later.
func TestSnapshotOlderThanTheLast(t *testing.T) {
	fs := disktest.New()
	j, b, _ := mustOpen(t, fs)
	fill(t, j, b, rng(1), 3)
	must(t, b.snapshot(j, 1))
	if _, err := j.BeginSnapshot(j.Sequence()-1, 0, 0, 1); err == nil {
		t.Error("an older snapshot was begun")
	}
	must(t, j.Close())
	j, b, _ = mustOpen(t, fs) // one that is known from the directory only
	if _, err := j.BeginSnapshot(1, 0, 0, 1); err == nil {
		t.Error("an older snapshot was begun after a start")
	}
	must(t, b.snapshot(j, 2))
	expect(t, fs, b)
	must(t, j.Close())
}
