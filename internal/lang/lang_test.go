package lang

import (
	"errors"
	"testing"
)

func TestFromLocale(t *testing.T) {
	tests := []struct {
		name string
		vars map[string]string
		want Lang
	}{
		{"nothing set", nil, English},
		{"plain", map[string]string{"LANG": "es"}, Spanish},
		{"territory and codeset", map[string]string{"LANG": "es_CO.UTF-8"}, Spanish},
		{"modifier", map[string]string{"LANG": "es@euro"}, Spanish},
		{"dash", map[string]string{"LANG": "es-MX"}, Spanish},
		{"codeset only", map[string]string{"LANG": "es.UTF-8"}, Spanish},
		{"C", map[string]string{"LANG": "C.UTF-8"}, English},
		{"another language", map[string]string{"LANG": "fr_FR.UTF-8"}, English},
		{"a longer language code", map[string]string{"LANG": "est_EE"}, English},
		{"LC_ALL is strongest", map[string]string{"LC_ALL": "C", "LC_MESSAGES": "es", "LANG": "es"}, English},
		{"LC_MESSAGES before LANG", map[string]string{"LC_MESSAGES": "es_ES", "LANG": "en_US"}, Spanish},
		{"an empty one does not count", map[string]string{"LC_ALL": "", "LANG": "es_ES"}, Spanish},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := FromLocale(func(n string) string { return tt.vars[n] }); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestParse(t *testing.T) {
	for _, l := range []Lang{Spanish, English} {
		if got, err := Parse(l.String()); err != nil || got != l {
			t.Errorf("Parse(%q) = %v, %v", l.String(), got, err)
		}
	}
	for _, bad := range []string{"", "ES", "español", "es_CO"} {
		if _, err := Parse(bad); err == nil {
			t.Errorf("Parse(%q) has no error", bad)
		}
	}
}

func TestCount(t *testing.T) {
	one, many := Text{ES: "%d contador", EN: "%d counter"}, Text{ES: "%d contadores", EN: "%d counters"}
	for n, want := range map[uint64]Text{
		0: {ES: "0 contadores", EN: "0 counters"}, 1: {ES: "1 contador", EN: "1 counter"}, 2: {ES: "2 contadores", EN: "2 counters"},
	} {
		if got := Count(n, one, many); got != want {
			t.Errorf("%d: %+v", n, got)
		}
	}
}

func TestFillTranslatesTextsWithin(t *testing.T) {
	outer := Text{ES: "%s: mal: %v", EN: "%s: bad: %v"}.Fill("--x", Text{ES: "vacío", EN: "empty"})
	if got := outer.In(Spanish); got != "--x: mal: vacío" {
		t.Errorf("Spanish: %q", got)
	}
	if got := outer.In(English); got != "--x: bad: empty" {
		t.Errorf("English: %q", got)
	}
	var asError error = outer
	var back Text
	if !errors.As(asError, &back) || asError.Error() != outer.EN {
		t.Errorf("as an error it is %v", asError)
	}
}
