package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

// step is one request to a route, and its answer.
type step struct{ method, target, body, want string }

// expectSteps carries them out, and wants status 200.
func (s *site) expectSteps(steps []step) {
	s.t.Helper()
	for _, step := range steps {
		if a := s.ask(step.method, step.target, step.body); a.status != 200 || a.body != compact(s.t, step.want) {
			s.t.Errorf("%s %s %s:\ngot  %d %s\nwant %s", step.method, step.target, step.body, a.status, a.body, step.want)
		}
	}
}

func TestLimits(t *testing.T) {
	s := startReal(t, disktest.New())
	s.expectSteps([]step{
		{"PUT", "/v1/counters/a:limits", `{"floor":"0","ceiling":"100"}`, `{"value":"0","revision":"1","replayed":false}`},
		{"GET", "/v1/counters/a", "", `{"value":"0","revision":"1","terms":{"floor":"0","ceiling":"100","total":false,"held":"0","held_down":"0","available":"100","available_down":"0"}}`},
		{"POST", "/v1/counters/a:add?amount=95", "", `{"value":"95","revision":"2","replayed":false}`},
		{"POST", "/v1/counters/a:add", `{"amount":"10","clamp":true}`, `{"value":"100","revision":"3","replayed":false,"applied":"5"}`},
		{"POST", "/v1/counters/a:set", `{"value":"-7","clamp":true}`, `{"value":"0","revision":"4","replayed":false,"applied":"-100"}`},
		{"POST", "/v1/counters/a:set", `{"value":"95"}`, `{"value":"95","revision":"5","replayed":false}`},
	})
	for _, replayed := range []string{"false", "true"} { // what was applied is remembered
		s.expectSteps([]step{{"POST", "/v1/counters/c:add", `{"amount":"7","ceiling":"5","clamp":true,"identity":{"key":"c"}}`,
			`{"value":"5","revision":"1","replayed":` + replayed + `,"applied":"5"}`}})
	}
	for body, want := range map[string]string{
		`{"amount":"10"}`:                             "ceiling 100 5 a",
		`{"amount":"-96"}`:                            "floor 0 -95 a",
		`{"amount":"2","ceiling":"96"}`:               "ceiling 96 1 a",
		`{"amount":"-10","floor":"90"}`:               "floor 90 -5 a",
		`{"amount":"1","ceiling":"5"}`:                "ceiling 5 -90 a",
		`{"amount":"-1","ceiling":"5"}`:               "ceiling 5 -90 a",
		`{"amount":"9223372036854775807"}`:            "ceiling 100 5 a",
		`{"amount":"-9223372036854775808"}`:           "floor 0 -95 a",
		`{"amount":"9223372036854775807","floor":97}`: "ceiling 100 5 a",
	} {
		p := s.expectProblem(s.ask("POST", "/v1/counters/a:add", body), 409, cuenta.Limited)
		if got := fmt.Sprint(p["bound"], " ", p["value"], " ", p["room"], " ", p["counter"]); got != want || p["level"] != nil || p["revision"] != "5" {
			t.Errorf("%s: %s, want %s: %v", body, got, want, p)
		}
	}
	p := s.expectProblem(s.ask("PUT", "/v1/counters/a:limits", `{"ceiling":"90"}`), 409, cuenta.Limited)
	if p["bound"] != "ceiling" || p["room"] != "-5" {
		t.Errorf("%v", p)
	}
	s.expectProblem(s.ask("POST", "/v1/counters/a:set", `{"value":"101"}`), 409, cuenta.Limited)
	// A refusal is remembered, and whose limit it was.
	for range 2 {
		p = s.expectProblem(s.ask("POST", "/v1/counters/a:add", `{"amount":"10"}`, "Idempotency-Key: k"), 409, cuenta.Limited)
		if p["room"] != "5" || p["bound"] != "ceiling" || p["counter"] != "a" {
			t.Errorf("%v", p)
		}
	}
	if a := s.ask("GET", "/v1/outcomes/k", ""); !strings.Contains(a.body, `"code":"limit"`) || !strings.Contains(a.body, `"fate":"not-applied"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	s.expectSteps([]step{
		{"PUT", "/v1/counters/a:limits", ``, `{"value":"95","revision":"6","replayed":false}`},
		{"GET", "/v1/counters/a", "", `{"value":"95","revision":"6"}`},
		{"GET", "/v1/counters/none", "", `{"value":"0","revision":"0"}`},
	})
}

func TestEnds(t *testing.T) {
	s := startReal(t, disktest.New())
	s.expectProblem(s.ask("POST", "/v1/counters/a:expire?after=60s", ""), 412, cuenta.Unmet)
	s.expectSteps([]step{
		{"POST", "/v1/counters/a:add", `{"expiry":{"at":"2200-01-01T00:00:00Z"}}`, `{"value":"1","revision":"1","replayed":false}`},
		{"POST", "/v1/counters/a:expire", `{"expiry":{"at":"9999-01-01T00:00:00Z","condition":"EXPIRY_CONDITION_IF_LATER"}}`, `{"value":"1","revision":"2","replayed":false}`},
		{"POST", "/v1/counters/a:expire?after=3600.5s", "", `{"value":"1","revision":"3","replayed":false}`},
	})
	client := cuentav1Client(s)
	is, err := client.Describe(t.Context(), &cuentav1.DescribeRequest{Counter: "a"})
	if in := is.GetTerms().GetExpiresIn().AsDuration(); err != nil || in <= 50*time.Minute || in > 3600500*time.Millisecond || is.GetTerms().GetExpiresAt() == nil {
		t.Errorf("%v, %v", is, err)
	}
	s.expectProblem(s.ask("POST", "/v1/counters/a:expire", `{"expiry":{"after":"9s","condition":"EXPIRY_CONDITION_IF_NONE"}}`), 412, cuenta.Unmet)
	s.expectProblem(s.ask("POST", "/v1/counters/a:expire", `{"expiry":{"never":true,"condition":"EXPIRY_CONDITION_IF_ANY_SOONER"}}`), 412, cuenta.Unmet)
	for _, body := range []string{
		`{"expiry":{"at":"2001-01-01T00:00:00Z"}}`, `{"expiry":{"at":"1960-01-01T00:00:00Z"}}`, `{"expiry":{"after":"0s"}}`, `{"expiry":{"after":"-1s"}}`,
		`{"expiry":{"at":"0001-01-01T00:00:00Z"}}`,
	} {
		s.expectProblem(s.ask("POST", "/v1/counters/a:expire", body), 400, cuenta.Past)
		s.expectProblem(s.ask("POST", "/v1/counters/a:add", body), 400, cuenta.Past)
	}
	s.expectSteps([]step{
		{"POST", "/v1/counters/a:expire", `{"expiry":{"never":true}}`, `{"value":"1","revision":"4","replayed":false}`},
		{"GET", "/v1/counters/a", "", `{"value":"1","revision":"4"}`},
		{"POST", "/v1/counters/a:expire", `{"expiry":{"after":"-5s","lapse":true}}`, `{"value":"1","revision":"5","replayed":false}`},
		{"GET", "/v1/counters/a", "", `{"value":"0","revision":"0"}`},
	})
}

func TestConditions(t *testing.T) {
	s := startReal(t, disktest.New())
	s.expectSteps([]step{
		{"POST", "/v1/counters/a:set", `{"value":"5","condition":"CONDITION_IF_REVISION","expect":"0"}`, `{"value":"5","revision":"1","replayed":false}`},
		{"POST", "/v1/counters/a:add", `{"condition":"CONDITION_IF_VALUE","expect":"5"}`, `{"value":"6","revision":"2","replayed":false}`},
	})
	for _, c := range []string{`"CONDITION_IF_VALUE","expect":"5"`, `"CONDITION_IF_REVISION","expect":"1"`, `"CONDITION_IF_ABSENT"`} {
		for _, route := range []string{"POST :add", "POST :reset", "DELETE ", "PUT :limits"} {
			method, verb, _ := strings.Cut(route, " ")
			p := s.expectProblem(s.ask(method, "/v1/counters/a"+verb, `{"condition":`+c+`}`), 412, cuenta.Unmet)
			if p["value"] != "6" || p["revision"] != "2" {
				t.Errorf("%s %s: %v", route, c, p)
			}
		}
	}
	s.expectSteps([]step{
		{"POST", "/v1/batch", `{"atomic":true,"operations":[{"check":{"counter":"a","revision":"2"}},{"check":{"counter":"b","value":"0"}},
			{"set_limits":{"counter":"b","floor":"0"}},{"add":{"counter":"b"}},{"describe":{"counter":"b"}}]}`,
			`{"results":[{"answer":{"value":"6","revision":"2","replayed":false}},{"answer":{"value":"0","revision":"0","replayed":false}},
			{"answer":{"value":"0","revision":"1","replayed":false}},{"answer":{"value":"1","revision":"2","replayed":false}},
			{"answer":{"value":"1","revision":"2","replayed":false,"terms":{"floor":"0","total":false,"held":"0","held_down":"0","available_down":"1"}}}],
			"whole":{"value":"6","revision":"2","replayed":false}}`},
		{"DELETE", "/v1/counters/a", `{"condition":"CONDITION_IF_REVISION","expect":"2"}`, `{"value":"6","revision":"3","replayed":false}`},
	})
	p := s.expectProblem(s.ask("POST", "/v1/batch", `{"atomic":true,"operations":[{"check":{"counter":"b","revision":"9"}},{"add":{"counter":"b"}}]}`), 424, cuenta.Aborted)
	if !strings.HasPrefix(fmt.Sprint(p["detail"]), "operation 0 was refused: unmet") {
		t.Errorf("%v", p)
	}
	p = s.expectProblem(s.ask("POST", "/v1/batch", `{"atomic":true,"operations":[{"add":{"counter":"c"}},{"add":{"counter":"b","amount":"-3"}}]}`), 424, cuenta.Aborted)
	if results := fmt.Sprint(p["results"]); p["detail"] != "operation 1 was refused: limit: the limit 0 leaves room for -1" ||
		!strings.Contains(results, "room:-1") || !strings.Contains(results, "bound:floor") || strings.Contains(results, "counter:") {
		t.Errorf("%v", p)
	}
}

func TestTransfers(t *testing.T) {
	s := startReal(t, disktest.New())
	s.ask("POST", "/v1/counters/a:set?value=100", "")
	s.ask("PUT", "/v1/counters/b:limits", `{"ceiling":"50"}`)
	s.expectSteps([]step{
		{"POST", "/v1/transfers", `{"from":"a","to":"b","amount":"40","identity":{"key":"t1"}}`,
			`{"from":{"value":"60","revision":"2","replayed":false},"to":{"value":"40","revision":"2","replayed":false},"replayed":false}`},
		{"POST", "/v1/transfers", `{"from":"a","to":"b","amount":"40","identity":{"key":"t1"}}`,
			`{"from":{"value":"60","revision":"0","replayed":true},"replayed":true}`},
		{"POST", "/v1/transfers", `{"from":"a","to":"c","amount":"70","floor":"-10"}`,
			`{"from":{"value":"-10","revision":"3","replayed":false},"to":{"value":"70","revision":"1","replayed":false},"replayed":false}`},
	})
	s.expectProblem(s.ask("POST", "/v1/transfers", `{"from":"a","to":"c","amount":"40","identity":{"key":"t1"}}`), 422, cuenta.Conflict)
	for body, want := range map[string]string{
		`{"from":"c","to":"d","amount":"71"}`:                "c floor 0 -70",
		`{"from":"c","to":"b","amount":"20"}`:                "b ceiling 50 10",
		`{"from":"c","to":"d","amount":"20","ceiling":"15"}`: "d ceiling 15 15",
	} {
		p := s.expectProblem(s.ask("POST", "/v1/transfers", body), 409, cuenta.Limited)
		if got := fmt.Sprint(p["counter"], " ", p["bound"], " ", p["value"], " ", p["room"]); got != want || !strings.HasPrefix(fmt.Sprint(p["detail"]), want[:1]+": the limit") {
			t.Errorf("%s: %s, want %s: %v", body, got, want, p)
		}
	}
	refused := `{"from":"d","to":"c","amount":"1","identity":{"key":"t2"}}`
	first := s.expectProblem(s.ask("POST", "/v1/transfers", refused), 409, cuenta.Limited)
	if p := s.expectProblem(s.ask("POST", "/v1/transfers", refused), 409, cuenta.Limited); p["replayed"] != true || p["detail"] != first["detail"] {
		t.Errorf("%v", p)
	}
	for _, body := range []string{`{"from":"a","to":"a","amount":"1"}`, `{"to":"a","amount":"1"}`, `{"from":"a","amount":"1"}`, `{"from":"a","to":"b"}`, `{"from":"a","to":"b","amount":"-1"}`, `{"from":"a b","to":"b","amount":"1"}`} {
		s.expectProblem(s.ask("POST", "/v1/transfers", body), 400, cuenta.Syntax)
	}
	if s.value("d") != `{"value":"0","revision":"0"}` {
		t.Error(s.value("d"))
	}
}

func TestTotals(t *testing.T) {
	s := startReal(t, disktest.New())
	s.ask("PUT", "/v1/counters/acme:limits", `{"total":true,"ceiling":"10"}`)
	s.ask("PUT", "/v1/counters/acme%2Fventas:limits", `{"total":true}`)
	s.ask("POST", "/v1/counters/acme/ventas/ana:add?amount=7", "")
	s.ask("POST", "/v1/counters/acme/rh:add?amount=2", "")
	if got := s.value("acme"); !strings.HasPrefix(got, `{"value":"9"`) || !strings.Contains(got, `"total":true`) {
		t.Error(got)
	}
	for _, replayed := range []bool{false, true} { // which tells the same
		p := s.expectProblem(s.ask("POST", "/v1/counters/acme/ventas/ana:add?amount=2", "", "Idempotency-Key: ana"), 409, cuenta.Limited)
		if p["counter"] != "acme" || p["level"] != 2.0 || p["room"] != "1" || p["bound"] != "ceiling" || (p["replayed"] == true) != replayed {
			t.Errorf("%v", p)
		}
	}
	s.operator.counters = []cuenta.Counter{{Name: "acme"}, {Name: "acme/rh"}, {Name: "acme/ventas"}, {Name: "acme/ventas/ana"}, {Name: "gone"}, {Name: "max"}, {Name: "max2"}}
	s.ask("POST", "/v1/counters/max:set?value=9223372036854775807", "")
	s.ask("POST", "/v1/counters/max2:set?value=1", "")
	s.expectSteps([]step{
		{"GET", "/v1/sum?prefix=acme", "", `{"sum":"9","counters":"2","next_page_token":""}`},
		{"GET", "/v1/sum?prefix=acme/ventas/", "", `{"sum":"7","counters":"1","next_page_token":""}`},
		{"GET", "/v1/sum?prefix=none", "", `{"sum":"0","counters":"0","next_page_token":""}`},
	})
	if p := s.expectProblem(s.ask("GET", "/v1/sum?prefix=max", ""), 409, cuenta.Overflow); p["value"] != "9223372036854775807" {
		t.Errorf("%v", p)
	}
	s.expectProblem(s.ask("GET", "/v1/sum?page_token=0", ""), 400, cuenta.Syntax)
	s.operator.err = cuenta.Stopping.Err()
	s.expectProblem(s.ask("GET", "/v1/sum", ""), 503, cuenta.Stopping)
}

// TestLongSums sums up in more calls than one.
func TestLongSums(t *testing.T) {
	s := start(t)
	s.ask("POST", "/v1/counters/a:add", "")
	for range maxSum + 3*maxPage {
		s.operator.counters = append(s.operator.counters, cuenta.Counter{Name: "a"})
	}
	sum, calls := uint64(0), 0
	for token, first := "", true; first || token != ""; first = false {
		var page struct {
			Sum, Counters string
			Next          string `json:"next_page_token"`
		}
		decode(t, s.ask("GET", "/v1/sum?page_token="+token, "").body, &page)
		var counters uint64
		if _, err := fmt.Sscan(page.Counters, &counters); err != nil || page.Sum != page.Counters || counters > maxSum {
			t.Fatalf("%+v, %v", page, err)
		}
		sum, token, calls = sum+counters, page.Next, calls+1
	}
	if sum != maxSum+3*maxPage || calls != 2 {
		t.Errorf("%d in %d calls", sum, calls)
	}
}

func TestBadTerms(t *testing.T) {
	s := start(t)
	for _, c := range []struct{ target, body, detail string }{
		{"PUT :limits", `{"floor":"2","ceiling":"1"}`, "the floor 2 is above the ceiling 1"},
		{"PUT :limits", `{"clamp":true}`, ""},
		{"POST :add", `{"floor":"2","ceiling":"1"}`, "the floor 2 is above the ceiling 1"},
		{"POST :add", `{"expect":"1"}`, "what is expected goes with a condition on value or revision"},
		{"POST :add", `{"condition":"CONDITION_IF_VALUE"}`, "the condition needs what to expect"},
		{"POST :add", `{"condition":"CONDITION_IF_REVISION","expect":"-1"}`, "no revision is below 0"},
		{"POST :expire", ``, "when to end is not said: the expiry is missing"},
		{"POST :expire", `{"expiry":{}}`, "when to end is not said: an expiry needs at, after or never"},
		{"POST :expire", `{"expiry":{"never":false}}`, "never is true, or left out"},
		{"POST :expire", `{"expiry":{"at":"2030-01-01T00:00:00Z","after":"1s"}}`, ""},
		{"POST :expire", `{"expiry":{"at":"tomorrow"}}`, ""},
		{"POST :expire?after=60", ``, "after must be seconds, as in 60s or 0.5s"},
		{"POST :expire?after=60s", `{"expiry":{"after":"60s"}}`, "the expiry is in the body and a parameter"},
		{"POST :take", ``, "what may be taken is not said: the rate is missing"},
		{"POST :take", `{"rate":{}}`, "the kind of the rate is missing"},
		{"POST :take", `{"rate":{"kind":"RATE_KIND_FIXED"}}`, "the limit of a rate is at least 1"},
		{"POST :take", `{"rate":{"kind":"RATE_KIND_FIXED","limit":1}}`, "the period of a rate is missing, or no time"},
		{"POST :take", `{"rate":{"kind":"RATE_KIND_FIXED","limit":1,"period":"0s"}}`, "the period of a rate is 1 ms to 100 years"},
		{"POST :take", `{"rate":{"kind":"RATE_KIND_FIXED","limit":1,"period":"9999999999s"}}`, "the period of a rate is 1 ms to 100 years"},
		{"POST :take", `{"rate":{"kind":"RATE_KIND_FIXED","limit":1,"period":"1s","burst":2}}`, "only a steady rate has a burst"},
		{"POST :take", `{"rate":{"kind":"RATE_KIND_SLIDING","limit":2147483648,"period":"1s"}}`, "the limit of a sliding rate is at most 2147483647"},
		{"POST :take", `{"rate":{"kind":"RATE_KIND_STEADY","limit":1,"period":"86400s","burst":99999999}}`, "the burst of a rate is at most what comes in 100 years"},
		{"POST :take", `{"amount":"-1","rate":{"kind":"RATE_KIND_FIXED","limit":1,"period":"1s"}}`, "nothing below 0 can be taken"},
		{"POST :ticket", ``, "an ident has 1 to 128 bytes of UTF-8 without spaces and control characters"},
		{"POST :ticket", `{"ident":"a b"}`, "an ident has 1 to 128 bytes of UTF-8 without spaces and control characters"},
		{"POST :ticket", `{"ident":"ana","count":"0"}`, "a ticket has at least one number"},
		{"POST :ticket?ident=b", `{"ident":"ana"}`, "ident is in the body and a parameter"},
		{"GET :ticket", ``, "which number is not said: ?number=1"},
		{"POST :hold", `{"expiry":{"after":"1s"}}`, "the amount of a hold is neither 0 nor the least int64"},
		{"POST :hold", `{"amount":"1"}`, "until when to hold is not said: the expiry is missing, or never"},
		{"POST :hold", `{"amount":"1","expiry":{"never":true}}`, "until when to hold is not said: the expiry is missing, or never"},
		{"POST :hold", `{"amount":"1","expiry":{"after":"1s","lapse":true}}`, "the expiry of a hold has neither condition nor lapse"},
		{"POST :settle", `{"hold":"1"}`, "how much was used is not said: the amount is missing"},
		{"POST :settle", `{"amount":"1"}`, "which hold is not said"},
		{"POST :release", ``, "which hold is not said"},
		{"POST :extend", `{"hold":"1"}`, "until when to hold is not said: the expiry is missing, or never"},
		{"GET :holds?page_size=-1", ``, "page_size must be 0 to 1000"},
	} {
		method, verb, _ := strings.Cut(c.target, " ")
		p := s.expectProblem(s.ask(method, "/v1/counters/a"+verb, c.body), 400, cuenta.Syntax)
		if c.detail != "" && p["detail"] != c.detail {
			t.Errorf("%s %s: %v, want %s", c.target, c.body, p["detail"], c.detail)
		}
	}
	for _, expiry := range []*cuentav1.Expiry{
		{End: &cuentav1.Expiry_At{At: &timestamppb.Timestamp{Nanos: -1}}}, {End: &cuentav1.Expiry_After{After: &durationpb.Duration{Seconds: 1, Nanos: -1}}},
	} {
		_, err := cuentav1Client(s).Expire(t.Context(), &cuentav1.ExpireRequest{Expiry: expiry})
		if code, info := refusalOf(t, err); code != connect.CodeInvalidArgument || info.GetCode() != "syntax" {
			t.Errorf("%v: %v", expiry, err)
		}
	}
	for _, m := range []*cuentav1.TakeRequest{{Rate: &cuentav1.Rate{Kind: 9, Limit: 1}}} {
		_, err := cuentav1Client(s).Take(t.Context(), m)
		if code, _ := refusalOf(t, err); code != connect.CodeUnimplemented {
			t.Errorf("%v: %v", m, err)
		}
	}
	long := &cuentav1.SetRequest{Value: proto.Int64(1), Condition: 17}
	if _, err := cuentav1Client(s).Set(t.Context(), long); connect.CodeOf(err) != connect.CodeUnimplemented {
		t.Error(err)
	}
	s.expectNothingDone()
}
