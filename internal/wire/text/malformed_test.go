package text

import (
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
)

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
		badOption:    {"inc.4 a", "inc.4 dec.3", "inc.4 @a dec.3", "inc.4 ID=a", "inc.4 id", "apa.1 ttl=1 baja=1", "apa.1 ttl=1 Baja", "inc.4 \t@a", "inc.4 4", "inc.4 \x00"},
		badRepeat: {"inc.4 @a @b", "inc.4 @a @a", "inc.4 id=a id=b", "tra.1 @a @b @c", "inc.1 sat sat", "inc.1 min=1 min=1", "inc.1 min=1 min=x", "exp.1 if=any if=any",
			"lim.0 total total", "apa.1 ttl=1 baja baja", "ren.0 @a @b", "cup.1 per=1 per=1", "cup.1 tipo=fija tipo=fija", "cup.1 raf=1 raf=x", "tic.1 para=a para=b", "sol.0 de=1 de=1",
			"inc.1 max=1 max=2", "inc.1 ttl=1 ttl=1", "inc.4 @a id=b @a", "inc.4 id=b @a id=b"},
		badName: {
			"inc.4 @", "inc.4 @ id=a", "inc.4 @a\tb", "inc.4 @a\x00", "inc.4 @\xff", "inc.4 @a\u00a0b", "inc.4 @\ufeffa", "inc.4 @a\u0085",
			"inc.4 @" + strings.Repeat("n", cuenta.MaxName+1), "ren.0 @", "ren.0 @" + strings.Repeat("n", cuenta.MaxName-1),
		},
		badKey:   {"inc.4 id=", "inc.4 id= @a", "inc.4 id=ñ", "inc.4 id=a\tb", "inc.4 id=\x7f", "inc.4 id=" + strings.Repeat("k", cuenta.MaxKey+1)},
		badExtra: {"ayuda ", "salir ", "salir now", "ayuda @a", "ayuda inc ", "ayuda mas ", "ayuda inc.4", "salir inc", "ayuda inc dec"},

		badZeroAmount: {"bal.1", "lim.5", "ttl.1", "lim.1 max=5", "sol.1 de=1", "dis.1", "ren.1", "ren.1 @a"},
		badZero:       {"tic.0 para=a", "apa.0 ttl=5", "ext.0 de=1", "tic.0"},
		badFar:        {"ext.9223372037 de=1", "exp.9223372037", "exp.9223372036854775807 @a"},
		badMisplaced: {
			"inc.0 max=5", "dec.0 sat", "ret.0 min=1", "con.0 max=1", "bal.0 sat", "ttl.0 ttl=1", "lim.0 sat", "lim.0 ttl=5", "exp.5 min=1",
			"exp.5 ttl=1", "inc.4 if=any", "tra.1 @a @b max=1", "tra.1 @a @b sat", "tra.1 @a @b ttl=1", "lim.0 if=none", "con.0 if=any",
			"inc.1 total", "inc.1 per=1", "cup.1 max=1 per=1 min=0", "cup.1 max=1 per=1 sat", "tic.1 para=a ttl=1", "apa.1 ttl=1 max=5", "sol.0 de=1 sat",
			"inc.1 baja", "dec.1 baja", "sol.0 de=1 baja", "ext.1 de=1 baja", "lim.0 baja", "ren.0 min=0", "ren.0 para=a", "ren.0 sat", "con.0 baja",
			"val.1 para=a", "dis.0 max=1", "liq.1 de=1 min=0", "con.0 tipo=fija", "ext.1 de=1 ttl=1", "inc.0 de=1",
		},
		badBound: {"inc.1 min=", "inc.1 max=+5", "inc.1 min=--5", "inc.1 min=-", "inc.1 max=9223372036854775808", "inc.1 min=-9223372036854775809",
			"inc.1 min=a", "inc.1 max=0x5", "inc.1 max=-92233720368547758080", "tra.1 @a @b min=x", "con.0 min=x"},
		badSpan:    {"inc.1 min=5 max=4", "lim.0 min=0 max=-1", "ret.1 max=-1", "res.0 min=1 max=0"},
		badTTL:     {"inc.1 ttl=0", "inc.1 ttl=", "inc.1 ttl=-1", "inc.1 ttl=9223372037", "inc.1 ttl=1.5", "inc.1 ttl=99999999999999999999", "exp.1 ttl="},
		badIf:      {"exp.1 if=", "exp.1 if=Any", "exp.1 if=anyone", "inc.4 if=x"},
		badPer:     {"cup.1 max=1 per=0", "cup.1 max=1 per=", "cup.1 max=1 per=3153600001", "cup.1 max=1 per=1s", "cup.1 max=1 per=99999999999999999999"},
		badKind:    {"cup.1 max=1 per=1 tipo=", "cup.1 max=1 per=1 tipo=Fija", "cup.1 max=1 per=1 tipo=fijas"},
		badBurst:   {"cup.1 max=1 per=1 tipo=continua raf=0", "cup.1 max=1 per=1 raf=1", "cup.1 max=1 per=1 tipo=deslizante raf=1", "cup.1 max=1 per=1 raf=-1"},
		badRate:    {"cup.1 max=0 per=1", "cup.1 max=-1 per=1", "cup.1 max=2147483648 per=1 tipo=deslizante", "cup.1 max=1 per=3153600000 tipo=continua raf=2"},
		badIdent:   {"tic.1 para=", "tic.1 para=a\tb", "tic.1 para=\xff", "tic.1 para=" + strings.Repeat("i", cuenta.MaxKey+1)},
		badHold:    {"sol.0 de=", "sol.0 de=0", "sol.0 de=x", "sol.0 de=-1", "liq.1 de=9223372036854775808", "sol.0 de=1.5"},
		badNoRate:  {"cup.1", "cup.1 max=1", "cup.1 per=1", "cup.0 @a tipo=fija"},
		badNoIdent: {"tic.1", "tic.1 @a id=k"},
		badNoTTL:   {"apa.1", "apa.1 @a"},
		badNoHold:  {"liq.1", "liq.1 sat", "sol.0", "ext.1 @a"},
		badMoves:   {"tra.0 @a @b", "tra.0"},
		badFromTo:  {"tra.1", "tra.1 @a", "tra.1 id=a", "tra.1 @a min=0"},
		badSame:    {"tra.1 @a @a", "tra.1 @cuenta @cuenta"},
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
