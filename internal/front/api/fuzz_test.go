package api

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

// FuzzNames writes any name into a path and expects it back, for every verb.
func FuzzNames(f *testing.F) {
	for _, name := range []string{"visitas", "a/b", "user:1", "user:add", "..", "%2F", "niño", "a b", "\xff"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		escaped := strings.ReplaceAll(url.PathEscape(name), ":", "%3A")
		for _, verb := range verbs() {
			path, parts, refused := locate("/v1/counters/" + escaped + verb)
			if refused != nil || path != counterPath+verb || len(parts) != 1 || parts[0] != name {
				t.Errorf("%q%s: %q, %q, %v", name, verb, path, parts, refused)
			}
		}
	})
}

// verbs are all that may stand behind a counter's name, with their colons.
func verbs() []string {
	all := []string{""}
	for _, r := range routes {
		if verb, ok := strings.CutPrefix(r.path, counterPath+":"); ok {
			all = append(all, ":"+verb)
		}
	}
	return all
}

// FuzzLocate reads any path, and finds no route for one that it refuses.
func FuzzLocate(f *testing.F) {
	for _, path := range []string{"/v1/counters/a:add", "/v1/counters/%zz", "/v1/outcomes/a/b/c", "/v1/counters/:add", "", "/v1/outcomes/"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, escaped string) {
		path, parts, refused := locate(escaped)
		if refused == nil && strings.Count(path, "{") != len(parts) && isPath(path) && path != escaped {
			t.Errorf("%q is %q with %q", escaped, path, parts)
		}
	})
}

// FuzzBatch decodes any body, and whatever comes of it can be written.
func FuzzBatch(f *testing.F) {
	for _, body := range []string{`{"operations":[{"add":{"counter":"a","amount":"5"}}]}`, `{"atomic":true}`, `[`, `{"operations":[{"set":{"value":1e2}}]}`, "\xff",
		`{"atomic":true,"operations":[{"set_limits":{"floor":1,"ceiling":2}},{"check":{"value":3}},{"expire":{"expiry":{"after":"60s"}}}]}`,
		`{"operations":[{"take":{"rate":{"kind":"RATE_KIND_STEADY","limit":1,"period":"1s","burst":2}}},{"ticket":{"ident":"a"}},{"hold":{"amount":1,"expiry":{"at":"2030-01-01T00:00:00Z"}}}]}`,
		`{"operations":[{"settle":{"hold":1,"amount":1,"clamp":true}},{"release":{"hold":1}},{"extend":{"hold":1,"expiry":{"after":"1s"}}},{"describe":{}}]}`} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		m := &cuentav1.BatchRequest{}
		if decodeJSON([]byte(body), m) != nil {
			return
		}
		r, err := http.NewRequest("POST", "http://localhost", nil)
		if err != nil {
			t.Fatal(err)
		}
		requests, err := batchOf(withCaller(r), m)
		if err != nil && asRefusal(err).info.Code == "" || err == nil && len(requests) == 0 {
			t.Errorf("%q: %v", body, err)
		}
		for i := range requests { // what passes here, no ledger calls unreadable
			if terms := requests[i].Terms; terms != nil && !terms.Valid() {
				t.Errorf("%q: operation %d: %+v", body, i, terms)
			}
		}
	})
}
