package proc

import (
	"bytes"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

func TestBusyBeyondTheLimit(t *testing.T) {
	for _, c := range []struct {
		name   string
		config Config
	}{
		{"connection", Config{MaxWorkers: 2}},
		{"pool", Config{Workers: 1, MaxConns: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := serve(t, c.config)
			a, b := r.client(), r.client()
			a.Ask("inc.1")
			b.Ask("inc.1")
			for i := range 3 {
				refused := r.client()
				if i > 0 { // one that has spoken before it is refused
					_, _ = refused.Conn.Write([]byte("inc.1\n"))
				}
				refused.Expect("error busy the server is at its limit, try again")
				refused.Ends()
			}
			if got := b.Ask("con.0"); got != "2" {
				t.Errorf("the counter is %q, want 2", got)
			}
			r.await("three refusals", func() bool { r.Workers(); return r.traffic.Refused.Load() == 3 })
			a.Send("salir\n")
			a.Rest()
			a.Conn.Close()
			r.await("room", func() bool { r.Workers(); return r.traffic.Open.Load() == 1 })
			if got := r.client().Ask("inc.1"); got != "3" {
				t.Errorf("with room again, a client got %q", got)
			}
		})
	}
}

func TestDeadlines(t *testing.T) {
	const short = 60 * time.Millisecond
	for _, c := range []struct {
		name   string
		config Config
		say    string
	}{
		{"silent from the start", Config{IdleTimeout: short}, ""},
		{"silent after a command", Config{IdleTimeout: 10 * short}, "inc.1\n"}, // which must come in time
		{"half a line", Config{LineTimeout: short}, "inc.1\ninc.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachMode(t, func(t *testing.T, workers int) {
				c.config.Workers = workers
				r := serve(t, c.config)
				client := r.client()
				client.Send(c.say)
				if n := strings.Count(c.say, "\n"); len(client.Rest()) != n {
					t.Errorf("want %d answers", n)
				}
			})
		})
	}
}

// A client that goes on saying nothing whole must not keep its connection.
func TestDripping(t *testing.T) {
	r := serve(t, Config{Workers: 1, LineTimeout: 60 * time.Millisecond})
	c := r.client()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for _, err := c.Conn.Write([]byte("x")); err == nil; _, err = c.Conn.Write([]byte("x")) {
			time.Sleep(time.Millisecond) // the dripping itself
		}
	}()
	if got := c.Rest(); len(got) > 1 {
		t.Errorf("got %q", got)
	}
	<-ended
}

func TestAnswersNeverTaken(t *testing.T) {
	eachMode(t, func(t *testing.T, workers int) {
		r := serve(t, Config{Workers: workers, WriteTimeout: 100 * time.Millisecond})
		other := r.client()
		c := r.client()
		if err := c.Conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
		// Far more than all buffers between hold; the server's close ends it.
		flood := bytes.Repeat([]byte("ayuda\n"), 1<<20)
		if _, err := c.Conn.Write(flood); err == nil {
			t.Error("the server took everything from a client that takes nothing")
		}
		if got := other.Ask("inc.1"); got != "1" {
			t.Errorf("the other client got %q", got)
		}
		r.await("its end", func() bool { r.Workers(); return r.traffic.Open.Load() == 1 })
	})
}

// Long names fill the ring of requests before the bound on messages in flight
// is reached.
func TestMoreThanTheRingHolds(t *testing.T) {
	eachMode(t, func(t *testing.T, workers int) {
		const clients, lines = 4, 3000
		service := fronttest.NewService()
		r := serve(t, Config{Service: service, Workers: workers})
		var wg sync.WaitGroup
		for i := range clients {
			name := strings.Repeat(string(rune('a'+i)), cuenta.MaxName)
			conn := r.dial(t)
			defer conn.Close()
			wg.Go(func() {
				if _, err := conn.Write(bytes.Repeat([]byte("inc.1 @"+name+"\n"), lines)); err != nil {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if err := countLines(conn, lines, make([]byte, 4096)); err != nil {
					t.Error(err)
				}
				if got, _ := service.Value(name); got != lines {
					t.Errorf("counted %d, want %d", got, lines)
				}
			})
		}
		wg.Wait()
	})
}

// Connections that say nothing cost the others nothing.
func TestManySilentConnections(t *testing.T) {
	r := serve(t, Config{Workers: 2})
	const silent = 1000
	for range silent {
		conn := r.dial(t)
		defer conn.Close()
	}
	c := r.client()
	for i := range 100 {
		if got := c.Ask("inc.1"); got != strconv.Itoa(i+1) {
			t.Fatalf("got %q", got)
		}
	}
	r.await("all of them", func() bool { r.Workers(); return r.traffic.Open.Load() == silent+1 })
}

func TestDrainAnswersWhatHasArrived(t *testing.T) {
	eachMode(t, func(t *testing.T, workers int) {
		service := fronttest.NewService()
		r := serve(t, Config{Service: service, Workers: workers})
		idle, c := r.client(), r.client()
		idle.Ask("inc.1 @idle")
		c.Ask("inc.0")
		lift := service.Stall()
		defer lift()
		c.Send("inc.1\ninc.1\n")
		service.AwaitBlocked(1)
		c.Send("inc.1\ninc.1\nhalf a line")
		done := make(chan struct{})
		go func() { defer close(done); r.drain() }()
		idle.Ends()
		r.await("the end of accepting", func() bool {
			conn, err := net.Dial("tcp", r.address)
			if err == nil {
				conn.Close()
			}
			return err != nil
		})
		lift()
		c.Expect("1", "2", "3", "4")
		c.Ends()
		<-done
		if n := r.log.count("worker finished"); n == 0 || r.log.count("worker died") > 0 {
			t.Errorf("%d workers finished in order", n)
		}
	})
}

// A drain that runs out of time cuts what is left: a stopped worker, and one
// that waits for the service.
func TestDrainIsBounded(t *testing.T) {
	eachMode(t, func(t *testing.T, workers int) {
		service := fronttest.NewService()
		r := serve(t, Config{Service: service, Workers: workers})
		stopped := r.client()
		stopped.Ask("inc.1")
		sendSignal(t, r.Workers()[0].PID, unix.SIGSTOP)
		c := r.client()
		c.Ask("inc.1")
		defer service.Stall()()
		c.Send("inc.1\n")
		service.AwaitBlocked(1)
		if err := r.drainWithin(50 * time.Millisecond); err == nil {
			t.Error("a drain of workers that cannot finish succeeded")
		}
		// Its worker may live long enough to say that the command was given up.
		for _, answer := range c.Rest() {
			if !strings.HasPrefix(answer, "error canceled ") {
				t.Errorf("got %q", answer)
			}
		}
		stopped.Ends()
	})
}

func TestDrainBeforeAndWithoutServe(t *testing.T) {
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(l); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Accept(); err == nil {
		t.Error("the listener is still open")
	}
}

func TestServeSaysWhatIsWrong(t *testing.T) {
	for name, c := range map[string]Config{
		"no such program": {Workers: 2, Executable: "/nonexistent/cuenta"},
		"not a program":   {Workers: 2, Executable: "/dev/null"},
	} {
		s, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Serve(l); err == nil || !strings.Contains(err.Error(), c.Executable) {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	}
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Drain(t.Context())
	l, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(l); err == nil {
		t.Error("a listener that is not TCP was served")
	}
}

// With one process per connection a program that cannot be started costs the
// client its connection, and the server nothing.
func TestAConnectionWithoutAWorker(t *testing.T) {
	r := serve(t, Config{Executable: "/nonexistent/cuenta"})
	c := r.client()
	c.Expect("error busy …")
	c.Ends()
}

// A worker that dies at once, again and again.
func TestAPoolThatCannotLive(t *testing.T) {
	r := serve(t, Config{Workers: 1, Executable: "/bin/false"})
	r.await("several deaths", func() bool { return r.log.count("worker died") >= 3 })
}

// resources is what a process holds that must not grow.
func resources(t *testing.T) (descriptors, goroutines int) {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all), runtime.NumGoroutine()
}

func TestNothingIsLeftBehind(t *testing.T) {
	seg := newLedger(t).seg
	cycle := func(workers int) {
		r := serve(t, Config{Workers: workers, Cells: seg, MaxWorkers: 3})
		for i := range 6 {
			c := r.client()
			if i%2 == 0 {
				_, _ = c.Conn.Write([]byte("inc.1\n"))
				c.Line()
			}
			if living := r.Workers(); i == 3 && len(living) > 0 {
				_ = unix.Kill(living[0].PID, unix.SIGKILL) // it may have ended since
			}
			c.Conn.Close()
		}
		r.drain()
	}
	cycle(0) // whatever is made once, is made now
	cycle(2)
	descriptors, goroutines := resources(t)
	for range 3 {
		cycle(0)
		cycle(2)
	}
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		d, g := resources(t)
		if d <= descriptors && g <= goroutines {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d descriptors and %d goroutines, before it was %d and %d", d, g, descriptors, goroutines)
		}
	}
	var status unix.WaitStatus
	if pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil); err != unix.ECHILD {
		t.Errorf("there are children left, such as %d (%v)", pid, err)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(maps), "cuenta-link"); n != 0 {
		t.Errorf("%d links are still mapped", n)
	}
}
