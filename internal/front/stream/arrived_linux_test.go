package stream

import (
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// arrived waits until the other end's kernel has everything that was sent.
func arrived(t *testing.T, conn net.Conn) {
	t.Helper()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); ; runtime.Gosched() {
		left := 0
		if err := raw.Control(func(fd uintptr) { left, err = unix.IoctlGetInt(int(fd), unix.TIOCOUTQ) }); err != nil {
			t.Fatal(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		if left == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d bytes do not arrive", left)
		}
	}
}

// noOpenFiles fails the test if it ends with more descriptors than there are now.
func noOpenFiles(t *testing.T) {
	t.Helper()
	count := func() int {
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	before := count()
	t.Cleanup(func() {
		if after := count(); after > before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
	})
}

func TestReceivedIsExact(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := near.Write(make([]byte, 12_345)); err != nil {
		t.Fatal(err)
	}
	arrived(t, near)
	if got := receivedOn(far); got != 12_345 {
		t.Errorf("%d bytes, want 12345", got)
	}
	if err := far.Close(); err != nil {
		t.Fatal(err)
	}
	if got := receivedOn(far); got != 0 {
		t.Errorf("%d bytes on a closed connection", got)
	}
}
