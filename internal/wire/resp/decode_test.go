package resp

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// heard is all that a decoder made of a stream.
type heard struct {
	commands []string
	err      error
	rest     int // bytes of a command that is not complete
}

func (h heard) String() string {
	return fmt.Sprintf("%q, error %v, %d bytes left", h.commands, h.err, h.rest)
}

// hear decodes a stream that arrives in the given pieces, in a buffer that moves.
func hear(t testing.TB, known bool, pieces ...[]byte) (h heard) {
	t.Helper()
	d := Decoder{Known: known}
	var buf []byte
	for _, piece := range pieces {
		buf = append(bytes.Clone(buf), piece...)
		for h.err == nil {
			args, size, err := d.Next(buf)
			if h.err = err; err != nil {
				break
			}
			if size == 0 {
				if len(buf) > d.limit()+1 {
					t.Fatalf("%d bytes are not enough for a command of at most %d", len(buf), d.limit())
				}
				break
			}
			if len(args) > 0 {
				h.commands = append(h.commands, string(bytes.Join(args, []byte{0xff})))
			}
			buf = buf[size:]
			d.Forget()
		}
		if h.err != nil {
			return h
		}
	}
	h.rest = len(buf)
	return h
}

// hearBytes decodes a stream that arrives a byte at a time.
func hearBytes(t testing.TB, known bool, stream []byte) heard {
	t.Helper()
	pieces := make([][]byte, len(stream))
	for i := range stream {
		pieces[i] = stream[i : i+1]
	}
	return hear(t, known, pieces...)
}

func bulks(args ...string) string {
	out := fmt.Sprintf("*%d\r\n", len(args))
	for _, arg := range args {
		out += fmt.Sprintf("$%d\r\n%s\r\n", len(arg), arg)
	}
	return out
}

var streams = []struct {
	stream string
	want   string // the commands, each in brackets, its arguments with bars between; then the error or …
}{
	{"", ""},
	{bulks("INCR", "a"), "[INCR|a]"},
	{bulks("INCR", "a") + bulks("GET", "a"), "[INCR|a][GET|a]"},
	{bulks("ECHO", "a\r\n$3\r\nb c"), "[ECHO|a\r\n$3\r\nb c]"},
	{bulks("GET", ""), "[GET|]"},
	{"*0\r\n*-1\r\n*-77\r\n" + bulks("PING"), "[PING]"},
	{"*2\r\n$3\r\nGET\r\n", "…"},
	{"*2\r\n$3\r\nGET\r\n$1\r\na\r", "…"},
	{"*2\r\n$3\r\nGET\r\n$1\r\nab\r\n", "expected CRLF after a bulk string"},
	{"*1\r\n$4\r\nPINGxxPING\r\n", "expected CRLF after a bulk string"},
	{"*1\r\n$4\r\nPING\n\n", "expected CRLF after a bulk string"},
	{"*1\r\nPING\r\n", "expected '$', got 'P'"},
	{"*1\r\n\r\n", "expected '$', got '\r'"},
	{"*2\r\n*1\r\n$4\r\nPING\r\n", "expected '$', got '*'"},
	{"*\r\n", "invalid multibulk length"},
	{"*a\r\n", "invalid multibulk length"},
	{"*+1\r\n", "invalid multibulk length"},
	{"*01\r\n", "invalid multibulk length"},
	{"*-0\r\n", "invalid multibulk length"},
	{"* 1\r\n", "invalid multibulk length"},
	{"*1 \r\n", "invalid multibulk length"},
	{"*1\r$4\r\n", "invalid multibulk length"},
	{"*1\n$4\nPING\n", "…"},
	{"*12289\r\n", "invalid multibulk length"},
	{"*2147483648\r\n", "invalid multibulk length"},
	{"*9223372036854775808\r\n", "invalid multibulk length"},
	{"*99999999999999999999999999\r\n", "invalid multibulk length"},
	{"*1\r\n$\r\n", "invalid bulk length"},
	{"*1\r\n$-1\r\n", "invalid bulk length"},
	{"*1\r\n$04\r\n", "invalid bulk length"},
	{"*1\r\n$4x\r\n", "invalid bulk length"},
	{"*1\r\n$:\r\n0123456789\r\n", "invalid bulk length"}, // as far behind the zero as a length
	{"*1\r\n$S\r\n" + strings.Repeat("x", 'S'-'0') + "\r\n", "invalid bulk length"},
	{"*1\r\n$1:\r\n" + strings.Repeat("x", 20) + "\r\n", "invalid bulk length"},
	{"*1\r\n$4\r4\n", "invalid bulk length"},
	{"*1\r\n$1048577\r\n", "invalid bulk length"},
	{"*1\r\n$1048570\r\n", "invalid bulk length"}, // with its framing it is over the bound
	{"*1\r\n$99999999999999999999\r\n", "invalid bulk length"},
	{"*" + strings.Repeat("1", MaxLine-1), "…"},
	{"*" + strings.Repeat("1", MaxLine), "too big mbulk count string"},
	{"*1\r\n$" + strings.Repeat("1", MaxLine-1), "…"},
	{"*1\r\n$" + strings.Repeat("1", MaxLine), "too big bulk count string"},
	{strings.Repeat("x", MaxLine), "…"},
	{strings.Repeat("x", MaxLine+1), "too big inline request"},
	{strings.Repeat("x", MaxLine) + "\n", "[" + strings.Repeat("x", MaxLine) + "]"},

	// inline
	{"PING\r\n", "[PING]"},
	{"PING\n", "[PING]"},
	{"\r\n\n  \t\v\f\r\nPING\r\n", "[PING]"},
	{" set \t a  1 \r\n", "[set|a|1]"},
	{"PING", "…"},
	{"a\vb\fc d\n", "[a\vb\fc|d]"},
	{"a\x00b c\n", "[a\x00b|c]"},
	{`get "a b" 'c d'` + "\n", "[get|a b|c d]"},
	{`"" ''` + "\n", "[|]"},
	{`"\x41\n\r\t\b\a\"\\\q\xzz"` + "\n", "[A\n\r\t\b\a\"\\qxzz]"},
	{`'\x41\n\'\q\ '` + "\n", `[\x41\n'\q\ ]`},
	{`'\\'` + "\n", "unbalanced quotes in request"}, // the second backslash escapes the quote
	{`a"b c"` + "\n", "[ab c]"},
	{`a'b' "c` + "\td\"\n", "[ab|c\td]"},
	{`set "a` + "\r\n", "unbalanced quotes in request"},
	{`set 'a` + "\r\n", "unbalanced quotes in request"},
	{`set "a"b` + "\r\n", "unbalanced quotes in request"},
	{`set 'a'b` + "\r\n", "unbalanced quotes in request"},
	{`set "a"'b'` + "\r\n", "unbalanced quotes in request"},
	{`set "a\` + "\r\n", "unbalanced quotes in request"},
	{"PING\r\n" + bulks("PING") + "PING\n", "[PING][PING][PING]"},
}

func (h heard) short() string {
	out := ""
	for _, c := range h.commands {
		out += "[" + strings.ReplaceAll(c, "\xff", "|") + "]"
	}
	var reason Error
	if errors.As(h.err, &reason) {
		return out + string(reason)
	}
	if h.rest > 0 {
		out += "…"
	}
	return out
}

func TestDecode(t *testing.T) {
	for _, c := range streams {
		whole := hear(t, true, []byte(c.stream))
		if got := whole.short(); got != c.want {
			t.Errorf("%.60q: got %.120q, want %.120q", c.stream, got, c.want)
		}
		if len(c.stream) < 1000 {
			if got := hearBytes(t, true, []byte(c.stream)); got.String() != whole.String() {
				t.Errorf("%.60q: a byte at a time %v, whole %v", c.stream, got, whole)
			}
		}
	}
}

// A stranger's command is refused by its announcement, before any of it is kept.
func TestStrangerIsBounded(t *testing.T) {
	big := strings.Repeat("x", maxStrangerBulk)
	for stream, want := range map[string]string{
		"*1\r\n$16385\r\n":  "unauthenticated bulk length",
		"*30000\r\n":        "invalid multibulk length",
		"*2\r\n$16384\r\n":  "…",
		"*12288\r\n$1\r\na": "…",
		bulks("MSET", big):  "[MSET|" + big + "]",
		"*11\r\n" + bulks(big, big, big, big, big, big, big, big, big)[len("*9\r\n"):] + "$16384\r\n": "unauthenticated bulk length",
	} {
		if got := hear(t, false, []byte(stream)).short(); got != want {
			t.Errorf("%.40q: got %.100q, want %.100q", stream, got, want)
		}
	}
	if h := hear(t, true, []byte("*1\r\n$16385\r\n")); h.err != nil {
		t.Errorf("a known client may say more: %v", h.err)
	}
}

func TestAgain(t *testing.T) {
	for _, stream := range []string{bulks("SET", "a", "1"), "set \"a\\x20b\" 1\r\n"} {
		var d Decoder
		first, size, err := d.Next([]byte(stream))
		said := fmt.Sprintf("%q", first)
		d.Again()
		second, again, err2 := d.Next([]byte(stream))
		if got := fmt.Sprintf("%q", second); got != said || size != again || err != nil || err2 != nil {
			t.Errorf("read again: %s (%d, %v), first %s (%d, %v)", got, again, err2, said, size, err)
		}
	}
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	d, stream := Decoder{Known: true}, []byte(bulks("INCR", "key:000000012345"))
	inline := []byte("INCR key:000000012345\r\n")
	if n := testing.AllocsPerRun(100, func() {
		for _, buf := range [][]byte{stream, inline, stream[:20], stream} {
			if _, _, err := d.Next(buf); err != nil {
				t.Fatal(err)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The memory that one large command took is not kept.
func TestForgetLetsGo(t *testing.T) {
	d := Decoder{Known: true}
	args := make([]string, 5000)
	if got, _, err := d.Next([]byte(bulks(args...))); len(got) != len(args) || err != nil {
		t.Fatalf("%d arguments, %v", len(got), err)
	}
	d.Forget()
	if cap(d.args) > keptArgs || cap(d.spans) > keptArgs {
		t.Errorf("room for %d arguments is kept", cap(d.args))
	}
}

func TestParseInt(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "1": 1, "-1": -1, "10": 10, "9223372036854775807": 1<<63 - 1, "-9223372036854775808": -1 << 63,
	} {
		if got, ok := ParseInt([]byte(s)); got != want || !ok {
			t.Errorf("%q is %d, %v", s, got, ok)
		}
	}
	for _, s := range []string{
		"", "-", "+1", "01", "-0", "-01", "00", " 1", "1 ", "1\n", "1a", "0x1", "1e3", "1.0", "1_0", "٤", "--1",
		"9223372036854775808", "-9223372036854775809", "18446744073709551616", "18446744073709551617", "99999999999999999999",
	} {
		if got, ok := ParseInt([]byte(s)); ok {
			t.Errorf("%q is read as %d", s, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range streams {
		if len(c.stream) < 1000 {
			f.Add([]byte(c.stream), uint16(3), uint16(9))
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte, a, b uint16) {
		i, j := min(int(a), len(stream)), min(int(b), len(stream))
		i, j = min(i, j), max(i, j)
		whole := hear(t, true, stream)
		if got := hear(t, true, stream[:i], stream[i:j], stream[j:]); got.String() != whole.String() {
			t.Fatalf("split at %d and %d: %v, whole: %v", i, j, got, whole)
		}
		if len(stream) < 300 {
			if got := hearBytes(t, true, stream); got.String() != whole.String() {
				t.Fatalf("a byte at a time: %v, whole: %v", got, whole)
			}
		}
		if naive := hearNaively(stream); naive.short() != whole.short() {
			t.Fatalf("a naive decoder hears %q, this one %q", naive.short(), whole.short())
		}
	})
}

// TestShortUint: what is read at one go is what the decoder and ParseUint make of it.
func TestShortUint(t *testing.T) {
	numbers := []string{"", "0", "1", "9", "01", "10", "123456789", "1234567890", "9999999999999999999", "10000000000000000000", "18446744073709551615", "x", "1x", "-1", "1 ", "+1", "1\r", "1:"}
	for _, number := range numbers {
		argument := bulks(number)[len("*1\r\n"):]
		want, ok := ParseUint([]byte(number))
		if !ok || len(number) > 19 {
			want = 0
		}
		for _, behind := range []string{"", "$", "\r\n"} {
			n, size := ShortUint([]byte(argument + behind))
			if n != want || n > 0 && size != len(argument) {
				t.Errorf("%q: %d, %d bytes; want %d, %d", argument+behind, n, size, want, len(argument))
			}
		}
		for end := range argument {
			if n, _ := ShortUint([]byte(argument[:end])); n != 0 {
				t.Errorf("%q: %d, before it is there", argument[:end], n)
			}
		}
	}
	for _, argument := range []string{"$:\r\n1234567890\r\n", "$/\r\n1\r\n", "$01\r\n1\r\n", "$1:\r\n11111111111111111111\r\n", "*1\r\n1\r\n", "$1\n\r1\r\n", "$1\r\n1\n\r", "$2\r\n1\r\n\r\n", "$1\r\n11\r\n", "$-1\r\n"} {
		if n, _ := ShortUint([]byte(argument)); n != 0 {
			t.Errorf("%q: %d", argument, n)
		}
	}
}
