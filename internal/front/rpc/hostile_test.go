package rpc

import (
	"bufio"
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/rpc"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// connect opens a connection and says text on it.
func (s *site) connect(text string) net.Conn {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.address.String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		s.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		s.t.Fatal(err)
	}
	return conn
}

const greeting = "CONNECT /_goRPC_ HTTP/1.0\n\n"

// stranger connects as a client and speaks gob by itself.
type stranger struct {
	net.Conn
	enc *gob.Encoder
	dec *gob.Decoder
}

func (s *site) stranger() stranger {
	s.t.Helper()
	conn := s.connect(greeting)
	r := bufio.NewReader(conn)
	if response, err := http.ReadResponse(r, &http.Request{Method: "CONNECT"}); err != nil || response.Status != "200 Connected to Go RPC" {
		s.t.Fatal(response, err)
	}
	return stranger{conn, gob.NewEncoder(conn), gob.NewDecoder(r)}
}

// ends waits for the server's end of the connection, and returns what it said
// before.
func ends(t testing.TB, conn net.Conn) string {
	t.Helper()
	said, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection was not closed")
	}
	return string(said)
}

func TestOnlyConnect(t *testing.T) {
	s := start(t, Config{})
	for request, want := range map[string]string{
		"GET /_goRPC_ HTTP/1.1\r\nHost: x\r\n\r\n":                                "405 Method Not Allowed",
		"POST /_goRPC_ HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nCuenta.In": "405 Method Not Allowed",
		"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n":                                   "405 Method Not Allowed",
		"CONNECT /other HTTP/1.0\r\n\r\n":                                         "404 Not Found",
		"CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example\r\n\r\n":          "404 Not Found",
		"CONNECT /_goRPC_\r\n\r\n":                                                "400 Bad Request",
		"inc.4\n\n":                                                               "400 Bad Request",
		"CONNECT /_goRPC_ HTTP/1.0\r\n" + strings.Repeat("X: "+strings.Repeat("x", 998)+"\r\n", 30): "431 Request Header Fields Too Large",
	} {
		conn := s.connect(request)
		if said := ends(t, conn); !strings.HasPrefix(said, "HTTP/1.1 "+want) && !strings.HasPrefix(said, "HTTP/1.0 "+want) {
			t.Errorf("%.40q: %.80q", request, said)
		}
	}
	expect(t, s.dial(), "Get", int64(0), int64(0))
}

// TestGarbage says what is no net/rpc after the greeting. It costs the stranger
// the connection, and nobody else anything.
func TestGarbage(t *testing.T) {
	s := start(t, Config{})
	honest := s.dial()
	var endless bytes.Buffer
	for i := range 20_000 { // definitions of ever new types, each small
		fmt.Fprintf(&endless, "\x06\xff\x83\x03\x01\x00%c", rune('a'+i%26))
	}
	for name, noise := range map[string]string{
		"text":               strings.Repeat("inc.4\n", 1000),
		"zeros":              strings.Repeat("\x00", 100),
		"ones":               strings.Repeat("\xff", 1000),
		"a gigabyte":         "\xfc\x3f\xff\xff\xff" + strings.Repeat("x", 100),
		"all of uint64":      "\xf8\xff\xff\xff\xff\xff\xff\xff\xff" + strings.Repeat("x", 100),
		"nine bytes":         "\xf7\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		"64 KiB and one":     "\xfd\x01\x00\x01" + strings.Repeat("\x04", 1<<16+1),
		"an id of 9 bytes":   "\x20\xf7" + strings.Repeat("x", 31),
		"an id over its end": "\x01\xfe\x00\x00",
		"endless types":      endless.String(),
		"http":               strings.Repeat("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 100),
	} {
		conn := s.stranger()
		// The server may close before it has heard everything.
		_, _ = io.WriteString(conn, noise)
		if said := ends(t, conn); said != "" {
			t.Errorf("%s is answered %q", name, said)
		}
		conn.Close()
	}
	expect(t, honest, "Get", int64(0), int64(0))
	if !fronttest.Eventually(func() bool { return s.traffic.Open.Load() == 1 }) {
		t.Errorf("%d connections are open", s.traffic.Open.Load())
	}
}

func TestEndlessTypes(t *testing.T) {
	var definitions bytes.Buffer
	for i := range 10 {
		name := fmt.Sprintf("%s%d", strings.Repeat("n", 8000), i)
		message := append([]byte{0xff, 0x83}, name...) // the id -66, and noise
		definitions.Write([]byte{0xfe, byte(len(message) >> 8), byte(len(message))})
		definitions.Write(message)
	}
	messages := &messages{r: bufio.NewReader(&definitions), max: 64 << 10}
	n, err := io.Copy(io.Discard, messages)
	if n > 64<<10+64 || !errors.Is(err, error(errTooManyTypes)) {
		t.Errorf("%d bytes of definitions passed, %v", n, err)
	}
}

func TestLargeArgument(t *testing.T) {
	s := start(t, Config{})
	c := s.dial()
	expectRefusal(t, c, "Apply", cuenta.RPCRequest{Op: "add", N: 1, Counter: strings.Repeat("x", 70<<10)}, cuenta.TooLarge)
	if !fronttest.Eventually(func() bool { return s.traffic.Open.Load() == 0 }) {
		t.Error("the connection goes on")
	}
	c = s.dial()
	expectRefusal(t, c, "Apply", cuenta.RPCRequest{Op: "add", N: 1, Counter: strings.Repeat("x", 60<<10)}, cuenta.Syntax)
	expect(t, c, "Get", int64(0), int64(0))
}

// TestWrongCalls are readable, and name what is not there. The connection goes on.
func TestWrongCalls(t *testing.T) {
	s := start(t, Config{})
	c := s.dial()
	expectRefusal(t, c, "Increment", int64(5), cuenta.Syntax)
	expectRefusal(t, c, "do", int64(5), cuenta.Syntax)
	expectRefusal(t, c, strings.Repeat("x", 50_000), int64(5), cuenta.Syntax)
	expectRefusal(t, c, "Inc", "5", cuenta.Syntax)
	expectRefusal(t, c, "Inc", struct{ N int64 }{5}, cuenta.Syntax)
	expectRefusal(t, c, "Inc", 5.0, cuenta.Syntax)
	expectRefusal(t, c, "Inc", uint64(5), cuenta.Syntax)
	expectRefusal(t, c, "Apply", struct{ Op int }{5}, cuenta.Syntax)
	expectRefusal(t, c, "Apply", int64(5), cuenta.Syntax)
	for _, method := range []string{"Other.Inc", "Inc", "", "."} {
		err := c.Call(method, int64(5), new(int64))
		if refusal, ok := cuenta.ParseError(fmt.Sprint(err)); !ok || refusal.Code != cuenta.Syntax || len(refusal.Text) > 300 {
			t.Errorf("%q: %v", method, err)
		}
	}
	expect(t, c, "Inc", int64(5), int64(5))
	if calls := s.service.Calls(); calls.Batches != 1 {
		t.Errorf("%d batches were executed", calls.Batches)
	}
}

// TestUnfinishedCallIsNotExecuted cuts a call off at every byte.
func TestUnfinishedCallIsNotExecuted(t *testing.T) {
	s := start(t, Config{})
	var call bytes.Buffer
	enc := gob.NewEncoder(&call)
	if err := errors.Join(enc.Encode(rpc.Request{ServiceMethod: "Cuenta.Inc"}), enc.Encode(int64(5))); err != nil {
		t.Fatal(err)
	}
	for n := range call.Len() {
		conn := s.stranger()
		if _, err := conn.Write(call.Bytes()[:n]); err != nil {
			t.Fatal(err)
		}
		if err := conn.Conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if said := ends(t, conn); strings.Contains(said, "5") && n == 0 {
			t.Errorf("%d bytes are answered %q", n, said)
		}
		conn.Close()
	}
	if calls := s.service.Calls(); calls.Batches != 0 {
		t.Errorf("%d batches were executed", calls.Batches)
	}
	conn := s.stranger() // whole, and then half-closed: it is answered
	if _, err := conn.Write(call.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := conn.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	var response rpc.Response
	var value int64
	if err := errors.Join(conn.dec.Decode(&response), conn.dec.Decode(&value)); err != nil || value != 5 || response.Error != "" {
		t.Errorf("value %d, %q, %v", value, response.Error, err)
	}
}

// crowded counts how many calls are in the service at once.
type crowded struct {
	*fronttest.Service
	inside, most atomic.Int64
}

func (c *crowded) Do(ctx context.Context, b *cuenta.Batch) {
	inside := c.inside.Add(1)
	for most := c.most.Load(); inside > most && !c.most.CompareAndSwap(most, inside); most = c.most.Load() {
	}
	c.Service.Do(ctx, b)
	c.inside.Add(-1)
}

func TestTenThousandCalls(t *testing.T) {
	service := &crowded{Service: fronttest.NewService()}
	s := start(t, Config{Service: service})
	c := s.dial()
	lift := service.Stall()
	defer lift()
	const n = 10_000
	done := make(chan *rpc.Call, n)
	sent := make(chan struct{})
	go func() { // the sending waits as well, once the server has stopped reading
		defer close(sent)
		for range n {
			c.Go("Cuenta.Inc", int64(1), new(int64), done)
		}
	}()
	service.AwaitBlocked(64)
	expect(t, s.dial(), "Services", "", table(must(s.operator.Services(t.Context())))) // others are served
	lift()
	<-sent
	seen := make(map[int64]bool, n)
	for range n {
		call := <-done
		if call.Error != nil {
			t.Fatal(call.Error)
		}
		seen[*call.Reply.(*int64)] = true
	}
	if len(seen) != n || !seen[1] || !seen[n] {
		t.Errorf("%d different answers", len(seen))
	}
	if most := service.most.Load(); most != 64 {
		t.Errorf("%d calls were under way at once, the limit is 64", most)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestAnswersNeverRead(t *testing.T) {
	s := start(t, Config{WriteTimeout: 50 * time.Millisecond})
	s.operator.report = strings.Repeat("x", 1<<20)
	conn := s.stranger()
	for i := range 64 {
		if conn.enc.Encode(rpc.Request{ServiceMethod: "Cuenta.Info", Seq: uint64(i)}) != nil || conn.enc.Encode(int64(0)) != nil {
			break // closed
		}
	}
	if !fronttest.Eventually(func() bool { return s.traffic.Open.Load() == 0 && s.traffic.Accepted.Load() == 1 }) {
		t.Error("the connection goes on")
	}
}

func TestSlowClientsAreClosed(t *testing.T) {
	s := start(t, Config{IdleTimeout: 50 * time.Millisecond, MessageTimeout: 50 * time.Millisecond})
	silent := s.stranger()
	if said := ends(t, silent); said != "" {
		t.Errorf("a silent client is told %q", said)
	}
	half := s.stranger()
	if _, err := half.Write([]byte{0x20, 0x04}); err != nil {
		t.Fatal(err)
	}
	if said := ends(t, half); said != "" {
		t.Errorf("half a call is answered %q", said)
	}
}

// FuzzConnection says anything after the greeting.
func FuzzConnection(f *testing.F) {
	var call bytes.Buffer
	enc := gob.NewEncoder(&call)
	if err := errors.Join(enc.Encode(rpc.Request{ServiceMethod: "Cuenta.Apply"}), enc.Encode(cuenta.RPCRequest{Op: "get", Counter: "a"})); err != nil {
		f.Fatal(err)
	}
	f.Add(call.Bytes())
	f.Add([]byte("\x00"))
	f.Add([]byte("\xfc\x3f\xff\xff\xff"))
	config := Config{}
	config.setDefaults()
	f.Fuzz(func(t *testing.T, noise []byte) {
		in := &messages{r: bufio.NewReader(bytes.NewReader(noise)), max: 1 << 10}
		c := &codec{in: in, dec: gob.NewDecoder(in)}
		for c.decode(new(rpc.Request)) == nil && c.decode(new(cuenta.RPCRequest)) == nil {
		}
		// What passes is a part of what was said, byte for byte.
		in = &messages{r: bufio.NewReader(bytes.NewReader(noise)), max: 1 << 10}
		passed, err := io.ReadAll(in)
		if !bytes.HasPrefix(noise, passed) || err == nil && len(passed) != len(noise) || in.types > 1<<11 {
			t.Errorf("%d of %d bytes passed, %v, %d bytes of types", len(passed), len(noise), err, in.types)
		}
	})
}
