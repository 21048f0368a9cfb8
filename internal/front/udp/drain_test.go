package udp

import (
	"context"
	"errors"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

func TestDrainAnswersWhatWasReceived(t *testing.T) {
	if dontWait == wait {
		t.Skip("needs Linux")
	}
	fronttest.NoLeaks(t)
	service := fronttest.NewService()
	s, address := start(t, Config{Service: service}, "udp4", "127.0.0.1:0")
	c := dial(t, address)
	lift := service.Stall()
	c.send("inc.1")
	service.AwaitBlocked(1)
	const each = 150 // two clients' are more than one batch, and one client's buffer holds its answers
	other := dial(t, address)
	for range each {
		c.send("inc.1")
		other.send("inc.1 @otra")
	}
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(context.Background()) }()
	<-s.stopping
	lift()
	for i := range 1 + each {
		if got := c.hear(); got != strconv.Itoa(i+1) {
			t.Fatalf("answer %d is %q", i+1, got)
		}
	}
	for i := range each {
		if got := other.hear(); got != strconv.Itoa(i+1) {
			t.Fatalf("the other's answer %d is %q", i+1, got)
		}
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	c.send("inc.1")
	// Nobody listens any more: the system says so, or nothing is heard.
	if got, err := c.next(10 * time.Millisecond); err == nil {
		t.Errorf("after the drain: got %q", got)
	}
}

func TestDrainOutOfTime(t *testing.T) {
	fronttest.NoLeaks(t)
	service := fronttest.NewService()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{Service: service, Traffic: new(cuenta.Traffic)})
	done := make(chan error, 1)
	go func() { done <- s.Serve(conn) }()
	defer service.Stall()()
	dial(t, conn.LocalAddr().String()).send("inc.1")
	service.AwaitBlocked(1)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Drain: %v", err)
	}
	if err := <-done; err != nil { // the stalled batch was given up, or this would hang
		t.Errorf("Serve: %v", err)
	}
	if v, _ := service.Value(cuenta.DefaultCounter); v != 0 {
		t.Errorf("a batch that was given up counted: %d", v)
	}
}

func TestDrainTwiceAndBeforeServe(t *testing.T) {
	s := New(Config{Service: fronttest.NewService(), Traffic: new(cuenta.Traffic)})
	for range 2 {
		if err := s.Drain(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(conn); err != nil {
		t.Errorf("Serve after Drain: %v", err)
	}
	if err := conn.SetReadDeadline(past); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the socket is not closed: %v", err)
	}
}

func TestSocketClosedUnderneath(t *testing.T) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	s := New(Config{Service: fronttest.NewService(), Traffic: new(cuenta.Traffic)})
	if err := s.Serve(conn); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve: %v", err)
	}
}
