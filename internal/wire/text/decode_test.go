package text

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
)

func request(op cuenta.Op, n int64, counter, key string) cuenta.Request {
	return cuenta.Request{Op: op, N: n, Counter: []byte(counter), Identity: cuenta.Identity{Key: []byte(key)}}
}

// show makes requests comparable: nil and empty mean the same.
func show(r cuenta.Request) string {
	terms := ""
	if r.Terms != nil {
		terms = fmt.Sprintf(" %+v", *r.Terms)
	}
	return fmt.Sprintf("%v %d @%q id=%q if=%d span=%d%s", r.Op, r.N, r.Counter, r.Identity.Key, r.If, r.Span, terms)
}

func with(r cuenta.Request, t cuenta.Terms) cuenta.Request {
	r.Terms = &t
	return r
}

func to(at int64) cuenta.Bound { return cuenta.Bound{Set: true, At: at} }

func after(seconds int64, when cuenta.ExpiryCondition) cuenta.Terms {
	return cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: seconds * 1e9, If: when}}
}

func TestDecodeCommands(t *testing.T) {
	longName := strings.Repeat("n", cuenta.MaxName)
	longKey := strings.Repeat("k", cuenta.MaxKey)
	zeros := strings.Repeat("0", MaxLine-len("inc.7"))
	tests := []struct {
		line string
		want cuenta.Request
	}{
		{"inc.4", request(cuenta.Add, 4, "", "")},
		{"dec.3", request(cuenta.Add, -3, "", "")},
		{"inc.0", request(cuenta.Get, 0, "", "")},
		{"dec.0", request(cuenta.Get, 0, "", "")},
		{"con.0", request(cuenta.Get, 0, "", "")},
		{"con.000", request(cuenta.Get, 0, "", "")},
		{"res.0", request(cuenta.Reset, 0, "", "")},
		{"inc.007", request(cuenta.Add, 7, "", "")},
		{"inc." + zeros + "7", request(cuenta.Add, 7, "", "")},
		{"inc.9223372036854775807", request(cuenta.Add, math.MaxInt64, "", "")},
		{"dec.9223372036854775807", request(cuenta.Add, -math.MaxInt64, "", "")},
		{"inc.09223372036854775807", request(cuenta.Add, math.MaxInt64, "", "")},
		{"inc.4 @visitas", request(cuenta.Add, 4, "visitas", "")},
		{"inc.4 @cuenta", request(cuenta.Add, 4, "cuenta", "")},
		{"inc.4 id=7f3a-19", request(cuenta.Add, 4, "", "7f3a-19")},
		{"inc.4 @visitas id=7f3a-19", request(cuenta.Add, 4, "visitas", "7f3a-19")},
		{"inc.4 id=7f3a-19 @visitas", request(cuenta.Add, 4, "visitas", "7f3a-19")},
		{"res.0 @a/b:c", request(cuenta.Reset, 0, "a/b:c", "")},
		{"con.0 @año", request(cuenta.Get, 0, "año", "")},
		{"inc.1 @@", request(cuenta.Add, 1, "@", "")},
		{"inc.1 @id=x", request(cuenta.Add, 1, "id=x", "")},
		{"inc.1 id=@x", request(cuenta.Add, 1, "", "@x")},
		{"inc.1 id==!~", request(cuenta.Add, 1, "", "=!~")},
		{"inc.1 @" + longName + " id=" + longKey, request(cuenta.Add, 1, longName, longKey)},
		{"inc.4 max=10", with(request(cuenta.Add, 4, "", ""), cuenta.Terms{Ceiling: to(10)})},
		{"dec.4 min=-0 id=a max=007 @b", with(request(cuenta.Add, -4, "b", "a"), cuenta.Terms{Floor: to(0), Ceiling: to(7)})},
		{"inc.4 sat", with(request(cuenta.Add, 4, "", ""), cuenta.Terms{Clamp: true})},
		{"inc.4 sat ttl=60", with(request(cuenta.Add, 4, "", ""), cuenta.Terms{Clamp: true, Expiry: after(60, 0).Expiry})},
		{"res.0 ttl=9223372036", with(request(cuenta.Reset, 0, "", ""), after(9223372036, 0))},
		{"inc.1 min=-9223372036854775808 max=9223372036854775807", with(request(cuenta.Add, 1, "", ""), cuenta.Terms{Floor: to(math.MinInt64), Ceiling: to(math.MaxInt64)})},
		{"ing.4", request(cuenta.Add, 4, "", "")},
		{"ing.4 max=9", with(request(cuenta.Add, 4, "", ""), cuenta.Terms{Ceiling: to(9)})},
		{"ing.0", request(cuenta.Get, 0, "", "")},
		{"ret.4", with(request(cuenta.Add, -4, "", ""), cuenta.Terms{Floor: to(0)})},
		{"ret.4 min=-7", with(request(cuenta.Add, -4, "", ""), cuenta.Terms{Floor: to(-7)})},
		{"ret.4 max=0 sat", with(request(cuenta.Add, -4, "", ""), cuenta.Terms{Floor: to(0), Ceiling: to(0), Clamp: true})},
		{"ret.0 @a", request(cuenta.Get, 0, "a", "")},
		{"bal.0 @a id=b", request(cuenta.Get, 0, "a", "b")},
		{"lim.0", with(request(cuenta.Limit, 0, "", ""), cuenta.Terms{})},
		{"lim.00 @a min=-5 id=k", with(request(cuenta.Limit, 0, "a", "k"), cuenta.Terms{Floor: to(-5)})},
		{"lim.0 max=5 min=5", with(request(cuenta.Limit, 0, "", ""), cuenta.Terms{Floor: to(5), Ceiling: to(5)})},
		{"exp.60", with(request(cuenta.Expire, 0, "", ""), after(60, 0))},
		{"exp.9223372036 if=later @a", with(request(cuenta.Expire, 0, "a", ""), after(9223372036, cuenta.ExpiryIfLater))},
		{"exp.0 if=any", with(request(cuenta.Expire, 0, "", ""), cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.NoExpiry, If: cuenta.ExpiryIfAny}})},
		{"exp.1 if=none", with(request(cuenta.Expire, 0, "", ""), after(1, cuenta.ExpiryIfNone))},
		{"lim.0 total @a", with(request(cuenta.Limit, 0, "a", ""), cuenta.Terms{Total: true})},
		{"lim.0 max=9 total", with(request(cuenta.Limit, 0, "", ""), cuenta.Terms{Ceiling: to(9), Total: true})},
		{"exp.1 if=any-sooner", with(request(cuenta.Expire, 0, "", ""), after(1, cuenta.ExpiryIfAnySooner))},
		{"exp.1 if=sooner id=k", with(request(cuenta.Expire, 0, "", "k"), after(1, cuenta.ExpiryIfSooner))},
	}
	for _, test := range tests {
		var r cuenta.Request
		if v := Decode([]byte(test.line), &r); v != Command {
			t.Errorf("%q: %q", test.line, v.Answer())
		} else if show(r) != show(test.want) {
			t.Errorf("%q: got %s, want %s", test.line, show(r), show(test.want))
		}
	}
}

func rate(kind cuenta.RateKind, limit, seconds, burst int64) cuenta.Terms {
	return cuenta.Terms{Rate: cuenta.Rate{Kind: kind, Limit: limit, Period: seconds * 1e9, Burst: burst}}
}

// Rates, tickets and holds, which [AppendCommand] does not say.
func TestDecodeRarities(t *testing.T) {
	longest := strings.Repeat("i", cuenta.MaxKey)
	held := func(id uint64, t cuenta.Terms) cuenta.Terms {
		t.Hold = id
		return t
	}
	for line, want := range map[string]cuenta.Request{
		"cup.1 @api max=100 per=60":                    with(request(cuenta.Take, 1, "api", ""), rate(cuenta.FixedWindow, 100, 60, 0)),
		"cup.0 per=3153600000 max=1 tipo=fija":         with(request(cuenta.Take, 0, "", ""), rate(cuenta.FixedWindow, 1, 3153600000, 0)),
		"cup.5 max=2147483647 per=1 tipo=deslizante":   with(request(cuenta.Take, 5, "", ""), rate(cuenta.SlidingWindow, 1<<31-1, 1, 0)),
		"cup.5 id=k tipo=continua raf=20 max=10 per=1": with(request(cuenta.Take, 5, "", "k"), rate(cuenta.Steady, 10, 1, 20)),
		"cup.9 max=9223372036854775807 per=1":          with(request(cuenta.Take, 9, "", ""), rate(cuenta.FixedWindow, math.MaxInt64, 1, 0)),
		"tic.1 @turno para=ana":                        with(request(cuenta.Ticket, 1, "turno", ""), cuenta.Terms{Ident: []byte("ana")}),
		"tic.3 para=@=ñ/x id=k":                        with(request(cuenta.Ticket, 3, "", "k"), cuenta.Terms{Ident: []byte("@=ñ/x")}),
		"tic.1 para=" + longest:                        with(request(cuenta.Ticket, 1, "", ""), cuenta.Terms{Ident: []byte(longest)}),
		"liq.3 @a de=7":                                with(request(cuenta.Settle, 3, "a", ""), cuenta.Terms{Hold: 7}),
		"liq.0 de=007 sat id=k":                        with(request(cuenta.Settle, 0, "", "k"), cuenta.Terms{Hold: 7, Clamp: true}),
		"sol.0 de=9223372036854775807":                 with(request(cuenta.Release, 0, "", ""), cuenta.Terms{Hold: math.MaxInt64}),
		"liq.3 baja @a de=7":                           with(request(cuenta.Settle, -3, "a", ""), cuenta.Terms{Hold: 7}),
		"liq.0 sat de=7 baja":                          with(request(cuenta.Settle, 0, "", ""), cuenta.Terms{Hold: 7, Clamp: true}),
		"ext.60 @a de=1":                               with(request(cuenta.Extend, 0, "a", ""), held(1, after(60, 0))),
	} {
		var r cuenta.Request
		if v := Decode([]byte(line), &r); v != Command || show(r) != show(want) {
			t.Errorf("%q: %q, got %s, want %s", line, v.Answer(), show(r), show(want))
		}
		if _, sayable := AppendCommand(nil, &r); sayable {
			t.Errorf("%q is said, though a line does not answer all there is", line)
		}
	}
}

func TestDecodeOthers(t *testing.T) {
	for line, want := range map[string][]cuenta.Request{
		"ttl.0 @a":                           {with(request(cuenta.Describe, 0, "a", ""), cuenta.Terms{})},
		"dis.0 @a":                           {with(request(cuenta.Describe, 0, "a", ""), cuenta.Terms{})},
		"val.7 @a":                           {request(cuenta.Get, 0, "a", "")},
		"val.0":                              {request(cuenta.Get, 0, "", "")},
		"dis.0 baja":                         {with(request(cuenta.Describe, 0, "", ""), cuenta.Terms{})},
		"apa.4 @a ttl=60 baja id=k":          {with(request(cuenta.Hold, -4, "a", "k"), after(60, 0))},
		"apa.9223372036854775807 baja ttl=1": {with(request(cuenta.Hold, -math.MaxInt64, "", ""), after(1, 0))},
		"ren.0":                              {{Op: cuenta.All, Span: 2}, request(cuenta.Reset, 0, "", ""), request(cuenta.Add, 1, "cuenta/#", "")},
		"ren.00 id=k @a/b": {
			{Op: cuenta.All, Span: 2, Identity: cuenta.Identity{Key: []byte("k")}}, request(cuenta.Reset, 0, "a/b", ""), request(cuenta.Add, 1, "a/b/#", ""),
		},
		"ren.0 @" + strings.Repeat("n", cuenta.MaxName-2): {
			{Op: cuenta.All, Span: 2}, request(cuenta.Reset, 0, strings.Repeat("n", cuenta.MaxName-2), ""), request(cuenta.Add, 1, strings.Repeat("n", cuenta.MaxName-2)+"/#", ""),
		},
		"apa.4 @a ttl=600 id=k": {with(request(cuenta.Hold, 4, "a", "k"), after(600, 0))},
		"tra.5 @a @b": {
			{Op: cuenta.All, Span: 3}, request(cuenta.Get, 0, "a", ""),
			with(request(cuenta.Add, -5, "a", ""), cuenta.Terms{Floor: to(0)}), request(cuenta.Add, 5, "b", ""),
		},
		"tra.5 min=-9 @b id=k @a": {
			{Op: cuenta.All, Span: 3, Identity: cuenta.Identity{Key: []byte("k")}}, request(cuenta.Get, 0, "b", ""),
			with(request(cuenta.Add, -5, "b", ""), cuenta.Terms{Floor: to(-9)}), request(cuenta.Add, 5, "a", ""),
		},
	} {
		var d Decoder
		got, l := d.Decode([]byte(line), []cuenta.Request{{}})
		if l.Bad() || l.Verdict == Command || l.Answer() != "" || l.Requests() != len(want) || len(got) != 1+len(want) {
			t.Errorf("%q: %+v, %d requests", line, l, len(got)-1)
			continue
		}
		for i := range want {
			if show(got[1+i]) != show(want[i]) {
				t.Errorf("%q: got %s, want %s", line, show(got[1+i]), show(want[i]))
			}
		}
	}
}

func TestDecodeWords(t *testing.T) {
	for v := verb(1); v <= lastVerb; v++ {
		name := verbs[v].help[:3] // with which it begins
		var r cuenta.Request
		if got := Decode([]byte("ayuda "+name), &r); verbOf([]byte(name)) != v || got.Bad() || got.Answer() != verbs[v].help || r.Op != 0 {
			t.Errorf("ayuda %s: verdict %d, %q", name, got, got.Answer())
		}
	}
	for line, want := range map[string]Verdict{"ayuda": Help, "ayuda mas": MoreHelp, "salir": Quit} {
		var r cuenta.Request
		if v := Decode([]byte(line), &r); v != want || v.Bad() || r.Op != 0 {
			t.Errorf("%q: verdict %d, request %s", line, v, show(r))
		}
	}
}

// Every beginning begins a command, and there is one of each verb.
func TestBeginnings(t *testing.T) {
	said := 0
	for beginning := range Beginnings() {
		said++
		read := Decode([]byte(beginning), new(cuenta.Request))
		if verbOf([]byte(beginning[:3])) != verb(said) || strings.HasSuffix(beginning, ".0") == (read == badNoNumber) || read == badVerb {
			t.Errorf("%q: %q", beginning, read.Answer())
		}
		if whole := Decode([]byte(beginning[:4]+"1"), new(cuenta.Request)); strings.HasSuffix(beginning, ".0") != (whole == verbs[said].unless0 && whole.Bad()) {
			t.Errorf("%q: with a 1: %q", beginning, whole.Answer())
		}
	}
	if said != numVerbs {
		t.Errorf("%d beginnings of %d verbs", said, numVerbs)
	}
}

func TestEveryAnswerIsOneShortLine(t *testing.T) {
	check := func(answer string) {
		t.Helper()
		if len(answer) > MaxAnswer || strings.Index(answer, "\n") != len(answer)-1 {
			t.Errorf("%q is not one line of at most %d bytes", answer, MaxAnswer)
		}
	}
	for v := Help; v < numVerdicts; v++ {
		check(v.Answer())
		prefix := "error syntax "
		if v == TooLong {
			prefix = "error too-large "
		}
		if v.Bad() != strings.HasPrefix(v.Answer(), prefix) {
			t.Errorf("verdict %d answers %q", v, v.Answer())
		}
	}
	for hours := range int64(2 * 100 * 365 * 24) {
		check(string(AppendAnswer(nil, &cuenta.Result{Code: cuenta.Throttled, Amount: (hours+1)*3600e9 - 1})))
	}
	for _, amount := range []int64{-1, 0, 1, 999_999_999, 3599_999_999_999, math.MaxInt64} {
		check(string(AppendAnswer(nil, &cuenta.Result{Code: cuenta.Throttled, Amount: amount})))
	}
	for _, amount := range []int64{0, math.MinInt64, math.MaxInt64} {
		check(string(AppendAnswer(nil, &cuenta.Result{Code: cuenta.Limited, Value: math.MinInt64, Amount: amount})))
	}
	for code := cuenta.OK; code < cuenta.NumCodes; code++ {
		for _, value := range []int64{0, math.MinInt64, math.MaxInt64} {
			r := cuenta.Result{Code: code, Value: value}
			answer := string(AppendAnswer(nil, &r))
			check(answer)
			if code != cuenta.OK && !strings.HasPrefix(answer, "error "+code.String()+" ") {
				t.Errorf("%v answers %q", code, answer)
			}
		}
	}
}

func TestAppendAnswer(t *testing.T) {
	tests := []struct {
		r    cuenta.Result
		want string
	}{
		{cuenta.Result{Value: 13, Revision: 7}, "13\n"},
		{cuenta.Result{Value: math.MinInt64}, "-9223372036854775808\n"},
		{cuenta.Result{Code: cuenta.Overflow, Value: math.MaxInt64}, "error overflow the counter would pass 9223372036854775807\n"},
		{cuenta.Result{Code: cuenta.Overflow, Value: math.MinInt64}, "error overflow the counter would pass -9223372036854775808\n"},
		{cuenta.Result{Code: cuenta.Busy}, "error busy the server is at its limit, try again\n"},
	}
	for _, test := range tests {
		if got := string(AppendAnswer([]byte("x"), &test.r)); got != "x"+test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestTrimDatagram(t *testing.T) {
	for p, want := range map[string]string{
		"inc.4": "inc.4", "inc.4\n": "inc.4", "inc.4\r\n\r\n\n\n": "inc.4", "inc.4\n\r": "inc.4", "\n": "", "": "",
		"\ninc.4": "\ninc.4", "inc.4\ndec.3\n": "inc.4\ndec.3", "inc.4 \n": "inc.4 ",
	} {
		if got := string(TrimDatagram([]byte(p))); got != want {
			t.Errorf("%q: got %q, want %q", p, got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, line := range []string{
		"inc.4", "dec.3 @visitas", "res.0 id=a @b", "con.0 @b id=a", "inc.9223372036854775808", "ayuda", "salir", "", "inc.4  @a",
		"ing.4 max=9", "ret.4 min=-5 sat ttl=9 @a", "lim.0 min=-9223372036854775808", "exp.5 if=later", "ttl.0", "tra.5 @a @b min=0 id=k", "bal.0", "ayuda tra",
		"cup.1 @api max=100 per=60 tipo=continua raf=5", "tic.1 @turno para=ana", "val.3", "ren.0 @turno id=k", "apa.2 ttl=9 baja", "liq.2 de=7 baja sat", "dis.0 baja", "apa.2 ttl=600", "liq.1 de=7 sat", "sol.0 de=1", "ext.9 de=1", "dis.0", "lim.0 total",
		"ret.4 max=-1", "inc.0 sat", "inc.00000000000000000000000000004", "inc.1 @a @b", "inc.1 id=a id=b", "inc.-1", "\xff", "GET / HTTP/1.1",
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		var d Decoder
		got, l := d.Decode(line, nil)
		want, ok := naive(line)
		if l.Requests() != len(got) || len(got) != len(want) || ok != (len(got) > 0) {
			t.Fatalf("%q: verdict %d %q, %d requests; the naive decoder says %d", line, l.Verdict, l.Answer(), len(got), len(want))
		}
		for i := range got {
			if show(got[i]) != show(want[i]) {
				t.Fatalf("%q: got %s, want %s", line, show(got[i]), show(want[i]))
			}
			if r := &got[i]; r.Terms != nil && !r.Terms.Valid() {
				t.Fatalf("%q: terms that nobody can mean: %+v", line, r.Terms)
			}
		}
		if len(got) == 1 && got[0].Op < cuenta.Take {
			var again cuenta.Request
			command, sayable := AppendCommand(nil, &got[0])
			if v := Decode(command, &again); !sayable || v.Bad() || show(again) != show(got[0]) {
				t.Fatalf("%q was written as %q, which is read as %s (%d)", line, command, show(again), v)
			}
		}
		if l.Verdict == Transfer || l.Verdict == Renumber {
			command, sayable := AppendLine(nil, got)
			again, _ := d.Decode(command, nil)
			for i := range got {
				if !sayable || len(command) <= MaxLine && show(again[i]) != show(got[i]) {
					t.Fatalf("%q was written as %q", line, command)
				}
			}
		}
		if len(got) == 0 && l.Answer() == "" {
			t.Fatalf("%q is not answered", line)
		}
		if word := string(line); (l.Verdict == Help) != (word == "ayuda") || (l.Verdict == MoreHelp) != (word == "ayuda mas") || (l.Verdict == Quit) != (word == "salir") {
			t.Fatalf("%q: verdict %d", line, l.Verdict)
		}
	})
}

func TestCodecAllocatesNothing(t *testing.T) {
	lines := [][]byte{[]byte("inc.4 @visitas id=7f3a-19"), []byte("inc.x"), []byte("ayuda"), []byte("nonsense"), []byte("ret.4 @a sat"), []byte("tra.4 @a @b"), []byte("cup.1 max=9 per=1"), []byte("tic.1 para=ana")}
	results := []cuenta.Result{{Value: -13}, {Code: cuenta.Overflow, Value: math.MaxInt64}}
	dst := make([]byte, 0, 1024)
	var d Decoder
	room := make([]cuenta.Request, MaxRequests)
	allocs := testing.AllocsPerRun(100, func() {
		dst = dst[:0]
		d.Reset()
		for _, line := range lines {
			_, l := d.Decode(line, room[:0])
			dst = append(dst, l.Answer()...)
		}
		for i := range results {
			dst = AppendAnswer(dst, &results[i])
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, line := range []string{"inc.4", "inc.4 @visitas", "inc.9223372036854775807 @visitas id=7f3a-19", "ret.4 @visitas", "tra.4 @a @b"} {
		b.Run(line, func(b *testing.B) {
			b.ReportAllocs()
			p := []byte(line)
			var d Decoder
			requests := make([]cuenta.Request, MaxRequests)
			for b.Loop() {
				d.Reset()
				if _, l := d.Decode(p, requests[:0]); l.Bad() {
					b.Fatal("malformed")
				}
			}
		})
	}
}

func BenchmarkAppendAnswer(b *testing.B) {
	b.ReportAllocs()
	dst := make([]byte, 0, 64)
	r := cuenta.Result{Value: 1234567890}
	for b.Loop() {
		dst = AppendAnswer(dst[:0], &r)
	}
}
