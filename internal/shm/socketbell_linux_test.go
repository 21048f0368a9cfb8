package shm

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// socketPair returns two connected Unix sockets.
func socketPair(t testing.TB) (a, b *net.UnixConn) {
	t.Helper()
	// A socket's path must be short, so it is not in the test's own directory.
	dir, err := os.MkdirTemp("", "cuenta")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	first, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	second, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { first.Close(); second.Close() })
	return first.(*net.UnixConn), second.(*net.UnixConn)
}

func newSocketBell(t testing.TB, conn *net.UnixConn, mine, peers *atomic.Uint32) *SocketBell {
	t.Helper()
	b, err := NewSocketBell(conn, mine, peers)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Both ends wait for each other at every step: a lost wake-up would hang the test.
func TestSocketBellLosesNoWakeUp(t *testing.T) {
	connA, connB := socketPair(t)
	var flagA, flagB, a, b atomic.Uint32
	bellA, bellB := newSocketBell(t, connA, &flagA, &flagB), newSocketBell(t, connB, &flagB, &flagA)
	const rounds = 20000
	await := func(bell *SocketBell, word *atomic.Uint32, want uint32) error {
		for ready := func() bool { return word.Load() == want }; !ready(); {
			if err := bell.Wait(ready); err != nil {
				return err
			}
		}
		return nil
	}
	done := make(chan error, 1)
	go func() {
		for i := uint32(1); i <= rounds; i++ {
			if err := await(bellB, &a, i); err != nil {
				done <- err
				return
			}
			b.Store(i)
			if err := bellB.Ring(); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for i := uint32(1); i <= rounds; i++ {
		a.Store(i)
		if err := bellA.Ring(); err != nil {
			t.Fatal(err)
		}
		if err := await(bellA, &b, i); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestSocketBellRingsOnlyASleeper(t *testing.T) {
	connA, connB := socketPair(t)
	var flagA, flagB atomic.Uint32
	a := newSocketBell(t, connA, &flagA, &flagB)
	pending := func() (n int) {
		raw, err := connB.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		err = raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if err := a.Ring(); err != nil || pending() != 0 {
		t.Fatalf("an awake peer was rung (%v)", err)
	}
	flagB.Store(1)
	for range 3 {
		if err := a.Ring(); err != nil || pending() != 1 {
			t.Fatalf("a sleeper was rung %d times (%v)", pending(), err)
		}
	}
}

// A peer that never listens fills the socket; ringing it must neither block nor
// fail.
func TestSocketBellAtADeafPeer(t *testing.T) {
	connA, _ := socketPair(t)
	var flagA, flagB atomic.Uint32
	a := newSocketBell(t, connA, &flagA, &flagB)
	for range 10_000 {
		flagB.Store(1)
		if err := a.Ring(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSocketBellTellsOfTheEnd(t *testing.T) {
	never := func() bool { return false }
	var mine, peers atomic.Uint32
	connA, connB := socketPair(t)
	a := newSocketBell(t, connA, &mine, &peers)
	if _, err := connB.Write(make([]byte, 1000)); err != nil || !a.There() {
		t.Errorf("a peer that has rung without need is not there (%v)", err)
	}
	connB.Close()
	if a.There() {
		t.Error("a peer that has gone is there")
	}
	if err := a.Wait(never); err != io.EOF {
		t.Errorf("a peer that has gone: %v", err)
	}
	peers.Store(1)
	if err := a.Ring(); err != nil {
		t.Errorf("ringing it: %v", err)
	}
	if mine.Load() != 0 {
		t.Error("still said to be asleep")
	}
	connC, _ := socketPair(t)
	c := newSocketBell(t, connC, &mine, &peers)
	done := make(chan error)
	go func() { done <- c.Wait(never) }()
	if err := connC.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !os.IsTimeout(err) {
		t.Errorf("a deadline that is over: %v", err)
	}
}

func TestForReadingIsForReading(t *testing.T) {
	seg, err := Create("test", 4096)
	if err != nil {
		t.Fatal(err)
	}
	defer seg.Close()
	f, err := seg.ForReading()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err == nil {
		t.Error("it was mapped for writing")
	}
	m, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	seg.Bytes()[9] = 7
	if m[9] != 7 {
		t.Error("it is other memory")
	}
	if err := unix.Munmap(m); err != nil {
		t.Fatal(err)
	}
}
