package stream

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// TestDrainAnswersWhatWasReceived, whether the server had read it or not, and
// does not execute the line that was not finished.
func TestDrainAnswersWhatWasReceived(t *testing.T) { both(t, drainAnswers) }

func drainAnswers(t *testing.T, conf Config) {
	service := fronttest.NewService()
	conf.Service = service
	s, dial := start(t, conf)
	idle, c := fronttest.NewClient(t, dial(t)), fronttest.NewClient(t, dial(t))
	idle.Ask("con.0")
	lift := service.Stall()
	c.Send("inc.1\n")
	service.AwaitBlocked(1)
	c.Send(strings.Repeat("inc.1\n", 4000) + "inc.1")
	arrived(t, c.Conn)
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(context.Background()) }()
	if conf.Goroutines || runtime.GOOS != "linux" {
		idle.Ends() // while the other still waits for its answers
	} else {
		<-s.stopping
	}
	lift()
	idle.Ends()
	if got := c.Rest(); len(got) != 4001 || got[4000] != "4001" {
		t.Errorf("%d answers to 4001 commands", len(got))
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if v, _ := service.Value(cuenta.DefaultCounter); v != 4001 {
		t.Errorf("the counter is %d, want 4001", v)
	}
}

// TestDrainIsNotHeldUp by clients that go on talking.
func TestDrainIsNotHeldUp(t *testing.T) { both(t, drainAmongTalkers) }

func drainAmongTalkers(t *testing.T, conf Config) {
	s, dial := start(t, conf)
	talking := make(chan struct{})
	ended := make(chan struct{})
	for range 4 {
		conn := dial(t)
		go func() {
			defer func() { ended <- struct{}{} }()
			defer conn.Close()
			p := make([]byte, 4096)
			for i := 0; ; i++ {
				if _, err := conn.Write([]byte("inc.1\n")); err != nil {
					return
				}
				if _, err := conn.Read(p); err != nil {
					return
				}
				if i == 10 {
					talking <- struct{}{}
				}
			}
		}()
		<-talking
	}
	if err := s.Drain(context.Background()); err != nil {
		t.Error(err)
	}
	for range 4 {
		<-ended
	}
}

func TestDrainOutOfTime(t *testing.T) { both(t, drainOutOfTime) }

func drainOutOfTime(t *testing.T, conf Config) {
	service := fronttest.NewService()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conf.Service = service
	s := New(onText(conf))
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := fronttest.NewClient(t, conn)
	defer service.Stall()()
	c.Send("inc.1\n")
	service.AwaitBlocked(1)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Drain: %v", err)
	}
	c.Ends()
	if err := s.Drain(context.Background()); err != nil { // waits for what was cut off
		t.Errorf("a second Drain: %v", err)
	}
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if v, _ := service.Value(cuenta.DefaultCounter); v != 0 {
		t.Errorf("a batch that was given up counted: %d", v)
	}
}

func TestDrainBeforeServe(t *testing.T) {
	s := New(onText(Config{}))
	for range 2 {
		if err := s.Drain(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(l); err != nil {
		t.Errorf("Serve after Drain: %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is not closed: %v", err)
	}
}

// TestDrainOfThePipe: without a system to ask how much has arrived.
func TestDrainOfThePipe(t *testing.T) {
	inBubble(t, func(t *testing.T, m *memory) {
		for range 3 {
			c := m.dial()
			defer c.Close()
			say(t, c, "inc.1\n")
			if _, err := c.Read(make([]byte, 8)); err != nil {
				t.Fatal(err)
			}
		}
	})
}
