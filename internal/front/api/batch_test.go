package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
)

func TestBatch(t *testing.T) {
	s := start(t)
	s.expect(s.ask("POST", "/v1/batch", `{"operations":[
		{"add":{"counter":"a","amount":"5"}},
		{"add":{"counter":"a"}},
		{"get":{"counter":"a"}},
		{"set":{"counter":"b","value":"9223372036854775807"}},
		{"add":{"counter":"b"}},
		{"set":{"counter":"b","value":"1","condition":"CONDITION_IF_ABSENT"}},
		{"reset":{"counter":"a"}},
		{"delete":{"counter":"a"}},
		{"get":{}}]}`), 200, compact(t, `{"results":[
		{"answer":{"value":"5","revision":"1","replayed":false}},
		{"answer":{"value":"6","revision":"2","replayed":false}},
		{"answer":{"value":"6","revision":"2","replayed":false}},
		{"answer":{"value":"9223372036854775807","revision":"1","replayed":false}},
		{"error":{"code":"overflow","fate":"not-applied","text":"the counter would pass 9223372036854775807","value":"9223372036854775807","revision":"1","replayed":false}},
		{"error":{"code":"unmet","fate":"not-applied","text":"the condition does not hold","value":"9223372036854775807","revision":"1","replayed":false}},
		{"answer":{"value":"0","revision":"3","replayed":false}},
		{"answer":{"value":"0","revision":"4","replayed":false}},
		{"answer":{"value":"0","revision":"0","replayed":false}}]}`))
	// Identities are the operations' own, also twice the same.
	s.expect(s.ask("POST", "/v1/batch", `{"operations":[
		{"add":{"counter":"c","identity":{"key":"k"}}},{"add":{"counter":"c","identity":{"key":"k"}}},{"reset":{"counter":"c","identity":{"key":"k"}}}]}`), 200,
		compact(t, `{"results":[{"answer":{"value":"1","revision":"5","replayed":false}},{"answer":{"value":"1","revision":"5","replayed":true}},
		{"error":{"code":"conflict","fate":"not-applied","text":"the identity was used for another operation","value":"0","revision":"0","replayed":false}}]}`))
	if calls := s.service.Calls(); calls.Batches != 2 {
		t.Errorf("%d batches", calls.Batches)
	}
}

func TestAtomicBatch(t *testing.T) {
	s := start(t)
	transfer := `{"atomic":true,"operations":[{"add":{"counter":"a","amount":"-5"}},{"add":{"counter":"b","amount":"5"}}]}`
	first := s.ask("POST", "/v1/batch", transfer, "Idempotency-Key: t1")
	s.expect(first, 200, compact(t, `{"results":[{"answer":{"value":"-5","revision":"1","replayed":false}},{"answer":{"value":"5","revision":"1","replayed":false}}],
		"whole":{"value":"2","revision":"0","replayed":false}}`))
	again := s.ask("POST", "/v1/batch", transfer, "Idempotency-Key: t1")
	s.expect(again, 200, `{"results":[],"whole":{"value":"2","revision":"0","replayed":true}}`)
	if first.header.Get("Idempotency-Replayed") != "" || again.header.Get("Idempotency-Replayed") != "true" {
		t.Error("the replay is not marked")
	}
	s.expectProblem(s.ask("POST", "/v1/batch", strings.Replace(transfer, "5", "6", 1), "Idempotency-Key: t1"), 422, cuenta.Conflict)

	s.ask("POST", "/v1/counters/full:set?value=9223372036854775807", "")
	bad := `{"atomic":true,"identity":{"key":"t2"},"operations":[{"add":{"counter":"a"}},{"add":{"counter":"full"}},{"add":{"counter":"b"}}]}`
	p := s.expectProblem(s.ask("POST", "/v1/batch", bad), 424, cuenta.Aborted)
	results, _ := p["results"].([]any)
	if p["detail"] != "operation 1 was refused: overflow: the counter would pass 9223372036854775807" || len(results) != 3 ||
		!strings.Contains(fmt.Sprint(results[1]), "overflow") || !strings.Contains(fmt.Sprint(results[0]), "aborted") {
		t.Errorf("%v", p)
	}
	repeat := s.expectProblem(s.ask("POST", "/v1/batch", bad), 424, cuenta.Aborted)
	results, _ = repeat["results"].([]any)
	if repeat["replayed"] != true || repeat["detail"] != p["detail"] || len(results) != 3 || !strings.Contains(fmt.Sprint(results[1]), "overflow") {
		t.Errorf("%v", repeat)
	}
	s.expect(s.ask("GET", "/v1/outcomes/t1", ""), 200, `{"fate":"applied","answer":{"value":"2","revision":"0","replayed":true}}`)
	if value, revision := s.service.Value("a"); value != -5 || revision != 1 {
		t.Errorf("value %d, revision %d", value, revision)
	}
}

func TestBatchesThatCannotBeRead(t *testing.T) {
	s := start(t)
	for body, detail := range map[string]string{
		`{}`:                             "a batch has at least one operation",
		"":                               "a batch has at least one operation",
		`{"operations":[]}`:              "a batch has at least one operation",
		`{"operations":[{"add":{}},{}]}`: "operation 1: what to do is not said",
		`{"operations":[{"set":{}}]}`:    "operation 0: to what to set is not said: the value is missing",
		`{"operations":[{"get":{"counter":"a b"}}]}`:                                                                                                  "operation 0: a counter's name has 1 to 255 bytes of UTF-8 without spaces and control characters",
		`{"operations":[{"add":{"identity":{}}}]}`:                                                                                                    "operation 0: the identity is empty",
		`{"atomic":true,"operations":[{"add":{}},{"add":{"identity":{"key":"k"}}}],"identity":{"key":"l"}}`:                                           "operation 1: the batch has an identity as a whole, so its operations have none",
		`{"atomic":true,"operations":[{"add":{"identity":{"key":"k"}}},{"add":{}},{"add":{"identity":{"session":"0000000000000001","number":"1"}}}]}`: "operation 2: the identities of an atomic batch are all keys, or all numbers of one session",
		`{"atomic":true,"operations":[` + numbered("1", 7) + `,` + numbered("2", 8) + `]}`:                                                            "operation 1: the identities of an atomic batch are all keys, or all numbers of one session",
		`{"atomic":true,"operations":[` + numbered("1", 7) + `,` + numbered("1", 7) + `]}`:                                                            "operation 1: the numbers of an atomic batch ascend, and 7 comes after 7",
		`{"atomic":true,"operations":[` + numbered("1", 7) + `,` + numbered("1", 9) + `,` + numbered("1", 8) + `]}`:                                   "operation 2: the numbers of an atomic batch ascend, and 8 comes after 9",
		`{"atomic":true,"operations":[` + numbered("1", 7) + `,{"add":{"identity":{"session":"0000000000000001","number":"9","lowest":"8"}}}]}`:       "operation 1: lowest is above 7, a number of the same batch",
		`{"operations":[{"add":{}}],"identity":{"key":"k"}}`:                                                                                          "only an atomic batch has an identity; here each operation has its own",
		`{"atomic":true,"operations":[{"add":{}}],"identity":{"session":"x","number":1}}`:                                                             "a session is 16 hexadecimal digits",
	} {
		if p := s.expectProblem(s.ask("POST", "/v1/batch", body), 400, cuenta.Syntax); p["detail"] != detail {
			t.Errorf("%s: %v", body, p["detail"])
		}
	}
	for _, body := range []string{`{"operations":[{"add":{},"get":{}}]}`, `{"operations":{}}`, `{"operations":[null]}`, `{"operations":[{"get":{"identity":{"key":"k"}}}]}`, `[{"add":{}}]`} {
		s.expectProblem(s.ask("POST", "/v1/batch", body), 400, cuenta.Syntax)
	}
	s.expectNothingDone()
}

// numbered is an operation with a number of a session.
func numbered(session string, number int) string {
	return fmt.Sprintf(`{"add":{"counter":"a","identity":{"session":"%016s","number":"%d"}}}`, session, number)
}

func TestBatchBounds(t *testing.T) {
	s := start(t)
	of := func(n int, atomic bool) string {
		return fmt.Sprintf(`{"atomic":%v,"operations":[%s]}`, atomic, strings.TrimSuffix(strings.Repeat(`{"add":{"counter":"a"}},`, n), ","))
	}
	s.expectProblem(s.ask("POST", "/v1/batch", of(cuenta.MaxBatch+1, false)), 413, cuenta.TooLarge)
	s.expectProblem(s.ask("POST", "/v1/batch", of(cuenta.MaxBatch, true)), 413, cuenta.TooLarge)
	s.expectProblem(s.ask("POST", "/v1/batch", `{"atomic":true,"operations":[`+numbered("1", 1)+`,`+numbered("1", 1+cuenta.SessionWindow)+`]}`), 413, cuenta.TooLarge)
	s.expectNothingDone()
	for _, a := range []answer{s.ask("POST", "/v1/batch", of(cuenta.MaxBatch, false)), s.ask("POST", "/v1/batch", of(cuenta.MaxBatch-1, true))} {
		if a.status != 200 {
			t.Errorf("%d %.300s", a.status, a.body)
		}
	}
	if value, _ := s.service.Value("a"); value != 2*cuenta.MaxBatch-1 {
		t.Errorf("value %d", value)
	}
}

// TestLargestNames fills a whole batch with the longest names and keys.
func TestLargestNames(t *testing.T) {
	s := start(t)
	var b strings.Builder
	b.WriteString(`{"operations":[`)
	for i := range cuenta.MaxBatch {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"add":{"counter":"%0255d","identity":{"key":"%0128d"}}}`, i, i)
	}
	b.WriteString(`]}`)
	if a := s.ask("POST", "/v1/batch", b.String()); a.status != 200 {
		t.Errorf("%d bytes: %d %.300s", b.Len(), a.status, a.body)
	}
	if s.service.Len() != cuenta.MaxBatch {
		t.Errorf("%d counters", s.service.Len())
	}
}
