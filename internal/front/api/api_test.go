package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
	"github.com/cuenta-server/cuenta/internal/front/web"
)

// patience is how long a test waits before it calls the server dead. Only a
// failing test waits that long.
const patience = 20 * time.Second

// operator is a cuenta.Operator that reports, and lists what it was told.
type operator struct {
	cuenta.Operator
	counters []cuenta.Counter // in the order of their names
	err      error
	asked    atomic.Int64
}

func (o *operator) Info(_ context.Context, asJSON bool) ([]byte, error) {
	o.asked.Add(1)
	if !asJSON {
		return []byte("text"), o.err
	}
	return []byte(`{"service":{"state":"ok"}}`), o.err
}

func (o *operator) Services(context.Context) ([]cuenta.ServiceStatus, error) {
	return []cuenta.ServiceStatus{{Name: "web", State: cuenta.Running, Address: "127.0.0.1:1234", Open: 1, Requests: 2}}, o.err
}

func (o *operator) Count() uint64 { return uint64(len(o.counters)) }

func (o *operator) List(_ context.Context, prefix string, cursor uint64, limit int) ([]cuenta.Counter, uint64, error) {
	var page []cuenta.Counter
	for i := int(cursor); i < len(o.counters); i++ {
		if len(page) == limit {
			return page, uint64(i), o.err
		}
		if strings.HasPrefix(o.counters[i].Name, prefix) {
			page = append(page, o.counters[i])
		}
	}
	return page, 0, o.err
}

// site is the API behind the web front, on a loopback port.
type site struct {
	t        testing.TB
	service  *fronttest.Service // nil if it is another one's
	operator *operator
	traffic  *cuenta.Traffic
	api      *API
	url      string
	http1    *http.Client
	http2    *http.Client
	drain    func() error
}

func start(t testing.TB) *site {
	t.Helper()
	service := fronttest.NewService()
	s := startOn(t, service)
	s.service = service
	return s
}

// startOn serves the API of that service.
func startOn(t testing.TB, service cuenta.Service) *site {
	t.Helper()
	fronttest.NoLeaks(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, operator: new(operator), traffic: new(cuenta.Traffic), url: "http://" + l.Addr().String()}
	watcher, _ := service.(cuenta.Watcher)
	s.api = New(Config{Service: service, Operator: s.operator, Watcher: watcher, Traffic: s.traffic})
	front := web.New(web.Config{Service: service, Operator: s.operator, Traffic: s.traffic, API: s.api})
	served := make(chan error, 1)
	go func() { served <- front.Serve(l) }()
	s.drain = func() error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return front.Drain(ctx)
	}
	one, two := &http.Transport{}, &http.Transport{Protocols: new(http.Protocols)}
	two.Protocols.SetUnencryptedHTTP2(true)
	s.http1, s.http2 = &http.Client{Transport: one, Timeout: patience}, &http.Client{Transport: two, Timeout: patience}
	t.Cleanup(func() {
		one.CloseIdleConnections()
		two.CloseIdleConnections()
		if err := s.drain(); err != nil {
			t.Error("drain:", err)
		}
		if err := <-served; err != nil {
			t.Error("serve:", err)
		}
	})
	return s
}

// answer is what a client got.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends one request. The body is JSON unless a header says otherwise; each
// header is "Name: value".
func (s *site) ask(method, target, body string, headers ...string) answer {
	s.t.Helper()
	request, err := http.NewRequest(method, s.url+target, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if request.Header.Get(name) != "" && name == "Content-Type" {
			request.Header.Del(name)
		}
		request.Header.Add(name, value)
	}
	response, err := s.http1.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, strings.TrimSuffix(string(text), "\n")}
}

func (s *site) expect(a answer, status int, body string) {
	s.t.Helper()
	if a.status != status || a.body != body {
		s.t.Errorf("got %d %s\nwant %d %s", a.status, a.body, status, body)
	}
}

// expectProblem checks a refusal at a route.
func (s *site) expectProblem(a answer, status int, code cuenta.Code) map[string]any {
	s.t.Helper()
	var p map[string]any
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		s.t.Errorf("%d %q: %v", a.status, a.body, err)
		return nil
	}
	if a.status != status || a.header.Get("Content-Type") != "application/problem+json" || p["status"] != float64(status) ||
		p["code"] != code.String() || p["type"] != "/docs#"+code.String() || p["title"] == "" || p["detail"] == "" || p["fate"] == "" {
		s.t.Errorf("got %d %s %s, want %d %v", a.status, a.header.Get("Content-Type"), a.body, status, code)
	}
	return p
}

// expectNothingDone checks that the service was asked nothing.
func (s *site) expectNothingDone() {
	s.t.Helper()
	if calls := s.service.Calls(); calls.Batches != 0 {
		s.t.Errorf("%d batches were executed", calls.Batches)
	}
}

func names(n int) []cuenta.Counter {
	all := make([]cuenta.Counter, n)
	for i := range all {
		all[i] = cuenta.Counter{Name: "c" + strings.Repeat("x", i%3) + string(rune('a'+i%26)), Value: int64(i), Revision: uint64(i + 1)}
	}
	slices.SortFunc(all, func(a, b cuenta.Counter) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

func compact(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return b.String()
}

func decode(t testing.TB, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
}
