package web

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

const increment = "GET /cambiar?counter=inc.1 HTTP/1.1\r\nHost: localhost\r\n\r\n"

// refuses reports whether nothing listens any more.
func (s *site) refuses() bool {
	conn, err := net.Dial("tcp", s.address)
	if err == nil {
		conn.Close()
	}
	return err != nil
}

func TestDrainAnswersWhatWasRead(t *testing.T) {
	s := start(t, Config{})
	idle := s.dial()
	defer idle.Close()
	idleReader := bufio.NewReader(idle)
	send(t, idle, increment)
	s.expect(read(t, idleReader, "GET"), 200, "Valor del Contador, 1")
	silent, half := s.dial(), s.dial()
	defer silent.Close()
	defer half.Close()
	send(t, half, strings.TrimSuffix(increment, "\r\n"))

	lift := s.service.Stall()
	var busy []net.Conn
	for range 20 {
		conn := s.dial()
		defer conn.Close()
		send(t, conn, increment)
		busy = append(busy, conn)
	}
	s.service.AwaitBlocked(len(busy))
	if !fronttest.Eventually(func() bool { return s.traffic.Open.Load() == 23 }) {
		t.Fatalf("%d connections are open", s.traffic.Open.Load())
	}
	drained := make(chan error, 1)
	go func() { drained <- s.server.Drain(context.Background()) }()

	// Those that asked nothing end while the others are still served.
	for _, conn := range []net.Conn{idle, silent, half} {
		if n, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("read %d bytes, %v", n, err)
		}
		conn.Close()
	}
	if !s.refuses() {
		t.Error("a draining server accepts")
	}
	lift()
	for _, conn := range busy {
		if a := read(t, bufio.NewReader(conn), "GET"); a.status != 200 {
			t.Errorf("status %d", a.status)
		}
		conn.Close()
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if value, _ := s.service.Value("cuenta"); value != 21 {
		t.Errorf("value %d", value)
	}
	if open := s.traffic.Open.Load(); open != 0 {
		t.Errorf("%d connections are counted as open", open)
	}
}

// TestDrainAnswersWhatHasArrived sends a second request behind one that is
// under way: the server has received it, and has not read it, when the drain
// begins.
func TestDrainAnswersWhatHasArrived(t *testing.T) {
	s := start(t, Config{})
	lift := s.service.Stall()
	conn := s.dial()
	defer conn.Close()
	send(t, conn, increment)
	s.service.AwaitBlocked(1)
	// Larger than what net/http reads at once, so that it cannot all be buffered.
	padded := strings.TrimSuffix(increment, "\r\n") + "X: " + strings.Repeat("x", 6000) + "\r\n\r\n"
	send(t, conn, padded+padded)
	drained := make(chan error, 1)
	go func() { drained <- s.server.Drain(context.Background()) }()
	if !fronttest.Eventually(s.refuses) {
		t.Fatal("a draining server accepts")
	}
	lift()
	r := bufio.NewReader(conn)
	for _, want := range []string{"1", "2", "3"} {
		s.expect(read(t, r, "GET"), 200, "Valor del Contador, "+want)
	}
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("the connection goes on: %v", err)
	}
	conn.Close()
	if err := <-drained; err != nil {
		t.Error(err)
	}
}

func TestDrainCutsAtTheEndOfItsContext(t *testing.T) {
	s := start(t, Config{})
	lift := s.service.Stall()
	defer lift()
	conn := s.dial()
	defer conn.Close()
	send(t, conn, increment)
	s.service.AwaitBlocked(1)
	ctx, cancel := context.WithCancel(context.Background())
	drained := make(chan error, 1)
	go func() { drained <- s.server.Drain(ctx) }()
	cancel()
	if err := <-drained; !errors.Is(err, context.Canceled) {
		t.Errorf("drain: %v", err)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("read %d bytes, %v", n, err)
	}
	if value, _ := s.service.Value("cuenta"); value != 0 {
		t.Errorf("value %d: what waited was not given up", value)
	}
}

func TestDrainBeforeServe(t *testing.T) {
	server := New(Config{})
	if err := server.Drain(context.Background()); err != nil {
		t.Error(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(l); err != nil {
		t.Error(err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is open: %v", err)
	}
}

// TestHalfClosed asks, closes its writing, and waits.
func TestHalfClosed(t *testing.T) {
	s := start(t, Config{})
	lift := s.service.Stall()
	conn := s.dial()
	defer conn.Close()
	send(t, conn, increment)
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	s.service.AwaitBlocked(1)
	lift()
	s.expect(read(t, bufio.NewReader(conn), "GET"), 200, "Valor del Contador, 1")
}

func TestConnectionLimit(t *testing.T) {
	s := start(t, Config{MaxConns: 2})
	var held []net.Conn
	for range 2 {
		conn := s.dial()
		defer conn.Close()
		send(t, conn, increment)
		read(t, bufio.NewReader(conn), "GET")
		held = append(held, conn)
	}
	const refusals = 40 // more than are told at a time
	told := 0
	for range refusals {
		conn := s.dial()
		defer conn.Close()
		response, err := io.ReadAll(conn)
		if err == nil && strings.HasPrefix(string(response), "HTTP/1.1 503 ") && strings.HasSuffix(string(response), "\r\n\r\nerror busy the server is at its limit, try again") {
			told++
		}
	}
	if told == 0 {
		t.Error("nobody was told")
	}
	if got := s.traffic.Refused.Load(); got != refusals {
		t.Errorf("%d refused", got)
	}
	held[0].Close()
	if !fronttest.Eventually(func() bool { return s.traffic.Open.Load() == 1 }) {
		t.Fatal("a closed connection keeps its place")
	}
	s.expect(s.ask("GET", "/cambiar?counter=con.0"), 200, "Valor del Contador, 2")
}

func TestSlowClientsAreClosed(t *testing.T) {
	s := start(t, Config{HeaderTimeout: 50 * time.Millisecond, ReadTimeout: 50 * time.Millisecond, IdleTimeout: 50 * time.Millisecond})
	for _, begun := range []string{"", "G", "GET /cambiar?counter=inc.5 HTTP/1.1\r\n", strings.TrimSuffix(increment, "\r\n")} {
		conn := s.dial()
		defer conn.Close()
		send(t, conn, begun)
		if rest, err := io.ReadAll(conn); err != nil || strings.Contains(string(rest), "200 OK") {
			t.Errorf("%q: %q, %v", begun, rest, err)
		}
	}
	conn := s.dial()
	defer conn.Close()
	send(t, conn, increment)
	if _, err := io.ReadAll(conn); err != nil { // answered, then idle, then closed
		t.Error(err)
	}
	if value, _ := s.service.Value("cuenta"); value != 1 {
		t.Errorf("value %d", value)
	}
}

func TestNotHTTP(t *testing.T) {
	s := start(t, Config{})
	for _, noise := range []string{"inc.5\n\n", "\x00\x01\x02\r\n\r\n", strings.Repeat("A", 70<<10), "GET / HTTP/9.9\r\n\r\n", "GET /cambiar?counter=inc.5\r\n\r\n",
		"GET /cambiar?counter=inc.5 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET /cambiar?counter=inc.5 HTTP/1.1\r\n\r\n",
		"GET /cambiar?counter=inc.5 HTTP/1.1\r\nHost: localhost\r\n" + strings.Repeat("X: "+strings.Repeat("x", 1000)+"\r\n", 40) + "\r\n"} {
		conn := s.dial()
		// The server may close before it was told everything.
		_, _ = io.WriteString(conn, noise)
		_ = conn.(*net.TCPConn).CloseWrite()
		response, _ := io.ReadAll(conn)
		if strings.Contains(string(response), " 200 ") {
			t.Errorf("%.40q: %q", noise, response)
		}
		conn.Close()
	}
	if calls := s.service.Calls(); calls.Batches != 0 {
		t.Errorf("%d batches were executed", calls.Batches)
	}
	s.expect(s.ask("GET", "/cambiar?counter=inc.5"), 200, "Valor del Contador, 5")
}

func TestTrafficIsCounted(t *testing.T) {
	s := start(t, Config{})
	conn := s.dial()
	defer conn.Close()
	send(t, conn, increment)
	r := bufio.NewReader(conn)
	read(t, r, "GET")
	send(t, conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	read(t, r, "GET")
	traffic := s.traffic
	if in, want := traffic.BytesIn.Load(), int64(len(increment)+len("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")); in != want {
		t.Errorf("%d bytes in, want %d", in, want)
	}
	if traffic.BytesOut.Load() < 100 || traffic.Accepted.Load() != 1 || traffic.Open.Load() != 1 || traffic.Requests.Load() != 2 || traffic.Errors.Load() != 1 {
		t.Errorf("out %d, accepted %d, open %d, requests %d, errors %d", traffic.BytesOut.Load(), traffic.Accepted.Load(),
			traffic.Open.Load(), traffic.Requests.Load(), traffic.Errors.Load())
	}
}

func BenchmarkCambiar(b *testing.B) {
	s := start(b, Config{})
	b.RunParallel(func(pb *testing.PB) {
		conn := s.dial()
		defer conn.Close()
		r := bufio.NewReader(conn)
		for pb.Next() {
			send(b, conn, increment)
			read(b, r, "GET")
		}
	})
}
