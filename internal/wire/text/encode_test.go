package text

import (
	"math"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
)

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
