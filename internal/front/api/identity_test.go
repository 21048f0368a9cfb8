package api

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
)

func TestRepeatsCountOnce(t *testing.T) {
	s := start(t)
	for i, repeat := range []struct{ body, header string }{
		{`{"amount":"5"}`, `Idempotency-Key: "8e03978e-40d5"`},
		{`{"amount":"5"}`, `Idempotency-Key: 8e03978e-40d5`},
		{`{"amount":5,"identity":{"key":"8e03978e-40d5"}}`, ""},
		{`{"identity":{"key":"8e03978e-40d5"},"amount":"5"}`, ""},
	} {
		var headers []string
		if repeat.header != "" {
			headers = append(headers, repeat.header)
		}
		a := s.ask("POST", "/v1/counters/a:add", repeat.body, headers...)
		s.expect(a, 200, fmt.Sprintf(`{"value":"5","revision":"1","replayed":%v}`, i > 0))
		if got := a.header.Get("Idempotency-Replayed"); got != map[bool]string{true: "true"}[i > 0] {
			t.Errorf("%d: Idempotency-Replayed is %q", i, got)
		}
	}
	key := `Idempotency-Key: "8e03978e-40d5"`
	for _, other := range []struct{ method, target, body string }{
		{"POST", "/v1/counters/a:add", `{"amount":"6"}`},
		{"POST", "/v1/counters/b:add", `{"amount":"5"}`},
		{"POST", "/v1/counters/a:set", `{"value":"5"}`},
		{"POST", "/v1/counters/a:add", `{"amount":"5","condition":"CONDITION_IF_PRESENT"}`},
		{"DELETE", "/v1/counters/a", ""},
	} {
		s.expectProblem(s.ask(other.method, other.target, other.body, key), 422, cuenta.Conflict)
	}
	if value, revision := s.service.Value("a"); value != 5 || revision != 1 {
		t.Errorf("value %d, revision %d", value, revision)
	}
	// A refusal is an answer too.
	s.ask("POST", "/v1/counters/a:set?value=9223372036854775807", "")
	s.expectProblem(s.ask("POST", "/v1/counters/a:add", "", "Idempotency-Key: over"), 409, cuenta.Overflow)
	s.ask("POST", "/v1/counters/a:reset", "")
	again := s.ask("POST", "/v1/counters/a:add", "", "Idempotency-Key: over")
	if p := s.expectProblem(again, 409, cuenta.Overflow); p["replayed"] != true || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("%v %v", p, again.header)
	}
}

func TestIdempotencyKeyHeader(t *testing.T) {
	s := start(t)
	for header, key := range map[string]string{
		"k1":                       "k1",
		`"k2"`:                     "k2",
		"  k3\t":                   "k3",
		`"a\"b\\c"`:                `a"b\c`,
		`a"b`:                      `a"b`,
		`a\b`:                      `a\b`,
		strings.Repeat("k", 128):   strings.Repeat("k", 128),
		"~!@#$%^&*()_+{}|:<>?,./;": "~!@#$%^&*()_+{}|:<>?,./;",
	} {
		a := s.ask("POST", "/v1/counters/a:add", "", "Idempotency-Key: "+header)
		if a.status != 200 {
			t.Errorf("%q: %d %s", header, a.status, a.body)
		}
		outcome := s.ask("GET", "/v1/outcomes/"+url.PathEscape(key), "")
		if !strings.HasPrefix(outcome.body, `{"fate":"applied","answer":{"value":`) {
			t.Errorf("%q is not the key %q: %s", header, key, outcome.body)
		}
	}
	before := s.service.Calls().Batches
	for _, header := range []string{
		"", `""`, `"`, `"a`, `"a"b`, `"a";q=1`, `"a\b"`, `"a\`, "a b", "ni\xc3\xb1o", strings.Repeat("k", 129), `"a b"`, `"` + strings.Repeat("k", 129) + `"`,
	} {
		s.expectProblem(s.ask("POST", "/v1/counters/a:add", "", "Idempotency-Key: "+header), 400, cuenta.Syntax)
	}
	s.expectProblem(s.ask("POST", "/v1/counters/a:add", "", "Idempotency-Key: a", "Idempotency-Key: a"), 400, cuenta.Syntax)
	s.expectProblem(s.ask("POST", "/v1/counters/a:add", `{"identity":{"key":"a"}}`, "Idempotency-Key: a"), 400, cuenta.Syntax)
	s.expectProblem(s.ask("POST", "/v1/batch", `{"operations":[{"add":{}}]}`, "Idempotency-Key: a"), 400, cuenta.Syntax)
	if got := s.service.Calls().Batches; got != before {
		t.Errorf("%d batches were executed", got-before)
	}
	// Reads need none, and pass over one that they carry.
	if a := s.ask("GET", "/v1/counters/a", "", "Idempotency-Key: a b"); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestSessions(t *testing.T) {
	s := start(t)
	var granted struct {
		Session string
		Window  int
	}
	decode(t, s.ask("POST", "/v1/sessions", "").body, &granted)
	if len(granted.Session) != 16 || granted.Window != cuenta.SessionWindow {
		t.Fatalf("%+v", granted)
	}
	numbered := func(number, lowest string) string {
		return fmt.Sprintf(`{"amount":"2","identity":{"session":"%s","number":"%s","lowest":"%s"}}`, granted.Session, number, lowest)
	}
	s.expect(s.ask("POST", "/v1/counters/a:add", numbered("2", "0")), 200, `{"value":"2","revision":"1","replayed":false}`)
	s.expect(s.ask("POST", "/v1/counters/a:add", numbered("1", "1")), 200, `{"value":"4","revision":"2","replayed":false}`)
	s.expect(s.ask("POST", "/v1/counters/a:add", numbered("2", "1")), 200, `{"value":"2","revision":"1","replayed":true}`)
	s.expect(s.ask("GET", "/v1/outcomes/"+granted.Session+"/1", ""), 200, `{"fate":"applied","answer":{"value":"4","revision":"2","replayed":true}}`)
	s.expect(s.ask("POST", "/v1/counters/a:add", numbered("18446744073709551615", "18446744073709551615")), 200, `{"value":"6","revision":"3","replayed":false}`)
	p := s.expectProblem(s.ask("POST", "/v1/counters/a:add", numbered("2", "0")), 410, cuenta.TooOld)
	if p["fate"] != "unknown" {
		t.Errorf("%v", p)
	}
	s.expectProblem(s.ask("POST", "/v1/counters/a:add", `{"identity":{"session":"00000000deadbeef","number":"1"}}`), 404, cuenta.NoSession)
	if value, _ := s.service.Value("a"); value != 6 {
		t.Errorf("value %d", value)
	}
	for target, want := range map[string]string{
		granted.Session + "/2":                    `{"fate":"unknown","error":{"code":"too-old","fate":"unknown","text":"too old to be remembered, fate unknown","value":"0","revision":"0","replayed":false}}`,
		granted.Session + "/18446744073709551615": `{"fate":"applied","answer":{"value":"6","revision":"3","replayed":true}}`,
		"00000000deadbeef/1":                      `{"fate":"unknown","error":{"code":"no-session","fate":"unknown","text":"no such session: not granted, or ended","value":"0","revision":"0","replayed":false}}`,
		"never":                                   `{"fate":"not-applied","error":{"code":"absent","fate":"not-applied","text":"nothing was done under that identity","value":"0","revision":"0","replayed":false}}`,
	} {
		s.expect(s.ask("GET", "/v1/outcomes/"+target, ""), 200, want)
	}
	s.ask("POST", "/v1/counters/b:set?value=1", "")
	s.expectProblem(s.ask("POST", "/v1/counters/b:set", `{"value":"2","condition":"CONDITION_IF_ABSENT"}`, "Idempotency-Key: a/b"), 412, cuenta.Unmet)
	s.expect(s.ask("GET", "/v1/outcomes/a%2Fb", ""), 200,
		`{"fate":"not-applied","error":{"code":"unmet","fate":"not-applied","text":"the condition does not hold","value":"1","revision":"1","replayed":true}}`)
}

// TestOutcomeIsNotMistaken asks in vain: what is said must not be taken for what
// became of the change.
func TestOutcomeIsNotMistaken(t *testing.T) {
	s := start(t)
	for _, target := range []string{"", "a%20b", strings.Repeat("k", 129), "xyz/1", "0000000000000001/0", "0000000000000001/x", "0000000000000001/-1", "0000000000000001/"} {
		if p := s.expectProblem(s.ask("GET", "/v1/outcomes/"+target, ""), 400, cuenta.Syntax); p["fate"] != "unknown" {
			t.Errorf("%q: %v", target, p)
		}
	}
	s.expectNothingDone()
	for _, code := range []cuenta.Code{cuenta.Busy, cuenta.Stopping, cuenta.Canceled, cuenta.Failed, cuenta.Unknown, cuenta.Unsupported} {
		s.service.Refuse(code)
		a := s.ask("GET", "/v1/outcomes/k", "")
		if p := s.expectProblem(a, told[code].status, code); p["fate"] != "unknown" {
			t.Errorf("%v: %v", code, p)
		}
	}
}
