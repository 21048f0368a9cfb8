package api

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
	"github.com/cuenta-server/cuenta/internal/engine"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

// startReal serves the API of the real engine: what a repeat of a run is answered
// is the ledger's business, which the naive service does not go into.
func startReal(t testing.TB, fs *disktest.FS) *site {
	t.Helper()
	e, err := engine.Open(engine.Config{FS: fs, Dir: "/data", MaxCounters: 1000, SegmentSize: 256 << 10, SnapshotAfter: math.MaxInt64})
	if err != nil {
		t.Fatal(err)
	}
	// It fails to close if the test has broken its disk.
	t.Cleanup(func() { _ = e.Close() })
	return startOn(t, e)
}

// value asks for a counter.
func (s *site) value(name string) string {
	s.t.Helper()
	return s.ask("GET", "/v1/counters/"+name, "").body
}

// opened is a session that the server has granted.
func (s *site) opened() string {
	s.t.Helper()
	var session struct{ Session string }
	decode(s.t, s.ask("POST", "/v1/sessions", "").body, &session)
	return session.Session
}

// TestRunsAreAnsweredAgain loses the first answer to an atomic batch whose
// operations have identities of their own: a repeat has each one's original answer,
// whatever happened in between.
func TestRunsAreAnsweredAgain(t *testing.T) {
	s := startReal(t, disktest.New())
	session := s.opened()
	number := func(n int) string { return fmt.Sprintf(`{"session":%q,"number":"%d","lowest":"3"}`, session, n) }
	for name, id := range map[string][3]string{
		"keys":    {`{"key":"k1"}`, `{"key":"k2"}`, `{"key":"k3"}`},
		"numbers": {number(3), number(5), number(6)},
	} {
		a, b := "a-"+name, "b-"+name
		run := fmt.Sprintf(`{"atomic":true,"operations":[
			{"add":{"counter":%q,"amount":"-5","identity":%s}},
			{"get":{"counter":%q}},
			{"add":{"counter":%q,"amount":"5"}},
			{"set":{"counter":%q,"value":"50","identity":%s}}]}`, a, id[0], a, b, b, id[1])
		_ = s.ask("POST", "/v1/batch", run) // lost
		s.ask("POST", "/v1/counters/"+a+":add?amount=100", "")
		s.ask("POST", "/v1/counters/"+b+":reset", "")
		again := s.ask("POST", "/v1/batch", run)
		s.expect(again, 200, compact(t, `{"results":[
			{"answer":{"value":"-5","revision":"1","replayed":true}},
			{"answer":{"value":"0","revision":"0","replayed":true}},
			{"answer":{"value":"0","revision":"0","replayed":true}},
			{"answer":{"value":"50","revision":"2","replayed":true}}],
			"whole":{"value":"0","revision":"0","replayed":true}}`))
		if again.header.Get("Idempotency-Replayed") != "true" {
			t.Error(name, "the replay is not marked")
		}
		// One of them is another operation now; or some of them are new.
		for _, other := range []string{
			strings.Replace(run, `"50"`, `"51"`, 1),
			strings.Replace(run, `"-5"`, `"-6"`, 1),
			strings.Replace(run, id[1], id[2], 1),
		} {
			p := s.expectProblem(s.ask("POST", "/v1/batch", other), 422, cuenta.Conflict)
			if results, _ := p["results"].([]any); len(results) != 4 || p["fate"] != "not-applied" || !strings.Contains(fmt.Sprint(p["detail"]), "was refused: conflict") {
				t.Errorf("%s: %v", name, p)
			}
		}
		if got := s.value(a); got != `{"value":"95","revision":"2"}` {
			t.Error(name, a, got)
		}
		if got := s.value(b); got != `{"value":"0","revision":"3"}` {
			t.Error(name, b, got)
		}
	}
	s.expect(s.ask("GET", "/v1/outcomes/k2", ""), 200, `{"fate":"applied","answer":{"value":"50","revision":"2","replayed":true}}`)
}

// TestRefusedRunsAreAnsweredAgain has a run refused: that is the answer for good,
// and says again which operation it was.
func TestRefusedRunsAreAnsweredAgain(t *testing.T) {
	s := startReal(t, disktest.New())
	s.ask("POST", "/v1/counters/full:set?value=9223372036854775807", "")
	run := `{"atomic":true,"operations":[{"get":{"counter":"a"}},{"add":{"counter":"a","identity":{"key":"k1"}}},{"add":{"counter":"full","identity":{"key":"k2"}}}]}`
	for _, replayed := range []bool{false, true, true} {
		p := s.expectProblem(s.ask("POST", "/v1/batch", run), 424, cuenta.Aborted)
		if p["detail"] != "operation 2 was refused: overflow: the counter would pass 9223372036854775807" || (p["replayed"] == true) != replayed {
			t.Errorf("%v", p)
		}
		results, _ := p["results"].([]any)
		if len(results) != 3 {
			t.Fatalf("%v", p)
		}
		for i, code := range []string{"aborted", "aborted", "overflow"} {
			e, _ := results[i].(map[string]any)["error"].(map[string]any)
			if e["code"] != code || e["replayed"] != replayed {
				t.Errorf("result %d: %v", i, e)
			}
		}
		s.ask("POST", "/v1/counters/full:reset", "") // it would pass now
	}
	if got := s.value("a"); got != `{"value":"0","revision":"0"}` {
		t.Error(got)
	}
}

// TestRunsWhoseIdentitiesAreRefused has the refusal of an identity speak for the
// batch, with its own fate.
func TestRunsWhoseIdentitiesAreRefused(t *testing.T) {
	s := startReal(t, disktest.New())
	session := s.opened()
	old := fmt.Sprintf(`{"atomic":true,"operations":[{"add":{"counter":"a"}},{"add":{"counter":"a","identity":{"session":%q,"number":"1"}}}]}`, session)
	if a := s.ask("POST", "/v1/batch", old); a.status != 200 {
		t.Fatal(a)
	}
	s.ask("POST", "/v1/counters/b:add", fmt.Sprintf(`{"identity":{"session":%q,"number":"200"}}`, session))
	p := s.expectProblem(s.ask("POST", "/v1/batch", old), 410, cuenta.TooOld)
	if p["fate"] != "unknown" || p["detail"] != "operation 1 was refused: too-old: too old to be remembered, fate unknown" {
		t.Errorf("%v", p)
	}
	p = s.expectProblem(s.ask("POST", "/v1/batch", `{"atomic":true,"operations":[`+numbered("99", 1)+`]}`), 404, cuenta.NoSession)
	if p["fate"] != "unknown" {
		t.Errorf("%v", p)
	}
	if got := s.value("a"); got != `{"value":"2","revision":"2"}` {
		t.Error(got)
	}
}

// TestRunsInEveryProtocol repeats a run over all of them, first answered by one.
func TestRunsInEveryProtocol(t *testing.T) {
	s := startReal(t, disktest.New())
	run := func(last int64) *cuentav1.BatchRequest {
		return &cuentav1.BatchRequest{Atomic: true, Operations: []*cuentav1.Operation{
			{Operation: &cuentav1.Operation_Add{Add: &cuentav1.AddRequest{Counter: "a", Amount: proto.Int64(2), Identity: &cuentav1.Identity{Key: "k1"}}}},
			{Operation: &cuentav1.Operation_Add{Add: &cuentav1.AddRequest{Counter: "a", Amount: &last, Identity: &cuentav1.Identity{Key: "k2"}}}},
		}}
	}
	replayed := false
	for name, connected := range protocols {
		client := connected(s)
		response, err := client.Batch(t.Context(), run(3))
		want := &cuentav1.BatchResponse{Whole: &cuentav1.Answer{Replayed: replayed}, Results: []*cuentav1.Result{
			{Result: &cuentav1.Result_Answer{Answer: &cuentav1.Answer{Value: 2, Revision: 1, Replayed: replayed}}},
			{Result: &cuentav1.Result_Answer{Answer: &cuentav1.Answer{Value: 5, Revision: 2, Replayed: replayed}}},
		}}
		if !replayed {
			want.Whole.Value = 2
		}
		expect(t, response, err, want)
		_, err = client.Batch(t.Context(), run(4))
		if code, info := refusalOf(t, err); code != connect.CodeAlreadyExists || info.GetCode() != "conflict" {
			t.Errorf("%s: %v %v", name, err, info)
		}
		replayed = true
	}
	if got := s.value("a"); got != `{"value":"5","revision":"2"}` {
		t.Error(got)
	}
}
