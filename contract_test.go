package cuenta

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
)

func TestEveryCodeIsComplete(t *testing.T) {
	seen := map[string]Code{}
	for c := OK; c < NumCodes; c++ {
		name, text := c.String(), c.Text()
		if name == "" || text == "" || len(text) > 50 {
			t.Errorf("code %d: name %q, text %q", c, name, text)
		}
		if strings.ContainsAny(name, " :\n") {
			t.Errorf("code %d: name %q does not fit on the wire", c, name)
		}
		if other, twice := seen[name]; twice {
			t.Errorf("codes %d and %d share the name %q", other, c, name)
		}
		seen[name] = c
		if (c.Fate() == Applied) != (c == OK) {
			t.Errorf("code %v says the change was applied", c)
		}
	}
	if Code(200).String() != "invalid" || Code(200).Fate() != FateUnknown {
		t.Error("a code from nowhere must not pass for one of ours")
	}
}

func TestErrorsSurviveTheirTextForm(t *testing.T) {
	for c := OK + 1; c < NumCodes; c++ {
		r := Result{Code: c, Value: math.MinInt64}
		err := r.Err()
		got, ok := ParseError(err.Error())
		if !ok || got.Code != c || got.Text != r.Text() {
			t.Errorf("%q parses to %+v, %v", err, got, ok)
		}
		if !errors.Is(err, &Error{Code: c}) || errors.Is(err, &Error{Code: OK}) {
			t.Errorf("errors.Is does not tell %v by its code", c)
		}
	}
	for _, s := range []string{"", "overflow", "ok: done", "rpc: can't find service"} {
		if e, ok := ParseError(s); ok {
			t.Errorf("%q parses to %+v", s, e)
		}
	}
}

func TestValidName(t *testing.T) {
	for name, want := range map[string]bool{
		"cuenta": true, "visitas/2026-11": true, "niño": true, "点": true, "a": true,
		strings.Repeat("x", MaxName):   true,
		strings.Repeat("x", MaxName+1): false,
		"":                             false, "a b": false, "a\tb": false, "a\nb": false, "\x00": false, "a\x7f": false,
		"a\u00a0b": false, "a\u2003b": false, "a\u0085": false, "\ufeffa": false,
		"a\xff": false, "\xc3": false, "é\n": false,
	} {
		if got := ValidName([]byte(name)); got != want {
			t.Errorf("ValidName(%q) = %v, want %v", name, got, want)
		}
	}
}

// TestValidNameLooksAtEveryByte puts every byte at every place of names that are long
// enough to be looked at eight bytes at a time.
func TestValidNameLooksAtEveryByte(t *testing.T) {
	for length := 1; length <= 25; length++ {
		for at := range length {
			for c := range 256 {
				for _, others := range []byte("!a~") {
					name := bytes.Repeat([]byte{others}, length)
					name[at] = byte(c)
					if got, want := ValidName(name), c > ' ' && c < 0x7f; got != want {
						t.Fatalf("ValidName(%q) = %v", name, got)
					}
				}
			}
		}
	}
}
