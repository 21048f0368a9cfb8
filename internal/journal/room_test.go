package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
)

func isFull(err error) bool { return errors.Is(err, &cuenta.Error{Code: cuenta.Full}) }

// openLogged opens a journal whose log goes to a buffer.
func openLogged(t *testing.T, mem *disktest.FS) (*Journal, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	j, _, err := Open(mem, dir, newBook(), Options{
		SegmentSize: small, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	must(t, err)
	return j, &log
}

func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := disktest.New()
		mem.MkdirAll(dir)
		mem.SetSpace(2*small - 1)
		j, log := openLogged(t, mem)
		must(t, j.AwaitRoom(t.Context()))
		synctest.Wait()
		if mem.Used() != small {
			t.Errorf("%d bytes used: what was begun was not removed", mem.Used())
		}
		b, rnd := newBook(), rng(1)
		var r Record
		var groups int
		for r.Reset(1); j.Room(200) == nil; groups++ {
			b.group(&r, rnd, 1, 3, 10)
			must(t, j.Append(&r))
		}
		if err := j.Room(200); !isFull(err) || groups < 5 {
			t.Fatalf("after %d groups: %v", groups, err)
		}
		st := j.Stats()
		if !st.Full || !strings.Contains(st.Reason, "no space left") || st.Failed != "" || st.NextReady {
			t.Errorf("%+v", st)
		}
		must(t, j.Room(1)) // a small one still fits
		time.Sleep(10 * retryEvery)
		synctest.Wait()
		if err := j.Room(200); !isFull(err) {
			t.Errorf("still full, but %v", err)
		}
		mem.SetSpace(-1)
		time.Sleep(retryEvery)
		synctest.Wait()
		must(t, j.Room(200))
		fill(t, j, b, rnd, 5)
		expect(t, mem, b)
		if n := strings.Count(log.String(), "no room for the journal"); n != 1 {
			t.Errorf("told %d times:\n%s", n, log)
		}
		if !strings.Contains(log.String(), "there is room for the journal again") {
			t.Errorf("log:\n%s", log)
		}
		must(t, j.Close())
	})
}

// Any failure of the maker is met by trying again; the log is not touched by it.
func TestMakerFails(t *testing.T) {
	for _, op := range []disktest.Op{disktest.Create, disktest.Write, disktest.Sync, disktest.Rename, disktest.SyncDir} {
		synctest.Test(t, func(t *testing.T) {
			mem := disktest.New()
			j, log := openLogged(t, mem)
			b, rnd := newBook(), rng(2)
			fill(t, j, b, rnd, 2)
			must(t, j.AwaitRoom(t.Context()))
			broken := true
			var mu sync.Mutex
			mem.OnCall(func(c disktest.Call) error {
				mu.Lock()
				defer mu.Unlock()
				maker := strings.HasPrefix(path.Base(c.Name), segmentName(4)) || c.Op == disktest.SyncDir
				if broken && maker && c.Op == op {
					return syscall.EIO
				}
				return nil
			})
			fill(t, j, b, rnd, 3)
			must(t, j.AwaitRoom(t.Context()))
			synctest.Wait()
			if err := j.Room(j.MaxRecord() * 2); !isFull(err) {
				t.Errorf("%s: %v", op, err)
			}
			mu.Lock()
			broken = false
			mu.Unlock()
			time.Sleep(retryEvery)
			synctest.Wait()
			fill(t, j, b, rnd, 6)
			expect(t, mem, b)
			if !strings.Contains(log.String(), "full=false") {
				t.Errorf("%s: log:\n%s", op, log)
			}
			must(t, j.Close())
		})
	}
}

// While the next segment is being made, a record that needs it has to wait.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := disktest.New()
		gate := make(chan struct{})
		mem.OnCall(func(c disktest.Call) error {
			if strings.HasPrefix(path.Base(c.Name), segmentName(2)) && c.Op == disktest.Create {
				<-gate
			}
			return nil
		})
		j, _, _ := mustOpen(t, mem)
		synctest.Wait()
		must(t, j.Room(100))
		b := newBook()
		var r Record
		for j.Room(100) == nil {
			b.group(&r, rng(1), 1, 3, 10)
			must(t, j.Append(&r))
		}
		if err := j.Room(100); err != ErrWait {
			t.Errorf("room while it is being made: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := j.AwaitRoom(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("await: %v", err)
		}
		close(gate)
		must(t, j.AwaitRoom(t.Context()))
		must(t, j.Room(100))
		must(t, j.Seal())
		if err := j.Room(1); !errors.Is(err, ErrClosed) {
			t.Errorf("room after seal: %v", err)
		}
		must(t, j.Close())
	})
}

// A wait for room ends when the journal does.
func TestWaitEndsWithJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := disktest.New()
		gate := make(chan struct{})
		mem.OnCall(func(c disktest.Call) error {
			if c.Op == disktest.Create && strings.HasPrefix(path.Base(c.Name), segmentName(2)) {
				<-gate
			}
			if c.Op == disktest.Write && path.Base(c.Name) == segmentName(1) {
				return syscall.EIO
			}
			return nil
		})
		j, _, _ := mustOpen(t, mem)
		done := make(chan error, 1)
		go func() { done <- j.AwaitRoom(context.Background()) }()
		synctest.Wait()
		var r Record
		r.Reset(1)
		r.Open(1, []byte("a"), 1, 1)
		if err := j.Append(&r); !errors.Is(err, syscall.EIO) {
			t.Errorf("append: %v", err)
		}
		if err := <-done; !errors.Is(err, syscall.EIO) {
			t.Errorf("await: %v", err)
		}
		close(gate)
		must(t, j.Close())
	})
}

// Whatever Room has promised can be appended: a record of up to c bytes under
// way and an open one of the rest, in whatever state the segment is.
func TestRoomKeepsItsPromise(t *testing.T) {
	mem := disktest.New()
	j, _, _ := mustOpen(t, mem)
	b, rnd := newBook(), rng(7)
	most := j.MaxRecord()
	if j.Room(2*most) != nil {
		must(t, j.AwaitRoom(t.Context()))
		must(t, j.Room(2*most))
	}
	var one, two Record
	for range 400 {
		c, o := rnd.Int64N(most)+1, rnd.Int64N(most)+1
		if err := j.Room(c + o); err != nil {
			t.Fatalf("room for %d and %d: %v", c, o, err)
		}
		sized(b, &one, int(rnd.Int64N(c)+1))
		sized(b, &two, int(o))
		must(t, j.Append(&one))
		must(t, j.Append(&two))
		must(t, j.AwaitRoom(t.Context()))
	}
	if err := j.Room(2*most + 200); !errors.Is(err, &cuenta.Error{Code: cuenta.TooLarge}) {
		t.Errorf("room for too much: %v", err)
	}
	expect(t, mem, b)
	must(t, j.Close())
}

// sized makes a record of at most n bytes of entries, and close to it.
func sized(b *book, r *Record, n int) {
	r.Reset(1)
	for cell := uint32(0); r.Len()+MaxEntry+3 <= n; cell++ {
		c, known := b.cells[cell]
		c.value, c.revision = c.value-1<<40, c.revision+1
		if c.name = fmt.Sprint(cell); known {
			r.Set(cell, c.value, c.revision)
		} else {
			r.Open(cell, []byte(c.name), c.value, c.revision)
		}
		b.cells[cell] = c
	}
}

// Room is to be asked; who does not is not served from the seal's place.
func TestAppendWithoutRoom(t *testing.T) {
	mem := disktest.New()
	mem.MkdirAll(dir)
	mem.SetSpace(small)
	j, _, _ := mustOpen(t, mem)
	defer j.Close()
	must(t, j.AwaitRoom(t.Context()))
	b := newBook()
	var r Record
	var before *book
	for n := 0; ; n++ {
		before = b.clone()
		b.group(&r, rng(uint64(n)), 1, 3, 10)
		if err := j.Append(&r); err != nil {
			if !errors.Is(err, errNoRoom) {
				t.Errorf("%v", err)
			}
			break
		}
	}
	after := mem.Crash(100, 0)
	expect(t, after, before)
}

// A snapshot that finds no room leaves none of it taken, and the log goes on.
func TestSnapshotOnFullDisk(t *testing.T) {
	mem := disktest.New()
	j, b, _ := mustOpen(t, mem)
	fill(t, j, b, rng(1), 3)
	must(t, j.AwaitRoom(t.Context()))
	used := mem.Used()
	mem.SetSpace(used + 100)
	if err := b.snapshot(j, 1); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v", err)
	}
	if mem.Used() != used {
		t.Errorf("%d bytes before, %d after", used, mem.Used())
	}
	mem.SetSpace(-1)
	fill(t, j, b, rng(2), 4)
	must(t, b.snapshot(j, 1))
	expect(t, mem, b)
	must(t, j.Close())
}

// Every call of a snapshot may fail without harm to the log.
func TestSnapshotFails(t *testing.T) {
	for n := 1; ; n++ {
		mem := disktest.New()
		j, b, _ := mustOpen(t, mem)
		fill(t, j, b, rng(1), 3)
		must(t, j.AwaitRoom(t.Context()))
		fired := false
		mem.FailNth(n, func(c disktest.Call) bool { fired = true; return c.Op != disktest.Remove }, syscall.EIO)
		err := b.snapshot(j, 1)
		mem.OnCall(nil)
		if !fired {
			t.Fatal("nothing was called")
		}
		fill(t, j, b, rng(2), 5)
		expect(t, mem, b)
		must(t, b.snapshot(j, 2))
		expect(t, mem, b)
		must(t, j.Close())
		if err == nil {
			if n < 6 {
				t.Errorf("only %d calls failed", n-1)
			}
			return
		}
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("call %d: %v", n, err)
		}
	}
}

// The most that Room grants without a next segment is exactly what fits.
func TestRoomToTheByte(t *testing.T) {
	mem := disktest.New()
	must(t, mem.MkdirAll(dir))
	mem.SetSpace(small)
	j, _, _ := mustOpen(t, mem)
	must(t, j.AwaitRoom(t.Context()))
	b := newBook()
	var one, two Record
	b.group(&one, rng(1), 1, 3, 9) // or the whole segment would be granted, and more is too large
	must(t, j.Append(&one))
	n := int64(0)
	for j.Room(n+1) == nil {
		n++
	}
	if !isFull(j.Room(n + 1)) {
		t.Fatal(j.Room(n + 1))
	}
	one.Reset(1)
	one.Open(11, []byte("a"), 1, 1)
	two.Reset(1)
	for rev := uint64(2); int64(one.Len()+two.Len()) < n; rev++ {
		two.Set(11, 0, rev%100) // 4 bytes each
	}
	for int64(one.Len()+two.Len()) > n {
		two.buf = two.buf[:len(two.buf)-4]
	}
	must(t, j.Append(&one))
	must(t, j.Append(&two))
	left := n - int64(one.Len()+two.Len())
	if free := j.active.size - j.active.fill - sealSize; free != left {
		t.Errorf("%d bytes left to grant, %d free", left, free)
	}
	must(t, j.Seal())
	must(t, j.Close())
}

// A snapshot needs the segment where the sequence behind its beginning is, even
// if that is a seal.
func TestSnapshotNeedsSegment(t *testing.T) {
	for before := range uint64(3) {
		mem := disktest.New()
		j, b, _ := mustOpen(t, mem)
		fill(t, j, b, rng(1), 3)
		s, err := j.BeginSnapshot(j.old[1].last-before, 0, b.floor, 0)
		must(t, err)
		if want := 3 - min(before, 1); s.head.segment != want {
			t.Errorf("%d before the end of segment 2: segment %d is needed, want %d", before, s.head.segment, want)
		}
		for cell := range uint32(40) {
			if c, ok := b.cells[cell]; ok {
				must(t, s.Put(cell, []byte(c.name), c.value, c.revision))
			}
		}
		must(t, b.putTerms(s, nothing))
		must(t, b.putHolds(s, nothing))
		must(t, b.put(s, nothing))
		must(t, s.Commit(j.Sequence()))
		expect(t, mem, b)
		must(t, j.Close())
	}
}
