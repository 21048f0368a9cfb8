package rpcclient

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/rpc"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
)

// Cuenta is a server's side that says again what it was asked.
type Cuenta struct{ stall chan struct{} }

func (c *Cuenta) Transferir(r cuenta.RPCTransfer, reply *cuenta.RPCReply) error {
	*reply = cuenta.RPCReply{Value: -r.N}
	return nil
}

func (c *Cuenta) Apply(r cuenta.RPCRequest, reply *cuenta.RPCReply) error {
	if r.Op == "get" {
		<-c.stall
	}
	if r.Identity == "used" {
		return cuenta.Conflict.Err()
	}
	*reply = cuenta.RPCReply{Value: r.N, Revision: uint64(len(r.Counter)), Replayed: r.Session == 7 && r.Number == 8 && r.Lowest == 5}
	return nil
}

func (c *Cuenta) Outcome(r cuenta.RPCRequest, reply *cuenta.RPCReply) error {
	if r.Identity != "used" {
		return cuenta.Absent.Err()
	}
	*reply = cuenta.RPCReply{Value: 4, Revision: 2, Replayed: true}
	return nil
}

func (c *Cuenta) OpenSession(_ int64, id *uint64) error { *id = 1 << 63; return nil }

func (c *Cuenta) Info(_ int64, s *string) error     { *s = "text"; return nil }
func (c *Cuenta) InfoJSON(_ int64, s *string) error { *s = "{}"; return nil }
func (c *Cuenta) Services(_ string, s *string) error {
	*s = "udp\n"
	return nil
}
func (c *Cuenta) Fronts(_ int64, f *[]cuenta.ServiceStatus) error {
	*f = []cuenta.ServiceStatus{{Name: "udp", State: cuenta.Stopped}}
	return nil
}
func (c *Cuenta) Start(name string, _ *string) error {
	return errors.New("port 2002 is held: " + name)
}
func (c *Cuenta) Stop(name string, _ *string) error {
	return &cuenta.Error{Code: cuenta.NotFound, Text: name}
}
func (c *Cuenta) List(r cuenta.RPCList, l *cuenta.RPCListed) error {
	l.Counters, l.Cursor = []cuenta.Counter{{Name: r.Prefix, Value: int64(r.Limit)}}, r.Cursor+1
	return nil
}

// listen returns a loopback listener that ends with the test.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// each hands every connection of l to a function.
func each(l net.Listener, serve func(net.Conn)) {
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // the end of the test
			}
			go serve(conn)
		}
	}()
}

// serve serves net/rpc as Go does.
func serve(t *testing.T) (address string, c *Cuenta) {
	t.Helper()
	c = &Cuenta{stall: make(chan struct{})}
	calls := rpc.NewServer()
	if err := calls.Register(c); err != nil {
		t.Fatal(err)
	}
	l := listen(t)
	web := &http.Server{Handler: calls}
	go web.Serve(l)
	t.Cleanup(func() { web.Close() })
	return l.Addr().String(), c
}

func dial(t *testing.T, address string) *Client {
	t.Helper()
	c, err := Dial(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // closed twice where the test has done it
	return c
}

func TestMethods(t *testing.T) {
	address, _ := serve(t)
	c, ctx := dial(t, address), t.Context()
	if reply, err := c.Do(ctx, cuenta.RPCRequest{Op: "add", Counter: "abc", N: -4}); err != nil || reply != (cuenta.RPCReply{Value: -4, Revision: 3}) {
		t.Errorf("Do: %+v, %v", reply, err)
	}
	inSession := cuenta.RPCRequest{Op: "set", N: 1, Session: 7, Number: 8, Lowest: 5}
	if reply, err := c.Do(ctx, inSession); err != nil || reply != (cuenta.RPCReply{Value: 1, Replayed: true}) {
		t.Errorf("Do in a session: %+v, %v", reply, err)
	}
	if reply, err := c.Outcome(ctx, cuenta.RPCRequest{Identity: "used"}); err != nil || reply != (cuenta.RPCReply{Value: 4, Revision: 2, Replayed: true}) {
		t.Errorf("Outcome: %+v, %v", reply, err)
	}
	if reply, err := c.Transfer(ctx, cuenta.RPCTransfer{From: "a", To: "b", N: 4}); err != nil || reply != (cuenta.RPCReply{Value: -4}) {
		t.Errorf("Transfer: %+v, %v", reply, err)
	}
	if id, err := c.OpenSession(ctx); err != nil || id != 1<<63 {
		t.Errorf("OpenSession: %d, %v", id, err)
	}
	if s, err := c.Info(ctx); err != nil || s != "text" {
		t.Errorf("Info: %q, %v", s, err)
	}
	if s, err := c.InfoJSON(ctx); err != nil || s != "{}" {
		t.Errorf("InfoJSON: %q, %v", s, err)
	}
	if s, err := c.Services(ctx); err != nil || s != "udp\n" {
		t.Errorf("Services: %q, %v", s, err)
	}
	if f, err := c.Fronts(ctx); err != nil || len(f) != 1 || f[0].State != cuenta.Stopped {
		t.Errorf("Fronts: %+v, %v", f, err)
	}
	if l, cursor, err := c.List(ctx, "p", 7, 9); err != nil || len(l) != 1 || l[0].Name != "p" || l[0].Value != 9 || cursor != 8 {
		t.Errorf("List: %+v, %d, %v", l, cursor, err)
	}
}

func TestRefusalsKeepTheirKind(t *testing.T) {
	address, _ := serve(t)
	c, ctx := dial(t, address), t.Context()
	_, err := c.Do(ctx, cuenta.RPCRequest{Op: "add", Identity: "used"})
	if !errors.Is(err, &cuenta.Error{Code: cuenta.Conflict}) || err.Error() != cuenta.Conflict.Err().Error() {
		t.Errorf("Do: %v", err)
	}
	if _, err := c.Outcome(ctx, cuenta.RPCRequest{Identity: "new"}); !errors.Is(err, &cuenta.Error{Code: cuenta.Absent}) {
		t.Errorf("Outcome: %v", err)
	}
	if err := c.Stop(ctx, "ftp"); !errors.Is(err, &cuenta.Error{Code: cuenta.NotFound}) {
		t.Errorf("Stop: %v", err)
	}
	if err := c.Start(ctx, "udp"); err == nil || err.Error() != "port 2002 is held: udp" {
		t.Errorf("Start: %v", err)
	}
}

func TestContextEndsACall(t *testing.T) {
	address, server := serve(t)
	defer close(server.stall)
	c := dial(t, address)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Do(ctx, cuenta.RPCRequest{Op: "get"}); !errors.Is(err, context.Canceled) {
		t.Errorf("Do: %v", err)
	}
	if s, err := c.Info(t.Context()); err != nil || s != "text" {
		t.Errorf("the next call: %q, %v", s, err)
	}
}

func TestLostConnection(t *testing.T) {
	l := listen(t)
	each(l, func(conn net.Conn) {
		r := bufio.NewReader(conn)
		if _, err := http.ReadRequest(r); err == nil {
			io.WriteString(conn, "HTTP/1.0 200 Connected to Go RPC\n\n")
			r.ReadByte() // a call begins
		}
		conn.Close()
	})
	c := dial(t, l.Addr().String())
	for range 3 { // while it is lost, and afterwards
		if _, err := c.Info(t.Context()); !errors.Is(err, ErrLost) {
			t.Errorf("Info: %v", err)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Info(t.Context()); !errors.Is(err, ErrLost) {
		t.Errorf("after Close: %v", err)
	}
}

func TestNoServer(t *testing.T) {
	l := listen(t)
	l.Close()
	socket := filepath.Join(t.TempDir(), "cuenta.sock")
	for network, address := range map[string]string{"tcp": l.Addr().String(), "unix": socket} {
		_, err := Dial(t.Context(), network, address)
		var none *NoServerError
		if !errors.As(err, &none) || none.Network != network || none.Address != address || none.Err == nil {
			t.Fatalf("%s: %v", network, err)
		}
		if text := err.Error(); strings.Count(text, address) != 1 || !strings.Contains(text, "`cuenta serve`") {
			t.Error(text)
		}
	}
}

func TestOtherServers(t *testing.T) {
	for said, wanted := range map[string]string{
		"SSH-2.0-OpenSSH_9.6\r\n":                              "malformed",
		"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n":  "404 Not Found",
		"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 10_000): "",
		"": "EOF",
	} {
		l := listen(t)
		each(l, func(conn net.Conn) {
			defer conn.Close()
			http.ReadRequest(bufio.NewReader(conn))
			io.WriteString(conn, said)
		})
		_, err := Dial(t.Context(), "tcp", l.Addr().String())
		var other *OtherServerError
		if !errors.As(err, &other) || !strings.Contains(err.Error(), wanted) {
			t.Errorf("%.30q: %v", said, err)
		}
	}
}

func TestBusyServer(t *testing.T) {
	l := listen(t)
	each(l, func(conn net.Conn) {
		defer conn.Close()
		http.ReadRequest(bufio.NewReader(conn))
		io.WriteString(conn, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
	})
	if _, err := Dial(t.Context(), "tcp", l.Addr().String()); !errors.Is(err, &cuenta.Error{Code: cuenta.Busy}) {
		t.Error(err)
	}
}

// TestMuteServer accepts and says nothing.
func TestMuteServer(t *testing.T) {
	l := listen(t)
	each(l, func(conn net.Conn) {
		defer conn.Close()
		io.Copy(io.Discard, conn)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := Dial(ctx, "tcp", l.Addr().String()); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
