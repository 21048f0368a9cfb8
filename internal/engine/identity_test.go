package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
	"github.com/cuenta-server/cuenta/internal/identity"
	"github.com/cuenta-server/cuenta/internal/uuid"
)

func keyed(name string, n int64, key string) cuenta.Request {
	r := add(name, n)
	r.Identity.Key = []byte(key)
	return r
}

func numbered(name string, n int64, session, number, lowest uint64) cuenta.Request {
	r := add(name, n)
	r.Identity = cuenta.Identity{Session: session, Number: number, Lowest: lowest}
	return r
}

func openSession(t *testing.T, e *Engine) uint64 {
	t.Helper()
	r := do(e, cuenta.ClassRemote, cuenta.Request{Op: cuenta.OpenSession})[0]
	if r.Code != cuenta.OK || r.Revision == 0 {
		t.Fatalf("opening a session: %+v", r)
	}
	return r.Revision
}

func outcome(e *Engine, id cuenta.Identity) cuenta.Result {
	return do(e, cuenta.ClassRemote, cuenta.Request{Op: cuenta.Outcome, Identity: id})[0]
}

// TestIdentitiesSurvive repeats requests over every kind of restart: a power cut,
// a clean stop, and from a snapshot alone.
func TestIdentitiesSurvive(t *testing.T) {
	fs := disktest.New()
	e := open(t, fs)
	session := openSession(t, e)
	check := func(when string, replayed bool) {
		t.Helper()
		all := cuenta.Request{Op: cuenta.All, Span: 2, Identity: cuenta.Identity{Key: []byte("transfer")}}
		for _, class := range []cuenta.Class{cuenta.ClassQueue, cuenta.ClassRemote} {
			r := do(e, class, keyed("k", 5, "key"), numbered("s", 7, session, 1, 1), all, add("from", -3), add("to", 3), numbered("s", 7, session, 2, 1))
			for i, want := range []int64{5, 7, 2, 0, 0, 14} {
				if i == 3 || i == 4 {
					continue // what an All spans is remembered together
				}
				if r[i].Code != cuenta.OK || r[i].Replayed != replayed || r[i].Value != want {
					t.Errorf("%s, %v: request %d: %+v", when, class, i, r[i])
				}
			}
			replayed = true
		}
		mustGet(t, e, "k", 5, 1)
		mustGet(t, e, "s", 14, 2)
		mustGet(t, e, "from", -3, 1)
		if r := outcome(e, cuenta.Identity{Session: session, Number: 1}); r.Code != cuenta.OK || r.Value != 7 || r.Revision != 1 {
			t.Errorf("%s: the outcome: %+v", when, r)
		}
		if r := do(e, cuenta.ClassRemote, numbered("s", 7, session+1, 1, 1))[0]; r.Code != cuenta.NoSession {
			t.Errorf("%s: a session made up: %+v", when, r)
		}
	}
	check("at first", false)
	fs = abandon(e, fs)
	e = open(t, fs)
	check("after a power cut", true)
	closeEngine(t, e)
	e = open(t, fs)
	check("after a clean stop", true)
	if err := e.Snapshot(context.Background()); err != nil {
		t.Fatal(err)
	}
	fs = abandon(e, fs)
	e = open(t, fs)
	check("from a snapshot", true)
	if r := e.Recovery(); r.Snapshot == "" || r.Sessions != 1 || r.Keys != 2 {
		t.Errorf("recovered %+v", r)
	}
	closeEngine(t, e)
}

// TestWhoseLimitItWasSurvives: that it was a total's is known from the log, and from a
// snapshot.
func TestWhoseLimitItWasSurvives(t *testing.T) {
	fs := disktest.New()
	e := open(t, fs)
	session := openSession(t, e)
	terms := &cuenta.Terms{Ceiling: cuenta.Bound{Set: true, At: 10}, Total: true}
	do(e, cuenta.ClassRemote, cuenta.Request{Op: cuenta.Limit, Counter: []byte("a"), Terms: terms})
	check := func(when string, replayed bool) {
		t.Helper()
		for i, r := range do(e, cuenta.ClassRemote, keyed("a/b/c", 11, "key"), numbered("a/b/c", 11, session, 1, 1)) {
			if r.Code != cuenta.Limited || r.Level != 2 || r.Value != 10 || r.Amount != 10 || r.Revision != 0 || r.Replayed != replayed {
				t.Errorf("%s: request %d: %+v", when, i, r)
			}
		}
	}
	check("at first", false)
	fs = abandon(e, fs)
	e = open(t, fs)
	check("after a power cut", true)
	if err := e.Snapshot(context.Background()); err != nil {
		t.Fatal(err)
	}
	fs = abandon(e, fs)
	e = open(t, fs)
	defer closeEngine(t, e)
	check("from a snapshot", true)
}

// TestARepeatCostsNoSync: nothing is written for what was done before.
func TestARepeatCostsNoSync(t *testing.T) {
	e := open(t, disktest.New())
	defer closeEngine(t, e)
	session := openSession(t, e)
	requests := []cuenta.Request{keyed("a", 1, "key"), numbered("a", 1, session, 1, 0)}
	do(e, cuenta.ClassRemote, requests...)
	before := e.Stats()
	for _, class := range []cuenta.Class{cuenta.ClassQueue, cuenta.ClassRemote} {
		for range 10 {
			do(e, class, requests...)
		}
	}
	if after := e.Stats(); after.Journal.Syncs != before.Journal.Syncs || after.Sequence != before.Sequence {
		t.Errorf("repeats took the journal from record %d to %d", before.Sequence, after.Sequence)
	}
}

// TestARepeatWaitsForTheFirst sends the same request from many goroutines at once:
// one is carried out, all get its answer, and only once it is durable.
func TestARepeatWaitsForTheFirst(t *testing.T) {
	e := open(t, disktest.New())
	defer closeEngine(t, e)
	for round := range 50 {
		var mu sync.Mutex
		var all sync.WaitGroup
		firsts := 0
		for g := range 8 {
			all.Go(func() {
				r := do(e, cuenta.Class(g%3), keyed("a", 1, fmt.Sprint("k", round)))[0]
				if r.Code != cuenta.OK || r.Value != int64(round+1) {
					t.Errorf("%+v", r)
				}
				_, value, _ := e.ledger.Cell(0).DurableState()
				mu.Lock()
				defer mu.Unlock()
				if value < r.Value {
					t.Errorf("answered %d while %d was durable", r.Value, value)
				}
				if !r.Replayed {
					firsts++
				}
			})
		}
		all.Wait()
		if firsts != 1 {
			t.Errorf("carried out %d times", firsts)
		}
	}
}

// TestRepeatsWhileTheDiskIsFull: changes are refused, and what was done before is
// answered again.
func TestRepeatsWhileTheDiskIsFull(t *testing.T) {
	fs := disktest.New()
	e := open(t, fs)
	defer closeEngine(t, e)
	if err := e.journal.AwaitRoom(context.Background()); err != nil {
		t.Fatal(err)
	}
	done := keyed("a", 1, "done")
	all := cuenta.Request{Op: cuenta.All, Span: 1, Identity: cuenta.Identity{Key: []byte("all")}}
	do(e, cuenta.ClassRemote, done, all, add("b", 2))
	fs.SetSpace(fs.Used())
	for _, size := range []int{20, 1} { // until there is no room for the least
		for i := 0; do(e, cuenta.ClassRemote, slicesOf(add(fmt.Sprint("fill-", i%5000), 1), size)...)[0].Code != cuenta.Full; i++ {
			if i > 100_000 {
				t.Fatal("the disk never became full")
			}
		}
	}
	for _, class := range []cuenta.Class{cuenta.ClassQueue, cuenta.ClassRemote} {
		r := do(e, class, done, keyed("a", 1, "new"), all, add("b", 2), all, add("b", 3))
		if r[0].Code != cuenta.OK || !r[0].Replayed || r[1].Code != cuenta.Full || r[2].Code != cuenta.OK || r[2].Value != 1 || r[4].Code != cuenta.Conflict {
			t.Errorf("%v: %+v", class, r)
		}
	}
	fs.SetSpace(-1)
}

// TestRepeatsAfterAFailure: a failed journal refuses changes, and what is durable
// is answered again.
func TestRepeatsAfterAFailure(t *testing.T) {
	fs := disktest.New()
	e := open(t, fs)
	done := keyed("a", 1, "done")
	do(e, cuenta.ClassRemote, done)
	broken := errors.New("broken")
	fs.OnCall(func(disktest.Call) error { return broken })
	if r := do(e, cuenta.ClassRemote, keyed("a", 1, "lost"))[0]; r.Code != cuenta.Unknown {
		t.Errorf("the one under way: %+v", r)
	}
	for _, class := range []cuenta.Class{cuenta.ClassQueue, cuenta.ClassRemote} {
		r := do(e, class, done, keyed("a", 1, "lost"), keyed("a", 1, "new"), cuenta.Request{Op: cuenta.Outcome, Identity: done.Identity})
		if r[0].Code != cuenta.OK || !r[0].Replayed || r[1].Code != cuenta.Failed || r[2].Code != cuenta.Failed || r[3].Value != 1 {
			t.Errorf("%v: %+v", class, r)
		}
	}
	if e.Close() == nil {
		t.Error("a poisoned engine closed well")
	}
}

// retrier sends numbered requests of one session, each until it is answered, and
// remembers what it is owed.
type retrier struct {
	session uint64
	next    uint64
	window  []cuenta.Request // sent and not answered
	total   map[string]int64 // of the answered ones
}

// TestExactlyOnceAcrossPowerCuts cuts the power at random calls, with snapshots
// being written, and lets clients repeat what was not answered: at the end every
// counter is exactly the sum of what was sent.
func TestExactlyOnceAcrossPowerCuts(t *testing.T) {
	seeds := uint64(25)
	if testing.Short() {
		seeds = 5
	}
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(seed, 11))
		fs := disktest.New()
		e := open(t, fs)
		clients := make([]*retrier, 3)
		for i := range clients {
			clients[i] = &retrier{session: openSession(t, e), next: 1, total: map[string]int64{}}
		}
		closeEngine(t, e)
		for range 8 {
			fs = liveWithRepeats(t, fs, clients, rng)
		}
		e = open(t, fs)
		want := map[string]int64{}
		for _, c := range clients {
			if !c.send(t, e, len(c.window), func() bool { return false }) {
				t.Fatalf("seed %d: the last repeats are not answered", seed)
			}
			for name, n := range c.total {
				want[name] += n
			}
		}
		for name, n := range want {
			if r := do(e, cuenta.ClassRemote, get(name))[0]; r.Value != n {
				t.Errorf("seed %d: %s is %d, and %d were sent", seed, name, r.Value, n)
			}
		}
		closeEngine(t, e)
		if t.Failed() {
			return
		}
	}
}

// send sends what waits, and reports whether all was answered before the cut.
func (c *retrier) send(t *testing.T, e *Engine, most int, cut func() bool) bool {
	t.Helper()
	if most == 0 {
		return true
	}
	results := do(e, cuenta.ClassRemote, c.window[:most]...)
	if cut() { // a sync may have ended after the picture of the disk was taken
		return false
	}
	var left []cuenta.Request
	for i, r := range c.window {
		switch {
		case i < most && results[i].Code == cuenta.OK:
			c.total[string(r.Counter)] += r.N
			continue
		case i < most && e.Err() == nil:
			t.Fatalf("session %x, number %d: %+v", r.Identity.Session, r.Identity.Number, results[i])
		}
		left = append(left, r)
	}
	c.window = left
	return len(left) == 0
}

// fill adds requests up to a number.
func (c *retrier) fill(n int, rng *rand.Rand) {
	for len(c.window) < n {
		lowest := c.next
		if len(c.window) > 0 {
			lowest = c.window[0].Identity.Number
		}
		c.window = append(c.window, numbered(fmt.Sprint("c", rng.IntN(5)), 1+rng.Int64N(9), c.session, c.next, lowest))
		c.next++
	}
}

// liveWithRepeats runs until the power is cut and returns what is left of the disk.
func liveWithRepeats(t *testing.T, fs *disktest.FS, clients []*retrier, rng *rand.Rand) *disktest.FS {
	t.Helper()
	config := testConfig(fs)
	config.SegmentSize = 64 << 10
	e, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	var survivor *disktest.FS
	var mu sync.Mutex
	calls, cutAt, keep := 0, 1+rng.IntN(80), rng.IntN(101)
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
	cut := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return survivor != nil
	}
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
	for out := false; !out; {
		for _, c := range clients {
			c.fill(1+rng.IntN(20), rng)
			if !c.send(t, e, 1+rng.IntN(len(c.window)), cut) && e.Err() != nil {
				out = true
			}
		}
	}
	close(stop)
	snapshots.Wait()
	_ = e.Close() // of a world without power
	return survivor
}

// TestIdentitiesAreBounded: at the bound what is new is refused, and says so in
// the statistics.
func TestIdentitiesAreBounded(t *testing.T) {
	config := testConfig(disktest.New())
	config.Identities = identity.Config{Memory: 64 << 10}
	e, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	defer closeEngine(t, e)
	n := 0
	for ; n < 5000; n++ {
		if r := do(e, cuenta.ClassRemote, keyed("a", 1, fmt.Sprint(n)))[0]; r.Code == cuenta.Busy {
			break
		}
	}
	s := e.Stats().Identities
	if s.Keys != n || s.Limit != 64<<10 || s.Memory > s.Limit || n < 200 {
		t.Errorf("%d keys were taken: %+v", n, s)
	}
	if r := do(e, cuenta.ClassRemote, keyed("a", 1, "0"), add("a", 1))[1]; r.Code != cuenta.OK || r.Value != int64(n+1) {
		t.Errorf("what has no identity: %+v", r)
	}
}

// TestTheClockGoesBack sets the system's clock back by two days over a restart:
// the ledger's time goes on from what was recorded, nothing is forgotten, and a
// key whose own time is too far back by that is not taken for new.
func TestTheClockGoesBack(t *testing.T) {
	fs := disktest.New()
	e := open(t, fs)
	e.clock.base += int64(48 * time.Hour) // as if it were the day after tomorrow
	then := e.clock.now()
	session := openSession(t, e)
	do(e, cuenta.ClassRemote, keyed("a", 1, "key"), numbered("a", 1, session, 1, 0))
	old := uuid.NewV7().String() // of now, which is two days before then
	if r := do(e, cuenta.ClassRemote, keyed("a", 1, old))[0]; r.Code != cuenta.TooOld {
		t.Errorf("a key of two days ago: %+v", r)
	}
	closeEngine(t, e)
	e = open(t, fs)
	defer closeEngine(t, e)
	if now := e.clock.now(); now < then {
		t.Errorf("the ledger's time went back from %d to %d", then, now)
	}
	r := do(e, cuenta.ClassRemote, keyed("a", 1, "key"), numbered("a", 1, session, 1, 0), keyed("a", 1, old))
	if !r[0].Replayed || !r[1].Replayed || r[2].Code != cuenta.TooOld {
		t.Errorf("after the clock was set back: %+v", r)
	}
}
