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
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
	"github.com/cuenta-server/cuenta/internal/engine"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
	"github.com/cuenta-server/cuenta/proto/cuenta/v1/cuentav1connect"
)

// startWatched serves an engine that lets counters be watched.
func startWatched(t testing.TB) (*site, *engine.Engine) {
	t.Helper()
	e, err := engine.Open(engine.Config{FS: disktest.New(), Dir: "/data", MaxCounters: 10_000, SegmentSize: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return startOn(t, e), e
}

// stream is server-sent events that arrive.
type stream struct {
	t      testing.TB
	answer *http.Response
	lines  *bufio.Reader
}

func (s *site) stream(client *http.Client, target string, headers ...string) *stream {
	s.t.Helper()
	request, err := http.NewRequest(http.MethodGet, s.url+target, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		request.Header.Set(name, value)
	}
	answer, err := client.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream" {
		s.t.Fatalf("%d %v", answer.StatusCode, answer.Header)
	}
	return &stream{s.t, answer, bufio.NewReader(answer.Body)}
}

func (s *stream) close() { s.answer.Body.Close() }

// next returns an event as it stands, "" at the end.
func (s *stream) next() string {
	s.t.Helper()
	var event strings.Builder
	for {
		line, err := s.lines.ReadString('\n')
		if err == io.EOF && event.Len() == 0 {
			return ""
		}
		if err != nil {
			s.t.Fatalf("%v after %q", err, event.String())
		}
		if line == "\n" {
			return strings.TrimSuffix(event.String(), "\n")
		}
		event.WriteString(line)
	}
}

func (s *stream) expect(events ...string) {
	s.t.Helper()
	for _, want := range events {
		if got := s.next(); got != want {
			s.t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	}
}

// id returns the position of an event.
func id(event string) string {
	for line := range strings.Lines(event) {
		if id, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "id: "); ok {
			return id
		}
	}
	return ""
}

func (s *site) add(t testing.TB, name string, n int) {
	t.Helper()
	if a := s.ask("POST", fmt.Sprintf("/v1/counters/%s:add?amount=%d", name, n), ""); a.status != 200 {
		t.Fatal(a)
	}
}

const (
	anewEvent = `event: anew
data: {"reason":"start"}`
	noneEvent = `event: state
data: {"counter":"c","value":"0","revision":"0","since":"0","deleted":true}`
)

func changeEvent(kind, id, name string, value, revision, since int, deleted bool) string {
	if id != "" {
		id = "id: " + id + "\n"
	}
	return fmt.Sprintf("event: %s\n%sdata: {\"counter\":\"%s\",\"value\":\"%d\",\"revision\":\"%d\",\"since\":\"%d\",\"deleted\":%v}",
		kind, id, name, value, revision, since, deleted)
}

// TestEvents follows a counter from before it is made, over both versions of HTTP,
// breaks off, and goes on behind the last event.
func TestEvents(t *testing.T) {
	s, _ := startWatched(t)
	for _, client := range []*http.Client{s.http1, s.http2} {
		e := s.stream(client, "/v1/counters/c:watch")
		e.expect(anewEvent, noneEvent)
		current := e.next()
		if want := fmt.Sprintf("event: current\nid: %s\ndata: {\"position\":\"%s\"}", id(current), id(current)); current != want || id(current) == "" {
			t.Fatalf("%s", current)
		}
		s.add(t, "c", 5)
		first := e.next()
		if want := changeEvent("change", id(first), "c", 5, revisionIn(first), 0, false); first != want || id(first) == "" {
			t.Fatalf("%s", first)
		}
		revision := revisionIn(first)
		s.add(t, "other", 1)
		s.add(t, "c", -7)
		second := e.next()
		if want := changeEvent("change", id(second), "c", -2, revision+1, revision, false); second != want {
			t.Fatalf("%s", second)
		}
		e.close()
		if a := s.ask("DELETE", "/v1/counters/c", ""); a.status != 200 {
			t.Fatal(a)
		}
		for _, again := range []*stream{
			s.stream(client, "/v1/counters/c:watch", "Last-Event-ID: "+id(second)),
			s.stream(client, "/v1/counters/c:watch?after="+id(second)),
			s.stream(client, "/v1/counters/c:watch?after=1-1", "Last-Event-ID: "+id(second)),
		} {
			again.expect(fmt.Sprintf("event: current\nid: %s\ndata: {\"position\":\"%s\"}", id(second), id(second)))
			deleted := again.next()
			if want := changeEvent("change", id(deleted), "c", 0, revision+2, revision+1, true); deleted != want {
				t.Fatalf("%s", deleted)
			}
			again.close()
		}
		lost := s.stream(client, "/v1/counters/c:watch?after=1-1")
		lost.expect("event: anew\ndata: {\"reason\":\"lost\"}", noneEvent)
		lost.close()
	}
}

func revisionIn(event string) (revision int) {
	_, rest, _ := strings.Cut(event, `"revision":"`)
	fmt.Sscan(rest, &revision)
	return revision
}

// TestEventsOfAPrefix has names in them that need care in JSON and in a URL.
func TestEventsOfAPrefix(t *testing.T) {
	s, e := startWatched(t)
	b := &cuenta.Batch{Requests: []cuenta.Request{{Op: cuenta.Add, Counter: []byte(`p/"\é:watch`), N: 3}, {Op: cuenta.Add, Counter: []byte("q"), N: 1}}}
	e.Do(t.Context(), b)
	w := s.stream(s.http1, "/v1/counters:watch?prefix=p%2F")
	w.expect(anewEvent, changeEvent("state", "", `p/\"\\é:watch`, 3, 1, 0, false))
	w.next()
	b = &cuenta.Batch{Requests: []cuenta.Request{{Op: cuenta.Add, Counter: []byte("p/a"), N: 1}, {Op: cuenta.Add, Counter: []byte("q"), N: 1}, {Op: cuenta.Add, Counter: []byte("p/b"), N: 2}}}
	e.Do(t.Context(), b)
	w.expect(changeEvent("change", "", "p/a", 1, 1, 0, false))
	last := w.next()
	if want := changeEvent("change", id(last), "p/b", 2, 1, 0, false); last != want || id(last) == "" {
		t.Errorf("%s", last)
	}
	w.close()
	one := s.stream(s.http1, "/v1/counters/p%2F%22%5C%C3%A9%3Awatch:watch?since=1")
	one.expect(anewEvent, changeEvent("state", "", `p/\"\\é:watch`, 3, 1, 1, false))
	one.close()
}

func TestBadWatches(t *testing.T) {
	s, _ := startWatched(t)
	for target, code := range map[string]cuenta.Code{
		"/v1/counters/c:watch?since=-1":                         cuenta.Syntax,
		"/v1/counters/c:watch?since=x":                          cuenta.Syntax,
		"/v1/counters/c:watch?after=x":                          cuenta.Syntax,
		"/v1/counters/c:watch?after=00-1":                       cuenta.Syntax,
		"/v1/counters/c:watch?prefix=p":                         cuenta.Syntax,
		"/v1/counters/c:watch?after=1-1&after=1-1":              cuenta.Syntax,
		"/v1/counters/c%20d:watch":                              cuenta.Syntax,
		"/v1/counters:watch?prefix=a%20b":                       cuenta.Syntax,
		"/v1/counters:watch?since=1":                            cuenta.Syntax,
		"/v1/counters:watch?prefix=" + strings.Repeat("x", 256): cuenta.Syntax,
	} {
		s.expectProblem(s.ask("GET", target, ""), 400, code)
	}
	if a := s.ask("HEAD", "/v1/counters/c:watch", ""); a.status != 200 || a.header.Get("Content-Type") != "text/event-stream" {
		t.Error(a)
	}
	s.expectProblem(s.ask("POST", "/v1/counters/c:watch", ""), 405, cuenta.Unsupported)
	other := start(t)
	other.expectProblem(other.ask("GET", "/v1/counters/c:watch", ""), 501, cuenta.Unsupported)
}

// TestWatchByRPC follows a prefix over every protocol, and ends with the drain.
func TestWatchByRPC(t *testing.T) {
	s, _ := startWatched(t)
	s.add(t, "p/a", 1)
	type watching = connect.ServerStreamForClient[cuentav1.WatchResponse]
	var streams []*watching
	for _, options := range [][]connect.ClientOption{{connect.WithGRPC()}, {connect.WithGRPCWeb()}, {}, {connect.WithProtoJSON()}} {
		client := cuentav1connect.NewWatchServiceClient(s.http2, s.url, options...)
		w, err := client.Watch(t.Context(), &cuentav1.WatchRequest{Topic: &cuentav1.WatchRequest_Prefix{Prefix: "p/"}})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		expectMessages(t, w, "KIND_ANEW", "KIND_STATE p/a=1@1<0", "KIND_CURRENT")
		streams = append(streams, w)
		refused, err := client.Watch(t.Context(), &cuentav1.WatchRequest{After: "x"})
		if err == nil {
			refused.Receive()
			err = refused.Err()
			refused.Close()
		}
		if connect.CodeOf(err) != connect.CodeInvalidArgument {
			t.Errorf("a position that is none: %v", err)
		}
	}
	s.add(t, "p/a", 2)
	for _, w := range streams {
		expectMessages(t, w, "KIND_CHANGED p/a=3@2<1")
	}
	drained := make(chan error, 1)
	go func() { drained <- s.drain() }()
	for _, w := range streams {
		for w.Receive() {
		}
		e, ok := errors.AsType[*connect.Error](w.Err())
		if !ok || e.Code() != connect.CodeUnavailable || len(e.Details()) != 1 {
			t.Errorf("ended with %v", w.Err())
		}
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
}

func expectMessages(t *testing.T, w *connect.ServerStreamForClient[cuentav1.WatchResponse], want ...string) {
	t.Helper()
	for _, text := range want {
		if !w.Receive() {
			t.Fatalf("ended: %v", w.Err())
		}
		m := w.Msg()
		got := m.Kind.String()
		for _, c := range m.Changes {
			got += fmt.Sprintf(" %s=%d@%d<%d", c.Counter, c.Value, c.Revision, c.Since)
		}
		if got != text {
			t.Fatalf("got %s, want %s", got, text)
		}
	}
}

// TestDrainEndsWatches has one that listens, and one that reads nothing, so that
// what is written to it is stuck.
func TestDrainEndsWatches(t *testing.T) {
	s, e := startWatched(t)
	w := s.stream(s.http1, "/v1/counters/c:watch")
	defer w.close()
	w.expect(anewEvent, noneEvent)
	w.next()
	deaf, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	fmt.Fprintf(deaf, "GET /v1/counters:watch HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if _, err := bufio.NewReader(deaf).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	b := &cuenta.Batch{Class: cuenta.ClassRemote}
	for i := range 2000 {
		b.Requests = append(b.Requests, cuenta.Request{Op: cuenta.Add, Counter: fmt.Appendf(nil, "%0200d", i), N: 1})
	}
	for range 20 {
		e.Do(context.Background(), b)
	}
	if err := s.drain(); err != nil {
		t.Error(err)
	}
	w.expect(`event: end
data: {"code":"stopping","text":"the server is stopping"}`, "")
}

// TestQuietWatchesLast has watches on which nothing is written for longer than a
// write may take.
func TestQuietWatchesLast(t *testing.T) {
	s, _ := startWatched(t)
	s.api.watches.stall = 20 * time.Millisecond
	var streams []*stream
	for _, client := range []*http.Client{s.http1, s.http2} {
		w := s.stream(client, "/v1/counters/c:watch")
		defer w.close()
		w.expect(anewEvent, noneEvent)
		w.next()
		streams = append(streams, w)
	}
	rpc, err := cuentav1connect.NewWatchServiceClient(s.http2, s.url, connect.WithGRPC()).Watch(t.Context(), &cuentav1.WatchRequest{Topic: &cuentav1.WatchRequest_Counter{Counter: "c"}})
	if err != nil {
		t.Fatal(err)
	}
	defer rpc.Close()
	expectMessages(t, rpc, "KIND_ANEW", "KIND_STATE c=0@0<0", "KIND_CURRENT")
	time.Sleep(10 * s.api.watches.stall) // there is nothing to wait for
	s.add(t, "c", 5)
	for _, w := range streams {
		if event := w.next(); event != changeEvent("change", id(event), "c", 5, 1, 0, false) {
			t.Error(event)
		}
	}
	expectMessages(t, rpc, "KIND_CHANGED c=5@1<0")
}
