package text

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
)

// What looks like the requests of a command, and is none, has no words.
func TestAppendLineIsOfCommands(t *testing.T) {
	all := cuenta.Request{Op: cuenta.All, Span: 2}
	anew := []cuenta.Request{all, {Op: cuenta.Reset, Counter: []byte("a")}, {Op: cuenta.Add, N: 1, Counter: []byte("a/#")}}
	if got, ok := AppendLine(nil, anew); !ok || string(got) != "ren.0 @a" {
		t.Errorf("got %q, %v", got, ok)
	}
	for name, change := range map[string]func(r []cuenta.Request) []cuenta.Request{
		"nothing":         func(r []cuenta.Request) []cuenta.Request { return nil },
		"less":            func(r []cuenta.Request) []cuenta.Request { return r[:2] },
		"not all or none": func(r []cuenta.Request) []cuenta.Request { r[0].Op = cuenta.Check; return r },
		"another counter": func(r []cuenta.Request) []cuenta.Request { r[2].Counter = []byte("b/#"); return r },
		"another number":  func(r []cuenta.Request) []cuenta.Request { r[2].N = 2; return r },
		"another change":  func(r []cuenta.Request) []cuenta.Request { r[1].Op = cuenta.Delete; return r },
		"terms":           func(r []cuenta.Request) []cuenta.Request { r[1].Terms = &cuenta.Terms{Clamp: true}; return r },
		"other terms":     func(r []cuenta.Request) []cuenta.Request { r[2].Terms = &cuenta.Terms{Clamp: true}; return r },
	} {
		if got, ok := AppendLine([]byte("> "), change(slices.Clone(anew))); ok || string(got) != "> " {
			t.Errorf("%s: got %q, %v", name, got, ok)
		}
	}
}

func TestAppendCommand(t *testing.T) {
	keyed := func(r cuenta.Request, key string) cuenta.Request {
		r.Identity.Key = []byte(key)
		return r
	}
	on := func(r cuenta.Request, counter string) cuenta.Request {
		r.Counter = []byte(counter)
		return r
	}
	inc, read := cuenta.Request{Op: cuenta.Add, N: 4}, cuenta.Request{Op: cuenta.Get, N: 7}
	longest := keyed(on(cuenta.Request{Op: cuenta.Add, N: math.MinInt64 + 1}, strings.Repeat("n", cuenta.MaxName)), strings.Repeat("k", cuenta.MaxKey))
	for _, c := range []struct {
		r    cuenta.Request
		want string
	}{
		{inc, "inc.4"},
		{cuenta.Request{Op: cuenta.Add, N: -4}, "dec.4"},
		{cuenta.Request{Op: cuenta.Add, N: math.MaxInt64}, "inc.9223372036854775807"},
		{cuenta.Request{Op: cuenta.Reset, N: 9}, "res.0"},
		{read, "con.0"},
		{on(read, "añ:o"), "con.0 @añ:o"},
		{keyed(on(inc, "visitas"), "7f3a-19"), "inc.4 @visitas id=7f3a-19"},
		{keyed(inc, "id=@a"), "inc.4 id=id=@a"},
		{longest, "dec.9223372036854775807 @" + string(longest.Counter) + " id=" + string(longest.Identity.Key)},
	} {
		got, ok := AppendCommand([]byte("> "), &c.r)
		if !ok || string(got) != "> "+c.want {
			t.Errorf("%+v: got %q, %v; want %q", c.r, got, ok, c.want)
		}
		if len(got)-2 > MaxLine {
			t.Errorf("%q is longer than a command may be", got)
		}
		var again cuenta.Request
		if v := Decode(got[2:], &again); v != Command || again.Fingerprint() != c.r.Fingerprint() || string(again.Identity.Key) != string(c.r.Identity.Key) {
			t.Errorf("%q is read as %+v (%d), and was made from %+v", got, again, v, c.r)
		}
	}
	for name, r := range map[string]cuenta.Request{
		"nothing":         {},
		"adding 0":        {Op: cuenta.Add},
		"the least":       {Op: cuenta.Add, N: math.MinInt64},
		"set":             {Op: cuenta.Set, N: 1},
		"delete":          {Op: cuenta.Delete},
		"outcome":         {Op: cuenta.Outcome, Identity: cuenta.Identity{Key: []byte("k")}},
		"condition":       {Op: cuenta.Reset, If: cuenta.IfPresent},
		"session":         {Op: cuenta.Reset, Identity: cuenta.Identity{Session: 1, Number: 1}},
		"bad key":         keyed(inc, "k k"),
		"bad name":        on(inc, "a b"),
		"line end inside": on(inc, "a\ninc.4"),
	} {
		if got, ok := AppendCommand([]byte("> "), &r); ok || string(got) != "> " {
			t.Errorf("%s: got %q, %v", name, got, ok)
		}
	}
}
