package idempotency

import (
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
)

func TestParse(t *testing.T) {
	longest := strings.Repeat("k", cuenta.MaxKey)
	for _, c := range []struct {
		values []string
		key    string
		err    error
	}{
		{nil, "", nil},
		{[]string{"a"}, "a", nil},
		{[]string{`"a"`}, "a", nil},
		{[]string{" \ta\t "}, "a", nil},
		{[]string{` "a" `}, "a", nil},
		{[]string{`"a\"\\b"`}, `a"\b`, nil},
		{[]string{`a"\b`}, `a"\b`, nil},
		{[]string{longest}, longest, nil},
		{[]string{`"` + longest + `"`}, longest, nil},
		{[]string{longest + "k"}, "", ErrKey},
		{[]string{`"` + longest + `k"`}, "", ErrKey},
		{[]string{""}, "", ErrKey},
		{[]string{`""`}, "", ErrKey},
		{[]string{"a b"}, "", ErrKey},
		{[]string{`"a b"`}, "", ErrKey},
		{[]string{"ñ"}, "", ErrKey},
		{[]string{`"`}, "", ErrString},
		{[]string{`"a`}, "", ErrString},
		{[]string{`"a\`}, "", ErrString},
		{[]string{`"a\"`}, "", ErrString},
		{[]string{`"\a"`}, "", ErrString},
		{[]string{`"a";b=1`}, "", ErrString},
		{[]string{`"a", "a"`}, "", ErrString},
		{[]string{`"a"b`}, "", ErrString},
		{[]string{"a", "a"}, "", ErrSeveral},
		{[]string{"a", ""}, "", ErrSeveral},
	} {
		if key, err := Parse(c.values); key != c.key || err != c.err {
			t.Errorf("%q: %q, %v; want %q, %v", c.values, key, err, c.key, c.err)
		}
	}
	if !strings.Contains(ErrKey.Error(), "128") || cuenta.MaxKey != 128 {
		t.Errorf("%v, and the bound is %d", ErrKey, cuenta.MaxKey)
	}
}

// FuzzParse reads any value: what comes of it is a key, and is what was meant.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"a", `"a"`, `"a\"\\"`, `"`, `""`, `"a";b`, `\`, "a b", "", " a ", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		key, err := Parse([]string{value})
		if err != nil {
			if key != "" {
				t.Fatalf("%q was read as %q in spite of %v", value, key, err)
			}
			return
		}
		if !cuenta.ValidKey([]byte(key)) {
			t.Fatalf("%q was read as %q, which is no key", value, key)
		}
		quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(key) + `"`
		if bare := strings.Trim(value, " \t"); bare != key && bare != quoted {
			t.Fatalf("%q was read as %q", value, key)
		}
		if again, err := Parse([]string{quoted}); err != nil || again != key {
			t.Fatalf("%q was read as %q, and %q as %q, %v", value, key, quoted, again, err)
		}
	})
}
