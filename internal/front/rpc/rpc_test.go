package rpc

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/rpc"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// patience is how long a test waits before it calls the server dead. Only a
// failing test waits that long.
const patience = 20 * time.Second

// operator is a cuenta.Operator that remembers what it was asked.
type operator struct {
	mu      sync.Mutex
	asked   []string
	report  string
	stopped func(cuenta.Origin) // called by Stop
}

func (o *operator) note(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, fmt.Sprintf(format, args...))
}

func (o *operator) last() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asked[len(o.asked)-1]
}

func (o *operator) Info(_ context.Context, asJSON bool) ([]byte, error) {
	if asJSON {
		return []byte(`{"all":"well"}`), nil
	}
	return []byte(o.report), nil
}

func (o *operator) Services(context.Context) ([]cuenta.ServiceStatus, error) {
	return []cuenta.ServiceStatus{
		{Name: "udp", State: cuenta.Running, Address: "127.0.0.1:2002", Requests: 7, BytesIn: 42, BytesOut: 9},
		{Name: "socket", State: cuenta.Draining, Address: "cuenta.sock", Open: 2, Errors: 1, Workers: 3},
	}, nil
}

func (o *operator) Start(_ context.Context, name string) error {
	o.note("start %s", name)
	switch name {
	case "udp":
		return nil
	case "tcp":
		return fmt.Errorf("port 2020 is held by another process")
	}
	return fmt.Errorf("start: %w", cuenta.NotFound.Err())
}

func (o *operator) Stop(_ context.Context, from cuenta.Origin, name string) error {
	o.note("stop %s from %s", name, from.Front)
	if o.stopped != nil {
		o.stopped(from)
	}
	return nil
}

func (o *operator) List(_ context.Context, prefix string, cursor uint64, limit int) ([]cuenta.Counter, uint64, error) {
	o.note("list %q %d %d", prefix, cursor, limit)
	return []cuenta.Counter{{Name: prefix + "a", Value: -3, Revision: 2}}, cursor + 1, nil
}

func (o *operator) Count() uint64 { return 1 }

// site is a server under test.
type site struct {
	t        testing.TB
	service  *fronttest.Service
	operator *operator
	traffic  *cuenta.Traffic
	server   *Server
	address  net.Addr
}

// start serves on a loopback port until the test ends.
func start(t testing.TB, c Config) *site {
	t.Helper()
	fronttest.NoLeaks(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startOn(t, l, c)
}

func startOn(t testing.TB, l net.Listener, c Config) *site {
	t.Helper()
	s := &site{t: t, service: fronttest.NewService(), operator: &operator{report: "Informacion Completa\n"}, traffic: new(cuenta.Traffic), address: l.Addr()}
	if c.Service == nil {
		c.Service = s.service
	}
	c.Operator, c.Traffic = s.operator, s.traffic
	if c.Front == "" {
		c.Front, c.Class = cuenta.FrontRPC, cuenta.ClassRemote
	}
	s.server = New(c)
	fronttest.Serve(t, s.server, l)
	return s
}

// dial connects as any Go program would.
func (s *site) dial() *rpc.Client {
	s.t.Helper()
	client, err := rpc.DialHTTP(s.address.Network(), s.address.String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		// Some tests have closed it by now.
		_ = client.Close()
	})
	return client
}

func call[Reply any](t testing.TB, client *rpc.Client, method string, argument any) (Reply, error) {
	t.Helper()
	var reply Reply
	select {
	case done := <-client.Go("Cuenta."+method, argument, &reply, make(chan *rpc.Call, 1)).Done:
		return reply, done.Error
	case <-time.After(patience):
		t.Fatalf("%s: no answer", method)
		return reply, nil
	}
}

func expect[Reply comparable](t testing.TB, client *rpc.Client, method string, argument any, want Reply) {
	t.Helper()
	got, err := call[Reply](t, client, method, argument)
	if err != nil || got != want {
		t.Errorf("%s(%v) is %v, %v; want %v", method, argument, got, err, want)
	}
}

func expectRefusal(t testing.TB, client *rpc.Client, method string, argument any, want cuenta.Code) {
	t.Helper()
	_, err := call[any](t, client, method, argument)
	if err == nil {
		t.Fatalf("%s(%v) was not refused", method, argument)
	}
	refusal, ok := cuenta.ParseError(err.Error())
	if !ok || refusal.Code != want {
		t.Errorf("%s(%v) is refused as %q, want %v", method, argument, err, want)
	}
}

func TestCounting(t *testing.T) {
	s := start(t, Config{})
	c := s.dial()
	expect(t, c, "Inc", int64(5), int64(5))
	expect(t, c, "Dec", int64(7), int64(-2))
	expect(t, c, "Inc", int64(-3), int64(-5))
	expect(t, c, "Dec", int64(-3), int64(-2))
	expect(t, c, "Get", int64(99), int64(-2))
	expect(t, c, "Inc", int64(0), int64(-2))
	expect(t, c, "Dec", int64(0), int64(-2))
	if _, revision := s.service.Value("cuenta"); revision != 4 {
		t.Errorf("revision %d: a read has changed the counter", revision)
	}
	expect(t, c, "Reset", int64(99), int64(0))
	expect(t, c, "Inc", int64(math.MaxInt64), int64(math.MaxInt64))
	expectRefusal(t, c, "Inc", int64(1), cuenta.Overflow)
	expectRefusal(t, c, "Dec", int64(math.MinInt64), cuenta.Overflow)
	expect(t, c, "Dec", int64(math.MaxInt64), int64(0))
	expect(t, c, "Inc", int64(math.MinInt64), int64(math.MinInt64))
	expectRefusal(t, c, "Dec", int64(1), cuenta.Overflow)
	for origin := range s.service.Origins() {
		if _, _, err := net.SplitHostPort(origin.Peer); origin.Front != "rpc" || err != nil {
			t.Errorf("origin %+v", origin)
		}
	}
	if calls := s.service.Calls(); calls.Classes[cuenta.ClassRemote] != calls.Batches {
		t.Errorf("classes %v of %d batches", calls.Classes, calls.Batches)
	}
}

func TestApply(t *testing.T) {
	s := start(t, Config{})
	c := s.dial()
	expect(t, c, "Apply", cuenta.RPCRequest{Op: "add", Counter: "visitas", N: 4}, cuenta.RPCReply{Value: 4, Revision: 1})
	expect(t, c, "Apply", cuenta.RPCRequest{Op: "add", Counter: "visitas", N: -6}, cuenta.RPCReply{Value: -2, Revision: 2})
	expect(t, c, "Apply", cuenta.RPCRequest{Op: "get", Counter: "visitas", N: 9}, cuenta.RPCReply{Value: -2, Revision: 2})
	expect(t, c, "Apply", cuenta.RPCRequest{Op: "reset", Counter: "visitas", N: 9}, cuenta.RPCReply{Revision: 3})
	expect(t, c, "Apply", cuenta.RPCRequest{Op: "add", N: 1}, cuenta.RPCReply{Value: 1, Revision: 1})
	expect(t, c, "Apply", cuenta.RPCRequest{Op: "get", Counter: "ñandú"}, cuenta.RPCReply{})
	expect(t, c, "Apply", cuenta.RPCRequest{Op: "set", Counter: "visitas", N: math.MinInt64}, cuenta.RPCReply{Value: math.MinInt64, Revision: 4})
	expect(t, c, "Apply", cuenta.RPCRequest{Op: "delete", Counter: "visitas", N: 9}, cuenta.RPCReply{Value: math.MinInt64, Revision: 5})
	expect(t, c, "Apply", cuenta.RPCRequest{Op: "delete", Counter: "visitas"}, cuenta.RPCReply{})
	expect(t, c, "Apply", cuenta.RPCRequest{Op: "set", Counter: "visitas"}, cuenta.RPCReply{Revision: 6})
	for _, r := range []cuenta.RPCRequest{
		{}, {Op: "Add", N: 1}, {Op: "inc", N: 1}, {Op: "add\x00", N: 1},
		{Op: "check"}, {Op: "all"}, {Op: "outcome", Identity: "a"}, {Op: "open-session"}, {Op: "unknown"},
		{Op: "add", N: 1, Counter: "a b"}, {Op: "add", N: 1, Counter: "a\n"}, {Op: "add", N: 1, Counter: "\xff"}, {Op: "add", N: 1, Counter: strings.Repeat("x", 256)},
	} {
		expectRefusal(t, c, "Apply", r, cuenta.Syntax)
	}
	if value, revision := s.service.Value("cuenta"); value != 1 || revision != 1 || s.service.Len() != 2 {
		t.Errorf("value %d, revision %d, %d counters", value, revision, s.service.Len())
	}
}

// TestEveryCode lets each refusal pass to the client as what it is.
func TestEveryCode(t *testing.T) {
	s := start(t, Config{})
	c := s.dial()
	for code := cuenta.OK + 1; code < cuenta.NumCodes; code++ {
		s.service.Refuse(code)
		for _, method := range []string{"Inc", "Dec", "Reset", "Get"} {
			expectRefusal(t, c, method, int64(1), code)
		}
		expectRefusal(t, c, "Apply", cuenta.RPCRequest{Op: "add", N: 1}, code)
		expectRefusal(t, c, "Outcome", cuenta.RPCRequest{Identity: "a"}, code)
		expectRefusal(t, c, "OpenSession", int64(0), code)
	}
	if got, want := s.traffic.Errors.Load(), 7*(int64(cuenta.NumCodes)-1); got != want || s.traffic.Requests.Load() != want {
		t.Errorf("%d errors of %d requests, want %d", got, s.traffic.Requests.Load(), want)
	}
}

func TestOperating(t *testing.T) {
	s := start(t, Config{})
	c := s.dial()
	expect(t, c, "Info", int64(0), "Informacion Completa\n")
	expect(t, c, "InfoJSON", int64(0), `{"all":"well"}`)
	expect(t, c, "Services", "", ""+
		"udp    running  127.0.0.1:2002        open=0 requests=7 errors=0 bytes_in=42 bytes_out=9\n"+
		"socket draining cuenta.sock           open=2 requests=0 errors=1 bytes_in=0 bytes_out=0\n")
	fronts, err := call[[]cuenta.ServiceStatus](t, c, "Fronts", int64(0))
	if err != nil || len(fronts) != 2 || fronts[1].Workers != 3 || fronts[1].State != cuenta.Draining {
		t.Errorf("fronts %+v, %v", fronts, err)
	}
	expect(t, c, "Start", "udp", "udp")
	expectRefusal(t, c, "Start", "ftp", cuenta.NotFound)
	if _, err := call[string](t, c, "Start", "tcp"); err == nil || err.Error() != "port 2020 is held by another process" {
		t.Errorf("the operator's own error became %v", err)
	}
	expect(t, c, "Stop", "web", "web")
	if got := s.operator.last(); got != "stop web from rpc" {
		t.Error(got)
	}
	listed, err := call[cuenta.RPCListed](t, c, "List", cuenta.RPCList{Prefix: "vis", Cursor: 8, Limit: 1000})
	if err != nil || listed.Cursor != 9 || len(listed.Counters) != 1 || listed.Counters[0] != (cuenta.Counter{Name: "visa", Value: -3, Revision: 2}) {
		t.Errorf("listed %+v, %v", listed, err)
	}
	for _, r := range []cuenta.RPCList{{Limit: 0}, {Limit: -1}, {Limit: 1001}, {Limit: 1, Prefix: strings.Repeat("x", 256)}} {
		expectRefusal(t, c, "List", r, cuenta.Syntax)
	}
}

// TestStoppedThroughItself answers the call that stops the front.
func TestStoppedThroughItself(t *testing.T) {
	s := start(t, Config{})
	drained := make(chan error, 1)
	s.operator.stopped = func(cuenta.Origin) {
		go func() { drained <- s.server.Drain(context.Background()) }()
	}
	c := s.dial()
	expect(t, c, "Stop", "rpc", "rpc")
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if _, err := call[int64](t, c, "Get", int64(0)); err == nil {
		t.Error("the stopped front answers")
	}
}

func TestUnixSocket(t *testing.T) {
	fronttest.NoLeaks(t)
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "c.sock"))
	if err != nil {
		t.Fatal(err)
	}
	s := startOn(t, l, Config{Front: cuenta.FrontSocket, Class: cuenta.ClassConsole})
	expect(t, s.dial(), "Inc", int64(4), int64(4))
	if calls := s.service.Calls(); calls.Classes[cuenta.ClassConsole] != 1 {
		t.Errorf("classes %v", calls.Classes)
	}
	for origin := range s.service.Origins() {
		if origin.Front != "socket" || origin.Peer != thisProcess() {
			t.Errorf("origin %+v, want peer %q", origin, thisProcess())
		}
	}
}

func TestConnectionLimit(t *testing.T) {
	s := start(t, Config{MaxConns: 1})
	c := s.dial()
	expect(t, c, "Inc", int64(1), int64(1))
	if _, err := rpc.DialHTTP("tcp", s.address.String()); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("beyond the limit: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if !fronttest.Eventually(func() bool { return s.traffic.Open.Load() == 0 }) {
		t.Fatal("a closed connection keeps its place")
	}
	expect(t, s.dial(), "Inc", int64(1), int64(2))
	if s.traffic.Refused.Load() != 1 || s.traffic.Accepted.Load() != 2 {
		t.Errorf("refused %d, accepted %d", s.traffic.Refused.Load(), s.traffic.Accepted.Load())
	}
}

func TestDrainAnswersWhatIsUnderWay(t *testing.T) {
	s := start(t, Config{})
	idle, c := s.dial(), s.dial()
	expect(t, idle, "Get", int64(0), int64(0))
	lift := s.service.Stall()
	var calls []*rpc.Call
	for range 200 { // more than are under way at a time, so that some lie unread
		calls = append(calls, c.Go("Cuenta.Inc", int64(1), new(int64), make(chan *rpc.Call, 1)))
	}
	s.service.AwaitBlocked(64)
	drained := make(chan error, 1)
	go func() { drained <- s.server.Drain(context.Background()) }()
	if !fronttest.Eventually(func() bool { return idle.Call("Cuenta.Services", "", new(string)) != nil }) {
		t.Fatal("an idle connection outlives the drain")
	}
	lift()
	for i, call := range calls {
		if done := <-call.Done; done.Error != nil {
			t.Fatalf("call %d: %v", i, done.Error)
		}
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if value, _ := s.service.Value("cuenta"); value != 200 {
		t.Errorf("value %d", value)
	}
}

func TestDrainCutsAtTheEndOfItsContext(t *testing.T) {
	s := start(t, Config{})
	lift := s.service.Stall()
	defer lift()
	c := s.dial()
	under := c.Go("Cuenta.Inc", int64(1), new(int64), make(chan *rpc.Call, 1))
	s.service.AwaitBlocked(1)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.server.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("drain: %v", err)
	}
	if done := <-under.Done; done.Error == nil {
		t.Error("a call that was cut has succeeded")
	}
}
