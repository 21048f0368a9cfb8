//go:build linux

package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const incr = "*2\r\n$4\r\nINCR\r\n$16\r\nkey:000000000001\r\n"

func TestNothingAnswersOnce(t *testing.T) {
	for _, c := range []struct{ name, asked, want string }{
		{"one", incr, ":1\r\n"},
		{"many", strings.Repeat(incr, 10_000), strings.Repeat(":1\r\n", 10_000)},
		{"others", "*3\r\n$6\r\nINCRBY\r\n$1\r\na\r\n$1\r\n5\r\n*1\r\n$3\r\nFOO\r\n", ":1\r\n:1\r\n"},
		{"an empty name", "*2\r\n$4\r\nINCR\r\n$0\r\n\r\n", ":1\r\n"},
		{"no command", "*0\r\n", "-ERR no command\r\n"},
		{"a ping, then counting", "*1\r\n$4\r\nping\r\n" + incr + incr, "+PONG\r\n:1\r\n:1\r\n"},
		{"a hello", "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n", "-NOPROTO unsupported protocol version\r\n"},
		{"what redis-benchmark asks", "*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$4\r\nsave\r\n", "*2\r\n$4\r\nsave\r\n$0\r\n\r\n"},
	} {
		got, used := appendAnswers(nil, []byte(c.asked))
		if string(got) != c.want || used != len(c.asked) {
			t.Errorf("%s: %.100q for %d of %d bytes, want %.100q", c.name, got, used, len(c.asked), c.want)
		}
	}
}

// Wherever a stream is cut, each request is answered when its last byte has come, and once.
func TestNothingIsCutAnywhere(t *testing.T) {
	requests := []string{"*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$4\r\nsave\r\n", incr, incr, "*2\r\n$4\r\nINCR\r\n$1\r\na\r\n", incr}
	stream := strings.Join(requests, "")
	whole, _ := appendAnswers(nil, []byte(stream))
	for cut := range len(stream) {
		first, used := appendAnswers(nil, []byte(stream[:cut]))
		due := 0
		for i, n := 0, 0; i < len(requests) && n+len(requests[i]) <= cut; i++ {
			n += len(requests[i])
			due = n
		}
		if used != due {
			t.Errorf("cut at %d: %d bytes were answered, want %d", cut, used, due)
		}
		all, used := appendAnswers(first, []byte(stream[used:]))
		if !bytes.Equal(all, whole) || used == 0 {
			t.Errorf("cut at %d: %q, want %q", cut, all, whole)
		}
	}
}

func TestWhatIsNoRequest(t *testing.T) {
	for _, in := range []string{"", "*", "*1", "*1\r", "*x\r\n", "*1\r\n", "*1\r\n$", "*1\r\n$-1\r\n", "*1\r\n$9999999999999999999\r\n", "PING\r\n", "\n"} {
		if out, used := appendAnswers(nil, []byte(in)); len(out) != 0 || used != 0 {
			t.Errorf("%q: %d bytes answered %q", in, used, out)
		}
	}
}

func TestNothingServes(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- serveNothing(l.(*net.TCPListener)) }()

	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	const n = 5000
	go func() {
		// Pieces of no request's length; a failure to write leaves answers missing.
		for rest := strings.Repeat(incr, n); rest != ""; {
			size := min(len(rest), 1009)
			if _, err := io.WriteString(conn, rest[:size]); err != nil {
				return
			}
			rest = rest[size:]
		}
	}()
	answers := make([]byte, len(":1\r\n")*n)
	if _, err := io.ReadFull(bufio.NewReader(conn), answers); err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat(":1\r\n", n); string(answers) != want {
		t.Errorf("%.80q, want :1 %d times", answers, n)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := ask(l.Addr().String(), "*1\r\n$4\r\nPING"); err != nil || got != "+PONG" {
		t.Errorf("after a connection was closed: %q, %v", got, err)
	}

	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) { err = unix.Shutdown(int(fd), unix.SHUT_RDWR) }); err != nil {
		t.Fatal(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
