package terms

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/cuenta-server/cuenta"
)

const second = int64(1e9)

// TestBookAgainstAMap gives, changes and takes away terms at random while time
// goes on, in small steps and great leaps, and compares with a map what the book
// says of each counter and which have ended.
func TestBookAgainstAMap(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		b := newBook(t)
		model := map[uint32]Terms{}
		now := 1_700_000_000 * second
		b.Begin(now)
		for range 3000 {
			cell := r.Uint32N(200)
			switch r.IntN(4) {
			case 0, 1:
				want := draw(r, now)
				put(t, b, cell, want)
				if model[cell] = want; want == (Terms{}) {
					delete(model, cell)
				}
			case 2:
				now += r.Int64N(1 << r.IntN(40))
			case 3:
				sweep(t, b, model, now, 1+r.IntN(50))
			}
			if got := b.Of(cell); got != model[cell] {
				t.Fatalf("seed %d: cell %d has %+v, want %+v", seed, cell, got, model[cell])
			}
			if b.Len() != len(model) {
				t.Fatalf("seed %d: %d have terms, want %d", seed, b.Len(), len(model))
			}
		}
		sweep(t, b, model, now+second, math.MaxInt)
		for cell, terms := range model {
			if terms.Ended(now) {
				t.Fatalf("seed %d: the end of cell %d was passed over", seed, cell)
			}
		}
		compareRecords(t, b, model)
	}
}

// A record has a cache line of its own.
func TestRecordsHaveTheSizeOfACacheLine(t *testing.T) {
	if size := unsafe.Sizeof(record{}); size != 64 {
		t.Errorf("%d bytes", size)
	}
}

func newBook(t *testing.T) *Book {
	t.Helper()
	b := New()
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func put(t *testing.T, b *Book, cell uint32, terms Terms) {
	t.Helper()
	if err := b.Put(cell, terms); err != nil {
		t.Fatal(err)
	}
}

func draw(r *rand.Rand, now int64) (t Terms) {
	if r.IntN(3) == 0 {
		t.Floor = cuenta.Bound{Set: true, At: r.Int64() - r.Int64()}
	}
	if r.IntN(3) == 0 {
		t.Ceiling = cuenta.Bound{Set: true, At: r.Int64() - r.Int64()}
	}
	switch r.IntN(6) {
	case 0, 1, 2:
		t.Ends = now + r.Int64N(1<<(1+r.IntN(60)))
	case 3:
		t.Ends = 1 + r.Int64N(now)
	case 4:
		t.Ends = math.MaxInt64 - r.Int64N(1<<30)
	}
	return t
}

// sweep drops what has ended, within a number of steps.
func sweep(t *testing.T, b *Book, model map[uint32]Terms, now int64, steps int) {
	t.Helper()
	for {
		cell, ok := b.Ended(now, &steps)
		if !ok {
			return
		}
		if terms := model[cell]; !terms.Ended(now) {
			t.Fatalf("cell %d ended at %d, they say at %d: %+v", cell, terms.Ends, now, terms)
		}
		delete(model, cell)
		put(t, b, cell, Terms{})
	}
}

func compareRecords(t *testing.T, b *Book, model map[uint32]Terms) {
	t.Helper()
	found := 0
	for item := range b.Records() {
		if cell, terms, ok := b.Record(item); ok {
			if found++; terms != model[cell] {
				t.Errorf("the record of cell %d says %+v, want %+v", cell, terms, model[cell])
			}
		}
	}
	if found != len(model) {
		t.Errorf("%d records, want %d", found, len(model))
	}
}

// TestNothingIsDueTooEarly asks for the time before which nothing is found to have
// ended: it is at most a span after the first end, however time goes on until then.
func TestNothingIsDueTooEarly(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 2000 {
		b := newBook(t)
		now := r.Int64N(1 << 61)
		b.Begin(now)
		first := int64(math.MaxInt64)
		for cell := range uint32(3) {
			ends := now + 1 + r.Int64N(1<<(1+r.IntN(60)))
			first = min(first, ends)
			put(t, b, cell, Terms{Ends: ends})
		}
		steps := 1000
		for at := now; r.IntN(4) > 0; at += r.Int64N(first - at) {
			b.Ended(at, &steps)
		}
		if due := b.Due(); due > first+1<<spanBits {
			t.Fatalf("due at %d, but the first ends at %d", due, first)
		}
		if cell, ok := b.Ended(first-1, &steps); ok && b.Of(cell).Ends > first-1 {
			t.Fatalf("cell %d ended before its time", cell)
		}
		if _, ok := b.Ended(first+1<<spanBits, &steps); !ok {
			t.Fatalf("nothing ended by %d, a span after the first", first)
		}
	}
}

// TestWhatNeverEndsIsNeverDue has an end at the last moment there is.
func TestWhatNeverEndsIsNeverDue(t *testing.T) {
	b := newBook(t)
	b.Begin(0)
	put(t, b, 1, Terms{Ends: math.MaxInt64})
	steps := 1000
	if _, ok := b.Ended(math.MaxInt64-1, &steps); ok {
		t.Error("it ended")
	}
}

// TestMemoryDoesNotGrowWithRenewals changes one end very often.
func TestMemoryDoesNotGrowWithRenewals(t *testing.T) {
	b := newBook(t)
	b.Begin(second)
	put(t, b, 1, Terms{Ends: 2 * second})
	before := b.Memory()
	for i := range int64(100_000) {
		put(t, b, 1, Terms{Ends: second + i*second})
	}
	if b.Memory() != before || b.Len() != 1 {
		t.Errorf("%d bytes became %d", before, b.Memory())
	}
}

func BenchmarkRenew(bm *testing.B) {
	b := New()
	defer b.Close()
	b.Begin(second)
	const counters = 1 << 17
	for cell := range uint32(counters) {
		if err := b.Put(cell, Terms{Ends: second + int64(cell)}); err != nil {
			bm.Fatal(err)
		}
	}
	i := int64(0)
	for bm.Loop() {
		i++
		if err := b.Put(uint32(i*7919)%counters, Terms{Ends: second + i*1000}); err != nil {
			bm.Fatal(err)
		}
	}
}
