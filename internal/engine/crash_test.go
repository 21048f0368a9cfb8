package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
)

var errPowerCut = errors.New("the power is cut")

// meter counts by ones and knows what its counter may hold after a crash.
type meter struct{ acked, sent int64 }

// run is a workload over a file system whose power is cut before its n-th
// mutating call. Whatever the outcome, what was acknowledged by then is kept.
type run struct {
	mu     sync.Mutex
	calls  int
	cutAt  int
	fs     *disktest.FS
	after  func(fs *disktest.FS) // called at the cut, before anything else happens
	cut    bool
	meters map[string]*meter
}

func (r *run) hook(disktest.Call) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	if !r.cut && r.calls == r.cutAt {
		r.cut = true
		r.after(r.fs)
	}
	if r.cut {
		return errPowerCut
	}
	return nil
}

// workload opens an engine, counts from several goroutines over enough records
// for a few segments, writes a snapshot in between, and closes. Every step may
// fail once the power is cut.
func (r *run) workload() {
	config := testConfig(r.fs)
	config.SegmentSize = 64 << 10
	e, err := Open(config)
	if err != nil {
		return
	}
	var all sync.WaitGroup
	for g := range 3 {
		all.Go(func() {
			for i := range 8 {
				r.count(e, cuenta.Class(g), slices.Repeat([]string{fmt.Sprintf("counter-%d-%d", g, i%4)}, 25))
			}
		})
	}
	all.Go(func() {
		// It fails when the power does, and that is looked at elsewhere.
		_ = e.Snapshot(context.Background())
	})
	all.Wait()
	for i := range 12 { // large records, one after the other, to fill segments
		var names []string
		for j := range 40 {
			names = append(names, fmt.Sprintf("many-%d-%0200d", i/2, j))
		}
		r.count(e, cuenta.ClassQueue, names)
	}
	_ = e.Close() // fails when the power does
}

// count sends a batch of increments by one of the named counters.
func (r *run) count(e *Engine, class cuenta.Class, names []string) {
	r.mu.Lock()
	var batch []cuenta.Request
	for _, name := range names {
		if r.meters[name] == nil {
			r.meters[name] = &meter{}
		}
		r.meters[name].sent++
		batch = append(batch, add(name, 1))
	}
	cut := r.cut
	r.mu.Unlock()
	if cut {
		return // the sending is no matter any more
	}
	results := do(e, class, batch...)
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, name := range names {
		if !r.cut && results[i].Code == cuenta.OK {
			r.meters[name].acked = results[i].Value
		}
	}
}

// TestPowerCutAtEveryCall cuts the power before every mutating call of a
// reference run, with what was not synced lost wholly, in part, or not at all.
// After the restart every counter holds at least what was acknowledged and at
// most what was sent; and a second restart finds the same.
func TestPowerCutAtEveryCall(t *testing.T) {
	total := (&run{fs: disktest.New(), meters: map[string]*meter{}}).measure()
	if total < 60 {
		t.Fatalf("the reference run makes %d calls only", total)
	}
	stride := 1
	if testing.Short() {
		stride = 10
	}
	cuts := 0
	for cutAt := 1; cutAt <= total; cutAt += stride {
		for _, keep := range []int{0, 50, 100} {
			r := &run{fs: disktest.New(), cutAt: cutAt, meters: map[string]*meter{}}
			var survivor *disktest.FS
			var acked map[string]meter
			r.after = func(fs *disktest.FS) {
				survivor = fs.Crash(keep, uint64(cutAt))
				acked = map[string]meter{}
				for name, m := range r.meters {
					acked[name] = *m
				}
			}
			r.fs.OnCall(r.hook)
			r.workload()
			if survivor == nil {
				continue // this run went another way and made fewer calls
			}
			cuts++
			verify(t, survivor, acked, fmt.Sprintf("power cut at call %d, %d%% of the unsynced kept", cutAt, keep))
			if t.Failed() {
				return
			}
		}
	}
	t.Logf("%d power cuts", cuts)
	if cuts < total/stride {
		t.Errorf("only %d cuts over %d calls", cuts, total)
	}
}

func (r *run) measure() int {
	r.fs.OnCall(r.hook)
	r.workload()
	return r.calls
}

func verify(t *testing.T, fs *disktest.FS, acked map[string]meter, when string) {
	t.Helper()
	for attempt := range 2 {
		config := testConfig(fs)
		config.SegmentSize = 64 << 10
		e, err := Open(config)
		if err != nil {
			t.Errorf("%s: start %d: %v", when, attempt, err)
			return
		}
		for name, m := range acked {
			r := do(e, cuenta.ClassRemote, get(name))[0]
			if r.Value < m.acked || r.Value > m.sent || uint64(r.Value) != r.Revision {
				t.Errorf("%s: %.20s holds %d at revision %d; acknowledged %d, sent %d", when, name, r.Value, r.Revision, m.acked, m.sent)
			}
			m.acked = r.Value
			acked[name] = m
		}
		closeEngine(t, e)
	}
}

// TestSnapshotsWhileCounting takes snapshots one after the other while counters
// change and appear; each restart from one of them is exact.
func TestSnapshotsWhileCounting(t *testing.T) {
	fs := disktest.New()
	want := map[string]int64{}
	for round := range 4 {
		e := open(t, fs)
		stop := make(chan struct{})
		var snapshots sync.WaitGroup
		taken := 0
		snapshots.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := e.Snapshot(context.Background()); err != nil {
					t.Error(err)
					return
				}
				taken++
			}
		})
		var mu sync.Mutex
		var counting sync.WaitGroup
		for g := range 4 {
			counting.Go(func() {
				for i := range 400 {
					name := fmt.Sprintf("c-%d-%d", g, (i+round*50)%300)
					r := do(e, cuenta.Class(g%3), add(name, 3), add(name, -1))
					mu.Lock()
					want[name] += 2
					if r[1].Value != want[name] {
						t.Errorf("%s = %d, want %d", name, r[1].Value, want[name])
					}
					mu.Unlock()
				}
			})
		}
		counting.Wait()
		close(stop)
		snapshots.Wait()
		if taken == 0 {
			t.Error("no snapshot was taken")
		}
		if round%2 == 0 {
			closeEngine(t, e)
		} else {
			fs = abandon(e, fs)
		}
	}
	e := open(t, fs)
	defer closeEngine(t, e)
	for name, n := range want {
		mustGet(t, e, name, n, uint64(n))
	}
}

// abandon leaves an engine as a power cut would.
func abandon(e *Engine, fs *disktest.FS) *disktest.FS {
	survivor := fs.Crash(0, 1)
	_ = e.Close() // of the old world; nobody looks at it any more
	return survivor
}
