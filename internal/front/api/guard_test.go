package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
)

// TestForeignPages sends what a browser sends for a page that is not ours.
func TestForeignPages(t *testing.T) {
	s := start(t)
	for _, headers := range [][]string{
		{"Origin: http://evil.example"},
		{"Origin: null"},
		{"Referer: http://evil.example/page"},
		{"Sec-Fetch-Site: cross-site"},
		{"Sec-Fetch-Site: same-site"},
		{"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
		{"User-Agent: Mozilla/5.0", "Referer: " + s.url + "/docs"},
	} {
		for _, target := range []string{"/v1/counters/a:add", "/v1/batch", "/v1/sessions", "/cuenta.v1.CounterService/Add"} {
			for _, kind := range []string{"application/json", "text/plain"} {
				a := s.ask("POST", target, `{}`, append(headers, "Content-Type: "+kind)...)
				if a.status != 403 || !strings.Contains(a.body, cuenta.Forbidden.String()) {
					t.Errorf("%q %s: %d %s", headers, target, a.status, a.body)
				}
			}
		}
		if a := s.ask("DELETE", "/v1/counters/a", "", headers...); a.status != 403 {
			t.Errorf("%q: %d", headers, a.status)
		}
	}
	a := s.ask("OPTIONS", "/v1/counters/a:add", "", "Origin: http://evil.example", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type")
	if a.status != 403 || a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight: %d %v", a.status, a.header)
	}
	s.expectNothingDone()
}

func TestOwnPage(t *testing.T) {
	s := start(t)
	for _, headers := range [][]string{
		{"User-Agent: Mozilla/5.0", "Origin: " + s.url},
		{"User-Agent: Mozilla/5.0", "Sec-Fetch-Site: same-origin", "Origin: " + s.url},
		{"User-Agent: curl/8.5.0"},
		{},
	} {
		if a := s.ask("POST", "/v1/counters/a:add", "", headers...); a.status != 200 {
			t.Errorf("%q: %d %s", headers, a.status, a.body)
		}
	}
	if a := s.ask("GET", "/docs", "", "User-Agent: Mozilla/5.0"); a.status != 200 {
		t.Errorf("%d", a.status)
	}
}

// TestKeptAway refuses for who mounts the API.
func TestKeptAway(t *testing.T) {
	s := start(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.api.Refuse(w, r, http.StatusMisdirectedRequest, &cuenta.Error{Code: cuenta.Forbidden, Text: "not here"})
	}))
	defer server.Close()
	s.url = server.URL
	for _, target := range []string{"/v1/counters/a:add", "/docs", "/nothing"} {
		if p := s.expectProblem(s.ask("POST", target, "{}"), 421, cuenta.Forbidden); p["detail"] != "not here" || p["fate"] != "not-applied" {
			t.Errorf("%s: %v", target, p)
		}
	}
	for _, target := range []string{"/cuenta.v1.CounterService/Add", "/grpc.health.v1.Health/Check"} {
		a := s.ask("POST", target, "{}")
		if a.status != 403 || !strings.Contains(a.body, `"code":"permission_denied","message":"forbidden: not here"`) {
			t.Errorf("%s: %d %s", target, a.status, a.body)
		}
	}
	if got := s.traffic.Errors.Load(); got != 5 {
		t.Errorf("%d errors were counted", got)
	}
	s.expectNothingDone()
}
