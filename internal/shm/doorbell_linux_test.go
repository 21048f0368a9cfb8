package shm

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	echoEnv  = "CUENTA_TEST_ECHO"
	testLink = 1 << 16
)

// end is one process's end of a link in these tests.
type end struct {
	out         *Producer
	in          *Consumer
	mine, peers *Doorbell
}

func serverEnd(t testing.TB, l *Link, mine, peers *Doorbell) *end {
	t.Helper()
	in, err := NewConsumer(l.RequestRing())
	if err != nil {
		t.Fatal(err)
	}
	out, err := NewProducer(l.AnswerRing())
	if err != nil {
		t.Fatal(err)
	}
	mine.Poll()
	return &end{out, in, mine, peers}
}

func workerEnd(t testing.TB, l *Link, mine, peers *Doorbell) *end {
	t.Helper()
	in, err := NewConsumer(l.AnswerRing())
	if err != nil {
		t.Fatal(err)
	}
	out, err := NewProducer(l.RequestRing())
	if err != nil {
		t.Fatal(err)
	}
	mine.Poll()
	return &end{out, in, mine, peers}
}

// next waits for messages and hands each to use.
func (e *end) next(use func(m []byte) error) error {
	for !e.in.Ready() {
		if err := e.mine.Wait(e.in.Ready); err != nil {
			return err
		}
	}
	run, err := e.in.Take()
	if err != nil {
		return err
	}
	for {
		m, err := run.Next()
		if m == nil || err != nil {
			return err
		}
		if err := use(m); err != nil {
			return err
		}
	}
}

func (e *end) put(m []byte) error {
	ok, err := e.out.Put(m)
	if err == nil && !ok {
		err = fmt.Errorf("the ring is full")
	}
	return err
}

func (e *end) publish() error {
	e.out.Publish()
	return e.peers.Ring()
}

// echo sends every message back, and ends after one of a single byte.
func (e *end) echo() error {
	for over := false; !over; {
		err := e.next(func(m []byte) error {
			over = over || len(m) == 1
			return e.put(m)
		})
		if err != nil {
			return err
		}
		if err := e.publish(); err != nil {
			return err
		}
	}
	return nil
}

// exchange sends total messages with at most depth unanswered, and checks that
// they come back in order.
func (e *end) exchange(total, depth int) error {
	var sent, got int
	var m [32]byte
	check := func(answer []byte) error {
		if n := binary.LittleEndian.Uint64(answer); n != uint64(got) {
			return fmt.Errorf("answer %d came as number %d", n, got)
		}
		got++
		return nil
	}
	for got < total {
		for sent < total && sent-got < depth {
			binary.LittleEndian.PutUint64(m[:], uint64(sent))
			if err := e.put(m[:]); err != nil {
				return err
			}
			sent++
		}
		if err := e.publish(); err != nil {
			return err
		}
		if err := e.next(check); err != nil {
			return err
		}
	}
	return nil
}

func (e *end) finish() error {
	if err := e.put([]byte{0}); err != nil {
		return err
	}
	if err := e.publish(); err != nil {
		return err
	}
	return e.next(func([]byte) error { return nil })
}

// startEcho runs this test binary again as the other end of a link.
func startEcho(t testing.TB) *end {
	t.Helper()
	l, err := CreateLink("test", testLink, testLink)
	if err != nil {
		t.Fatal(err)
	}
	mine, peers := newBell(t, l.ServerAsleep()), newBell(t, l.WorkerAsleep())
	cmd := exec.Command(os.Args[0], "-test.run=^TestEchoProcess$")
	cmd.Env = append(os.Environ(), echoEnv+"=1")
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{l.File(), bellFile(t, mine), bellFile(t, peers)}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	e := serverEnd(t, l, mine, peers)
	t.Cleanup(func() {
		if err := e.finish(); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		mine.Close()
		peers.Close()
		l.Close()
	})
	return e
}

func newBell(t testing.TB, asleep *atomic.Uint32) *Doorbell {
	t.Helper()
	d, err := NewDoorbell(asleep)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func bellFile(t testing.TB, d *Doorbell) *os.File {
	t.Helper()
	fd, err := unix.FcntlInt(uintptr(d.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "doorbell")
	t.Cleanup(func() { f.Close() })
	return f
}

// TestEchoProcess is the other process, not a test of its own.
func TestEchoProcess(t *testing.T) {
	if os.Getenv(echoEnv) == "" {
		t.Skip("only runs as the other end of a link")
	}
	l, err := OpenLink(os.NewFile(3, "link"))
	if err != nil {
		t.Fatal(err)
	}
	server, worker := OpenDoorbell(4, l.ServerAsleep()), OpenDoorbell(5, l.WorkerAsleep())
	if err := workerEnd(t, l, worker, server).echo(); err != nil {
		t.Fatal(err)
	}
}

func TestLinkBetweenProcesses(t *testing.T) {
	e := startEcho(t)
	for _, depth := range []int{1, 2, 64, 1000} {
		if err := e.exchange(3000, depth); err != nil {
			t.Fatalf("depth %d: %v", depth, err)
		}
	}
}

// Without a yield between, both ends go to sleep and wake each other at every
// message: a lost wake-up would hang the test.
func TestDoorbellLosesNoWakeUp(t *testing.T) {
	var flagA, flagB, a, b atomic.Uint32
	bellA, bellB := newBell(t, &flagA), newBell(t, &flagB)
	bellA.Poll()
	bellB.Poll()
	const rounds = 20000
	wait := func(d *Doorbell, word *atomic.Uint32, want uint32) error {
		for ready := func() bool { return word.Load() == want }; !ready(); {
			if !d.Arm(ready) {
				continue
			}
			var count [8]byte
			if _, err := d.file.Read(count[:]); err != nil {
				return err
			}
			d.Disarm()
		}
		return nil
	}
	done := make(chan error, 1)
	go func() {
		for i := uint32(1); i <= rounds; i++ {
			if err := wait(bellB, &a, i); err != nil {
				done <- err
				return
			}
			b.Store(i)
			if err := bellA.Ring(); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for i := uint32(1); i <= rounds; i++ {
		a.Store(i)
		if err := bellB.Ring(); err != nil {
			t.Fatal(err)
		}
		if err := wait(bellA, &b, i); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// Who yields where it does not pay holds up itself and others.
func TestYieldOnlyWhereItPays(t *testing.T) {
	defer func(again int64) { yieldAgain.Store(again) }(yieldAgain.Load())
	asked := 0
	never := func() bool { asked++; return false }
	yieldAgain.Store(int64(time.Since(yieldClock) + time.Hour))
	if Yield(never) || asked != 1 {
		t.Errorf("%d looks in a rest, want 1", asked)
	}
	yieldAgain.Store(0)
	yielding.Add(maxYielding)
	asked = 0
	if Yield(never) || asked != 1 {
		t.Errorf("%d looks where others yield, want 1", asked)
	}
	yielding.Add(-maxYielding)
	// While it yields something takes long.
	asked = 0
	if Yield(func() bool {
		asked++
		for end := time.Now().Add(2 * longYield); time.Now().Before(end); {
		}
		return false
	}) || asked > 3 {
		t.Errorf("%d looks, although each yield was long", asked)
	}
	if yieldAgain.Load() == 0 {
		t.Error("no rest after a long yield")
	}
	if yielding.Load() != 0 {
		t.Errorf("%d still yield", yielding.Load())
	}
}

func TestDoorbellRingsOnlyASleeper(t *testing.T) {
	var asleep atomic.Uint32
	d := newBell(t, &asleep)
	defer d.Close()
	pending := func() bool {
		var count [8]byte
		n, err := unix.Read(d.FD(), count[:])
		return n == 8 && err == nil
	}
	if err := d.Ring(); err != nil || pending() {
		t.Fatalf("an awake peer was rung (%v)", err)
	}
	if !d.Arm(func() bool { return false }) {
		t.Fatal("not armed")
	}
	if err := d.Ring(); err != nil || !pending() {
		t.Fatalf("a sleeper was not rung (%v)", err)
	}
	if err := d.Ring(); err != nil || pending() {
		t.Fatalf("rung twice for one sleep (%v)", err)
	}
	if d.Arm(func() bool { return true }) || asleep.Load() != 0 {
		t.Fatal("went to sleep with something to do")
	}
}

// A peer gone mad can fill the counter; ringing it must neither block nor fail.
func TestDoorbellWithAFullCounter(t *testing.T) {
	var asleep atomic.Uint32
	d := newBell(t, &asleep)
	defer d.Close()
	var most [8]byte
	binary.NativeEndian.PutUint64(most[:], ^uint64(0)-1)
	if _, err := unix.Write(d.FD(), most[:]); err != nil {
		t.Fatal(err)
	}
	asleep.Store(1)
	if err := d.Ring(); err != nil {
		t.Fatal(err)
	}
}

func TestDoorbellCloseEndsWait(t *testing.T) {
	var asleep atomic.Uint32
	d := newBell(t, &asleep)
	d.Poll()
	done := make(chan error)
	go func() { done <- d.Wait(func() bool { return false }) }()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil {
		t.Fatal("Wait on a closed doorbell succeeded")
	}
}

func TestOpenLinkChecksWhatItIsGiven(t *testing.T) {
	spoil := map[string]func(*linkPage){
		"no link":       func(p *linkPage) { p.magic++ },
		"other version": func(p *linkPage) { p.version++ },
		"other sizes":   func(p *linkPage) { p.answers *= 2 },
		"honest":        func(*linkPage) {},
	}
	for name, change := range spoil {
		l, err := CreateLink("test", testLink, testLink/2)
		if err != nil {
			t.Fatal(err)
		}
		change(l.page)
		fd, err := unix.FcntlInt(l.File().Fd(), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		other, err := OpenLink(os.NewFile(uintptr(fd), "link"))
		if (err == nil) != (name == "honest") {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			l.Drain()
			if !other.Draining() {
				t.Error("the other end does not see that it drains")
			}
			other.Close()
		}
		l.Close()
	}
}

func BenchmarkLinkBetweenProcesses(b *testing.B) {
	for _, depth := range []int{1, 64} {
		b.Run(fmt.Sprintf("depth=%d", depth), func(b *testing.B) {
			e := startEcho(b)
			if err := e.exchange(1000, depth); err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			if err := e.exchange(b.N, depth); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
		})
	}
}
