package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
	"github.com/cuenta-server/cuenta/internal/shm"
	"github.com/cuenta-server/cuenta/internal/wire/ring"
)

// patience is how long a test waits for what must happen. Only a failing test
// waits that long.
const patience = 20 * time.Second

// running is a server under test.
type running struct {
	*Server
	t       testing.TB
	service *fronttest.Service
	traffic *cuenta.Traffic
	log     *journal
	path    string
	served  chan error
	drained bool
}

// journal is what a server has logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) count(what string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.text.String(), what)
}

func serve(t testing.TB, c Config) *running {
	t.Helper()
	r := &running{t: t, service: fronttest.NewService(), traffic: new(cuenta.Traffic), log: new(journal), served: make(chan error, 1)}
	if c.Service == nil {
		c.Service = r.service
	}
	c.Traffic = r.traffic
	c.Log = slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	r.Server = s
	// A socket's path must be short, so it is not in the test's own directory.
	dir, err := os.MkdirTemp("", "cuenta")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	r.path = filepath.Join(dir, "s")
	l, err := net.Listen("unix", r.path)
	if err != nil {
		t.Fatal(err)
	}
	go func() { r.served <- s.Serve(l) }()
	t.Cleanup(func() {
		if !r.drained {
			if err := r.drainWithin(patience); err != nil {
				t.Error(err)
			}
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", r.log.text.String())
		}
	})
	return r
}

func (r *running) drainWithin(patience time.Duration) error {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r.drained = true
	err := r.Drain(ctx)
	if err := <-r.served; err != nil {
		r.t.Error(err)
	}
	if n := r.traffic.Open.Load(); n != 0 {
		r.t.Errorf("%d programs after the drain", n)
	}
	return err
}

// await waits until a state is reached that nobody announces.
func (r *running) await(what string, reached func() bool) {
	r.t.Helper()
	if !fronttest.Eventually(reached) {
		r.t.Fatalf("no sign of %s", what)
	}
}

func (r *running) dial() *net.UnixConn {
	r.t.Helper()
	conn, err := net.Dial("unix", r.path)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		r.t.Fatal(err)
	}
	return conn.(*net.UnixConn)
}

func TestRequestsCarryTheirOrigin(t *testing.T) {
	fronttest.NoLeaks(t)
	r := serve(t, Config{})
	p := r.program()
	if got := p.ask(cuenta.Request{Op: cuenta.Add, N: 4, Client: 99, Identity: cuenta.Identity{Key: []byte("k")}}); got.Value != 4 {
		t.Errorf("%+v", got)
	}
	if got := p.ask(cuenta.Request{Op: cuenta.Add, N: 4, Identity: cuenta.Identity{Key: []byte("k")}}); got.Value != 4 || !got.Replayed {
		t.Errorf("%+v", got)
	}
	if got := p.ask(cuenta.Request{Op: cuenta.Add, Counter: []byte("a b")}); got.Code != cuenta.Syntax {
		t.Errorf("%+v", got)
	}
	if n := r.service.Origins()[cuenta.Origin{Front: "shm", Peer: fmt.Sprintf("pid %d", os.Getpid())}]; n != 3 {
		t.Errorf("origins: %v", r.service.Origins())
	}
	if n := r.service.Clients()[clientOf(int32(os.Getpid()))]; n != 2 {
		t.Errorf("clients: %v", r.service.Clients())
	}
	limited := p.ask(cuenta.Request{Op: cuenta.Add, N: 4, Terms: &cuenta.Terms{Ceiling: cuenta.Bound{Set: true, At: 7}}})
	if limited.Code != cuenta.Limited || limited.Amount != 3 {
		t.Errorf("%+v", limited)
	}
	p.conn.Close()
	r.await("the end", func() bool { return r.traffic.Open.Load() == 0 })
	if tr := r.traffic; tr.Accepted.Load() != 1 || tr.Requests.Load() != 4 || tr.Errors.Load() != 2 || tr.Refused.Load() != 0 ||
		tr.BytesIn.Load() != 24+8+24+8+24+8+64 || tr.BytesOut.Load() != 3*40+48 {
		t.Errorf("accepted %d, requests %d, errors %d, refused %d, in %d, out %d", tr.Accepted.Load(), tr.Requests.Load(),
			tr.Errors.Load(), tr.Refused.Load(), tr.BytesIn.Load(), tr.BytesOut.Load())
	}
}

func TestProgramsHaveTheirOwnShares(t *testing.T) {
	if clientOf(1) == clientOf(2) || clientOf(1) == 0 {
		t.Error("two programs share a part")
	}
}

func TestWhoMayCome(t *testing.T) {
	for _, x := range []struct {
		user, own uint32
		may       bool
	}{{1000, 1000, true}, {0, 1000, true}, {0, 0, true}, {1001, 1000, false}, {1000, 0, false}} {
		if welcome(x.user, x.own) != x.may {
			t.Errorf("%+v", x)
		}
	}
}

func TestGreetings(t *testing.T) {
	r := serve(t, Config{})
	honest := ring.AppendGreeting(nil)
	other := bytes.Clone(honest)
	other[8]++
	answer, _ := greet(t, r.dial(), other)
	if len(answer) != ring.WelcomeSize || answer[16] != byte(cuenta.Unsupported) {
		t.Errorf("another version heard %x", answer)
	}
	if answer, _ := greet(t, r.dial(), []byte("GET / HTTP/1.1\r\n")); len(answer) != 0 {
		t.Errorf("another protocol heard %q", answer)
	}
	short := r.dial()
	if _, err := short.Write(honest[:7]); err != nil {
		t.Fatal(err)
	}
	if err := short.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if n, err := short.Read(make([]byte, 10)); n != 0 || err != io.EOF {
		t.Errorf("half a greeting: %d bytes, %v", n, err)
	}
	r.await("three refusals", func() bool { return r.traffic.Refused.Load() == 3 })
	if r.traffic.Accepted.Load() != 0 {
		t.Error("somebody was let in")
	}
	r.program().ask(inc)
}

func TestSilenceIsCutOff(t *testing.T) {
	r := serve(t, Config{GreetingTimeout: time.Millisecond})
	if n, err := r.dial().Read(make([]byte, 10)); n != 0 || err != io.EOF {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// The next program hears that there is no room, until there is.
func TestLimit(t *testing.T) {
	r := serve(t, Config{MaxClients: 2})
	first, second := r.program(), r.program()
	answer, descriptors := greet(t, r.dial(), ring.AppendGreeting(nil))
	if w, err := ring.ParseWelcome(answer); err != nil || w.Code != cuenta.Busy || len(descriptors) != 0 {
		t.Errorf("%+v, %v, %d descriptors", w, err, len(descriptors))
	}
	first.ask(inc)
	first.conn.Close()
	r.await("room", func() bool { return r.traffic.Open.Load() == 1 })
	r.await("room for another", func() bool {
		answer, descriptors := greet(t, r.dial(), ring.AppendGreeting(nil))
		for _, fd := range descriptors {
			unix.Close(fd)
		}
		w, err := ring.ParseWelcome(answer)
		return err == nil && w.Code == cuenta.OK
	})
	second.ask(inc)
}

func TestNeedsAUnixListener(t *testing.T) {
	r := serve(t, Config{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Serve(l); err == nil {
		t.Error("TCP was served")
	}
}

// What is on the rings when the drain begins is answered, and then they end.
func TestDrain(t *testing.T) {
	fronttest.NoLeaks(t)
	r := serve(t, Config{})
	idle, busy, greeting := r.program(), r.program(), r.dial()
	lift := r.service.Stall()
	busy.put(incMessage())
	r.service.AwaitBlocked(1)
	busy.put(incMessage()) // is there when the drain begins
	drained := make(chan error)
	go func() { drained <- r.drainWithin(patience) }()
	idle.ends()
	// Whoever was not accepted yet is cut off by the listener's end.
	if n, err := greeting.Read(make([]byte, 10)); n != 0 || err != io.EOF && !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("who has not greeted: %d bytes, %v", n, err)
	}
	lift()
	if got := busy.next(); got.Value != 1 {
		t.Errorf("%+v", got)
	}
	busy.ends()
	if err := <-drained; err != nil {
		t.Error(err)
	}
	run, err := busy.answers.Take()
	if err != nil {
		t.Fatal(err)
	}
	// Its answer may have come with the first.
	if value, _ := r.service.Value(cuenta.DefaultCounter); value != 2 {
		t.Errorf("%d were counted (%d bytes of answers left), want 2", value, len(run))
	}
	if _, err := net.Dial("unix", r.path); err == nil {
		t.Error("it still listens")
	}
}

func TestDrainGivesUpWhatTakesTooLong(t *testing.T) {
	r := serve(t, Config{})
	p := r.program()
	lift := r.service.Stall()
	defer lift()
	p.put(incMessage())
	r.service.AwaitBlocked(1)
	if err := r.drainWithin(time.Millisecond); err == nil {
		t.Error("nothing was given up")
	}
	if got := p.next(); got.Code != cuenta.Canceled {
		t.Errorf("%+v", got)
	}
}

// There is room for an answer to everything that may be in flight, longer ones being
// for where more is left.
func TestRings(t *testing.T) {
	if n := inFlight * shm.EntrySize(ring.ShortAnswer); n > answersSize {
		t.Errorf("answers may take %d bytes of %d", n, answersSize)
	}
	if n := inFlight * shm.EntrySize(ring.MaxRequest); n > requestsSize {
		t.Errorf("a batch may take %d bytes of %d", n, requestsSize)
	}
}
