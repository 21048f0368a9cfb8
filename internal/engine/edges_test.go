package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
	"github.com/cuenta-server/cuenta/internal/identity"
	"github.com/cuenta-server/cuenta/internal/journal"
	"github.com/cuenta-server/cuenta/internal/ledger"
	"github.com/cuenta-server/cuenta/internal/shm"
)

func TestDefaults(t *testing.T) {
	var c Config
	c.setDefaults()
	if c.FS != disk.OS || c.MaxCounters != maxCounters || c.QueueCapacity != 65536 || c.SegmentSize != 16<<20 || c.SnapshotAfter != 64<<20 || c.Log == nil {
		t.Errorf("%+v", c)
	}
}

// TestAdmission asks the step machine alone what a journal without room means.
func TestAdmission(t *testing.T) {
	segment, err := shm.Create("test-cells", 16*shm.CellSize)
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.New(shm.NewCells(segment), 16, identity.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(l.Close(), segment.Close()); err != nil {
			t.Error(err)
		}
	}()
	c := NewCycle(l, func() uint64 { return 1 })
	b := &cuenta.Batch{Requests: []cuenta.Request{add("a", 1), get("a")}}
	for _, step := range []struct {
		room    error
		most    int64
		applied bool
		code    cuenta.Code
	}{
		{nil, 1, false, 0}, // the open group would pass what two groups may take
		{journal.ErrWait, 1 << 20, false, 0},
		{cuenta.Full.Err(), 1 << 20, true, cuenta.Full},
		{errors.New("closed"), 1 << 20, true, cuenta.Failed},
		{nil, 1 << 20, true, cuenta.OK},
	} {
		b.Results = nil
		_, applied := c.Admit(b, func(int64) error { return step.room }, step.most, 1)
		if applied != step.applied || applied && (b.Results[0].Code != step.code || b.Results[1].Code != cuenta.OK) {
			t.Errorf("room %v, most %d: %v, %+v", step.room, step.most, applied, b.Results)
		}
	}
	b.Requests = []cuenta.Request{{Op: cuenta.Outcome, Identity: cuenta.Identity{Session: 9, Number: 1}}}
	for code, want := range map[cuenta.Code]cuenta.Code{cuenta.OK: cuenta.NoSession, cuenta.Full: cuenta.Full} {
		// That a session has ended is told once a record says that its time is over.
		if c.Apply(b, code, int64(time.Hour)); b.Results[0].Code != want {
			t.Errorf("denied with %v: %v", code, b.Results[0].Code)
		}
	}
}

// TestWhatIsOpenIsCounted: whatever a request leaves behind, the open group is not idle,
// and takes at least the bytes that are sealed then.
func TestWhatIsOpenIsCounted(t *testing.T) {
	e := open(t, disktest.New())
	defer closeEngine(t, e)
	c := NewCycle(e.ledger, func() uint64 { return 7 })
	for _, r := range []cuenta.Request{
		add("a", 1),
		{Op: cuenta.OpenSession},
		numbered("a", 1, 7, 1, 0),
		{Op: cuenta.Add, Counter: []byte("a"), If: cuenta.IfAbsent, N: 1, Identity: cuenta.Identity{Session: 7, Number: 2}},
		{Op: cuenta.Add, Counter: []byte("a"), If: cuenta.IfAbsent, N: 1, Identity: cuenta.Identity{Key: bytes.Repeat([]byte("k"), cuenta.MaxKey)}},
	} {
		c.Apply(&cuenta.Batch{Requests: []cuenta.Request{r}}, cuenta.OK, 1)
		open, idle := c.openBytes(), c.Idle()
		if sealed := c.Seal(1); idle || sealed == nil || sealed.Len() == 0 || open < int64(sealed.Len()) {
			t.Errorf("%v of %q: idle %v, %d bytes open, %v sealed", r.Op, r.Counter, idle, open, sealed)
		}
		c.Landed()
	}
}

// TestTheQueueSaysWhy: every reason for which a batch does not get into the queue
// has its code, and none of them was applied.
func TestTheQueueSaysWhy(t *testing.T) {
	fs := disktest.New()
	config := testConfig(fs)
	config.QueueCapacity = 4
	e, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(context.Background())
	end()
	ask := func(ctx context.Context, noWait bool, n int) cuenta.Code {
		b := &cuenta.Batch{Class: cuenta.ClassQueue, NoWait: noWait, Requests: slicesOf(add("a", 1), n)}
		e.Do(ctx, b)
		return b.Results[n-1].Code
	}
	if code := ask(context.Background(), true, 1); code != cuenta.OK {
		t.Errorf("a datagram: %v", code)
	}
	if code := ask(context.Background(), false, 5); code != cuenta.TooLarge {
		t.Errorf("more than the queue holds: %v", code)
	}
	s := stallSyncs(fs)
	var waiting sync.WaitGroup
	waiting.Go(func() { ask(context.Background(), false, 1) })
	<-s.reached
	waiting.Go(func() { ask(context.Background(), false, 4) })
	for e.queue.Len() == 0 { // the second one has no other way to go
	}
	if code := ask(ended, false, 1); code != cuenta.Canceled {
		t.Errorf("given up before a full queue: %v", code)
	}
	close(s.release)
	waiting.Wait()
	mustGet(t, e, "a", 6, 6)
	e.queue.Close()
	if code := ask(context.Background(), false, 1); code != cuenta.Stopping {
		t.Errorf("after the end: %v", code)
	}
	mustGet(t, e, "a", 6, 6)
	closeEngine(t, e)
}

// TestGivenUpAtTheGate: whoever gives up before its turn is told, and nothing of it
// was done.
func TestGivenUpAtTheGate(t *testing.T) {
	e := open(t, disktest.New())
	ctx, end := context.WithCancel(context.Background())
	end()
	if err := e.gate.Acquire(context.Background(), cuenta.ClassConsole, gateCapacity); err != nil {
		t.Fatal(err)
	}
	b := &cuenta.Batch{Class: cuenta.ClassRemote, Requests: []cuenta.Request{add("a", 1)}}
	if e.Do(ctx, b); b.Results[0].Code != cuenta.Canceled {
		t.Errorf("a change: %+v", b.Results)
	}
	if _, _, err := e.List(ctx, cuenta.ClassRemote, "", 0, 1); !errors.Is(err, cuenta.Canceled.Err()) {
		t.Errorf("a listing: %v", err)
	}
	if err := e.Snapshot(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a snapshot: %v", err)
	}
	e.gate.Release(gateCapacity)
	mustGet(t, e, "a", 0, 0)
	closeEngine(t, e)
}

// TestRoomIsWaitedFor sends batches of every class that together are more than two
// groups may hold, while the first is being written, and while the next segment is
// being made: all of them are carried out in the end, none twice.
func TestRoomIsWaitedFor(t *testing.T) {
	for what, stalls := range map[string]func(disktest.Call) bool{
		"the sync of a group": func(c disktest.Call) bool { return c.Op == disktest.Sync && !strings.HasSuffix(c.Name, ".tmp") },
		"the next segment":    func(c disktest.Call) bool { return strings.HasSuffix(c.Name, ".tmp") },
	} {
		fs := disktest.New()
		config := testConfig(fs)
		config.SegmentSize = 8 << 10
		e, err := Open(config)
		if err != nil {
			t.Fatal(err)
		}
		release := make(chan struct{})
		fs.OnCall(func(c disktest.Call) error {
			if stalls(c) {
				<-release
			}
			return nil
		})
		const batches, each = 12, 8
		var all sync.WaitGroup
		for i := range batches {
			all.Go(func() {
				var requests []cuenta.Request
				for k := range each {
					requests = append(requests, add(fmt.Sprintf("%d-%0150d", i, k), 1))
				}
				for _, r := range do(e, cuenta.Class(i%3), requests...) {
					if r.Code != cuenta.OK || r.Value != 1 {
						t.Errorf("%s: %+v", what, r)
					}
				}
			})
		}
		// Those that flush to make room pass the gate as the console does; whoever
		// leads, as the queue does.
		for before := e.gate.Stats(); ; {
			if now := e.gate.Stats(); now.Classes[cuenta.ClassRemote].Grants > before.Classes[cuenta.ClassRemote].Grants || e.Count() > 0 || e.queue.Len() > 0 {
				break
			}
		}
		close(release)
		all.Wait()
		if n := e.Count(); n != batches*each {
			t.Errorf("%s: %d counters, want %d", what, n, batches*each)
		}
		closeEngine(t, e)
	}
}

// awaited is a context that ends when somebody waits for its end.
type awaited struct {
	context.Context
	end context.CancelFunc
}

func (c *awaited) Done() <-chan struct{} {
	c.end()
	return c.Context.Done()
}

// TestAChangeWaitsForTheSegment stalls the making of the next segment until the log
// has no room. A change that may give up does so without being done; one of the
// queue waits, and is carried out once the segment is there.
func TestAChangeWaitsForTheSegment(t *testing.T) {
	fs := disktest.New()
	config := testConfig(fs)
	config.SegmentSize = 8 << 10
	e, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	fs.OnCall(func(c disktest.Call) error {
		if strings.HasSuffix(c.Name, ".tmp") {
			<-release
		}
		return nil
	})
	large := slicesOf(add(strings.Repeat("a", 200), 1), 5)
	n := int64(0)
	for ; !errors.Is(e.journal.Room(1500), journal.ErrWait); n += 5 { // each takes less
		do(e, cuenta.ClassRemote, large...)
	}
	var ctx awaited
	ctx.Context, ctx.end = context.WithCancel(context.Background())
	b := &cuenta.Batch{Class: cuenta.ClassRemote}
	for i := range 8 { // more than that
		b.Requests = append(b.Requests, add(fmt.Sprintf("%d-%0200d", i, i), 1))
	}
	if e.Do(&ctx, b); b.Results[0].Code != cuenta.Canceled {
		t.Errorf("given up: %v", b.Results[0].Code)
	}
	led := e.gate.Stats().Classes[cuenta.ClassQueue].Grants
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if r := do(e, cuenta.ClassQueue, b.Requests...); r[7].Code != cuenta.OK || r[7].Value != 1 {
			t.Errorf("waited: %+v", r[7])
		}
	})
	for e.gate.Stats().Classes[cuenta.ClassQueue].Grants == led { // it leads, and finds no room
	}
	close(release)
	waiting.Wait()
	mustGet(t, e, strings.Repeat("a", 200), n, uint64(n))
	closeEngine(t, e)
}

// TestSnapshotsComeByThemselves: once enough log has gathered a snapshot is
// written; one that fails is told, harms nothing, and the next is tried.
func TestSnapshotsComeByThemselves(t *testing.T) {
	fs := disktest.New()
	config := testConfig(fs)
	config.SnapshotAfter = 1 << 10
	e, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	fs.OnCall(func(c disktest.Call) error {
		if strings.Contains(c.Name, "snapshot-") {
			return syscall.EIO
		}
		return nil
	})
	n := int64(0)
	for until := func(s Stats) bool { return s.SnapshotFailure != "" }; !until(e.Stats()); {
		n++
		do(e, cuenta.ClassQueue, add("a", 1), add(fmt.Sprint("b", n%50), 1))
	}
	fs.OnCall(nil)
	for e.Stats().SnapshotFailure != "" || e.Stats().Journal.Snapshot.Bytes == 0 {
		n++
		do(e, cuenta.ClassQueue, add("a", 1), add(fmt.Sprint("b", n%50), 1))
	}
	fs = abandon(e, fs)
	e = open(t, fs)
	if e.Recovery().Snapshot == "" {
		t.Error("recovered without a snapshot")
	}
	mustGet(t, e, "a", n, uint64(n))
	closeEngine(t, e)
}

// TestSnapshotFailsAnywhere fails every call that a large snapshot makes, one after
// the other: each is told, the engine goes on, and the next start finds everything.
func TestSnapshotFailsAnywhere(t *testing.T) {
	fs := disktest.New()
	e := open(t, fs)
	const many = 2500 // more than a block of each
	session := openSession(t, e)
	var batch []cuenta.Request
	for i := range many {
		batch = append(batch, keyed(fmt.Sprintf("%d-%0200d", i, i), 1, fmt.Sprintf("%0120d", i)))
		if len(batch) == 50 {
			if r := do(e, cuenta.ClassRemote, batch...)[49]; r.Code != cuenta.OK {
				t.Fatalf("%+v", r)
			}
			batch = batch[:0]
		}
	}
	do(e, cuenta.ClassRemote, numbered("s", 1, session, 1, 1))
	failures := 0
	for n := 1; ; n++ {
		var mu sync.Mutex
		calls := 0
		fs.OnCall(func(c disktest.Call) error {
			mu.Lock()
			defer mu.Unlock()
			if strings.Contains(c.Name, "snapshot-") {
				if calls++; calls == n {
					return syscall.EIO
				}
			}
			return nil
		})
		err := e.Snapshot(context.Background())
		if err == nil {
			break
		}
		failures++
		if !errors.Is(err, syscall.EIO) || e.Err() != nil {
			t.Fatalf("call %d: %v; the engine: %v", n, err, e.Err())
		}
	}
	if failures < 6 {
		t.Errorf("only %d calls failed", failures)
	}
	ctx, end := context.WithCancel(context.Background())
	fs.OnCall(func(c disktest.Call) error {
		if c.Op == disktest.Write && c.Offset > 0 && strings.Contains(c.Name, "snapshot-") {
			end() // in the middle of it
		}
		return nil
	})
	if err := e.Snapshot(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	fs.OnCall(nil)
	fs = abandon(e, fs)
	e = open(t, fs)
	if r := e.Recovery(); r.Counters != many+1 || r.Keys != many || r.Sessions != 1 || r.Snapshot == "" {
		t.Errorf("%+v", r)
	}
	closeEngine(t, e)
}

// TestWhatHasEndedIsNotInTheSnapshot: a walk passes over the places of sessions
// and keys that have ended; that a key with a time of its own has been forgotten is
// remembered.
func TestWhatHasEndedIsNotInTheSnapshot(t *testing.T) {
	fs := disktest.New()
	e := open(t, fs)
	openSession(t, e)
	dated := keyed("a", 1, string(newPlayer(1).dated(time.Now())))
	do(e, cuenta.ClassRemote, keyed("a", 1, "k"), dated)
	if err := e.gate.Acquire(context.Background(), cuenta.ClassConsole, gateCapacity); err != nil {
		t.Fatal(err)
	}
	e.ledger.Sweep(e.clock.now()+int64(30*24*time.Hour), 10)
	e.gate.Release(gateCapacity)
	if err := e.Snapshot(context.Background()); err != nil {
		t.Fatal(err)
	}
	fs = abandon(e, fs)
	e = open(t, fs)
	if r := e.Recovery(); r.Sessions != 0 || r.Keys != 0 || r.Snapshot == "" {
		t.Errorf("%+v", r)
	}
	if r := do(e, cuenta.ClassRemote, dated)[0]; r.Code != cuenta.TooOld {
		t.Errorf("what was forgotten before the snapshot: %+v", r)
	}
	closeEngine(t, e)
}

// TestSnapshotIsGivenUp ends the context while a snapshot is being written.
func TestSnapshotIsGivenUp(t *testing.T) {
	fs := disktest.New()
	e := open(t, fs)
	do(e, cuenta.ClassRemote, add("a", 1))
	ctx, end := context.WithCancel(context.Background())
	fs.OnCall(func(c disktest.Call) error {
		if strings.Contains(c.Name, "snapshot-") {
			end()
		}
		return nil
	})
	if err := e.Snapshot(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	fs.OnCall(nil)
	if err := e.Snapshot(context.Background()); err != nil {
		t.Error(err)
	}
	closeEngine(t, e)
}

// TestListingsLeaveOutWhatIsOver lists right behind the end of a counter that nothing
// has deleted yet.
func TestListingsLeaveOutWhatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, disktest.New())
		defer e.Close()
		do(e, cuenta.ClassRemote, cuenta.Request{Op: cuenta.Add, Counter: []byte("a"), N: 1}, cuenta.Request{
			Op: cuenta.Add, Counter: []byte("b"), N: 1,
			Terms: &cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: int64(time.Millisecond)}},
		})
		time.Sleep(time.Millisecond)
		found, _, err := e.List(context.Background(), cuenta.ClassRemote, "", 0, 10)
		if err != nil || len(found) != 1 || found[0].Name != "a" {
			t.Errorf("%+v, %v", found, err)
		}
	})
}

// TestAListLeavesOutWhatIsBeingDeleted: a counter whose time is over is deleted, and
// while that is on its way to the disk, and another's deletion behind it, a list shows
// neither, nor anything before both are durable.
func TestAListLeavesOutWhatIsBeingDeleted(t *testing.T) {
	fs := disktest.New()
	e := open(t, fs)
	defer e.Close()
	ends := cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: int64(20 * time.Millisecond)}}
	b := cuenta.Batch{Requests: []cuenta.Request{
		{Op: cuenta.Add, Counter: []byte("ends"), N: 1, Terms: &ends},
		{Op: cuenta.Add, Counter: []byte("other"), N: 1},
	}}
	if e.Do(t.Context(), &b); b.Results[0].Code != cuenta.OK {
		t.Fatalf("%+v", b.Results[0])
	}
	syncing, lift := make(chan struct{}, 10), make(chan struct{})
	fs.OnCall(func(c disktest.Call) error {
		// That of a segment that is being made is nobody's.
		if c.Op == disktest.Sync && !strings.HasSuffix(c.Name, ".tmp") {
			syncing <- struct{}{}
			<-lift
		}
		return nil
	})
	<-syncing // of the deletion of ends
	var clients sync.WaitGroup
	defer clients.Wait()
	clients.Go(func() {
		b := cuenta.Batch{Class: cuenta.ClassConsole, Requests: []cuenta.Request{{Op: cuenta.Delete, Counter: []byte("other")}}}
		e.Do(context.Background(), &b)
	})
	for alive := true; alive; {
		if err := e.gate.Acquire(t.Context(), cuenta.ClassConsole, 1); err != nil {
			t.Fatal(err)
		}
		_, _, alive = e.ledger.State(1)
		e.gate.Release(1)
	}
	listed := make(chan []cuenta.Counter, 1)
	clients.Go(func() {
		all, _, err := e.List(context.Background(), cuenta.ClassConsole, "", 0, 10)
		if err != nil {
			t.Error(err)
		}
		listed <- all
	})
	for range 2 {
		select {
		case all := <-listed:
			t.Errorf("shown before both deletions are durable: %+v", all)
			close(lift)
			return
		case <-time.After(30 * time.Millisecond): // it waits, as it should
		}
		lift <- struct{}{}
	}
	close(lift)
	if all := <-listed; len(all) > 0 {
		t.Errorf("shown though deleted: %+v", all)
	}
}
