package stream

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
	"github.com/cuenta-server/cuenta/internal/wire/text"
)

// bench is a loop that a test turns by hand, so that its rounds are known.
type bench struct {
	*loop
	t       *testing.T
	service *fronttest.Service
}

func newBench(t *testing.T, c Config) *bench {
	t.Helper()
	noOpenFiles(t)
	service := fronttest.NewService()
	c.Service = service
	l, err := newLoop(New(onText(c)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.finish)
	return &bench{l, t, service}
}

// dial connects a client over a pair of sockets, with small buffers between.
func (b *bench) dial() net.Conn {
	b.t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := unix.SetsockoptInt(pair[0], unix.SOL_SOCKET, unix.SO_SNDBUF, 1); err != nil { // the least there is
		b.t.Fatal(err)
	}
	f := os.NewFile(uintptr(pair[1]), "client")
	defer f.Close()
	client, err := net.FileConn(f)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { client.Close() })
	if err := client.SetDeadline(time.Now().Add(patience)); err != nil {
		b.t.Fatal(err)
	}
	b.admit(arrival{fd: pair[0], place: b.enter(), peer: "peer", local: "local"})
	return client
}

// turn goes once round the loop, without waiting.
func (b *bench) turn() {
	b.t.Helper()
	b.sweepAt = 1 // no time to wait, and deadlines are looked at
	b.wait()
	b.round()
	b.sweep()
}

// pass lets time pass.
func (b *bench) pass(d time.Duration) { b.started = b.started.Add(-d) }

// only returns the loop's one connection, nil if it is closed.
func (b *bench) only() *conn { return b.conns[0] }

func TestOneBatchForAll(t *testing.T) {
	b := newBench(t, Config{})
	const clients = 50
	var all []net.Conn
	for range clients {
		c := b.dial()
		say(t, c, "inc.1\ninc.1\n")
		all = append(all, c)
	}
	b.turn()
	if calls := b.service.Calls(); calls.Batches != 1 || calls.Requests != 2*clients {
		t.Errorf("%+v for two commands from each of %d clients", calls, clients)
	}
	seen := map[string]bool{}
	for _, c := range all {
		p := make([]byte, 64)
		n, err := c.Read(p)
		if err != nil {
			t.Fatal(err)
		}
		for answer := range strings.FieldsSeq(string(p[:n])) {
			seen[answer] = true
		}
	}
	if len(seen) != 2*clients {
		t.Errorf("%d different answers, want %d", len(seen), 2*clients)
	}
}

// TestFairness: clients that never stop talking cost the others a round or two.
func TestFairness(t *testing.T) {
	b := newBench(t, Config{})
	var talkers []net.Conn
	for range 8 {
		talkers = append(talkers, b.dial())
	}
	flood, answers := []byte(strings.Repeat("inc.1\n", 10_000)), make([]byte, 1<<16)
	turn := func() {
		for _, c := range talkers {
			atOnce(t, unix.Write, c, flood)
			for atOnce(t, unix.Read, c, answers) > 0 {
			}
		}
		b.turn()
	}
	modest := b.dial()
	for range 20 { // until all are in full flow
		turn()
	}
	for i := range 50 {
		say(t, modest, "inc.1 @modest\n")
		for range 3 {
			turn()
		}
		want := strconv.Itoa(i+1) + "\n"
		p := make([]byte, len(want))
		if n := atOnce(t, unix.Read, modest, p); string(p[:n]) != want {
			t.Fatalf("after three rounds the answer is %q, want %q", p[:n], want)
		}
	}
	if calls := b.service.Calls(); calls.Largest != cuenta.MaxBatch || calls.Requests < calls.Batches*cuenta.MaxBatch/2 {
		t.Errorf("%+v: the rounds were not full", calls)
	}
}

// atOnce reads or writes what there is or fits, without waiting.
func atOnce(t *testing.T, io func(fd int, p []byte) (int, error), c net.Conn, p []byte) (n int) {
	t.Helper()
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { n, failed = io(int(fd), p) }); err != nil {
		t.Fatal(err)
	}
	if failed != nil && failed != unix.EAGAIN {
		t.Fatal(failed)
	}
	return max(n, 0)
}

// TestSlowReaderIsBounded: what a client does not take is kept up to a bound, and
// it is not heard beyond that; when it reads again it gets every answer.
func TestSlowReaderIsBounded(t *testing.T) {
	const limit = 32 << 10
	b := newBench(t, Config{MaxOutput: limit})
	c := b.dial()
	const commands = 100_000
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c, strings.Repeat("con.0\n", commands))
		sent <- err
	}()
	for b.only().watched&unix.EPOLLIN != 0 {
		b.turn()
	}
	for range 100 {
		b.turn()
	}
	conn := b.only()
	most := limit + maxTurn*text.MaxAnswer
	if backlog := conn.backlog(); backlog < limit || backlog > most || cap(conn.out) > 4*most {
		t.Errorf("%d bytes wait in %d, want %d to %d", conn.backlog(), cap(conn.out), limit, most)
	}
	done := b.service.Calls().Requests
	b.turn()
	if again := b.service.Calls().Requests; again != done || done > 40_000 {
		t.Errorf("it was heard while it did not listen: %d commands, then %d", done, again)
	}
	heard := make(chan error, 1)
	go func() {
		p := make([]byte, 2*commands)
		_, err := io.ReadFull(c, p)
		if err == nil && !bytes.Equal(p, bytes.Repeat([]byte("0\n"), commands)) {
			err = errors.New("wrong answers")
		}
		heard <- err
	}()
	for {
		b.turn()
		if c := b.only(); c != nil && (c.backlog() > most || cap(c.out) > 4*most) {
			t.Fatalf("%d bytes wait in %d", c.backlog(), cap(c.out))
		}
		select {
		case err := <-heard:
			if err != nil {
				t.Error(err)
			}
			if err := <-sent; err != nil {
				t.Error(err)
			}
			b.turn()
			if left := b.only(); left.out != nil || left.watched != unix.EPOLLIN {
				t.Error("it is not as before")
			}
			return
		default:
		}
	}
}

// TestSlowReaderIsClosed when its answers do not move, and not while they do.
func TestSlowReaderIsClosed(t *testing.T) {
	b := newBench(t, Config{})
	c := b.dial()
	fill := func() {
		for b.only().backlog() < 64<<10 {
			atOnce(t, unix.Write, c, []byte(strings.Repeat("ayuda\n", 100)))
			b.turn()
		}
	}
	fill()
	for range 5 {
		b.pass(9 * time.Second)
		for by := b.only().writeBy; b.only().writeBy == by; { // until all that waited is taken
			atOnce(t, unix.Read, c, make([]byte, 4096))
			b.turn()
			if b.only() == nil {
				t.Fatal("closed though it read")
			}
			fill()
		}
	}
	b.pass(9 * time.Second)
	b.turn()
	if b.only() == nil {
		t.Fatal("closed too soon")
	}
	b.pass(2 * time.Second)
	b.turn()
	if b.only() != nil {
		t.Error("a client that takes nothing is kept")
	}
}

// TestDeadlines: on a clock that the test turns.
func TestDeadlines(t *testing.T) {
	b := newBench(t, Config{})
	c := b.dial()
	alive := func(want bool, what string) {
		t.Helper()
		b.turn()
		if got := b.only() != nil; got != want {
			t.Fatalf("%s: alive %v", what, got)
		}
	}
	for range 20 { // it says something often enough, for hours
		b.pass(10*time.Minute - time.Second)
		say(t, c, "con.0\n")
		alive(true, "steady")
		hear(t, c, "0\n")
	}
	say(t, c, "inc.")
	alive(true, "a line begins")
	for range 5 {
		b.pass(5 * time.Second)
		say(t, c, "0")
		alive(true, "it goes on")
	}
	b.pass(4 * time.Second)
	say(t, c, "1\ninc.")
	alive(true, "the next begins")
	hear(t, c, "1\n")
	b.pass(29 * time.Second)
	say(t, c, "1\n\n")
	alive(true, "and ends")
	hear(t, c, "2\n")
	b.pass(9 * time.Minute)
	alive(true, "silent, but not for long")
	say(t, c, "inc.")
	alive(true, "a line begins")
	for range 6 {
		say(t, c, "0")
		b.pass(5 * time.Second)
		b.turn()
	}
	alive(false, "a line that never ends")

	c = b.dial()
	b.pass(10*time.Minute + time.Second)
	alive(false, "silent for long")
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("the silent client gets %d bytes, %v", n, err)
	}
}

// TestNeverIdle: a silent connection is kept where that is wanted.
func TestNeverIdle(t *testing.T) {
	b := newBench(t, Config{IdleTimeout: -1})
	b.dial()
	b.pass(1000 * time.Hour)
	b.turn()
	if b.only() == nil {
		t.Error("closed")
	}
}

// TestLingering: a connection that the server ends stays open for what the
// client still says, until the client ends it too, for a bounded time and amount.
func TestLingering(t *testing.T) {
	for name, ending := range map[string]func(t *testing.T, b *bench, c net.Conn){
		"the client ends it": func(_ *testing.T, _ *bench, c net.Conn) { c.Close() },
		"the client stays":   func(_ *testing.T, b *bench, _ net.Conn) { b.pass(lingering) },
		"the client never stops": func(t *testing.T, b *bench, c net.Conn) {
			for unheard := 0; b.only() != nil; b.turn() {
				unheard += atOnce(t, unix.Write, c, make([]byte, 64<<10))
				if unheard > maxUnheard+(1<<20) {
					t.Fatalf("it is heard for %d bytes", unheard)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Config{})
			c := b.dial()
			say(t, c, "inc.1\nsalir\ninc.1\n")
			b.turn()
			if heard, err := io.ReadAll(c); string(heard) != "1\nadios\n" || err != nil {
				t.Errorf("got %q, %v", heard, err)
			}
			say(t, c, "inc.1\n")
			b.turn()
			if b.only() == nil {
				t.Fatal("closed before the client had ended")
			}
			ending(t, b, c)
			b.turn()
			if b.only() != nil || b.open != 0 {
				t.Error("it is still open")
			}
			if v, _ := b.service.Value(cuenta.DefaultCounter); v != 1 {
				t.Errorf("the counter is %d, want 1", v)
			}
		})
	}
}
