package proc

import (
	"context"
	"log/slog"
	"net"
	"os"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// patience is how long a test waits for what must happen. Only a failing test
// waits that long.
const patience = 20 * time.Second

// running is a server under test.
type running struct {
	*Server
	t       testing.TB
	traffic *cuenta.Traffic
	address string
	served  chan error
	drained bool
}

func serve(t testing.TB, c Config) *running {
	t.Helper()
	if c.Service == nil {
		c.Service = fronttest.NewService()
	}
	if c.Traffic == nil {
		c.Traffic = new(cuenta.Traffic)
	}
	if os.Getenv("PROC_LOG") != "" {
		c.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &running{Server: s, t: t, traffic: c.Traffic, address: l.Addr().String(), served: make(chan error, 1)}
	go func() { r.served <- s.Serve(l) }()
	t.Cleanup(func() {
		if !r.drained {
			r.drain()
		}
	})
	return r
}

// drain demands that the server ends in order.
func (r *running) drain() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r.drained = true
	if err := r.Drain(ctx); err != nil {
		r.t.Error(err)
	}
	if err := <-r.served; err != nil {
		r.t.Error(err)
	}
	if n := r.traffic.Workers.Load(); n != 0 {
		r.t.Errorf("%d workers after the drain", n)
	}
	if n := r.traffic.Open.Load(); n != 0 {
		r.t.Errorf("%d connections open after the drain", n)
	}
}

func (r *running) dial(t testing.TB) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (r *running) client() *fronttest.Client { return fronttest.NewClient(r.t, r.dial(r.t)) }

// modes are the two ways to run a server.
var modes = []struct {
	name    string
	workers int
}{{"connection", 0}, {"pool", 2}}

func TestConformance(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			fronttest.Text(t, serve(t, Config{Workers: m.workers}).dial)
		})
	}
}
