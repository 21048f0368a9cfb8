package fronttest

import (
	"fmt"
	"strings"
)

// Bad holds lines that are no commands. Each must be answered with "error
// syntax …" and change nothing; those that look most like a command would change
// the default counter.
var Bad = []string{
	// no number, or none that counts
	"inc", "inc.", "dec", "dec.", "res", "res.", "con", "con.", ".", ".4", "4", "inc.4.", "inc..4",
	"inc.+4", "inc.-4", "dec.-0", "inc.4a", "inc.a", "inc.0x10", "inc.1e3", "inc.1_000", "inc.1.5", "inc.1,5", "inc.'4'",
	"inc.٤", "inc.４", "inc.४", "inc.²",
	"inc.9223372036854775808", "dec.9223372036854775808", "inc.18446744073709551615", "inc.18446744073709551620",
	"inc.99999999999999999999999999999999", "dec.340282366920938463463374607431768211460",
	"res.1", "con.1", "con.9223372036854775808",

	// verbs that are none
	"Inc.4", "INC.4", "incr.4", "increment.4", "mul.4", "get.0", "set.4", "help", "quit", "Ayuda", "SALIR", "inc.4ayuda",
	"ayuda.0", "salir.0", "ayuda inc.4", "salir now",

	// blanks where none belong
	" ", "   ", "\t", " inc.4", "inc.4 ", "inc. 4", "inc .4", "inc\t.4", "inc.4\t", "inc 4", "\vinc.4", "inc.4\f",
	"inc.4\u00a0", "inc.4\u2003", "\u3000inc.4",

	// two commands on a line
	"inc.4 dec.3", "inc.4;inc.4", "inc.4,inc.4", "inc.4inc.4", "inc.4\rinc.4", "inc.4\x00inc.4", "inc.4\u2028inc.4",
	"inc.4\u0085inc.4", "inc.4\vinc.4", "inc.4 && inc.4", "inc.4 @a inc.4", "inc.4\\ninc.4",

	// bytes from elsewhere
	"\x00", "inc.4\x00", "\x00inc.4", "inc\x00.4", "inc.\x004", "inc.4\x01", "\x1b[Ainc.4", "inc.4\x7f", "inc.4\b",
	"\ufeffinc.4", "inc.4\ufeff", "\xff\xfei\x00n\x00c\x00.\x004\x00", "\xff", "\xc0\xae", "inc\xc0\xae4", "inc\u20244",
	"\x80\x81\x82\x83\xfe\xff", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "i\u0307nc.4",
	"*2\r", "$3", "PING", "EHLO example.org", "SSH-2.0-Go", "{\"op\":\"inc\",\"n\":4}", "<inc>4</inc>", "%s%n", "error syntax x",

	// options that are none
	"inc.4 @", "inc.4 @ a", "inc.4 a", "inc.4 #a", "inc.4  @a", "inc.4 @a ", "inc.4@a", "@a inc.4", "inc.4 @a @b", "inc.4 @a\tb",
	"inc.4 @a\x00", "inc.4 @a\x7f", "inc.4 @\xff", "inc.4 @a\u00a0b", "inc.4 @\ufeffa",
	"inc.4 id=", "inc.4 id", "inc.4 id=a id=b", "inc.4 ID=a", "inc.4 id=a\x00", "inc.4 id=ñ",
	"inc.4 @" + strings.Repeat("n", 256), "inc.4 id=" + strings.Repeat("k", 300),
}

func quote(s string) string {
	if len(s) > 80 {
		return fmt.Sprintf("%q… (%d bytes)", s[:80], len(s))
	}
	return fmt.Sprintf("%q", s)
}
