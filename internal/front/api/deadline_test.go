package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

// TestDeadlines lets the time of a call run out while the service is stalled: it
// is given up, and Outcome says that nothing was done.
func TestDeadlines(t *testing.T) {
	for name, connected := range protocols {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			client := connected(s)
			lift := s.service.Stall()
			for soon := 50 * time.Millisecond; s.service.Calls().Batches == 0; soon *= 2 { // until it arrives before
				ctx, cancel := context.WithTimeout(t.Context(), soon)
				_, err := client.Add(ctx, &cuentav1.AddRequest{Counter: "a", Identity: &cuentav1.Identity{Key: "k"}})
				cancel()
				if connect.CodeOf(err) != connect.CodeDeadlineExceeded {
					t.Error(err)
				}
			}
			s.awaitGivenUp()
			lift()
			s.expectOutcome("k", "not-applied")
		})
	}
}

// awaitGivenUp waits until the service has refused whatever was asked.
func (s *site) awaitGivenUp() {
	s.t.Helper()
	if !fronttest.Eventually(func() bool {
		refused := s.traffic.Errors.Load()
		return refused > 0 && refused == int64(s.service.Calls().Batches)
	}) {
		s.t.Error("the batch was not given up")
	}
}

func (s *site) expectOutcome(key, fate string) {
	s.t.Helper()
	if a := s.ask("GET", "/v1/outcomes/"+key, ""); !strings.HasPrefix(a.body, `{"fate":"`+fate+`"`) {
		s.t.Errorf("%s, want %s", a.body, fate)
	}
}

// TestDeadlineIsTold has the server notice first: the client named a time and
// waits for longer.
func TestDeadlineIsTold(t *testing.T) {
	s := start(t)
	lift := s.service.Stall()
	defer lift()
	a := s.ask("POST", "/cuenta.v1.CounterService/Add", `{"counter":"a"}`, "Connect-Timeout-Ms: 20")
	if a.status != 504 || !strings.Contains(a.body, `"code":"deadline_exceeded"`) || !strings.Contains(a.body, `"fate":"not-applied"`) || !strings.Contains(a.body, `"code":"canceled"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestClientsThatLeave go away while the service is stalled.
func TestClientsThatLeave(t *testing.T) {
	for name, leave := range map[string]func(*site, context.Context) error{
		"rest": func(s *site, ctx context.Context) error {
			request, err := http.NewRequestWithContext(ctx, "POST", s.url+"/v1/counters/a:add", nil)
			if err != nil {
				return err
			}
			request.Header.Set("Idempotency-Key", "k")
			_, err = s.http1.Do(request)
			return err
		},
		"rest http/2": func(s *site, ctx context.Context) error {
			request, err := http.NewRequestWithContext(ctx, "POST", s.url+"/v1/counters/a:add", strings.NewReader(`{}`))
			if err != nil {
				return err
			}
			request.Header.Set("Idempotency-Key", "k")
			request.Header.Set("Content-Type", "application/json")
			_, err = s.http2.Do(request)
			return err
		},
		"grpc": func(s *site, ctx context.Context) error {
			_, err := overHTTP2(connect.WithGRPC())(s).Add(ctx, &cuentav1.AddRequest{Counter: "a", Identity: &cuentav1.Identity{Key: "k"}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			lift := s.service.Stall()
			ctx, cancel := context.WithCancel(t.Context())
			left := make(chan error, 1)
			go func() { left <- leave(s, ctx) }()
			s.service.AwaitBlocked(1)
			cancel()
			if err := <-left; !errors.Is(err, context.Canceled) && connect.CodeOf(err) != connect.CodeCanceled {
				t.Error(err)
			}
			s.awaitGivenUp()
			lift()
			s.expectOutcome("k", "not-applied")
			if value, _ := s.service.Value("a"); value != 0 {
				t.Errorf("value %d", value)
			}
		})
	}
}

// late is a service whose answers are held back once the change is made.
type late struct {
	cuenta.Service
	applied chan struct{}
	let     chan struct{}
}

func (l *late) Do(ctx context.Context, b *cuenta.Batch) {
	l.Service.Do(ctx, b)
	if b.Requests[0].Op == cuenta.Add {
		l.applied <- struct{}{}
		<-l.let // as an engine that waits for the sync, whatever ctx says
	}
}

// TestAppliedIsKnown leaves after the change was made: the answer is lost, and
// Outcome has it.
func TestAppliedIsKnown(t *testing.T) {
	s := start(t)
	held := &late{s.service, make(chan struct{}), make(chan struct{})}
	s.api.calls.service = held
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := overHTTP2(connect.WithGRPC())(s).Add(ctx, &cuentav1.AddRequest{Counter: "a", Identity: &cuentav1.Identity{Key: "k"}})
		left <- err
	}()
	<-held.applied
	cancel()
	if err := <-left; connect.CodeOf(err) != connect.CodeCanceled {
		t.Error(err)
	}
	close(held.let)
	s.expectOutcome("k", "applied")
}

// TestDrain begins while calls are under way on both versions of HTTP: they are
// answered as if nothing were.
func TestDrain(t *testing.T) {
	s := start(t)
	lift := s.service.Stall()
	const each = 10
	answers := make(chan error, 3*each)
	for i := range each {
		for _, connected := range []string{"connect", "grpc", "grpc-web http/2"} {
			go func() {
				_, err := protocols[connected](s).Add(context.Background(), &cuentav1.AddRequest{Counter: fmt.Sprint(i)})
				answers <- err
			}()
		}
	}
	s.service.AwaitBlocked(3 * each)
	drained := make(chan error, 1)
	go func() { drained <- s.drain() }()
	if !fronttest.Eventually(func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err == nil {
			conn.Close()
		}
		return err != nil
	}) {
		t.Fatal("a draining server accepts")
	}
	lift()
	for range 3 * each {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if value, _ := s.service.Value("0"); value != 3 {
		t.Errorf("value %d", value)
	}
}

// TestUnfinishedBody is not carried out.
func TestUnfinishedBody(t *testing.T) {
	s := start(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /v1/counters/a:add HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{}"); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != 400 {
		t.Errorf("status %d", response.StatusCode)
	}
	s.expectNothingDone()
}
