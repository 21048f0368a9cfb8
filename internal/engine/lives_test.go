package engine

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
)

// state is what the counters of one client hold: value and revision by name.
type state map[string][2]int64

// lives makes, changes and deletes counters, one request after the other, so
// that a crash leaves exactly what was acknowledged, or that and the one request
// under way.
type lives struct {
	acked, next state // next differs from acked while a request is under way
	floor       int64
}

func (l *lives) step(e *Engine, rng *rand.Rand, cut func() bool) bool {
	name := fmt.Sprintf("n%d", rng.IntN(12))
	r := cuenta.Request{Op: cuenta.Add, Counter: []byte(name), N: rng.Int64N(100)}
	now, exists := l.acked[name]
	if !exists {
		now[1] = l.floor
	}
	next := maps.Clone(l.acked)
	next[name] = [2]int64{now[0] + r.N, now[1] + 1}
	switch rng.IntN(4) {
	case 0:
		r.Op = cuenta.Set
		next[name] = [2]int64{r.N, now[1] + 1}
	case 1:
		if !exists {
			return true
		}
		r.Op = cuenta.Delete
		delete(next, name)
	}
	l.next = next
	// A sync may have ended after the picture of the disk was taken.
	if out := do(e, cuenta.Class(rng.IntN(3)), r)[0]; out.Code != cuenta.OK || cut() {
		return false
	}
	if r.Op == cuenta.Delete {
		l.floor = max(l.floor, now[1]+1)
	}
	l.acked = next
	return true
}

// recovered reads the state of an engine, and the floor by making a counter.
func recovered(t *testing.T, e *Engine) state {
	t.Helper()
	all, cursor, err := e.List(context.Background(), cuenta.ClassRemote, "", 0, 1000)
	if err != nil || cursor != 0 {
		t.Fatal(err, cursor)
	}
	found := state{}
	for _, c := range all {
		found[c.Name] = [2]int64{c.Value, int64(c.Revision)}
	}
	return found
}

// TestLivesAcrossPowerCuts cuts the power at a random call, with snapshots being
// written all the while, recovers, compares exactly, and goes on.
func TestLivesAcrossPowerCuts(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 3))
		fs := disktest.New()
		l := &lives{acked: state{}, next: state{}}
		for round := range 6 {
			fs = l.live(t, fs, rng, fmt.Sprintf("seed %d, round %d", seed, round))
			if t.Failed() {
				return
			}
		}
	}
}

// live runs until the power is cut and returns what is left of the disk.
func (l *lives) live(t *testing.T, fs *disktest.FS, rng *rand.Rand, when string) *disktest.FS {
	config := testConfig(fs)
	config.SegmentSize = 64 << 10
	e, err := Open(config)
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	found := recovered(t, e)
	switch {
	case maps.Equal(found, l.acked):
		l.next = l.acked
	case maps.Equal(found, l.next):
		for name, c := range l.acked {
			if _, exists := found[name]; !exists {
				l.floor = max(l.floor, c[1]+1)
			}
		}
		l.acked = found
	default:
		t.Fatalf("%s: recovered %v\nacknowledged %v\nunder way %v", when, found, l.acked, l.next)
	}
	var survivor *disktest.FS
	var mu sync.Mutex
	calls, cutAt, keep := 0, 1+rng.IntN(120), rng.IntN(101)
	fs.OnCall(func(disktest.Call) error {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls >= cutAt {
			if survivor == nil {
				survivor = fs.Crash(keep, uint64(cutAt))
			}
			return errPowerCut
		}
		return nil
	})
	stop := make(chan struct{})
	var snapshots sync.WaitGroup
	snapshots.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if e.Snapshot(context.Background()) != nil {
					return // the power is out
				}
			}
		}
	})
	cut := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return survivor != nil
	}
	for l.step(e, rng, cut) {
	}
	close(stop)
	snapshots.Wait()
	_ = e.Close() // of a world without power
	return survivor
}

// TestFloorOfACounterMadeAnew: a counter that is deleted and made anew within one
// group leaves its deletion behind as well, so that after a restart too no counter
// begins below it.
func TestFloorOfACounterMadeAnew(t *testing.T) {
	fs := disktest.New()
	e := open(t, fs)
	remove := cuenta.Request{Op: cuenta.Delete, Counter: []byte("a")}
	do(e, cuenta.ClassRemote, add("a", 1), add("a", 1), add("b", 1), add("b", 1))
	do(e, cuenta.ClassRemote, remove, add("a", 5), remove, add("a", 6), add("b", 1))
	for range 2 {
		fs = abandon(e, fs)
		e = open(t, fs)
	}
	mustGet(t, e, "a", 6, 6)
	mustGet(t, e, "b", 3, 3)
	if r := do(e, cuenta.ClassRemote, add("c", 1))[0]; r.Revision != 6 {
		t.Errorf("a counter was deleted at revision 5, and a new one begins at %d", r.Revision)
	}
	closeEngine(t, e)
}
