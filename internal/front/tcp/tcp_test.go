package tcp

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// start serves on a loopback port until the test ends, and returns the way in.
func start(t testing.TB, c Config) (*Server, fronttest.Dial) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if c.Traffic == nil {
		c.Traffic = new(cuenta.Traffic)
	}
	s := New(c)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Drain(ctx); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s, func(t testing.TB) net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
}

func TestConformance(t *testing.T) {
	_, dial := start(t, Config{Service: fronttest.NewService()})
	fronttest.Text(t, dial)
}
