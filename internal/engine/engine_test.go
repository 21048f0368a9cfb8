package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
)

const testSegment = 256 << 10

func open(t testing.TB, fs disk.FS) *Engine {
	t.Helper()
	e, err := Open(testConfig(fs))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func testConfig(fs disk.FS) Config {
	return Config{FS: fs, Dir: "/data", MaxCounters: 10_000, SegmentSize: testSegment, SnapshotAfter: math.MaxInt64}
}

func closeEngine(t testing.TB, e *Engine) {
	t.Helper()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

func add(name string, n int64) cuenta.Request {
	return cuenta.Request{Op: cuenta.Add, Counter: []byte(name), N: n}
}

func get(name string) cuenta.Request {
	return cuenta.Request{Op: cuenta.Get, Counter: []byte(name)}
}

func do(e *Engine, class cuenta.Class, requests ...cuenta.Request) []cuenta.Result {
	b := &cuenta.Batch{Class: class, Requests: requests}
	e.Do(context.Background(), b)
	return b.Results
}

func mustGet(t *testing.T, e *Engine, name string, value int64, revision uint64) {
	t.Helper()
	r := do(e, cuenta.ClassRemote, get(name))[0]
	if r.Code != cuenta.OK || r.Value != value || r.Revision != revision {
		t.Errorf("%s = %d at revision %d (%v), want %d at %d", name, r.Value, r.Revision, r.Code, value, revision)
	}
}

// TestOneHistory has goroutines of all classes change one counter in batches:
// revisions form one chain, and every value is the one before plus the change.
func TestOneHistory(t *testing.T) {
	fs := disktest.New()
	e := open(t, fs)
	const goroutines, batches, size = 12, 40, 5
	type step struct{ delta, value int64 }
	var mu sync.Mutex
	chain := map[uint64]step{}
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			class := cuenta.Class(g % int(cuenta.NumClasses))
			for i := range batches {
				var requests []cuenta.Request
				for j := range size {
					requests = append(requests, add("c", int64(g*1000+i*10+j)))
				}
				for j, r := range do(e, class, requests...) {
					mu.Lock()
					if _, twice := chain[r.Revision]; twice || r.Code != cuenta.OK {
						t.Errorf("revision %d given twice, or refused: %v", r.Revision, r.Code)
					}
					chain[r.Revision] = step{requests[j].N, r.Value}
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	var value int64
	for revision := uint64(1); revision <= goroutines*batches*size; revision++ {
		s, ok := chain[revision]
		if !ok || s.value != value+s.delta {
			t.Fatalf("revision %d: %+v (%v) after %d", revision, s, ok, value)
		}
		value = s.value
	}
	closeEngine(t, e)
	e = open(t, fs)
	defer closeEngine(t, e)
	mustGet(t, e, "c", value, goroutines*batches*size)
	if !e.Recovery().Sealed {
		t.Error("a clean stop must leave a sealed log")
	}
}

func TestRefusals(t *testing.T) {
	e := open(t, disktest.New())
	defer closeEngine(t, e)
	if r := do(e, cuenta.ClassQueue); len(r) != 0 {
		t.Errorf("an empty batch has %d results", len(r))
	}
	many := make([]cuenta.Request, cuenta.MaxBatch+1)
	for i := range many {
		many[i] = add("many", 1)
	}
	for _, class := range []cuenta.Class{cuenta.ClassQueue, cuenta.ClassRemote} {
		if r := do(e, class, many...); r[0].Code != cuenta.TooLarge || r[cuenta.MaxBatch].Code != cuenta.TooLarge {
			t.Errorf("%v: a batch over the bound: %v", class, r[0].Code)
		}
		if r := do(e, class, many[:1000]...); r[0].Code != cuenta.OK {
			t.Errorf("%v: a batch within the bound: %v", class, r[0].Code)
		}
	}
	noID := add("a", 1)
	noID.Identity.Number = 1
	if r := do(e, cuenta.ClassConsole, noID, add("a", math.MaxInt64), add("a", 1)); r[0].Code != cuenta.Syntax ||
		r[1].Code != cuenta.OK || r[2].Code != cuenta.Overflow {
		t.Errorf("results %+v", r)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	b := &cuenta.Batch{Class: cuenta.ClassRemote, Requests: []cuenta.Request{add("a", -1)}}
	if !e.gate.TryAcquire(1) {
		t.Fatal("the gate is not free")
	}
	e.Do(ctx, b) // has to wait at the gate, and may not
	e.gate.Release(1)
	if b.Results[0].Code != cuenta.Canceled {
		t.Errorf("a batch given up at the gate: %v", b.Results[0].Code)
	}
	mustGet(t, e, "a", math.MaxInt64, 1)
}

// stall makes syncs of the log wait until released.
type stall struct {
	reached chan struct{} // a sync has begun
	release chan struct{}
}

func stallSyncs(fs *disktest.FS) *stall {
	s := &stall{make(chan struct{}, 100), make(chan struct{})}
	fs.OnCall(func(c disktest.Call) error {
		if c.Op == disktest.Sync && strings.Contains(c.Name, "log-") && !strings.Contains(c.Name, "tmp") {
			s.reached <- struct{}{}
			<-s.release
		}
		return nil
	})
	return s
}

// TestNothingIsRevealedBeforeItsSync holds a sync back: neither the change nor a
// read of it is answered, by any class, nor shown in the cells or in a listing,
// while a read of another counter is.
func TestNothingIsRevealedBeforeItsSync(t *testing.T) {
	fs := disktest.New()
	e := open(t, fs)
	do(e, cuenta.ClassQueue, add("old", 7))
	s := stallSyncs(fs)
	var answered sync.WaitGroup
	early := make(chan string, 10)
	released := make(chan struct{})
	ask := func(what string, class cuenta.Class, r cuenta.Request, want int64) {
		answered.Go(func() {
			got := do(e, class, r)[0]
			select {
			case <-released:
			default:
				early <- what
			}
			if got.Value != want {
				t.Errorf("%s: %d, want %d", what, got.Value, want)
			}
		})
	}
	ask("the change", cuenta.ClassQueue, add("new", 5), 5)
	<-s.reached
	ask("a remote read", cuenta.ClassRemote, get("new"), 5)
	ask("a console's read", cuenta.ClassConsole, get("new"), 5)
	mustGet(t, e, "old", 7, 1)
	listed, _, err := e.List(context.Background(), cuenta.ClassRemote, "", 0, 10)
	if err != nil || len(listed) != 1 || listed[0].Name != "old" {
		t.Errorf("listed %+v, %v; want only what is durable", listed, err)
	}
	if n := e.Count(); n != 1 {
		t.Errorf("%d counters are told of, want the durable one", n)
	}
	close(released)
	close(s.release)
	answered.Wait()
	select {
	case what := <-early:
		t.Errorf("%s was answered before the sync ended", what)
	default:
	}
	fs.OnCall(nil)
	closeEngine(t, e)
}

func TestDatagramsAreRefusedWhenTheQueueIsFull(t *testing.T) {
	fs := disktest.New()
	c := testConfig(fs)
	c.QueueCapacity = 10
	e, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	s := stallSyncs(fs)
	var waiting sync.WaitGroup
	waiting.Go(func() { do(e, cuenta.ClassQueue, add("a", 1)) })
	<-s.reached
	waiting.Go(func() {
		if r := do(e, cuenta.ClassQueue, slicesOf(add("a", 1), 10)...); r[9].Code != cuenta.OK {
			t.Errorf("what waited in the queue: %v", r[9].Code)
		}
	})
	for e.queue.Len() == 0 { // the second one has no other way to go
	}
	b := &cuenta.Batch{Class: cuenta.ClassQueue, NoWait: true, Requests: []cuenta.Request{add("a", 1)}}
	e.Do(context.Background(), b)
	if b.Results[0].Code != cuenta.Busy {
		t.Errorf("a datagram at a full queue: %v, want busy", b.Results[0].Code)
	}
	close(s.release)
	waiting.Wait()
	mustGet(t, e, "a", 11, 11)
	closeEngine(t, e)
}

func slicesOf(r cuenta.Request, n int) (all []cuenta.Request) {
	for range n {
		all = append(all, r)
	}
	return all
}

// TestPoisoned fails a write, then a sync: what was under way has an unknown
// fate, later changes are refused, durable values are read, and the close tells.
func TestPoisoned(t *testing.T) {
	for _, op := range []disktest.Op{disktest.Write, disktest.Sync} {
		t.Run(string(op), func(t *testing.T) {
			fs := disktest.New()
			e := open(t, fs)
			do(e, cuenta.ClassQueue, add("a", 7), add("full", math.MaxInt64))
			fs.OnCall(func(c disktest.Call) error {
				if c.Op == op && strings.Contains(c.Name, "log-") {
					return syscall.EIO
				}
				return nil
			})
			r := do(e, cuenta.ClassRemote, add("a", 1), get("a"), add("b", 1))
			if r[0].Code != cuenta.Unknown || r[2].Code != cuenta.Unknown {
				t.Errorf("changes under way: %v, %v; want unknown", r[0].Code, r[2].Code)
			}
			if r[1].Code != cuenta.OK || r[1].Value != 7 {
				t.Errorf("a read under way: %+v, want the durable 7", r[1])
			}
			for _, class := range []cuenta.Class{cuenta.ClassConsole, cuenta.ClassRemote, cuenta.ClassQueue} {
				r := do(e, class, add("a", 1), get("a"), get("b"), cuenta.Request{Op: cuenta.Reset, Counter: []byte("a")})
				if r[0].Code != cuenta.Failed || r[3].Code != cuenta.Failed {
					t.Errorf("%v: later changes: %v, %v; want failed", class, r[0].Code, r[3].Code)
				}
				if r[1].Value != 7 || r[1].Code != cuenta.OK || r[2].Value != 0 || r[2].Code != cuenta.OK {
					t.Errorf("%v: later reads: %+v, %+v; want 7 and 0", class, r[1], r[2])
				}
			}
			if e.Err() == nil || e.Stats().Failure == "" {
				t.Error("the engine does not say that it failed")
			}
			if err := e.Close(); !errors.Is(err, syscall.EIO) {
				t.Errorf("close: %v, want the failure", err)
			}
			fs.OnCall(nil)
			e = open(t, fs.Crash(0, 1))
			defer closeEngine(t, e)
			mustGet(t, e, "a", 7, 1)
		})
	}
}

// TestFullDisk takes the disk's space away: changes are refused as full before
// anything is applied, reads go on, and changes again once there is space.
func TestFullDisk(t *testing.T) {
	fs := disktest.New()
	e := open(t, fs)
	if err := e.journal.AwaitRoom(context.Background()); err != nil {
		t.Fatal(err)
	}
	fs.SetSpace(fs.Used())
	applied := map[string]int64{}
	full := false
	for i := 0; i < 100_000 && !full; i++ {
		name := fmt.Sprintf("counter-%d", i%5000)
		class := []cuenta.Class{cuenta.ClassRemote, cuenta.ClassQueue}[i%2]
		switch r := do(e, class, slicesOf(add(name, 1), 20)...); r[0].Code {
		case cuenta.OK:
			applied[name] += 20
		case cuenta.Full:
			full = true
		default:
			t.Fatalf("%+v", r[0])
		}
	}
	if !full {
		t.Fatal("the disk never became full")
	}
	mustGet(t, e, "counter-0", applied["counter-0"], uint64(applied["counter-0"]))
	if !e.Stats().Journal.Full {
		t.Error("the journal does not say that the disk is full")
	}
	fs.SetSpace(-1)
	for do(e, cuenta.ClassQueue, add("after", 1))[0].Code == cuenta.Full {
		// Making the next segment is tried again every second.
	}
	closeEngine(t, e)
	e = open(t, fs)
	defer closeEngine(t, e)
	for name, n := range applied {
		mustGet(t, e, name, n, uint64(n))
	}
	mustGet(t, e, "after", 1, 1)
}

func TestListing(t *testing.T) {
	e := open(t, disktest.New())
	defer closeEngine(t, e)
	for i := range 5000 {
		do(e, cuenta.ClassRemote, add(fmt.Sprintf("%s/%d", []string{"even", "odd"}[i%2], i), int64(i+1)))
	}
	seen := map[string]int64{}
	for cursor, calls := uint64(0), 0; ; calls++ {
		counters, next, err := e.List(context.Background(), cuenta.ClassRemote, "odd/", cursor, 300)
		if err != nil || len(counters) > 300 {
			t.Fatal(len(counters), err)
		}
		for _, c := range counters {
			if _, twice := seen[c.Name]; twice {
				t.Fatalf("%s is listed twice", c.Name)
			}
			seen[c.Name] = c.Value
		}
		if cursor = next; cursor == 0 {
			break
		}
	}
	if len(seen) != 2500 || seen["odd/4999"] != 5000 {
		t.Errorf("listed %d, last %d", len(seen), seen["odd/4999"])
	}
}
