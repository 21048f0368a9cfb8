package shm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"testing"
)

const testRing = 1 << 10

func newRing(t testing.TB, capacity int) ([]byte, *Producer, *Consumer) {
	t.Helper()
	mem := alignedBytes(RingSize(capacity))
	p, err := NewProducer(mem)
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewConsumer(mem)
	if err != nil {
		t.Fatal(err)
	}
	return mem, p, c
}

// alignedBytes returns zeroed memory aligned to eight bytes, like a segment's.
func alignedBytes(n int) []byte {
	b := make([]byte, n+entryAlign)
	for i := range entryAlign {
		if _, _, _, err := ringParts(b[i : i+n]); err == nil {
			return b[i : i+n]
		}
	}
	return b[:n]
}

func put(t testing.TB, p *Producer, message []byte) bool {
	t.Helper()
	ok, err := p.Put(message)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func takeAll(t testing.TB, c *Consumer) [][]byte {
	t.Helper()
	run, err := c.Take()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for {
		m, err := run.Next()
		if err != nil {
			t.Fatal(err)
		}
		if m == nil {
			return all
		}
		all = append(all, bytes.Clone(m))
	}
}

func TestRingShowsOnlyWhatIsPublished(t *testing.T) {
	_, p, c := newRing(t, testRing)
	put(t, p, []byte("one"))
	if c.Ready() || len(takeAll(t, c)) != 0 {
		t.Fatal("an entry was seen before it was published")
	}
	put(t, p, []byte("two"))
	p.Publish()
	if !c.Ready() {
		t.Fatal("published, but not ready")
	}
	if got := bytes.Join(takeAll(t, c), []byte(",")); string(got) != "one,two" {
		t.Fatalf("took %q", got)
	}
	if c.Ready() {
		t.Fatal("ready again with nothing new")
	}
}

func TestRingFillsAndFrees(t *testing.T) {
	_, p, c := newRing(t, testRing)
	message := bytes.Repeat([]byte("x"), 60) // entries of 64 bytes
	n := 0
	for put(t, p, message) {
		n++
	}
	if want := testRing / EntrySize(len(message)); n != want {
		t.Fatalf("%d entries fit, want %d", n, want)
	}
	p.Publish()
	if got := len(takeAll(t, c)); got != n {
		t.Fatalf("took %d of %d", got, n)
	}
	if !put(t, p, message) {
		t.Fatal("still full after everything was taken")
	}
}

// Random sizes and random batches, so that entries wrap at every place.
func TestRingKeepsEveryMessageInOrder(t *testing.T) {
	_, p, c := newRing(t, testRing)
	random := rand.New(rand.NewPCG(1, 2))
	var sent, got uint64
	buf := make([]byte, MaxMessage)
	for got < 20000 {
		for range random.IntN(8) {
			m := buf[:8+random.IntN(MaxMessage-7)]
			binary.LittleEndian.PutUint64(m, sent)
			for i := 8; i < len(m); i++ {
				m[i] = byte(sent) + byte(i)
			}
			if !put(t, p, m) {
				break
			}
			sent++
		}
		p.Publish()
		for _, m := range takeAll(t, c) {
			if n := binary.LittleEndian.Uint64(m); n != got {
				t.Fatalf("message %d came as number %d", n, got)
			}
			for i := 8; i < len(m); i++ {
				if m[i] != byte(got)+byte(i) {
					t.Fatalf("message %d is damaged at %d", got, i)
				}
			}
			got++
		}
	}
	if got != sent {
		t.Fatalf("%d sent, %d taken", sent, got)
	}
}

func TestRingBetweenGoroutines(t *testing.T) {
	_, p, c := newRing(t, testRing)
	const total = 100000
	go func() {
		var m [16]byte
		for i := uint64(0); i < total; {
			binary.LittleEndian.PutUint64(m[:], i)
			ok, err := p.Put(m[:])
			if err != nil {
				t.Error(err)
				return
			}
			if ok {
				i++
			}
			if !ok || i%7 == 0 || i == total {
				p.Publish()
				runtime.Gosched()
			}
		}
	}()
	for next := uint64(0); next < total; {
		run, err := c.Take()
		if err != nil {
			t.Fatal(err)
		}
		for {
			m, err := run.Next()
			if err != nil {
				t.Fatal(err)
			}
			if m == nil {
				break
			}
			if n := binary.LittleEndian.Uint64(m); n != next {
				t.Fatalf("got %d, want %d", n, next)
			}
			next++
		}
		runtime.Gosched()
	}
}

func TestRingRefusesAMadProducer(t *testing.T) {
	for name, head := range map[string]uint64{
		"more than the capacity": testRing + entryAlign,
		"backwards":              ^uint64(0) - 7,
		"unaligned":              12,
		"huge":                   1 << 63,
	} {
		t.Run(name, func(t *testing.T) {
			_, p, c := newRing(t, testRing)
			p.head.Store(head)
			if !c.Ready() {
				t.Fatal("not ready")
			}
			if _, err := c.Take(); !errors.Is(err, ErrBroken) {
				t.Fatalf("got %v", err)
			}
			p.head.Store(0)
			if _, err := c.Take(); !errors.Is(err, ErrBroken) {
				t.Fatalf("healed: %v", err)
			}
		})
	}
}

func TestRingRefusesMadLengths(t *testing.T) {
	for _, n := range []uint32{0, MaxMessage + 1, 1 << 31, ^uint32(0), 13} {
		_, p, c := newRing(t, testRing)
		put(t, p, []byte("12345678")) // an entry of 16 bytes
		binary.LittleEndian.PutUint32(p.data, n)
		p.Publish()
		run, err := c.Take()
		if err != nil {
			t.Fatal(err)
		}
		if m, err := run.Next(); !errors.Is(err, ErrBroken) {
			t.Errorf("length %d: got %q, %v", n, m, err)
		}
	}
}

func TestRingRefusesAMadConsumer(t *testing.T) {
	for name, tail := range map[string]uint64{
		"ahead of the head": testRing + entryAlign,
		"unaligned":         5,
		"backwards":         ^uint64(0) - 7,
	} {
		t.Run(name, func(t *testing.T) {
			_, p, c := newRing(t, testRing)
			for put(t, p, []byte("12345678")) {
			}
			p.Publish()
			c.tail.Store(tail)
			if _, err := p.Put([]byte("12345678")); !errors.Is(err, ErrBroken) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestProducerKnowsItsRoomAndWhatWasTaken(t *testing.T) {
	_, p, c := newRing(t, testRing)
	for round := range 5 { // so that it wraps
		if fits, err := p.HasRoom(testRing); !fits || err != nil {
			t.Fatalf("no room in an empty ring: %v", err)
		}
		if fits, err := p.HasRoom(testRing + entryAlign); fits || err != nil {
			t.Fatalf("room for more than there is: %v", err)
		}
		put(t, p, make([]byte, 300))
		first := p.Position()
		p.Publish()
		put(t, p, make([]byte, 100))
		second := p.Position()
		rest := testRing - EntrySize(300) - EntrySize(100)
		if fits, _ := p.HasRoom(rest); !fits {
			t.Fatalf("no room for %d bytes", rest)
		}
		if fits, _ := p.HasRoom(rest + entryAlign); fits {
			t.Fatalf("room for more than %d bytes", rest)
		}
		if p.Taken(first) || p.Taken(second) {
			t.Fatalf("round %d: taken before it was", round)
		}
		takeAll(t, c)
		if !p.Taken(first) || p.Taken(second) {
			t.Fatalf("round %d: only the first was taken", round)
		}
		p.Publish()
		takeAll(t, c)
		if !p.Taken(second) {
			t.Fatalf("round %d: both were taken", round)
		}
	}
	put(t, p, make([]byte, 300))
	p.tail.Store(1 << 40)
	if _, err := p.HasRoom(testRing); !errors.Is(err, ErrBroken) {
		t.Errorf("a consumer gone mad: %v", err)
	}
}

func TestRingSizesAreChecked(t *testing.T) {
	for _, capacity := range []int{-ringHead, 0, 1, 512, 1023, 1025, 3 << 10} {
		mem := make([]byte, RingSize(capacity))
		if _, err := NewProducer(mem); err == nil {
			t.Errorf("a producer took a ring of %d bytes", capacity)
		}
		if _, err := NewConsumer(mem); err == nil {
			t.Errorf("a consumer took a ring of %d bytes", capacity)
		}
	}
}

func TestRingAllocatesNothingOnceWarm(t *testing.T) {
	_, p, c := newRing(t, testRing)
	message := make([]byte, 40)
	step := func() {
		for range 8 {
			put(t, p, message)
		}
		p.Publish()
		run, _ := c.Take()
		for m, _ := run.Next(); m != nil; m, _ = run.Next() {
		}
	}
	step()
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

// Whatever stands in the ring's memory, its consumer comes to an end without a
// panic and never hands out more than there is.
func FuzzRingConsumer(f *testing.F) {
	f.Add([]byte("\x03\x00\x00\x00abc"), uint64(8), uint64(16))
	f.Add([]byte{}, uint64(testRing), uint64(0))
	f.Add([]byte("\xff\xff\xff\xff"), uint64(4), ^uint64(0))
	f.Fuzz(func(t *testing.T, data []byte, head1, head2 uint64) {
		_, p, c := newRing(t, testRing)
		copy(p.data, data)
		for _, head := range []uint64{head1, head2} {
			p.head.Store(head)
			run, err := c.Take()
			total := 0
			for err == nil {
				var m []byte
				if m, err = run.Next(); m == nil {
					break
				}
				total += EntrySize(len(m))
			}
			if total > testRing {
				t.Fatalf("%d bytes out of a ring of %d", total, testRing)
			}
		}
	})
}

func BenchmarkRing(b *testing.B) {
	_, p, c := newRing(b, 1<<16)
	message := make([]byte, 32)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := p.Put(message); err != nil {
			b.Fatal(err)
		}
		if i%64 != 63 {
			continue
		}
		p.Publish()
		run, err := c.Take()
		if err != nil {
			b.Fatal(err)
		}
		for m, _ := run.Next(); m != nil; m, _ = run.Next() {
		}
	}
}
