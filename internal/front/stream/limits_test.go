package stream

import (
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// memory is a network in memory, so that its deadlines run on a test's clock.
type memory struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newMemory() *memory { return &memory{make(chan net.Conn), make(chan struct{})} }

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error {
	select {
	case <-m.closed:
	default:
		close(m.closed)
	}
	return nil
}

func (m *memory) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "memory"} }

func (m *memory) dial() net.Conn {
	near, far := net.Pipe()
	m.conns <- far
	return near
}

// inBubble runs f against a server with the default limits on a clock of its own.
func inBubble(t *testing.T, f func(t *testing.T, m *memory)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		s := New(onText(Config{}))
		done := make(chan error, 1)
		go func() { done <- s.Serve(m) }()
		f(t, m)
		if err := s.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func say(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
}

func hear(t *testing.T, c net.Conn, want string) {
	t.Helper()
	p := make([]byte, len(want))
	if _, err := io.ReadFull(c, p); err != nil || string(p) != want {
		t.Fatalf("got %q, want %q (%v)", p, want, err)
	}
}

// ends demands that the server closes c about when it should.
func ends(t *testing.T, c net.Conn, since time.Time, after time.Duration) {
	t.Helper()
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("got %v, want the end", err)
	}
	if took := time.Since(since); took > after || took < after-time.Second {
		t.Errorf("closed after %v, want %v", took, after)
	}
}

func TestIdleTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, m *memory) {
		silent := m.dial()
		ends(t, silent, time.Now(), 10*time.Minute)

		steady := m.dial()
		for range 20 { // it says something often enough, for hours
			say(t, steady, "con.0\n")
			hear(t, steady, "0\n")
			time.Sleep(10*time.Minute - 2*time.Second)
		}
		say(t, steady, "con.0\n")
		hear(t, steady, "0\n")
		ends(t, steady, time.Now(), 10*time.Minute)
	})
}

// TestLineTimeout: a line must be finished in its time, however steadily it grows.
func TestLineTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, m *memory) {
		c := m.dial()
		began := time.Now()
		say(t, c, "inc.")
		for range 5 {
			time.Sleep(5 * time.Second)
			say(t, c, "0")
		}
		ends(t, c, began, 30*time.Second)

		c = m.dial()
		say(t, c, "inc")
		time.Sleep(28 * time.Second)
		say(t, c, ".1\ninc")
		hear(t, c, "1\n")
		time.Sleep(28 * time.Second) // the second line has a time of its own
		say(t, c, ".2\n")
		hear(t, c, "3\n")
		ends(t, c, time.Now(), 10*time.Minute) // and between lines there is no hurry
	})
}

func TestWriteTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, m *memory) {
		c := m.dial()
		began := time.Now()
		say(t, c, "inc.1\n") // and does not read the answer
		var err error
		for err == nil { // the server does not read, so this waits until it hangs up
			_, err = io.WriteString(c, "inc.1\n")
		}
		if took := time.Since(began); !errors.Is(err, io.ErrClosedPipe) || took > 10*time.Second || took < 9*time.Second {
			t.Errorf("got %v after %v", err, took)
		}
		other := m.dial()
		say(t, other, "con.0\n")
		hear(t, other, "1\n") // it was done, though nobody heard
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestSlowReader: on a real network, where buffers lie between.
func TestSlowReader(t *testing.T) { both(t, slowReader) }

func slowReader(t *testing.T, conf Config) {
	conf.WriteTimeout = 50 * time.Millisecond
	_, dial := start(t, conf)
	other := fronttest.NewClient(t, dial(t))
	slow := dial(t)
	defer slow.Close()
	if err := slow.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	commands := []byte(strings.Repeat("inc.1\n", 10_000))
	for {
		_, err := slow.Write(commands)
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			t.Fatal("a client that never reads is served for ever")
		}
		if err != nil {
			break // the server has hung up
		}
		other.Ask("inc.1 @otra")
	}
	other.Ask("inc.1 @otra")
}

func TestMaxConns(t *testing.T) { both(t, maxConns) }

func maxConns(t *testing.T, conf Config) {
	traffic := new(cuenta.Traffic)
	conf.Traffic, conf.MaxConns = traffic, 2
	_, dial := start(t, conf)
	first, second := fronttest.NewClient(t, dial(t)), fronttest.NewClient(t, dial(t))
	first.Ask("inc.1")
	second.Ask("inc.1")
	const turnedAway = 20
	for range turnedAway {
		c := fronttest.NewClient(t, dial(t))
		c.Expect("error busy the server is at its limit, try again")
		c.Ends()
	}
	if got := traffic.Refused.Load(); got != turnedAway {
		t.Errorf("%d refused, want %d", got, turnedAway)
	}
	first.Ask("inc.1")
	if err := second.Conn.Close(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); ; { // until the server has noticed
		c := fronttest.NewClient(t, dial(t))
		// A refusal may have closed the connection before this is said.
		_, _ = io.WriteString(c.Conn, "con.0\n")
		if got := c.Line(); got == "3" {
			break
		} else if !strings.HasPrefix(got, "error busy ") || time.Now().After(end) {
			t.Fatalf("after one has left: %q", got)
		}
	}
}

// TestRefusedClientsDoNotStay: those who are told that there is no room, and do
// not go, are closed, and meanwhile there is a bound on them too.
func TestRefusedClientsDoNotStay(t *testing.T) { both(t, refusedDoNotStay) }

func refusedDoNotStay(t *testing.T, conf Config) {
	traffic := new(cuenta.Traffic)
	conf.Traffic, conf.MaxConns = traffic, 1
	_, dial := start(t, conf)
	first := fronttest.NewClient(t, dial(t))
	first.Ask("inc.1")
	conns := make([]net.Conn, maxRefusing+50)
	for i := range conns {
		conns[i] = dial(t)
		defer conns[i].Close()
	}
	for _, conn := range conns {
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		// Told or not, the connection ends.
		if heard, err := io.ReadAll(conn); len(heard) > 0 && string(heard) != string(busy) {
			t.Fatalf("got %q (%v)", heard, err)
		} else if late, ok := err.(net.Error); ok && late.Timeout() {
			t.Fatal("a refused connection is kept")
		}
	}
	if got := first.Ask("inc.1"); got != "2" {
		t.Errorf("the one that is served: %q", got)
	}
	if got := traffic.Refused.Load(); got != int64(len(conns)) {
		t.Errorf("%d refused, want %d", got, len(conns))
	}
}

// TestThousandsOfSilentConnections cost the one that speaks nothing, and are let
// go at once by a drain.
func TestThousandsOfSilentConnections(t *testing.T) { both(t, silent) }

func silent(t *testing.T, conf Config) {
	const silent = 2000
	traffic := new(cuenta.Traffic)
	conf.Traffic = traffic
	_, dial := start(t, conf)
	for range silent {
		conn := dial(t)
		defer conn.Close()
	}
	c := fronttest.NewClient(t, dial(t))
	for range 100 {
		c.Ask("inc.1")
	}
	c.Send(strings.Repeat("inc.1\n", 1000))
	for range 999 {
		c.Line()
	}
	c.Expect("1100")
	if got := traffic.Open.Load(); got != silent+1 {
		t.Errorf("%d connections open, want %d", got, silent+1)
	}
}

// TestDribblers send a byte at a time, all of them, and harm nobody.
func TestDribblers(t *testing.T) { both(t, dribblers) }

func dribblers(t *testing.T, conf Config) {
	_, dial := start(t, conf)
	good := fronttest.NewClient(t, dial(t))
	slow := make([]*fronttest.Client, 200)
	for i := range slow {
		slow[i] = fronttest.NewClient(t, dial(t))
	}
	for i, b := range "inc.1 @slow\r\n" {
		for _, c := range slow {
			c.Send(string(b))
		}
		if got := good.Ask("inc.1 @good"); got != strconv.Itoa(i+1) {
			t.Fatalf("after %d bytes: %q", i+1, got)
		}
	}
	seen := make(map[string]bool)
	for _, c := range slow {
		seen[c.Line()] = true
	}
	if len(seen) != len(slow) {
		t.Errorf("%d different answers to %d clients", len(seen), len(slow))
	}
}

// TestResets: connections that break at any moment leave nothing behind.
func TestResets(t *testing.T) { both(t, resets) }

func resets(t *testing.T, conf Config) {
	traffic := new(cuenta.Traffic)
	conf.Traffic = traffic
	_, dial := start(t, conf)
	for i := range 200 {
		c := fronttest.NewClient(t, dial(t))
		c.Send(strings.Repeat("inc.1\n", i*10)[:i*55])
		if i%3 == 0 {
			c.CloseWrite()
		}
		c.Reset()
	}
	good := fronttest.NewClient(t, dial(t))
	for end := time.Now().Add(patience); traffic.Open.Load() > 1; {
		if good.Ask("con.0 @good"); time.Now().After(end) {
			t.Fatalf("%d connections are open", traffic.Open.Load())
		}
	}
}
