package proc

import (
	"bytes"
	"context"
	"log/slog"
	"net"
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
	traffic *cuenta.Traffic
	log     *journal
	address string
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

// serve serves on a free port until the test ends. Each change is made to the
// server before it begins.
func serve(t testing.TB, c Config, changes ...func(*Server)) *running {
	t.Helper()
	if c.Service == nil {
		c.Service = fronttest.NewService()
	}
	c.Traffic = new(cuenta.Traffic)
	r := &running{t: t, traffic: c.Traffic, log: new(journal), served: make(chan error, 1)}
	c.Log = slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	r.Server = s
	s.rhythm.longest = s.rhythm.first // tests kill more workers than they have time for
	// The race detector of a worker has nobody to wait for at its exit.
	s.environment = append(s.environment, "GORACE=atexit_sleep_ms=0")
	for _, change := range changes {
		change(s)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.address = l.Addr().String()
	go func() { r.served <- s.Serve(l) }()
	t.Cleanup(func() {
		if !r.drained {
			r.drain()
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", r.log.text.String())
		}
	})
	return r
}

// drain demands that the server ends in order.
func (r *running) drain() {
	r.t.Helper()
	if err := r.drainWithin(patience); err != nil {
		r.t.Error(err)
	}
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
	if n := r.traffic.Workers.Load(); n != 0 {
		r.t.Errorf("%d workers after the drain", n)
	}
	if n := r.traffic.Open.Load(); n != 0 {
		r.t.Errorf("%d connections open after the drain", n)
	}
	return err
}

func (r *running) dial(t testing.TB) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (r *running) client() *fronttest.Client {
	r.t.Helper()
	return fronttest.NewClient(r.t, r.dial(r.t))
}

// workerOf returns the process that serves a client alone.
func (r *running) workerOf(c *fronttest.Client) int {
	r.t.Helper()
	peer, pid := c.Conn.LocalAddr().String(), 0
	r.await("a worker for "+peer, func() bool {
		for _, w := range r.Workers() {
			if w.Peer == peer {
				pid = w.PID
			}
		}
		return pid != 0
	})
	return pid
}

// await waits until a state is reached that nobody announces.
func (r *running) await(what string, reached func() bool) {
	r.t.Helper()
	if !fronttest.Eventually(reached) {
		r.t.Fatalf("no sign of %s", what)
	}
}

func sendSignal(t testing.TB, pid int, s unix.Signal) {
	t.Helper()
	if err := unix.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
}

// modes are the two ways to run a server.
var modes = []struct {
	name    string
	workers int
}{{"connection", 0}, {"pool", 2}}

func eachMode(t *testing.T, run func(t *testing.T, workers int)) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) { run(t, m.workers) })
	}
}

func TestConformance(t *testing.T) {
	eachMode(t, func(t *testing.T, workers int) {
		fronttest.Text(t, serve(t, Config{Workers: workers}).dial)
	})
}

// What a worker tells of a counter that it must have described, and of one whose value
// it reads itself.
func TestHoldsAndTickets(t *testing.T) {
	eachMode(t, func(t *testing.T, workers int) {
		c := serve(t, Config{Workers: workers}).client()
		for _, step := range [][2]string{
			{"dis.0 @p", "9223372036854775807"}, {"lim.0 @p max=10", "0"}, {"apa.4 @p ttl=600", "2"}, {"dis.0 @p", "6"}, {"ttl.0 @p", "-1"},
			{"liq.3 @p de=2", "3"}, {"dis.0 @p", "7"}, {"tic.2 @t para=ana", "2"}, {"tic.1 @t para=ana", "2"}, {"con.0 @t", "2"},
			{"val.2 @t", "1"}, {"val.2 @t", "1"}, {"val.3 @t", "0"}, {"cup.1 @r max=1 per=3153600000", "0"}, {"sol.0 @p de=2", "error no-hold " + cuenta.NoHold.Text()},
		} {
			if got := c.Ask(step[0]); got != step[1] {
				t.Errorf("%q: got %q, want %q", step[0], got, step[1])
			}
		}
	})
}

func TestTrafficIsExact(t *testing.T) {
	eachMode(t, func(t *testing.T, workers int) {
		r := serve(t, Config{Workers: workers})
		const sent = "inc.4\nnada\n\ncon.0 id=x\nayuda\ninc.9223372036854775807\nsalir\n"
		got := 0
		for range 3 {
			c := r.client()
			c.Send(sent)
			for _, line := range c.Rest() {
				got += len(line) + 1
			}
			c.Conn.Close()
		}
		quiet := r.client()
		quiet.Ask("inc.0") // so that it is known to be accepted
		got += len("4\n")
		r.await("three ends", func() bool { r.Workers(); return r.traffic.Open.Load() == 1 })
		r.drain()
		for _, check := range []struct {
			what      string
			got, want int64
		}{
			{"accepted", r.traffic.Accepted.Load(), 4},
			{"refused", r.traffic.Refused.Load(), 0},
			{"requests", r.traffic.Requests.Load(), 3*6 + 1},
			{"errors", r.traffic.Errors.Load(), 3 * 2},
			{"bytes in", r.traffic.BytesIn.Load(), int64(3*len(sent) + len("inc.0\n"))},
		} {
			if check.got != check.want {
				t.Errorf("%d %s, want %d", check.got, check.what, check.want)
			}
		}
		// The value that the quiet client saw is not of one digit.
		if out := r.traffic.BytesOut.Load(); out < int64(got) || out > int64(got)+2 {
			t.Errorf("%d bytes out, want about %d", out, got)
		}
		if n := r.log.count(`msg="new connection" front=proc peer=127.0.0.1:`); n != 4 {
			t.Errorf("%d connections logged with their peers, want 4", n)
		}
	})
}

func TestRequestsCarryTheirOrigin(t *testing.T) {
	eachMode(t, func(t *testing.T, workers int) {
		service := fronttest.NewService()
		r := serve(t, Config{Service: service, Workers: workers})
		c := r.client()
		c.Ask("inc.1")
		want := cuenta.Origin{Front: cuenta.FrontProc}
		if workers == 0 {
			want.Peer = c.Conn.LocalAddr().String()
		}
		if n := service.Origins()[want]; n != 1 {
			t.Errorf("origins: %v", service.Origins())
		}
		if n := service.Calls().Classes[cuenta.ClassQueue]; n != 1 {
			t.Errorf("%d batches of the queue's class, want 1", n)
		}
	})
}

// What a worker does without asking the service shows although nobody asks.
func TestTrafficComesByItself(t *testing.T) {
	r := serve(t, Config{Workers: 1})
	c := r.client()
	c.Ask("nada")
	r.await("the command", func() bool { return r.traffic.Errors.Load() == 1 })
	c.Conn.Close()
	r.await("the end of the connection", func() bool { return r.traffic.Open.Load() == 0 })
}

func TestWorkersShowsTheProcesses(t *testing.T) {
	r := serve(t, Config{Workers: 2})
	r.client().Ask("inc.4")
	r.await("the connection", func() bool {
		all := r.Workers()
		return len(all) == 2 && all[0].PID < all[1].PID && all[0].Open+all[1].Open == 1 &&
			all[0].Accepted+all[1].Accepted == 1 && all[0].Requests+all[1].Requests == 1 &&
			all[0].BytesIn+all[1].BytesIn == 6 && all[0].BytesOut+all[1].BytesOut == 2
	})
	if n := r.traffic.Workers.Load(); n != 2 {
		t.Errorf("%d workers in the traffic", n)
	}
}

// There is room for an answer to everything that a worker may have in flight.
func TestRings(t *testing.T) {
	for _, link := range []traffic{oneConnection, poolOf} {
		if n := link.inFlight * shm.EntrySize(ring.ShortAnswer); n > link.answers {
			t.Errorf("answers may take %d bytes of %d", n, link.answers)
		}
	}
}
