package api

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
)

func TestRoutes(t *testing.T) {
	s := start(t)
	for _, step := range []struct{ method, target, body, want string }{
		{"GET", "/v1/counters/visitas", "", `{"value":"0","revision":"0"}`},
		{"POST", "/v1/counters/visitas:add", "", `{"value":"1","revision":"1","replayed":false}`},
		{"POST", "/v1/counters/visitas:add", `{"amount":"5"}`, `{"value":"6","revision":"2","replayed":false}`},
		{"POST", "/v1/counters/visitas:add", `{"amount":-7}`, `{"value":"-1","revision":"3","replayed":false}`},
		{"POST", "/v1/counters/visitas:add", `{}`, `{"value":"0","revision":"4","replayed":false}`},
		{"POST", "/v1/counters/visitas:add", " \n", `{"value":"1","revision":"5","replayed":false}`},
		{"POST", "/v1/counters/visitas:add", `{"amount":"0"}`, `{"value":"1","revision":"6","replayed":false}`},
		{"POST", "/v1/counters/visitas:add?amount=-3", "", `{"value":"-2","revision":"7","replayed":false}`},
		{"POST", "/v1/counters/visitas:add?amount=2", `{"counter":"visitas"}`, `{"value":"0","revision":"8","replayed":false}`},
		{"POST", "/v1/counters/visitas:set", `{"value":"9223372036854775807"}`, `{"value":"9223372036854775807","revision":"9","replayed":false}`},
		{"POST", "/v1/counters/visitas:set?value=-9223372036854775808", "", `{"value":"-9223372036854775808","revision":"10","replayed":false}`},
		{"POST", "/v1/counters/visitas:reset", "", `{"value":"0","revision":"11","replayed":false}`},
		{"GET", "/v1/counters/visitas", "", `{"value":"0","revision":"11"}`},
		{"POST", "/v1/counters/otra:set", `{"value":"3","condition":"CONDITION_IF_ABSENT"}`, `{"value":"3","revision":"1","replayed":false}`},
		{"DELETE", "/v1/counters/otra", "", `{"value":"3","revision":"2","replayed":false}`},
		{"DELETE", "/v1/counters/otra", "", `{"value":"0","revision":"0","replayed":false}`},
		{"GET", "/v1/info", "", `{"service":{"state":"ok"}}`},
	} {
		a := s.ask(step.method, step.target, step.body)
		s.expect(a, 200, step.want)
		for name, want := range map[string]string{
			"Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Idempotency-Replayed": "",
		} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s %s: %s is %q, want %q", step.method, step.target, name, got, want)
			}
		}
	}
	for origin := range s.service.Origins() {
		if origin.Front != "web" || !strings.HasPrefix(origin.Peer, "127.0.0.1:") {
			t.Errorf("origin %+v", origin)
		}
	}
	if calls := s.service.Calls(); calls.Classes[cuenta.ClassRemote] != calls.Batches || calls.NoWait != 0 {
		t.Errorf("%+v", calls)
	}
	if s.traffic.Errors.Load() != 0 {
		t.Errorf("%d errors are counted", s.traffic.Errors.Load())
	}
}

func TestRefusals(t *testing.T) {
	s := start(t)
	s.ask("POST", "/v1/counters/a:set", `{"value":"9223372036854775807"}`)
	p := s.expectProblem(s.ask("POST", "/v1/counters/a:add", ""), 409, cuenta.Overflow)
	if p["detail"] != "the counter would pass 9223372036854775807" || p["value"] != "9223372036854775807" || p["revision"] != "1" || p["fate"] != "not-applied" {
		t.Errorf("%v", p)
	}
	p = s.expectProblem(s.ask("POST", "/v1/counters/a:set", `{"value":"0","condition":"CONDITION_IF_ABSENT"}`), 412, cuenta.Unmet)
	if p["value"] != "9223372036854775807" || p["revision"] != "1" {
		t.Errorf("%v", p)
	}
	s.expectProblem(s.ask("POST", "/v1/counters/b:set", `{"value":"0","condition":"CONDITION_IF_PRESENT"}`), 412, cuenta.Unmet)
	if got := s.traffic.Errors.Load(); got != 3 {
		t.Errorf("%d errors are counted", got)
	}
}

// TestNames asks for counters whose names are hard to write in a path.
func TestNames(t *testing.T) {
	s := start(t)
	long := strings.Repeat("á", 127) + "x" // 255 bytes
	for path, name := range map[string]string{
		"visitas/2026":               "visitas/2026",
		"visitas%2F2026%2f10":        "visitas/2026/10",
		"a//b":                       "a//b",
		"/":                          "/",
		"..":                         "..",
		"../x":                       "../x",
		"%2E%2E/y":                   "../y",
		"user:1":                     "user:1",
		"user:1:2":                   "user:1:2",
		"user%3Aadd":                 "user:add",
		"x:added":                    "x:added",
		"a%25b":                      "a%b",
		"a+b":                        "a+b",
		"a%3Fb":                      "a?b",
		"a%23b":                      "a#b",
		"{counter}":                  "{counter}",
		"ni%C3%B1o":                  "niño",
		"\xe8\xa8\x88":               "計",
		url.PathEscape(long):         long,
		strings.Repeat("%61", 255):   strings.Repeat("a", 255),
		"~!$&'()*,;=@-._[]|^`%22%5C": `~!$&'()*,;=@-._[]|^` + "`\"\\",
	} {
		a := s.raw("POST", "/v1/counters/"+path+":add?amount=7")
		value, revision := s.service.Value(name)
		s.expect(a, 200, fmt.Sprintf(`{"value":"7","revision":"%d","replayed":false}`, revision))
		if value != 7 {
			t.Errorf("%q is not %q", path, name)
		}
		s.expect(s.raw("GET", "/v1/counters/"+path), 200, fmt.Sprintf(`{"value":"7","revision":"%d"}`, revision))
		s.expect(s.raw("DELETE", "/v1/counters/"+path), 200, fmt.Sprintf(`{"value":"7","revision":"%d","replayed":false}`, revision+1))
	}
	before := s.service.Calls().Batches
	for _, path := range []string{
		"", "%20", "a%20b", "a%00", "a%0Ab", "a%7F", "%FF", "a%C2%A0b", strings.Repeat("a", 256), strings.Repeat("%C3%A1", 128),
	} {
		s.expectProblem(s.raw("POST", "/v1/counters/"+path+":add"), 400, cuenta.Syntax)
		s.expectProblem(s.raw("GET", "/v1/counters/"+path), 400, cuenta.Syntax)
	}
	if got := s.service.Calls().Batches; got != before || s.service.Len() != 0 {
		t.Errorf("%d batches were executed, %d counters are left", got-before, s.service.Len())
	}
}

// raw sends a target as it is, which net/http's client would tidy up.
func (s *site) raw(method, target string) answer {
	s.t.Helper()
	request, err := http.NewRequest(method, s.url, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	request.URL.Opaque = target
	if strings.HasPrefix(target, "//") {
		s.t.Fatal("this would be another host")
	}
	response, err := s.http1.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, strings.TrimSuffix(string(body), "\n")}
}

func TestWrongMethodsAndPaths(t *testing.T) {
	s := start(t)
	for target, allow := range map[string]string{
		"/v1/counters":                 "GET, HEAD",
		"/v1/counters/a":               "GET, DELETE, HEAD",
		"/v1/counters/a:add":           "POST",
		"/v1/counters/a:reset":         "POST",
		"/v1/counters/a:set":           "POST",
		"/v1/counters/a:limits":        "PUT",
		"/v1/counters/a:take":          "POST",
		"/v1/counters/a:ticket":        "POST, GET, HEAD",
		"/v1/counters/a:reset-tickets": "POST",
		"/v1/counters/a:holds":         "GET, HEAD",
		"/v1/counters/a%3Aholds":       "GET, DELETE, HEAD",
		"/v1/counters/a/limits":        "GET, DELETE, HEAD",
		"/v1/transfers":                "POST",
		"/v1/sum":                      "GET, HEAD",
		"/v1/counters/a%3Aadd":         "GET, DELETE, HEAD",
		"/v1/batch":                    "POST",
		"/v1/sessions":                 "POST",
		"/v1/outcomes/k":               "GET, HEAD",
		"/v1/outcomes/1/1":             "GET, HEAD",
		"/v1/info":                     "GET, HEAD",
		"/docs":                        "GET, HEAD",
		"/openapi.json":                "GET, HEAD",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			if strings.Contains(allow, method) {
				continue
			}
			a := s.ask(method, target, "")
			if a.status != 405 || a.header.Get("Allow") != allow {
				t.Errorf("%s %s: %d, Allow %q", method, target, a.status, a.header.Get("Allow"))
			}
			if method != "HEAD" {
				s.expectProblem(a, 405, cuenta.Unsupported)
			}
		}
	}
	for _, target := range []string{"/", "/v1", "/v1/", "/v1/counter", "/v2/counters", "/v1/batch/", "/V1/info", "//v1/info", "/v1/outcomes/a/b/c", "/docs/", "/v1/counters{counter}"} {
		s.expectProblem(s.ask("GET", target, ""), 404, cuenta.NotFound)
	}
	if a := s.ask("HEAD", "/v1/info", ""); a.status != 200 || a.body != "" || a.header.Get("Content-Length") != "26" {
		t.Errorf("HEAD: %d %q %v", a.status, a.body, a.header)
	}
	s.expectNothingDone()
}

func TestOddInput(t *testing.T) {
	s := start(t)
	for _, c := range []struct {
		target, body string
		status       int
		code         cuenta.Code
	}{
		{":add", `{"amount":"9223372036854775808"}`, 400, cuenta.Syntax},
		{":add", `{"amount":"-9223372036854775809"}`, 400, cuenta.Syntax},
		{":add", `{"amount":9223372036854775808}`, 400, cuenta.Syntax},
		{":add", `{"amount":1.5}`, 400, cuenta.Syntax},
		{":add", `{"amount":"1.5"}`, 400, cuenta.Syntax},
		{":add", `{"amount":""}`, 400, cuenta.Syntax},
		{":add", `{"amount":true}`, 400, cuenta.Syntax},
		{":add", `{"amount":NaN}`, 400, cuenta.Syntax},
		{":add", `{"amount":1e400}`, 400, cuenta.Syntax},
		{":add", `{"amount":5,"amount":5}`, 400, cuenta.Syntax},
		{":add", `{"amuont":5}`, 400, cuenta.Syntax},
		{":add", `{"amount":5`, 400, cuenta.Syntax},
		{":add", `{"amount":5}}`, 400, cuenta.Syntax},
		{":add", `{"amount":5}{"amount":5}`, 400, cuenta.Syntax},
		{":add", `5`, 400, cuenta.Syntax},
		{":add", `"5"`, 400, cuenta.Syntax},
		{":add", `[]`, 400, cuenta.Syntax},
		{":add", `null`, 400, cuenta.Syntax},
		{":add", "{\"counter\":\"\xff\"}", 400, cuenta.Syntax},
		{":add", strings.Repeat("[", 100_000), 400, cuenta.Syntax},
		{":add", strings.Repeat(`{"identity":`, 1000), 400, cuenta.Syntax},
		{":add", `{"counter":"other"}`, 400, cuenta.Syntax},
		{":add", `{"condition":"CONDITION_IF_RAINING"}`, 400, cuenta.Syntax},
		{":add", `{"condition":7}`, 501, cuenta.Unsupported},
		{":add?amount=5", `{"amount":"5"}`, 400, cuenta.Syntax},
		{":add?amount=5&amount=5", "", 400, cuenta.Syntax},
		{":add?amount=", "", 400, cuenta.Syntax},
		{":add?amount=+5", "", 400, cuenta.Syntax}, // a space
		{":add?amount=0x5", "", 400, cuenta.Syntax},
		{":add?amount=9223372036854775808", "", 400, cuenta.Syntax},
		{":add?amuont=5", "", 400, cuenta.Syntax},
		{":add?amount=5;x", "", 400, cuenta.Syntax},
		{":add?%zz", "", 400, cuenta.Syntax},
		{":set", "", 400, cuenta.Syntax},
		{":set", `{}`, 400, cuenta.Syntax},
		{":set", `{"value":null}`, 400, cuenta.Syntax},
		{":set?value=x", "", 400, cuenta.Syntax},
		{":reset?amount=5", "", 400, cuenta.Syntax},
		{":reset", `{"amount":5}`, 400, cuenta.Syntax},
		{":add", strings.Repeat(" ", maxBody+1), 413, cuenta.TooLarge},
		{":add", `{"identity":{}}`, 400, cuenta.Syntax},
		{":add", `{"identity":{"key":""}}`, 400, cuenta.Syntax},
		{":add", `{"identity":{"key":"a b"}}`, 400, cuenta.Syntax},
		{":add", `{"identity":{"key":"` + strings.Repeat("k", 129) + `"}}`, 400, cuenta.Syntax},
		{":add", `{"identity":{"key":"niño"}}`, 400, cuenta.Syntax},
		{":add", `{"identity":{"number":"1"}}`, 400, cuenta.Syntax},
		{":add", `{"identity":{"session":"0000000000000001"}}`, 400, cuenta.Syntax},
		{":add", `{"identity":{"session":"1","number":"1"}}`, 400, cuenta.Syntax},
		{":add", `{"identity":{"session":"000000000000000G","number":"1"}}`, 400, cuenta.Syntax},
		{":add", `{"identity":{"session":"0000000000000000","number":"1"}}`, 400, cuenta.Syntax},
		{":add", `{"identity":{"session":"0000000000000001","number":"1","lowest":"2"}}`, 400, cuenta.Syntax},
		{":add", `{"identity":{"session":"0000000000000001","number":"18446744073709551616"}}`, 400, cuenta.Syntax},
		{":add", `{"identity":{"session":"0000000000000001","number":"-1"}}`, 400, cuenta.Syntax},
		{":add", `{"identity":{"key":"a","session":"0000000000000001","number":"1"}}`, 400, cuenta.Syntax},
	} {
		p := s.expectProblem(s.ask("POST", "/v1/counters/a"+c.target, c.body), c.status, c.code)
		if p["fate"] != "not-applied" {
			t.Errorf("%s %.80s: fate %v", c.target, c.body, p["fate"])
		}
	}
	for _, target := range []string{
		"?page_size=-1", "?page_size=x", "?page_size=1.0", "?page_size=9223372036854775808", "?page_token=!", "?page_token=0", "?page_token=-1",
		"?page_token=zzzzzzzzzzzzzzzz", "?limit=5", "?prefix=a&prefix=b",
	} {
		s.expectProblem(s.ask("GET", "/v1/counters"+target, ""), 400, cuenta.Syntax)
	}
	s.expectNothingDone()
}

func TestContentTypes(t *testing.T) {
	s := start(t)
	for _, kind := range []string{
		"application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", "application/jsonp", "application/json; charset=latin1",
		"application/problem+json", "application", "application/json; charset", ";",
	} {
		s.expectProblem(s.ask("POST", "/v1/counters/a:add", `{"amount":"5"}`, "Content-Type: "+kind), 415, cuenta.Unsupported)
		s.expectProblem(s.ask("POST", "/v1/counters/a:add", "", "Content-Type: "+kind), 415, cuenta.Unsupported)
	}
	s.expectNothingDone()
	for i, kind := range []string{"application/json", "application/json; charset=utf-8", `Application/JSON;charset="UTF-8"`, "application/json; x=y"} {
		s.expect(s.ask("POST", "/v1/counters/a:add", `{}`, "Content-Type: "+kind), 200, fmt.Sprintf(`{"value":"%d","revision":"%d","replayed":false}`, i+1, i+1))
	}
}

func TestList(t *testing.T) {
	s := start(t)
	s.operator.counters = names(2500)
	seen, token, pages := 0, "", 0
	for {
		a := s.ask("GET", "/v1/counters?page_size=5000&page_token="+token, "")
		var page struct {
			Counters []struct{ Name, Value, Revision string }
			Next     string `json:"next_page_token"`
		}
		decode(t, a.body, &page)
		for _, c := range page.Counters {
			if want := s.operator.counters[seen]; c.Name != want.Name || c.Value != fmt.Sprint(want.Value) || c.Revision != fmt.Sprint(want.Revision) {
				t.Fatalf("counter %d is %v, want %v", seen, c, want)
			}
			seen++
		}
		pages++
		if token = page.Next; token == "" {
			break
		}
	}
	if seen != 2500 || pages != 3 {
		t.Errorf("%d counters on %d pages", seen, pages)
	}
	s.operator.counters = []cuenta.Counter{{Name: "a/1", Value: 1, Revision: 2}, {Name: "b", Value: 3, Revision: 4}}
	s.expect(s.ask("GET", "/v1/counters?prefix=a/", ""), 200, `{"counters":[{"name":"a/1","value":"1","revision":"2"}],"next_page_token":""}`)
	s.expect(s.ask("GET", "/v1/counters?prefix=x", ""), 200, `{"counters":[],"next_page_token":""}`)
	s.expect(s.ask("GET", "/v1/counters?page_size=1", ""), 200, `{"counters":[{"name":"a/1","value":"1","revision":"2"}],"next_page_token":"1"}`)
	s.operator.err = cuenta.Stopping.Err()
	s.expectProblem(s.ask("GET", "/v1/counters", ""), 503, cuenta.Stopping)
	s.operator.err = fmt.Errorf("no eyes")
	s.expectProblem(s.ask("GET", "/v1/info", ""), 500, cuenta.Failed)
}
