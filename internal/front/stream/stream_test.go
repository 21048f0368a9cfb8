package stream

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
	"github.com/cuenta-server/cuenta/internal/wire/text"
)

const patience = 30 * time.Second

// busy is what a client of the text protocol hears for which there is no room.
var busy = text.AppendAnswer(nil, &cuenta.Result{Code: cuenta.Busy})

// onText fills in what makes a server one of the text protocol.
func onText(c Config) Config {
	c.Front, c.Class, c.BusyLine = cuenta.FrontTCP, cuenta.ClassQueue, busy
	if c.New == nil {
		c.New = func(_, _ string) Conversation { return new(text.Session) }
	}
	if c.Service == nil {
		c.Service = fronttest.NewService()
	}
	if c.Traffic == nil {
		c.Traffic = new(cuenta.Traffic)
	}
	return c
}

// both runs a test once for each way to serve, and looks for what it leaves behind.
func both(t *testing.T, test func(t *testing.T, c Config)) {
	t.Helper()
	for name, goroutines := range map[string]bool{"loop": false, "goroutines": true} {
		t.Run(name, func(t *testing.T) {
			fronttest.NoLeaks(t)
			noOpenFiles(t)
			test(t, Config{Goroutines: goroutines})
		})
	}
}

// start serves the text protocol on a loopback port until the test ends, and
// returns the way in.
func start(t testing.TB, c Config) (*Server, fronttest.Dial) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(onText(c))
	fronttest.Serve(t, s, l)
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
	both(t, func(t *testing.T, c Config) {
		_, dial := start(t, c)
		fronttest.Text(t, dial)
	})
}

// TestFigures: one conversation, counted to the byte.
func TestFigures(t *testing.T) { both(t, figures) }

func figures(t *testing.T, conf Config) {
	service, traffic := fronttest.NewService(), new(cuenta.Traffic)
	conf.Service, conf.Traffic = service, traffic
	s, dial := start(t, conf)
	c := fronttest.NewClient(t, dial(t))
	const said = "inc.4\n\nnada\nres.1\ninc.9223372036854775807\nayuda\ninc.1 id=x\ncon.0 id=x\ninc.1 id=x\ninc.2 id=x\n" +
		"tra.9 @from @to\n"
	c.Send(said)
	heard := 0
	for range 10 {
		heard += len(c.Line()) + 1
	}
	if got := traffic.Open.Load(); got != 1 {
		t.Errorf("%d connections open", got)
	}
	if err := s.Drain(context.Background()); err != nil {
		t.Fatal(err)
	}
	c.Ends()
	for what, got := range map[string][2]int64{
		"open":     {traffic.Open.Load(), 0},
		"accepted": {traffic.Accepted.Load(), 1},
		"refused":  {traffic.Refused.Load(), 0},
		"requests": {traffic.Requests.Load(), 10},
		"errors":   {traffic.Errors.Load(), 5},
		"in":       {traffic.BytesIn.Load(), int64(len(said))},
		"out":      {traffic.BytesOut.Load(), int64(heard)},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d, want %d", what, got[0], got[1])
		}
	}
	want := cuenta.Origin{Front: cuenta.FrontTCP} // a batch of many has no one peer
	if conf.Goroutines {
		want.Peer = c.Conn.LocalAddr().String()
	}
	if origins := service.Origins(); len(origins) != 1 || origins[want] != 10 {
		t.Errorf("origins %+v, want 10 requests from %+v", origins, want)
	}
	calls := service.Calls()
	if calls.NoWait != 0 || calls.Classes[cuenta.ClassQueue] != calls.Batches {
		t.Errorf("calls %+v: all are for the queue, and all may wait", calls)
	}
}

func TestRefusalsOfTheService(t *testing.T) { both(t, refusals) }

func refusals(t *testing.T, conf Config) {
	service := fronttest.NewService()
	conf.Service = service
	_, dial := start(t, conf)
	c := fronttest.NewClient(t, dial(t))
	for code := cuenta.OK + 1; code < cuenta.NumCodes; code++ {
		service.Refuse(code)
		if got, want := c.Ask("inc.1"), "error "+code.String()+" "; !strings.HasPrefix(got, want) {
			t.Errorf("%v: got %q", code, got)
		}
	}
	service.Refuse(cuenta.OK)
	if got := c.Ask("inc.1"); got != "1" {
		t.Errorf("got %q", got)
	}
}

// TestOneBatch: what arrives together is done together, up to a bound.
func TestOneBatch(t *testing.T) { both(t, oneBatch) }

func oneBatch(t *testing.T, conf Config) {
	service := fronttest.NewService()
	conf.Service = service
	_, dial := start(t, conf)
	other, c := fronttest.NewClient(t, dial(t)), fronttest.NewClient(t, dial(t))
	lift := service.Stall()
	c.Send("inc.1\n")
	service.AwaitBlocked(1)
	c.Send(strings.Repeat("inc.1\n", 5000)) // arrives while the first is done
	other.Send("inc.1 @otra\n")
	arrived(t, c.Conn)
	lift()
	for range 5001 {
		c.Line()
	}
	if got := other.Line(); got != "1" {
		t.Errorf("the other client: %q", got)
	}
	calls := service.Calls()
	if calls.Requests != 5002 || calls.Largest > maxTurn+1 || calls.Largest < 100 || calls.Batches > 100 {
		t.Errorf("calls %+v for 5001 commands in a row", calls)
	}
}

func TestLog(t *testing.T) { both(t, logs) }

func logs(t *testing.T, conf Config) {
	var lines lines
	conf.Log = slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug}))
	_, dial := start(t, conf)
	c := fronttest.NewClient(t, dial(t))
	peer := "peer=" + c.Conn.LocalAddr().String()
	c.Ask("inc.1")
	if !lines.have(`level=INFO msg="new connection" front=tcp ` + peer) {
		t.Errorf("the log does not tell of the connection: %s", &lines)
	}
}

// lines is a log that several goroutines may write.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) have(s string) bool { return strings.Contains(l.String(), s) }

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// faulty is a listener that fails as told before it works.
type faulty struct {
	net.Listener
	fail []error
}

func (f *faulty) Accept() (net.Conn, error) {
	if len(f.fail) > 0 {
		err := f.fail[0]
		f.fail = f.fail[1:]
		return nil, err
	}
	return f.Listener.Accept()
}

// TestAcceptFails: a client that gave up, or a machine out of descriptors, does
// not end the service; a broken listener does, with an error.
func TestAcceptFails(t *testing.T) {
	fronttest.NoLeaks(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	passing := &net.OpError{Op: "accept", Err: syscall.EMFILE}
	s := New(onText(Config{}))
	done := make(chan error, 1)
	go func() { done <- s.Serve(&faulty{l, []error{passing, passing, syscall.ECONNABORTED}}) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := fronttest.NewClient(t, conn)
	if got := c.Ask("inc.1"); got != "1" {
		t.Errorf("got %q", got)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve on a closed listener: %v", err)
	}
	if got := c.Ask("inc.1"); got != "2" {
		t.Errorf("a connection after the listener failed: got %q", got)
	}
	if err := s.Drain(context.Background()); err != nil {
		t.Error(err)
	}
}
