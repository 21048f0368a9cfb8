package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// played is a run of random batches, one after the other, and what of it was
// acknowledged when the power was cut.
type played struct {
	*player
	e         *Engine
	ids       []uint64 // of sessions
	batches   []timely // acknowledged
	under     timely   // the batch under way, if there is one
	snapshots sync.WaitGroup
}

// timely is a batch, and when it was asked.
type timely struct {
	requests []cuenta.Request
	at       time.Time
}

// small is a configuration in which a few batches fill a segment.
func smallSegments(fs *disktest.FS) Config {
	config := testConfig(fs)
	config.SegmentSize = 32 << 10 // in less there is never room to delete what has ended
	return config
}

// play lives until it has done all it should, or the power is cut.
func (l *played) play(fs *disktest.FS, batches int) {
	var err error
	if l.e, err = Open(smallSegments(fs)); err != nil {
		return
	}
	for n := 0; n < batches && l.under.requests == nil; n++ {
		switch n % 16 {
		case 6:
			l.snapshots.Go(func() {
				// It fails when the power does, and that is looked at elsewhere.
				_ = l.e.Snapshot(context.Background())
			})
		case 14:
			l.snapshots.Wait()
		}
		l.one(l.batch(1 + l.rng.IntN(9)))
		l.sleep()
	}
	l.snapshots.Wait()
	_ = l.e.Close() // fails when the power does
}

// one does a batch. What is refused for want of a journal may have been done.
func (l *played) one(requests []cuenta.Request) {
	to := translate(requests, l.ids)
	got := do(l.e, cuenta.Class(l.rng.IntN(3)), to...)
	if slices.ContainsFunc(got, func(r cuenta.Result) bool {
		return r.Code == cuenta.Unknown || r.Code == cuenta.Failed || r.Code == cuenta.Full
	}) {
		l.under = timely{requests, time.Now()}
		return
	}
	l.compare(to, got, &l.ids)
	asked(l.naive, requests)
	l.batches = append(l.batches, timely{requests, time.Now()})
}

// TestPowerCutWithIdentities cuts the power at the calls of a reference run that
// opens sessions, repeats, takes back, deletes, gives limits and ends, lets counters
// end, and writes snapshots, and loses what was not synced wholly, in part, or not at
// all. What is found afterwards, counters with their terms, sessions, keys and the
// floor, is exactly what was acknowledged, or that and the one batch under way; and
// all goes on from there as if nothing had been. The long form cuts at every call.
func TestPowerCutWithIdentities(t *testing.T) { outOfTime(t, powerCuts) }

func powerCuts(t *testing.T) {
	const batches = 80
	reference := &played{player: newPlayer(2)}
	fs, calls := disktest.New(), 0
	var mu sync.Mutex
	fs.OnCall(func(disktest.Call) error {
		mu.Lock()
		defer mu.Unlock()
		calls++
		return nil
	})
	reference.play(fs, batches)
	if calls < 100 || reference.under.requests != nil || len(reference.past) < 40 || len(reference.ids) < 2 {
		t.Fatalf("the reference run makes %d calls, %d identities, %d sessions", calls, len(reference.past), len(reference.ids))
	}
	stride := int(longer(uint64(calls/30), 1))
	exact, further := 0, 0
	for cutAt := 1; cutAt <= calls; cutAt += stride {
		for i, keep := range []int{0, 50, 100} {
			if stride > 1 && i != cutAt%3 {
				continue
			}
			switch cutAndRecover(t, cutAt, keep, batches) {
			case acknowledged:
				exact++
			case withOneMore:
				further++
			}
			if t.Failed() {
				return
			}
		}
	}
	t.Logf("%d calls; recovered what was acknowledged %d times, and the batch under way too %d times", calls, exact, further)
	if exact == 0 || further == 0 {
		t.Error("the cuts do not reach both")
	}
}

// found is what was found after a power cut.
type found int

const (
	nothing found = iota // the run made fewer calls than where the power was to be cut
	acknowledged
	withOneMore
)

func cutAndRecover(t *testing.T, cutAt, keep, batches int) found {
	t.Helper()
	l := &played{player: newPlayer(2)}
	var survivor *disktest.FS
	var mu sync.Mutex
	fs, calls := disktest.New(), 0
	fs.OnCall(func(disktest.Call) error {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls < cutAt {
			return nil
		}
		if survivor == nil {
			survivor = fs.Crash(keep, uint64(cutAt))
		}
		return errPowerCut
	})
	l.play(fs, batches)
	if survivor == nil {
		return nothing
	}
	when := fmt.Sprintf("power cut at call %d, %d%% of the unsynced kept", cutAt, keep)
	e, err := Open(smallSegments(survivor))
	if err != nil {
		t.Errorf("%s: %v", when, err)
		return nothing
	}
	l.e = e
	defer closeEngine(t, e)
	time.Sleep(time.Duration(era)) // what has ended meanwhile is deleted
	for i, batches := range [][]timely{l.batches, append(slices.Clone(l.batches), l.under)} {
		if l.holds(replayed(batches)) {
			l.naive = replayed(batches)
			if i == 0 || !slices.ContainsFunc(l.under.requests, opens) { // else nobody knows its id
				l.goesOn(t, when)
			}
			return acknowledged + found(i)
		}
	}
	t.Errorf("%s: the state is neither what was acknowledged nor that and the batch under way", when)
	return nothing
}

func opens(r cuenta.Request) bool { return r.Op == cuenta.OpenSession }

// replayed returns a naive service that did the batches, each in its time.
func replayed(batches []timely) *fronttest.Service {
	s := fronttest.NewService()
	for _, b := range batches {
		s.Now(func() time.Time { return b.at })
		s.Lapse()
		asked(s, b.requests)
	}
	s.Now(time.Now)
	s.Lapse()
	return s
}

// holds reports whether the engine holds what the naive service does: counters
// with their terms, and the outcome of every identity that was ever used.
func (l *played) holds(want *fronttest.Service) bool {
	counters, _, err := l.e.List(context.Background(), cuenta.ClassRemote, "", 0, 1000)
	if err != nil || len(counters) != want.Len() {
		return false
	}
	same := func(q cuenta.Request) bool {
		questions := translate([]cuenta.Request{q}, l.ids)
		results := do(l.e, cuenta.ClassRemote, questions...)
		results[0].Cell, results[0].Generation = 0, 0
		return answers(questions, results)[0] == asked(want, []cuenta.Request{q})[0]
	}
	for _, c := range counters {
		if value, revision := want.Value(c.Name); value != c.Value || revision != c.Revision {
			return false
		}
		if !same(cuenta.Request{Op: cuenta.Describe, Counter: []byte(c.Name), Terms: &cuenta.Terms{}}) {
			return false
		}
	}
	for _, b := range append(slices.Clone(l.batches), l.under) {
		for _, r := range b.requests {
			if r.Identity.Given() && !same(cuenta.Request{Op: cuenta.Outcome, Identity: r.Identity}) {
				return false
			}
		}
	}
	return true
}

// goesOn has both do more, and begins with what shows the floor.
func (l *played) goesOn(t *testing.T, when string) {
	t.Helper()
	l.under = timely{}
	anew := []cuenta.Request{{Op: cuenta.Add, Counter: []byte("anew"), N: 1}}
	for n := range 10 {
		requests := anew
		if n > 0 {
			requests = l.batch(5)
		}
		to := translate(requests, l.ids)
		got := l.compare(to, do(l.e, cuenta.ClassQueue, to...), &l.ids)
		if want := asked(l.naive, requests); !slices.Equal(got, want) {
			t.Errorf("%s, afterwards:\n%s", when, differences(requests, got, want))
			return
		}
	}
}
