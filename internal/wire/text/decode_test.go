package text

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
)

func request(op cuenta.Op, n int64, counter, key string) cuenta.Request {
	return cuenta.Request{Op: op, N: n, Counter: []byte(counter), Identity: cuenta.Identity{Key: []byte(key)}}
}

// show makes requests comparable: nil and empty mean the same.
func show(r cuenta.Request) string {
	return fmt.Sprintf("%v %d @%q id=%q", r.Op, r.N, r.Counter, r.Identity.Key)
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

func TestDecodeWords(t *testing.T) {
	for line, want := range map[string]Verdict{"ayuda": Help, "salir": Quit} {
		var r cuenta.Request
		if v := Decode([]byte(line), &r); v != want || v.Bad() || r.Op != 0 {
			t.Errorf("%q: verdict %d, request %s", line, v, show(r))
		}
	}
}

func TestDecodeMalformed(t *testing.T) {
	tests := map[Verdict][]string{
		TooLong: {strings.Repeat("x", MaxLine+1), "inc." + strings.Repeat("0", MaxLine-3), strings.Repeat(" ", 70<<10)},
		badHTTP: {
			"GET / HTTP/1.1", "POST /inc.4 HTTP/1.0", "inc.4 / HTTP/1.1", "ayuda / HTTP/1.1", "inc.4 HTTP/1.1", "PRI * HTTP/2.0",
		},
		badEmpty: {""},
		badVerb: {
			" ", "     ", "\x00", "\r", "\t", ".", "..", "...4", "4", "x", "in", "inc4", "inc 4x"[3:], "incr.4", "INC.4", "Inc.4",
			" inc.4", "\tinc.4", "inc,4", "inc\x00.4", "\ufeffinc.4", "iñc.4", "abc.4", "set.4", "get.0", "Ayuda", "AYUDA", "ayudas",
			"salirx", "help", "quit", "exit", "ayuda\x00", "salir.0", "Host: localhost", "{\"inc\":4}",
			"*1\r\n$4\r\nPING", "\x16\x03\x01\x02\x00\x01", strings.Repeat("\xff", MaxLine),
		},
		badNoNumber: {"inc", "dec", "res", "con", "inc 4", "inc.", "dec.", "res.", "con.", "inc. ", "inc. 4", "inc. @a"},
		badNumber: {
			"inc.-4", "inc.+4", "dec.-0", "inc.x", "inc.4x", "inc.0x4", "inc.4e2", "inc.1_000", "inc.1,000", "inc.1.5", "inc.4.",
			"inc.٤", "inc.４", "inc.4\u00a0", "inc.4\x00", "inc.4\t", "inc.4\r", "inc.4\rdec.3", "inc.4\ndec.3", "inc.4dec.3",
			"inc.4;dec.3", "inc.4@a", "inc.99999999999999999999x", "inc.\x00", "res.x", "con.-0", "inc.4\x7f",
		},
		badRange: {
			"inc.9223372036854775808", "dec.9223372036854775808", "inc.18446744073709551616", "inc.18446744073709551620",
			"inc.99999999999999999999", "inc." + strings.Repeat("9", 500), "inc.9223372036854775808 @a", "con.9223372036854775808",
			"inc.92233720368547758070",
		},
		badResAmount: {"res.1", "res.9223372036854775807", "res.1 @a"},
		badConAmount: {"con.1", "con.04", "con.1 @a"},
		badSpacing:   {"inc.4 ", "inc.4  ", "inc.4  @a", "inc.4 @a ", "inc.4 @a  id=b"},
		badOption:    {"inc.4 a", "inc.4 dec.3", "inc.4 @a dec.3", "inc.4 ID=a", "inc.4 id", "inc.4 \t@a", "inc.4 4", "inc.4 \x00"},
		badRepeat:    {"inc.4 @a @b", "inc.4 @a @a", "inc.4 id=a id=b", "inc.4 @a id=b @a", "inc.4 id=b @a id=b"},
		badName: {
			"inc.4 @", "inc.4 @ id=a", "inc.4 @a\tb", "inc.4 @a\x00", "inc.4 @\xff", "inc.4 @a\u00a0b", "inc.4 @\ufeffa", "inc.4 @a\u0085",
			"inc.4 @" + strings.Repeat("n", cuenta.MaxName+1),
		},
		badKey:   {"inc.4 id=", "inc.4 id= @a", "inc.4 id=ñ", "inc.4 id=a\tb", "inc.4 id=\x7f", "inc.4 id=" + strings.Repeat("k", cuenta.MaxKey+1)},
		badExtra: {"ayuda ", "salir ", "salir now", "ayuda @a"},
	}
	for want, lines := range tests {
		for _, line := range lines {
			var r cuenta.Request
			v := Decode([]byte(line), &r)
			if v != want {
				t.Errorf("%.60q: verdict %d %q, want %q", line, v, v.Answer(), want.Answer())
			}
			if !v.Bad() || r.Op != 0 || r.Counter != nil || r.Identity.Key != nil {
				t.Errorf("%.60q: a request came of it: %s", line, show(r))
			}
		}
	}
	for v := TooLong; v < numVerdicts; v++ {
		if len(tests[v]) == 0 {
			t.Errorf("no line for %q", v.Answer())
		}
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

// grammar is the same language as Decode's, read in another way.
var grammar = regexp.MustCompile(`(?s)^(inc|dec|res|con)\.([0-9]+)(?: (?:@([^ ]+)|id=([!-~]{1,128}))(?: (?:@([^ ]+)|id=([!-~]{1,128})))?)?$`)

func naive(line []byte) (cuenta.Request, bool) {
	var r cuenta.Request
	m := grammar.FindSubmatch(line)
	if m == nil || len(line) > MaxLine {
		return r, false
	}
	n, _ := new(big.Int).SetString(string(m[2]), 10)
	if !n.IsInt64() || m[3] != nil && m[5] != nil || m[4] != nil && m[6] != nil {
		return r, false
	}
	verb := string(m[1])
	if (verb == "res" || verb == "con") && n.Sign() != 0 {
		return r, false
	}
	r.Counter, r.Identity.Key = append(m[3], m[5]...), append(m[4], m[6]...)
	if r.Counter != nil && !cuenta.ValidName(r.Counter) {
		return r, false
	}
	switch {
	case verb == "res":
		r.Op = cuenta.Reset
	case n.Sign() == 0:
		r.Op = cuenta.Get
	case verb == "dec":
		r.Op, r.N = cuenta.Add, -n.Int64()
	default:
		r.Op, r.N = cuenta.Add, n.Int64()
	}
	return r, true
}

func FuzzDecode(f *testing.F) {
	for _, line := range []string{
		"inc.4", "dec.3 @visitas", "res.0 id=a @b", "con.0 @b id=a", "inc.9223372036854775808", "ayuda", "salir", "", "inc.4  @a",
		"inc.00000000000000000000000000004", "inc.1 @a @b", "inc.1 id=a id=b", "inc.-1", "\xff", "GET / HTTP/1.1",
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		var r cuenta.Request
		v := Decode(line, &r)
		want, ok := naive(line)
		if (v == Command) != ok {
			t.Fatalf("%q: verdict %d %q, the naive decoder says %v", line, v, v.Answer(), ok)
		}
		if ok && show(r) != show(want) {
			t.Fatalf("%q: got %s, want %s", line, show(r), show(want))
		}
		if ok {
			var again cuenta.Request
			command, sayable := AppendCommand(nil, &r)
			if v := Decode(command, &again); !sayable || v != Command || show(again) != show(r) {
				t.Fatalf("%q was written as %q, which is read as %s (%d)", line, command, show(again), v)
			}
		}
		if !ok && (r.Op != 0 || v.Answer() == "") {
			t.Fatalf("%q: request %s, answer %q", line, show(r), v.Answer())
		}
		if word := string(line); (v == Help) != (word == "ayuda") || (v == Quit) != (word == "salir") {
			t.Fatalf("%q: verdict %d", line, v)
		}
	})
}

func TestCodecAllocatesNothing(t *testing.T) {
	lines := [][]byte{[]byte("inc.4 @visitas id=7f3a-19"), []byte("inc.x"), []byte("ayuda"), []byte("nonsense")}
	results := []cuenta.Result{{Value: -13}, {Code: cuenta.Overflow, Value: math.MaxInt64}}
	dst := make([]byte, 0, 1024)
	allocs := testing.AllocsPerRun(100, func() {
		dst = dst[:0]
		for _, line := range lines {
			var r cuenta.Request
			v := Decode(line, &r)
			dst = append(dst, v.Answer()...)
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
	for _, line := range []string{"inc.4", "inc.4 @visitas", "inc.9223372036854775807 @visitas id=7f3a-19"} {
		b.Run(line, func(b *testing.B) {
			b.ReportAllocs()
			p := []byte(line)
			var r cuenta.Request
			for b.Loop() {
				if Decode(p, &r) != Command {
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
