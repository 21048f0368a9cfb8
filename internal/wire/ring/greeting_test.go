package ring

import (
	"bytes"
	"testing"

	"github.com/cuenta-server/cuenta"
)

// Whatever comes as a greeting, what passes is what this program would have sent:
// a server's may be padded with anything.
func FuzzGreetings(f *testing.F) {
	f.Add(AppendGreeting(nil))
	f.Add(AppendWelcome(nil, Welcome{InFlight: 4096, Cells: true}))
	f.Add(AppendWelcome(nil, Welcome{Code: cuenta.Busy}))
	f.Add([]byte("GET / HTTP/1.1\r\n"))
	f.Fuzz(func(t *testing.T, m []byte) {
		if ParseGreeting(m) == cuenta.OK && !bytes.Equal(m, AppendGreeting(nil)) {
			t.Errorf("%x passes as a program's greeting", m)
		}
		w, err := ParseWelcome(m)
		if err != nil {
			return
		}
		if again := AppendWelcome(nil, w); len(m) != len(again) || !bytes.Equal(m[:18], again[:18]) {
			t.Errorf("%x was read as %+v", m, w)
		}
		if w.Code >= cuenta.NumCodes || w.Code == cuenta.OK && w.InFlight == 0 {
			t.Errorf("%x was read as %+v", m, w)
		}
	})
}

func TestGreetings(t *testing.T) {
	m := AppendGreeting(nil)
	if len(m) != GreetingSize {
		t.Errorf("%d bytes", len(m))
	}
	for name, x := range map[string]struct {
		m    []byte
		want cuenta.Code
	}{
		"honest":        {m, cuenta.OK},
		"other version": {change(m, 8, Version+1), cuenta.Unsupported},
		"other magic":   {change(m, 0, 'c'), cuenta.Syntax},
		"not zero":      {change(m, 15, 1), cuenta.Syntax},
		"short":         {m[:15], cuenta.Syntax},
		"HTTP":          {[]byte("GET / HTTP/1.1\r\n"), cuenta.Syntax},
	} {
		if got := ParseGreeting(x.m); got != x.want {
			t.Errorf("%s: %v, want %v", name, got, x.want)
		}
	}
}

func TestWelcomes(t *testing.T) {
	for _, want := range []Welcome{{InFlight: 4096}, {InFlight: 1, Cells: true}, {Code: cuenta.Busy}} {
		m := AppendWelcome(nil, want)
		if got, err := ParseWelcome(m); len(m) != WelcomeSize || err != nil || got != want {
			t.Errorf("%d bytes are %+v, %v, want %+v", len(m), got, err, want)
		}
	}
	m := AppendWelcome(nil, Welcome{InFlight: 1})
	for name, m := range map[string][]byte{
		"short":           m[:20],
		"other magic":     change(m, 1, 'u'),
		"other version":   change(m, 8, Version+1),
		"no such code":    change(m, 16, byte(cuenta.NumCodes)),
		"cells, or what":  change(m, 17, 2),
		"none may travel": AppendWelcome(nil, Welcome{}),
	} {
		if w, err := ParseWelcome(m); err == nil {
			t.Errorf("%s: %+v", name, w)
		}
	}
}
