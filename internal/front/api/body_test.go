package api

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// TestManyLargeBodies fills the memory for bodies: further large ones are told to
// come again, small ones are none the worse.
func TestManyLargeBodies(t *testing.T) {
	s := start(t)
	var held []net.Conn
	for range maxBodies / maxBody {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		// A body without a length may be as long as any; this one is not finished.
		text := "POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2000\r\n" + strings.Repeat(" ", 0x2000)
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	if !fronttest.Eventually(func() bool { return s.api.bodies.used.Load() == maxBodies }) {
		t.Fatalf("%d bytes are used", s.api.bodies.used.Load())
	}
	large := `{"operations":[{"add":{"counter":"a"}}]}` + strings.Repeat(" ", smallBody)
	busy := s.ask("POST", "/v1/batch", large)
	s.expectProblem(busy, 503, cuenta.Busy)
	if busy.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if a := s.ask("POST", "/cuenta.v1.CounterService/Batch", large); a.status != 503 || !strings.Contains(a.body, "unavailable") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := s.ask("POST", "/v1/batch", large[:smallBody]); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, conn := range held {
		conn.Close()
	}
	if !fronttest.Eventually(func() bool { return s.api.bodies.used.Load() == 0 }) {
		t.Fatalf("%d bytes are used for ever", s.api.bodies.used.Load())
	}
	if a := s.ask("POST", "/v1/batch", large); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestEndlessBody never ends, and is not read for ever.
func TestEndlessBody(t *testing.T) {
	s := start(t)
	for _, target := range []string{"/v1/batch", "/cuenta.v1.CounterService/Batch", "/grpc.health.v1.Health/Check"} {
		for _, client := range []*http.Client{s.http1, s.http2} {
			r, w := io.Pipe()
			go func() {
				for noise := []byte(strings.Repeat(" ", 64<<10)); ; {
					if _, err := w.Write(noise); err != nil {
						return
					}
				}
			}()
			request, err := http.NewRequest("POST", s.url+target, r)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			response, err := client.Do(request)
			if err == nil { // it may also be closed before it has said all
				if response.StatusCode < 400 {
					t.Errorf("%s: %d", target, response.StatusCode)
				}
				response.Body.Close()
			}
			r.Close()
		}
	}
	s.expectNothingDone()
}
