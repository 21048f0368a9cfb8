package journal

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"testing"

	"github.com/cuenta-server/cuenta/internal/disk/disktest"
)

// life is a reference run over all that a journal does, and what it may rely on
// at each moment.
type life struct {
	mu    sync.Mutex
	acked *book // acknowledged
	under *book // with the group under way; the same if there is none
}

func newLife() *life { return &life{acked: newBook(), under: newBook()} }

func (l *life) set(acked, under *book) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked, l.under = acked.clone(), under.clone()
}

func (l *life) get() (acked, under *book) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acked, l.under
}

// run lives until something fails.
func (l *life) run(mem *disktest.FS) error {
	for start := range 3 {
		b := newBook()
		j, _, err := Open(mem, dir, b, Options{SegmentSize: minSegment})
		if err != nil {
			return err
		}
		err = l.serve(j, b, uint64(start))
		if err == nil && start%2 == 0 {
			err = j.Seal()
		}
		if err := errors.Join(err, j.Close()); err != nil {
			return err
		}
	}
	return nil
}

// serve appends, and writes a snapshot while it does.
func (l *life) serve(j *Journal, b *book, seed uint64) error {
	rnd := rng(seed)
	var r Record
	grow := func(n int) error {
		for range n {
			before := b.clone()
			b.group(&r, rnd, 1, 1+rnd.IntN(8), 60)
			l.set(before, b)
			if err := j.Append(&r); err != nil {
				return err
			}
			l.set(b, b)
			// The maker's calls come between the groups, never beside them.
			if err := j.AwaitRoom(context.Background()); err != nil {
				return err
			}
		}
		return nil
	}
	if err := errors.Join(j.AwaitRoom(context.Background()), grow(11)); err != nil {
		return err
	}
	// Earlier than it need be, so that it may need an older segment.
	s, err := j.BeginSnapshot(j.Sequence()-8, 0, b.floor, 1)
	if err != nil {
		return err
	}
	defer s.Abort()
	for cell := range uint32(60) {
		if cell == 30 {
			if err := grow(4); err != nil {
				return err
			}
		}
		if c, ok := b.cells[cell]; ok {
			if err := s.Put(cell, []byte(c.name), c.value, c.revision); err != nil {
				return err
			}
		}
	}
	if err := b.putTerms(s, func() error { return grow(2) }); err != nil {
		return err
	}
	if err := b.putHolds(s, func() error { return grow(2) }); err != nil {
		return err
	}
	if err := b.put(s, func() error { return grow(2) }); err != nil {
		return err
	}
	end := j.Sequence()
	if err := grow(2); err != nil {
		return err
	}
	if err := s.Commit(end); err != nil {
		return err
	}
	return grow(5)
}

// image is what a power cut has left.
type image struct {
	mem          *disktest.FS
	acked, under *book
}

// The power goes at every call that changes something, and again at every such
// call of the recovery.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var images []image
	mem, l, calls := disktest.New(), newLife(), 0
	mem.OnCall(func(c disktest.Call) error {
		acked, under := l.get()
		mu.Lock()
		defer mu.Unlock()
		calls++
		images = append(images,
			image{mem.Crash(0, 0), acked, under},
			image{mem.Crash(50, uint64(calls)), acked, under},
			image{torn(t, mem, c, len(c.Data)/2), acked, under})
		return nil
	})
	must(t, l.run(mem))
	if calls < 200 {
		t.Fatalf("only %d calls", calls)
	}
	for i, im := range images {
		im.recover(t, i)
	}
}

// torn returns what is left if the first n bytes of a write land, and nothing
// else that was not synced.
func torn(t *testing.T, mem *disktest.FS, c disktest.Call, n int) *disktest.FS {
	left := mem.Crash(0, 0)
	if c.Op != disktest.Write {
		return left
	}
	f, err := left.Open(c.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return left
	}
	must(t, err)
	_, err = f.WriteAt(c.Data[:n], c.Offset)
	must(t, errors.Join(err, f.Sync(), f.Close()))
	return left
}

// recover recovers from a power cut, with more of them on the way.
func (im image) recover(t *testing.T, i int) {
	t.Helper()
	var mu sync.Mutex
	var again []*disktest.FS
	seed := uint64(i) * 5
	im.mem.OnCall(func(c disktest.Call) error {
		mu.Lock()
		defer mu.Unlock()
		switch seed++; seed % 12 { // each image its own choice, to be quick
		case 0:
			again = append(again, im.mem.Crash(0, 0))
		case 3:
			again = append(again, im.mem.Crash(50, seed))
		case 6:
			again = append(again, torn(t, im.mem, c, len(c.Data)/2))
		case 9:
			again = append(again, torn(t, im.mem, c, len(c.Data)))
		}
		return nil
	})
	got := im.open(t, i)
	im.mem.OnCall(nil)
	for _, mem := range again {
		twice := image{mem, got, got}
		twice.open(t, i)
	}
}

// open recovers, compares, and closes.
func (im image) open(t *testing.T, i int) *book {
	t.Helper()
	got := newBook()
	j, _, err := Open(im.mem, dir, got, Options{SegmentSize: minSegment})
	if err != nil {
		t.Fatalf("image %d: %v", i, err)
	}
	must(t, j.Close())
	if !got.equal(im.acked) && !got.equal(im.under) {
		t.Fatalf("image %d: %v\nacknowledged %v\nunder way %v", i, got.cells, im.acked.cells, im.under.cells)
	}
	return got
}

// The server is killed at every call, with all it wrote still in the memory of
// the operating system. The next one goes on from there, and then the power goes.
func TestKilledThenPowerLoss(t *testing.T) {
	t.Parallel()
	dead := errors.New("killed")
	for at := 1; ; at++ {
		mem, l := disktest.New(), newLife()
		var mu sync.Mutex
		calls := 0
		mem.OnCall(func(disktest.Call) error {
			mu.Lock()
			defer mu.Unlock()
			if calls++; calls >= at {
				return dead
			}
			return nil
		})
		err := l.run(mem)
		mem.OnCall(nil)
		if err == nil {
			return
		}
		if !errors.Is(err, dead) {
			t.Fatal(err)
		}
		acked, under := l.get()
		got := newBook()
		j, _, err := Open(mem, dir, got, Options{SegmentSize: minSegment})
		if err != nil {
			t.Fatalf("killed at call %d: %v", at, err)
		}
		if !got.equal(acked) && !got.equal(under) {
			t.Fatalf("killed at call %d: recovered %v", at, got.cells)
		}
		image{mem.Crash(0, 0), got, got}.open(t, at)
		var r Record
		got.group(&r, rng(uint64(at)), 1, 3, 60)
		must(t, appendWhenRoom(j, &r))
		image{mem.Crash(0, 0), got, got}.open(t, at)
		must(t, j.Close())
	}
}
