package web

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
)

// TestKeys: a repeat is answered as the first was, and says so.
func TestKeys(t *testing.T) {
	s := start(t, Config{})
	const over = "error overflow the counter would pass 9223372036854775807"
	longest := strings.Repeat("k", cuenta.MaxKey)
	for i, step := range []struct {
		query, key string
		status     int
		body       string
		replayed   bool
	}{
		{"inc.4+id=a", "", 200, "Valor del Contador, 4", false},
		{"inc.4+id=a", "", 200, "Valor del Contador, 4", true},
		{"inc.4", `"a"`, 200, "Valor del Contador, 4", true},
		{"inc.4", `a`, 200, "Valor del Contador, 4", true},
		{"inc.4+id=a", `"a"`, 200, "Valor del Contador, 4", true},
		{"inc.4+id=a", `a`, 200, "Valor del Contador, 4", true},
		{"inc.1", "", 200, "Valor del Contador, 5", false},
		{"inc.4", "  \t a \t ", 200, "Valor del Contador, 4", true},
		{"inc.5", "a", 422, "error conflict " + cuenta.Conflict.Text(), false},
		{"inc.4+@otra", "a", 422, "error conflict " + cuenta.Conflict.Text(), false},
		{"con.0", "a", 200, "Valor del Contador, 5", false},
		{"inc.1", "A", 200, "Valor del Contador, 6", false},
		{"inc.1", `"a\"\\b"`, 200, "Valor del Contador, 7", false},
		{"inc.1+id=a%22%5Cb", "", 200, "Valor del Contador, 7", true},
		{"inc.1", `a"\b`, 200, "Valor del Contador, 7", true},
		{"inc.1", longest, 200, "Valor del Contador, 8", false},
		{"inc.1", `"` + longest + `"`, 200, "Valor del Contador, 8", true},
		{"inc.9223372036854775807", "over", 409, over, false},
		{"res.0", "zero", 200, "Valor del Contador, 0", false},
		{"inc.9223372036854775807", "over", 409, over, true},
		{"inc.1", "00000000-0000-7000-8000-000000000000", 410, "error too-old " + cuenta.TooOld.Text(), false},
		{"inc.1", "ffffffff-ffff-7000-8000-000000000000", 400, "error too-new " + cuenta.TooNew.Text(), false},
		{"con.0", "", 200, "Valor del Contador, 0", false},
	} {
		var headers []string
		if step.key != "" {
			headers = []string{"idempotency-KEY: " + step.key}
		}
		a := s.ask("GET", "/cambiar?counter="+step.query, headers...)
		if a.status != step.status || a.body != step.body {
			t.Fatalf("step %d, %s with key %q: got %d %q, want %d %q", i, step.query, step.key, a.status, a.body, step.status, step.body)
		}
		if got := a.header.Get(replayedHeader); got != "" != step.replayed || step.replayed && got != "true" {
			t.Errorf("step %d, %s with key %q: %s is %q", i, step.query, step.key, replayedHeader, got)
		}
	}
	host := cuenta.ClientOf(netip.MustParseAddr("127.0.0.1"))
	if got := s.service.Clients(); len(got) != 1 || got[host] == 0 {
		t.Errorf("clients %v, want %d", got, host)
	}
}

func TestBadKeys(t *testing.T) {
	s := start(t, Config{})
	for name, headers := range map[string][]string{
		"empty":              {"Idempotency-Key:"},
		"blank":              {"Idempotency-Key:   "},
		"empty string":       {`Idempotency-Key: ""`},
		"too long":           {"Idempotency-Key: " + strings.Repeat("k", cuenta.MaxKey+1)},
		"too long in quotes": {`Idempotency-Key: "` + strings.Repeat("k", cuenta.MaxKey+1) + `"`},
		"long escapes":       {`Idempotency-Key: "` + strings.Repeat(`\\`, cuenta.MaxKey+1) + `"`},
		"not closed":         {`Idempotency-Key: "a`},
		"only a quote":       {`Idempotency-Key: "`},
		"escaped end":        {`Idempotency-Key: "a\"`},
		"escaped letter":     {`Idempotency-Key: "\a"`},
		"ends in escape":     {`Idempotency-Key: "a\`},
		"space":              {"Idempotency-Key: a b"},
		"space in quotes":    {`Idempotency-Key: "a b"`},
		"parameter":          {`Idempotency-Key: "a";b=1`},
		"list":               {`Idempotency-Key: "a", "a"`},
		"after the end":      {`Idempotency-Key: "a"b`},
		"not ASCII":          {"Idempotency-Key: ñ"},
		"twice":              {"Idempotency-Key: a", "Idempotency-Key: a"},
		"twice, one empty":   {"Idempotency-Key: a", "Idempotency-Key:"},
	} {
		for _, query := range []string{"inc.4", "inc.4+id=a", "con.0"} {
			a := s.ask("GET", "/cambiar?counter="+query, headers...)
			if a.status != 400 || a.body != "error syntax "+badKey {
				t.Errorf("%s, %s: %d %q", name, query, a.status, a.body)
			}
		}
	}
	s.expect(s.ask("GET", "/cambiar?counter=inc.4+id=a", "Idempotency-Key: b"), 400, "error syntax "+otherKeys)
	s.expect(s.ask("GET", "/cambiar?counter=inc.4+id=a", `Idempotency-Key: "A"`), 400, "error syntax "+otherKeys)
	if calls := s.service.Calls(); calls.Batches != 0 {
		t.Errorf("%d batches were executed", calls.Batches)
	}
}
