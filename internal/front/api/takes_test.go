package api

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

// TestTakes asks at a rate so slow that no time passes while it is tested.
func TestTakes(t *testing.T) {
	s := startReal(t, disktest.New())
	take := func(target, body string) answer {
		return s.ask("POST", "/v1/counters/"+target, strings.Replace(body, "RATE", `"rate":{"kind":"RATE_KIND_STEADY","limit":"1","period":"86400s","burst":"10"}`, 1))
	}
	a := take("r:take?amount=4", `{RATE}`)
	if a.status != 200 || !strings.HasPrefix(a.body, `{"allowed":true,"remaining":"6","reset_after":"345`) || a.header.Get("Retry-After") != "" ||
		a.header.Get("RateLimit-Policy") != `"steady";q=1;w=86400` || !regexp.MustCompile(`^"steady";r=6;t=345(599|600)$`).MatchString(a.header.Get("RateLimit")) {
		t.Errorf("%d %s %v", a.status, a.body, a.header)
	}
	a = take("r:take?amount=7", `{RATE}`)
	p := s.expectProblem(a, 429, cuenta.Throttled)
	if p["value"] != "6" || !strings.HasPrefix(fmt.Sprint(p["retry_after"]), "86399.") ||
		a.header.Get("Retry-After") != "86400" || a.header.Get("RateLimit") != `"steady";r=6;t=86400` {
		t.Errorf("%v %v", p, a.header)
	}
	a = take("r:take?amount=11", `{RATE}`) // never
	if p = s.expectProblem(a, 429, cuenta.Throttled); p["retry_after"] != nil || a.header.Get("Retry-After") != "" || a.header.Get("RateLimit") != `"steady";r=6` {
		t.Errorf("%v %v", p, a.header)
	}
	if a = take("r:take?amount=0", `{RATE}`); a.status != 200 || !strings.Contains(a.body, `"remaining":"6"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	for i := range 2 {
		if a = take("r:take", `{RATE,"identity":{"key":"k"}}`); !strings.Contains(a.body, `"remaining":"5"`) || strings.Contains(a.body, `"replayed":true`) != (i == 1) {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	s.ask("POST", "/v1/counters/plain:add", "")
	s.expectProblem(take("plain:take", `{RATE}`), 412, cuenta.Unmet)
	for kind := range map[string]bool{"RATE_KIND_FIXED": true, "RATE_KIND_SLIDING": true} {
		a = s.ask("POST", "/v1/counters/"+kind+":take", `{"rate":{"kind":"`+kind+`","limit":"3","period":"0.5s"}}`)
		if name := strings.ToLower(strings.TrimPrefix(kind, "RATE_KIND_")); a.status != 200 || !strings.Contains(a.body, `"remaining":"2"`) ||
			a.header.Get("RateLimit-Policy") != `"`+name+`";q=3` {
			t.Errorf("%d %s %v", a.status, a.body, a.header)
		}
	}
}

// TestTakesOverRPC proves that what is too much is an answer there, but in a batch.
func TestTakesOverRPC(t *testing.T) {
	s := startReal(t, disktest.New())
	m := &cuentav1.TakeRequest{Counter: "r", Amount: proto.Int64(2), Rate: &cuentav1.Rate{Kind: cuentav1.RateKind_RATE_KIND_FIXED, Limit: 3, Period: &durationpb.Duration{Seconds: 1e9}}}
	for i, want := range []bool{true, false} {
		r, err := cuentav1Client(s).Take(t.Context(), m)
		if err != nil || r.GetAllowed() != want || r.GetRemaining() != 1 || (r.GetResetAfter() == nil) == want || (r.GetRetryAfter() == nil) != want {
			t.Errorf("%d: %v, %v", i, r, err)
		}
	}
	r, err := cuentav1Client(s).Batch(t.Context(), &cuentav1.BatchRequest{Operations: []*cuentav1.Operation{{Operation: &cuentav1.Operation_Take{Take: m}}}})
	if info := r.GetResults()[0].GetError(); err != nil || info.GetCode() != "throttled" || info.GetValue() != 1 || info.GetRetryAfter() == nil {
		t.Errorf("%v, %v", r, err)
	}
	if got := s.traffic.Errors.Load(); got != 0 {
		t.Errorf("%d errors are counted", got)
	}
}

func TestTickets(t *testing.T) {
	s := startReal(t, disktest.New())
	s.expectSteps([]step{
		{"POST", "/v1/counters/turno:ticket?ident=ana", "", `{"first":"1","last":"1","revision":"1","replayed":false}`},
		{"POST", "/v1/counters/turno:ticket", `{"ident":"beto","count":"5"}`, `{"first":"2","last":"6","revision":"2","replayed":false}`},
		{"POST", "/v1/counters/turno:ticket", `{"ident":"ana"}`, `{"first":"1","last":"1","revision":"0","replayed":true}`},
		{"POST", "/v1/counters/turno:ticket", `{"ident":"beto"}`, `{"first":"2","last":"6","revision":"0","replayed":true}`},
		{"GET", "/v1/counters/turno:ticket?number=6", "", `{"valid":true,"last":"6"}`},
		{"GET", "/v1/counters/turno:ticket?number=7", "", `{"valid":false,"last":"6"}`},
		{"GET", "/v1/counters/turno:ticket?number=0", "", `{"valid":false,"last":"6"}`},
		{"POST", "/v1/counters/turno:reset-tickets", `{"identity":{"key":"k"}}`, `{"replayed":false}`},
		{"POST", "/v1/counters/turno:reset-tickets", `{"identity":{"key":"k"}}`, `{"replayed":true}`},
		{"GET", "/v1/counters/turno:ticket?number=1", "", `{"valid":false,"last":"0"}`},
		{"POST", "/v1/counters/turno:ticket?ident=carla", "", `{"first":"1","last":"1","revision":"4","replayed":false}`},
		{"POST", "/v1/counters/turno:ticket?ident=ana", "", `{"first":"2","last":"2","revision":"5","replayed":false}`},
	})
	s.ask("PUT", "/v1/counters/turno:limits", `{"floor":"2"}`)
	if p := s.expectProblem(s.ask("POST", "/v1/counters/turno:reset-tickets", ""), 409, cuenta.Limited); p["counter"] != "turno" {
		t.Errorf("%v", p)
	}
	s.expectProblem(s.ask("POST", "/v1/counters/"+strings.Repeat("n", 254)+":reset-tickets", ""), 413, cuenta.TooLarge)
	s.expectProblem(s.ask("POST", "/v1/counters/"+strings.Repeat("n", 254)+":ticket?ident=ana", ""), 413, cuenta.TooLarge)
}

func TestHolds(t *testing.T) {
	s := startReal(t, disktest.New())
	s.ask("PUT", "/v1/counters/tokens:limits", `{"ceiling":"100","floor":"0"}`)
	s.expectSteps([]step{
		{"POST", "/v1/counters/tokens:hold", `{"amount":"60","expiry":{"after":"3600s"},"identity":{"key":"h"}}`, `{"hold":"2","value":"0","revision":"2","available":"40","replayed":false}`},
		{"POST", "/v1/counters/tokens:hold", `{"amount":"60","expiry":{"after":"3600s"},"identity":{"key":"h"}}`, `{"hold":"2","value":"0","revision":"2","available":"40","replayed":true}`},
		{"POST", "/v1/counters/tokens:hold", `{"amount":"10","expiry":{"at":"2200-01-01T00:00:00Z"}}`, `{"hold":"3","value":"0","revision":"3","available":"30","replayed":false}`},
		{"GET", "/v1/counters/tokens", "", `{"value":"0","revision":"3","terms":{"floor":"0","ceiling":"100","total":false,"held":"70","held_down":"0","available":"30","available_down":"0"}}`},
	})
	p := s.expectProblem(s.ask("POST", "/v1/counters/tokens:hold", `{"amount":"31","expiry":{"after":"1s"}}`), 409, cuenta.Limited)
	if p["bound"] != "ceiling" || p["room"] != "30" {
		t.Errorf("%v", p)
	}
	s.expectProblem(s.ask("POST", "/v1/counters/tokens:hold", `{"amount":"1","expiry":{"at":"2001-01-01T00:00:00Z"}}`), 400, cuenta.Past)
	s.expectProblem(s.ask("POST", "/v1/counters/tokens:add?amount=31", ""), 409, cuenta.Limited)
	var page struct {
		Holds []struct {
			Hold, Amount string
			Ends         string `json:"expires_at"`
		}
		Next string `json:"next_page_token"`
	}
	seen := ""
	for token, pages := "", 0; pages == 0 || token != ""; pages++ {
		decode(t, s.ask("GET", "/v1/counters/tokens:holds?page_size=1&page_token="+token, "").body, &page)
		for _, h := range page.Holds {
			seen += h.Hold + "=" + h.Amount + " "
		}
		if token = page.Next; pages > 3 {
			t.Fatal("no end")
		}
	}
	if seen != "2=60 3=10 " && seen != "3=10 2=60 " {
		t.Errorf("holds: %s", seen)
	}
	s.expectProblem(s.ask("GET", "/v1/counters/tokens:holds?page_token=zz", ""), 404, cuenta.NoHold)
	s.expectSteps([]step{
		{"POST", "/v1/counters/tokens:extend", `{"hold":"3","expiry":{"after":"60s"}}`, `{"value":"0","revision":"4","available":"30","replayed":false}`},
		{"POST", "/v1/counters/tokens:settle", `{"hold":"2","amount":"45","identity":{"key":"s"}}`, `{"value":"45","revision":"5","available":"45","replayed":false}`},
		{"POST", "/v1/counters/tokens:settle", `{"hold":"2","amount":"45","identity":{"key":"s"}}`, `{"value":"45","revision":"5","available":"45","replayed":true}`},
	})
	// What is over is over, whatever one asks.
	for _, again := range []string{`:settle {"hold":"2","amount":"1"}`, `:release {"hold":"2"}`, `:extend {"hold":"2","expiry":{"after":"1s"}}`, `:release {"hold":"99"}`} {
		verb, body, _ := strings.Cut(again, " ")
		s.expectProblem(s.ask("POST", "/v1/counters/tokens"+verb, body), 404, cuenta.NoHold)
	}
	s.expectProblem(s.ask("POST", "/v1/counters/tokens:settle", `{"hold":"3","amount":"56"}`), 409, cuenta.Limited)
	s.expectSteps([]step{
		{"POST", "/v1/counters/tokens:settle", `{"hold":"3","amount":"56","clamp":true}`, `{"value":"100","revision":"6","applied":"55","replayed":false}`},
		{"POST", "/v1/counters/tokens:hold", `{"amount":"-30","expiry":{"after":"60s"}}`, `{"hold":"7","value":"100","revision":"7","available":"70","replayed":false}`},
		{"GET", "/v1/counters/tokens", "", `{"value":"100","revision":"7","terms":{"floor":"0","ceiling":"100","total":false,"held":"0","held_down":"30","available":"0","available_down":"70"}}`},
		{"POST", "/v1/counters/tokens:release", `{"hold":"7"}`, `{"value":"100","revision":"8","available":"100","replayed":false}`},
		{"GET", "/v1/counters/tokens:holds", "", `{"holds":[],"next_page_token":""}`},
	})
}
