package journal

import (
	"errors"
	"io/fs"
	"math"
	"path"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
)

func TestRoundTrip(t *testing.T) {
	fs := disktest.New()
	j, _, rec := mustOpen(t, fs)
	if rec.Sequence != 0 || rec.Counters != 0 || !rec.Sealed || rec.Cut != nil || rec.History == 0 {
		t.Errorf("recovery of nothing: %+v", rec)
	}
	want := map[uint32]counter{
		0:              {"cuenta", 13, 4, Terms{Floor: cuenta.Bound{Set: true}}},
		7:              {strings.Repeat("n", 255), math.MinInt64, math.MaxUint64, Terms{}},
		math.MaxUint32: {"ñandú", math.MaxInt64, 1, Terms{bound(math.MinInt64), bound(math.MaxInt64), false, math.MaxInt64}},
	}
	var r Record
	r.Reset(50)
	r.Open(0, []byte("cuenta"), 4, 1)
	r.Open(7, []byte(want[7].name), math.MinInt64, math.MaxUint64)
	must(t, j.Append(&r))
	r.Reset(40) // time never goes back
	r.Open(math.MaxUint32, []byte("ñandú"), math.MaxInt64, 1)
	r.Terms(math.MaxUint32, 1, want[math.MaxUint32].terms)
	r.Set(0, 13, 3)
	r.Terms(0, 3, Terms{bound(1), bound(2), true, 3})
	r.Set(0, 13, 4)
	r.Terms(0, 4, want[0].terms)
	r.Hold(0, 4, Hold{3, math.MinInt64, math.MaxInt64})
	r.Hold(0, 4, Hold{1, 1, 1})
	r.Hold(0, 4, Hold{4, 5, 6})
	r.Hold(0, 4, Hold{1, -2, 3})
	r.Unhold(0, 4, 4)
	must(t, j.Append(&r))
	if j.Sequence() != 2 {
		t.Errorf("sequence %d after two records", j.Sequence())
	}
	must(t, j.Seal())
	if err := j.Append(&r); !errors.Is(err, ErrClosed) {
		t.Errorf("append after seal: %v", err)
	}
	must(t, j.Close())
	if err := j.Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("second close: %v", err)
	}

	j, b, again := mustOpen(t, fs)
	holds := map[held]Hold{{0, 3}: {3, math.MinInt64, math.MaxInt64}, {0, 1}: {1, -2, 3}}
	if !b.equal(&book{cells: want, holds: holds}) {
		t.Errorf("recovered %v, %v", b.cells, b.holds)
	}
	if again.History != rec.History || again.Time != 50 || again.Sequence != 3 || again.Records != 3 ||
		again.Counters != 3 || !again.Sealed || again.Segments != 1 {
		t.Errorf("recovery %+v", again)
	}
	must(t, j.Close())
}

func TestRolling(t *testing.T) {
	fs := disktest.New()
	j, b, _ := mustOpen(t, fs)
	groups := fill(t, j, b, rng(1), 20)
	st := j.Stats()
	if st.Segments != 20 || st.Records != uint64(groups+19) || st.Sequence != uint64(groups+19) || st.Syncs != st.Records {
		t.Errorf("after %d groups: %+v", groups, st)
	}
	if rec := expect(t, fs, b); rec.Sealed || rec.Cut != nil || rec.Segments < 20 {
		t.Errorf("recovery of an open log: %+v", rec)
	}
	must(t, j.Seal())
	must(t, j.Close())
	if rec := expect(t, fs, b); !rec.Sealed || rec.Records != groups+20 {
		t.Errorf("recovery of a sealed log: %+v", rec)
	}
}

// A log lives through many starts, clean and not, and with other segment sizes.
func TestManyStarts(t *testing.T) {
	fs := disktest.New()
	want, rnd := newBook(), rng(2)
	var r Record
	for i := range 12 {
		got := newBook()
		j, _, err := Open(fs, dir, got, Options{SegmentSize: small + int64(i%3)*512})
		must(t, err)
		if !got.equal(want) {
			t.Fatalf("start %d: %v, want %v", i, got.cells, want.cells)
		}
		for range i * 2 {
			want.group(&r, rnd, 1, 4, 30)
			must(t, appendWhenRoom(j, &r))
		}
		if i%2 == 0 {
			must(t, j.Seal())
		}
		if i%5 == 4 {
			if err := want.snapshot(j, 1); err != nil && !errors.Is(err, ErrClosed) {
				t.Fatal(err)
			}
		}
		must(t, j.Close())
	}
}

func TestNamesThatDoNotFit(t *testing.T) {
	j, _, _ := mustOpen(t, disktest.New())
	defer j.Close()
	for _, name := range []string{"", strings.Repeat("x", 256)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a record took a name of %d bytes", len(name))
				}
			}()
			new(Record).Open(1, []byte(name), 1, 1)
		}()
		s, err := j.BeginSnapshot(0, 0, 0, 0)
		must(t, err)
		if err := s.Put(1, []byte(name), 1, 1); err == nil {
			t.Errorf("a snapshot took a name of %d bytes", len(name))
		}
	}
}

// Every start takes a segment, however little is written, so what a snapshot
// would free is what tells when one is due.
func TestStartsCount(t *testing.T) {
	fs := disktest.New()
	for i := range int64(5) {
		j, b, _ := mustOpen(t, fs)
		if since := j.Stats().SinceSnapshot; since != i*small {
			t.Errorf("start %d: %d bytes since the last snapshot", i, since)
		}
		if i == 4 {
			must(t, b.snapshot(j, 1))
		}
		must(t, j.Seal())
		must(t, j.Close())
	}
	j, _, rec := mustOpen(t, fs)
	if since := j.Stats().SinceSnapshot; since != small || rec.Segments != 1 {
		t.Errorf("after a snapshot: %d bytes since, %+v", since, rec)
	}
	must(t, j.Close())
}

func TestLocked(t *testing.T) {
	fs := disktest.New()
	j, _, _ := mustOpen(t, fs)
	_, _, err := Open(fs, dir, newBook(), Options{})
	if !errors.Is(err, disk.ErrLocked) || !strings.Contains(err.Error(), "a server is using the data directory /data") {
		t.Errorf("second open: %v", err)
	}
	if err := Check(fs, dir, unheard); !errors.Is(err, disk.ErrLocked) {
		t.Errorf("check: %v", err)
	}
	must(t, j.Close())
	j, _, _ = mustOpen(t, fs)
	must(t, j.Close())
}

func TestCannotWrite(t *testing.T) {
	for _, op := range []disktest.Op{disktest.Mkdir, disktest.Lock, disktest.Create, disktest.Rename} {
		mem := disktest.New()
		is := func(c disktest.Call) bool { return c.Op == op }
		mem.FailNth(1, is, &fs.PathError{Op: "open", Path: dir, Err: fs.ErrPermission})
		_, _, err := Open(mem, dir, newBook(), Options{SegmentSize: small})
		if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "the data directory /data cannot be written") {
			t.Errorf("%s: %v", op, err)
		}
		j, _, _ := mustOpen(t, mem) // the lock was given up
		must(t, j.Close())
	}
}

func TestDiskFullAtStart(t *testing.T) {
	fs := disktest.New()
	fs.SetSpace(small)
	_, _, err := Open(fs, dir, newBook(), Options{SegmentSize: 2 * small})
	if !disk.IsFull(err) || !strings.Contains(err.Error(), "make room and start again") {
		t.Errorf("start on a full disk: %v", err)
	}
	if fs.Used() != 0 {
		t.Errorf("%d bytes left behind", fs.Used())
	}
}

func TestSegmentSize(t *testing.T) {
	for _, size := range []int64{-1, 1, minSegment - 1, maxSegment + 1} {
		if _, _, err := Open(disktest.New(), dir, newBook(), Options{SegmentSize: size}); err == nil {
			t.Errorf("segments of %d bytes were accepted", size)
		}
	}
}

// A failure of the log is for good, whatever comes after it.
func TestFailedForGood(t *testing.T) {
	for _, op := range []disktest.Op{disktest.Write, disktest.Sync} {
		for _, torn := range []int{-1, 0, 30, 1 << 20} {
			mem := disktest.New()
			j, b, _ := mustOpen(t, mem)
			var r Record
			b.group(&r, rng(5), 1, 3, 9)
			must(t, j.Append(&r))
			s, err := j.BeginSnapshot(1, 0, 0, 0)
			must(t, err)
			failure := error(syscall.EIO)
			if torn >= 0 && op == disktest.Write {
				failure = &disktest.Torn{Keep: torn, Err: syscall.EIO}
			}
			must(t, j.AwaitRoom(t.Context()))
			mem.FailNth(1, func(c disktest.Call) bool {
				return c.Op == op && path.Base(c.Name) == segmentName(1)
			}, failure)
			after := b.clone()
			after.group(&r, rng(6), 2, 3, 9)
			first := j.Append(&r)
			if !errors.Is(first, syscall.EIO) || !strings.Contains(first.Error(), segmentName(1)) {
				t.Fatalf("%s: append on a broken disk: %v", op, first)
			}
			for _, err := range []error{j.Append(&r), j.Room(1), j.Seal(), j.Err()} {
				if err != first {
					t.Errorf("%s: after the failure: %v", op, err)
				}
			}
			if st := j.Stats(); st.Failed != first.Error() || st.Sequence != 1 {
				t.Errorf("%s: %+v", op, st)
			}
			if err := s.Commit(1); !errors.Is(err, syscall.EIO) {
				t.Errorf("%s: snapshot of a failed log: %v", op, err)
			}
			must(t, j.Close())
			// The disk holds the group or it does not.
			j, got, _ := mustOpen(t, mem)
			if !got.equal(b) && !got.equal(after) {
				t.Errorf("%s: recovered %v", op, got.cells)
			}
			must(t, j.Close())
		}
	}
}

func TestRecordNotReset(t *testing.T) {
	j, _, _ := mustOpen(t, disktest.New())
	defer j.Close()
	if err := j.Append(new(Record)); err == nil {
		t.Error("a record that was never begun was appended")
	}
}

// Everything that others may call while the leader appends and a snapshot is
// written, for the race detector.
func TestConcurrentUse(t *testing.T) {
	fs := disktest.New()
	j, b, _ := mustOpen(t, fs)
	must(t, j.AwaitRoom(t.Context()))
	rnd := rng(9)
	var r Record
	b.group(&r, rnd, 1, 20, 10)
	must(t, j.Append(&r))

	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for last := uint64(0); ; {
			select {
			case <-stop:
				return
			default:
			}
			seq, st := j.Sequence(), j.Stats()
			if seq < last || st.Fill > st.SegmentSize || j.Err() != nil || j.Room(1) == errFull {
				t.Errorf("sequence %d after %d, %+v", seq, last, st)
			}
			last = seq
		}
	})
	wg.Go(func() {
		for range 20 {
			// Cells never put are replayed from the log behind sequence 0.
			s, err := j.BeginSnapshot(0, 1, 0, 1)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Commit(0); err != nil {
				t.Error(err)
			}
		}
	})
	fill(t, j, b, rnd, 12)
	close(stop)
	wg.Wait()
	expect(t, fs, b)
	must(t, j.Close())
}
