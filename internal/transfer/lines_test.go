package transfer

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
)

// open opens text as a file of a format; "" leaves that to be found out.
func open(t *testing.T, format, text string) Source {
	t.Helper()
	s, err := OpenFile("-", format, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// shown reads all of a source, few entries at a time, as a line each.
func shown(t *testing.T, s Source) (all []string) {
	t.Helper()
	entries := make([]Entry, 3)
	for {
		n, err := s.Read(t.Context(), entries)
		for _, e := range entries[:n] {
			switch {
			case e.Wrong.EN != "":
				all = append(all, fmt.Sprintf("%d: wrong: %s", e.Line, e.Wrong.EN))
			case e.Kind != "":
				all = append(all, fmt.Sprintf("%d: %s", e.Line, e.Kind))
			default:
				all = append(all, fmt.Sprintf("%d.%d %s=%d", e.Line, e.Item, e.Name, e.Value))
			}
		}
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestLines(t *testing.T) {
	for _, x := range []struct{ name, format, text, want string }{
		{"csv", "", "name,value\na,1\r\n\n  \nb, -2 \nc,3", "2.0 a=1\n5.0 b=-2\n6.0 c=3"},
		{"a counter may be called so", CSV, "name,1\nname,value\n", "1.0 name=1\n2: wrong: \"value\" is no integer from -9223372036854775808 to 9223372036854775807"},
		{"byte order mark", CSV, "\ufeffname,value\na,1\n", "2.0 a=1"},
		{"quotes", CSV, "\"a,\"\"b\"\"\",1\n\"\",2\n\"c\"x,3\n\"d,4\ne,5", "1.0 a,\"b\"=1\n2.0 =2\n3: wrong: want name,value\n4: wrong: a quote is not closed on the line\n5.0 e=5"},
		{"a name ends on its line", CSV, "\"a\nb\",1\nc,2", "1: wrong: a quote is not closed on the line\n2: wrong: want name,value\n3.0 c=2"},
		{"fields", CSV, "a\na,1,2\n,,\n", "1: wrong: want name,value\n2: wrong: want name,value\n3: wrong: want name,value"},
		{"bounds", CSV, "a,9223372036854775807\nb,-9223372036854775808\nc,9223372036854775808\nd,1e3\ne,1.0\nf,0x10\n",
			"1.0 a=9223372036854775807\n2.0 b=-9223372036854775808\n" + notIntegers(3, "9223372036854775808", "1e3", "1.0", "0x10")},
		{"json", "", "{\"name\":\"a\",\"value\":1,\"revision\":7}\n{\"value\":\"-2\",\"name\":\"b\\u00f1\"}", "1.0 a=1\n2.0 bñ=-2"},
		{"a page of the API", JSONL, `{"counters":[{"name":"a","value":"1"},{"value":"2"},{"name":"c","value":"3","revision":"1"}],"next_page_token":""}`,
			"1.0 a=1\n1: wrong: want {\"name\":\"visitas\",\"value\":13}\n1.2 c=3"},
		{"wrong objects", JSONL, "{}\n[]\n{\"name\":\"a\"}\n{\"name\":1,\"value\":1}\n{\"name\":\"a\",\"value\":1.5}\n{\"name\":\"a\",\"value\":1\nnull\n{\"name\":\"\xff\",\"value\":1}",
			objects(1, 2, 3, 4) + "5: wrong: \"1.5\" is no integer from -9223372036854775808 to 9223372036854775807\n" + objects(6, 7) + "8: wrong: it is no UTF-8"},
		{"env", Env, "# the original\nCONTADOR=13\nexport B = \"-4\" # note\nC='5'\nHOST=localhost\nCUENTA_WORKERS=2\nnonsense\nEMPTY=\n",
			"2.0 CONTADOR=13\n3.0 B=-4\n4.0 C=5\n5: variable that is no integer\n6: setting of this program\n7: variable that is no integer\n8: variable that is no integer"},
		{"a long line", CSV, "a,1\n" + strings.Repeat("x", maxLine+1) + ",2\nb,3\n", "1.0 a=1\n2: wrong: the line is over 1048576 bytes\n3.0 b=3"},
		{"nothing", CSV, "", ""},
	} {
		if got := strings.Join(shown(t, open(t, x.format, x.text)), "\n"); got != x.want {
			t.Errorf("%s:\n%s\nwant\n%s", x.name, got, x.want)
		}
	}
}

func notIntegers(line int, values ...string) string {
	var all []string
	for i, v := range values {
		all = append(all, fmt.Sprintf("%d: wrong: %q is no integer from -9223372036854775808 to 9223372036854775807", line+i, v))
	}
	return strings.Join(all, "\n")
}

func objects(lines ...int) (all string) {
	for _, n := range lines {
		all += fmt.Sprintf("%d: wrong: want {\"name\":\"visitas\",\"value\":13}\n", n)
	}
	return all
}

func TestFormats(t *testing.T) {
	for name, want := range map[string]string{
		"a.csv": CSV, "a.CSV": CSV, "b.json": JSONL, "b.jsonl": JSONL, "b.ndjson": JSONL, ".env": Env, "dir/.env": Env, "x.env": Env, "other": CSV, "-": CSV,
	} {
		if got := formatOf(name, []byte("a,1\n{")); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if got := formatOf("-", []byte("\n{\"na")); got != JSONL {
		t.Errorf("an object: %s", got)
	}
	for _, text := range []string{"REDIS0011\xfa", "*2\r\n$6\r\nSELECT\r\n"} {
		if _, err := OpenFile("-", "", strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), "redis-server") {
			t.Errorf("%.5q: %v", text, err)
		}
	}
}

// FuzzLines reads again what an export writes, whatever the name and the value.
func FuzzLines(f *testing.F) {
	for _, name := range []string{"a", `"`, `,`, `a","b`, `""`, "ñandú", "name", "=1+1", "\u2028x", "<&>", "{", strings.Repeat("x", cuenta.MaxName)} {
		f.Add(name, int64(math.MinInt64))
	}
	f.Fuzz(func(t *testing.T, name string, value int64) {
		if !cuenta.ValidName([]byte(name)) {
			t.Skip()
		}
		c := cuenta.Counter{Name: name, Value: value}
		want := Entry{Name: name, Value: value}
		csv := parseCSV(bytes.TrimSuffix(appendCSV(nil, &described{Counter: c}), []byte("\n")), nil)
		if len(csv) != 1 || csv[0] != want {
			t.Errorf("CSV: %+v, want %+v", csv, want)
		}
		object := parseJSON(appendJSON(nil, &described{Counter: c}), nil)
		if len(object) != 1 || object[0] != want {
			t.Errorf("JSON: %+v, want %+v", object, want)
		}
	})
}

// endless is a file that is made as it is read.
type endless struct {
	line []byte
	left int // lines
	rest []byte
}

func (e *endless) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(e.rest) == 0 {
			if e.left == 0 {
				return n, io.EOF
			}
			e.left--
			e.rest = e.line
		}
		copied := copy(p[n:], e.rest)
		n, e.rest = n+copied, e.rest[copied:]
	}
	return n, nil
}

func TestMemoryIsBounded(t *testing.T) {
	const lines, size = 500_000, 200
	for _, long := range []endless{
		{line: []byte(strings.Repeat("x", size-4) + ",1\r\n"), left: lines},
		{line: bytes.Repeat([]byte("x"), size), left: lines}, // one line
	} {
		s, err := OpenFile("-", CSV, &long)
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		highest := before.HeapAlloc
		entries := make([]Entry, pageSize)
		for i := 0; err == nil; i++ {
			if _, err = s.Read(t.Context(), entries); i%50 == 0 {
				runtime.GC()
				runtime.ReadMemStats(&after)
				highest = max(highest, after.HeapAlloc)
			}
		}
		if err != io.EOF {
			t.Fatal(err)
		}
		if grown := highest - before.HeapAlloc; grown > 8<<20 {
			t.Errorf("%d MiB of memory for a file of %d MiB", grown>>20, lines*size>>20)
		}
	}
}
