package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/lang"
)

// does has commands of the Redis protocol done, each of which must be accepted.
func (w *world) does(commands ...string) {
	w.t.Helper()
	to, err := Dial(context.Background(), w.resp)
	if err != nil {
		w.t.Fatal(err)
	}
	defer to.Close() // all is answered
	for _, text := range commands {
		to.conn.command(strings.Fields(text)...)
		if err := to.conn.flush(context.Background()); err != nil {
			w.t.Fatal(err)
		}
		r, err := to.conn.next()
		for elements := r.n; err == nil && r.kind == '*' && elements > 0; elements-- {
			_, err = to.conn.next()
		}
		if err != nil || r.kind == '-' {
			w.t.Fatalf("%s: %s %v", text, r.text, err)
		}
	}
}

// terms shows all counters in order without what differs between two servers.
func (w *world) terms() string {
	lines := strings.Split(w.export(JSONL), "\n")
	for i, line := range lines {
		before, after, _ := strings.Cut(line, `,"revision":`)
		lines[i] = before + strings.TrimLeft(after, "0123456789")
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")[1:]
}

const farEnd = 4102444800123 // 2100-01-01T00:00:00.123Z

// TestTermsRoundTrip takes counters with everything that they may have to a server
// that has nothing, and to one where the same names have other terms.
func TestTermsRoundTrip(t *testing.T) {
	first := newWorld(t)
	first.does("SET plain 1", "CUENTA.LIMIT both FLOOR -5 CEILING 100", "SET both 13", "CUENTA.LIMIT floor FLOOR -9223372036854775808",
		"CUENTA.LIMIT ceiling CEILING 9223372036854775807", fmt.Sprint("SET ends 7 PXAT ", int64(farEnd)),
		"CUENTA.LIMIT all FLOOR 0 CEILING 9 TOTAL", "INCRBY all/a 2", "INCRBY all/a/b 3", fmt.Sprint("PEXPIREAT all ", int64(farEnd)),
		"CUENTA.LIMIT total TOTAL", "CUENTA.TAKE rate 3 FIXED 10 PER 3153600000000", "CUENTA.TICKET door ana COUNT 3", "CUENTA.TICKET door ben")
	const want = `{"name":"all","value":5,"floor":0,"ceiling":9,"total":true,"expires_at":"2100-01-01T00:00:00.123Z"}` + "\n" +
		`{"name":"all/a","value":2}` + "\n" + `{"name":"all/a/b","value":3}` + "\n" +
		`{"name":"both","value":13,"floor":-5,"ceiling":100}` + "\n" + `{"name":"ceiling","value":0,"ceiling":9223372036854775807}` + "\n"
	if got := first.terms(); !strings.HasPrefix(got, want) {
		t.Fatalf("exported\n%s\nwant\n%s", got, want)
	}
	text := first.export(JSONL)

	second := newWorld(t)
	other := newWorld(t)
	other.does("SET both 250", "CUENTA.LIMIT both FLOOR 200 CEILING 300 TOTAL", "SET all 7", "CUENTA.LIMIT all FLOOR 6", "SET plain 5 EX 1000", "CUENTA.LIMIT ends", "EXPIRE ends 1000")
	for _, w := range []*world{second, other} {
		for range 2 { // once more does no harm
			if s := w.must(text, Options{}); s.Wrong > 0 || s.Left > 0 {
				t.Errorf("%+v", s)
			}
			if got := w.terms(); got != first.terms() {
				t.Errorf("imported\n%s\nwant\n%s", got, first.terms())
			}
		}
		// The terms hold: a total goes on, a rate and tickets know what was given.
		w.does("INCRBY all/a 1")
		for asked, want := range map[string]string{
			"INCRBY all/a 4": "-LIMIT", "INCRBY both 88": "-LIMIT", "CUENTA.TAKE rate 8 FIXED 10 PER 3153600000000": "0 7 ", "CUENTA.TICKET door ana": "1 3 0",
		} {
			if got := w.asks(asked); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s, want %s", asked, got, want)
			}
		}
	}
}

// asks has one command done and returns its answer, of an array its numbers.
func (w *world) asks(command string) string {
	w.t.Helper()
	to, err := Dial(context.Background(), w.resp)
	if err != nil {
		w.t.Fatal(err)
	}
	defer to.Close() // all is answered
	to.conn.command(strings.Fields(command)...)
	if err := to.conn.flush(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	var said []string
	for left := int64(1); left > 0; left-- {
		r, err := to.conn.next()
		if err != nil {
			w.t.Fatal(err)
		}
		switch r.kind {
		case '*':
			left += r.n
		case ':':
			said = append(said, fmt.Sprint(r.n))
		default:
			said = append(said, string(r.kind)+string(r.text))
		}
	}
	return strings.Join(said, " ")
}

// TestWhatALineDoesNotSay leaves limits as they are where a line says none, and takes
// away what it does not say beside others.
func TestWhatALineDoesNotSay(t *testing.T) {
	w := newWorld(t)
	w.does("CUENTA.LIMIT a FLOOR 0 CEILING 10 TOTAL", "CUENTA.LIMIT b FLOOR 0 CEILING 10 TOTAL", "CUENTA.LIMIT c FLOOR 0 CEILING 10 TOTAL", "EXPIRE a 1000")
	w.must(`{"name":"a","value":1}`+"\n"+`{"name":"b","value":"20","ceiling":"30","floor":null}`+"\n"+`{"name":"c","value":-1,"total":false}`, Options{})
	const want = `{"name":"a","value":1,"floor":0,"ceiling":10,"total":true}` + "\n" + `{"name":"b","value":20,"ceiling":30}` + "\n" + `{"name":"c","value":-1}`
	if got := w.terms(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	// What the counter's own limits do not allow harms no other line.
	var told []string
	s := w.must(`{"name":"a","value":11}`+"\n"+`{"name":"d","value":1}`, Options{Wrong: func(e Entry) { told = append(told, fmt.Sprint(e.Line, e.Wrong)) }})
	if s.Counters != 1 || s.Wrong != 1 || strings.Join(told, ";") != "1 the counter's limits, or what is held of them, do not allow it" {
		t.Errorf("%+v, %q", s, told)
	}
}

func TestHoldsStay(t *testing.T) {
	first, second := newWorld(t), newWorld(t)
	first.does("CUENTA.LIMIT seats FLOOR 0 CEILING 10", "SET seats 5", "CUENTA.HOLD seats 2 EX 1000", "CUENTA.HOLD seats -1 EX 1000", "SET a 1")
	for format, want := range map[string]int64{CSV: 1, JSONL: 1} {
		var b bytes.Buffer
		lost, err := Export(t.Context(), first.List, first.describe, "", format, &b, func(int64) {})
		if err != nil || lost != want {
			t.Errorf("%s: %d counters have more than the lines carry, want %d; %v", format, lost, want, err)
		}
	}
	if want := `{"name":"a","value":1}` + "\n" + `{"name":"seats","value":5,"floor":0,"ceiling":10,"held":2,"held_down":1}`; first.terms() != want {
		t.Errorf("%s", first.terms())
	}
	text := first.export(JSONL)
	if s := second.must(text, Options{}); s.Left != 1 || s.Counters != 2 || s.Wrong != 0 {
		t.Errorf("%+v", s)
	}
	if want := `{"name":"a","value":1}` + "\n" + `{"name":"seats","value":5,"floor":0,"ceiling":10}`; second.terms() != want {
		t.Errorf("%s", second.terms())
	}
	// What is held here leaves no room for a lower ceiling, whatever the value. What is
	// done after that, which goes well, does not hide it.
	var told []string
	s := first.must(`{"name":"seats","value":5,"ceiling":6,"expires_at":"2100-01-01T00:00:00Z"}`, Options{Wrong: func(e Entry) { told = append(told, e.Wrong.EN) }})
	if s.Wrong != 1 || strings.Join(told, ";") != "the counter's limits, or what is held of them, do not allow it" {
		t.Errorf("%+v, %q", s, told)
	}
}

func TestAddBringsValuesOnly(t *testing.T) {
	w := newWorld(t)
	const text = `{"name":"a","value":5,"ceiling":6}` + "\n" + `{"name":"b","value":1,"expires_at":"2100-01-01T00:00:00Z"}` + "\n" + `{"name":"c","value":2}`
	for _, again := range []int64{0, 3} {
		if s := w.must(text, Options{Add: "x"}); s.Counters != 3 || s.Left != 2 || s.Again != again || s.Wrong != 0 {
			t.Errorf("%+v", s)
		}
	}
	if want := `{"name":"a","value":5}` + "\n" + `{"name":"b","value":1}` + "\n" + `{"name":"c","value":2}`; w.terms() != want {
		t.Errorf("%s", w.terms())
	}
}

func TestTermsThatCannotBe(t *testing.T) {
	const integers = "%s: %q is no integer from -9223372036854775808 to 9223372036854775807"
	for fields, want := range map[string]string{
		`"floor":5,"ceiling":3`:               "floor: 5 is above the ceiling, 3",
		`"floor":5`:                           "floor: 5 is above the value, 4",
		`"ceiling":"3"`:                       "value: 4 is above the ceiling, 3",
		`"ceiling":1.5`:                       fmt.Sprintf(integers, "ceiling", "1.5"),
		`"floor":[1]`:                         fmt.Sprintf(integers, "floor", "[1]"),
		`"floor":9223372036854775808`:         fmt.Sprintf(integers, "floor", "9223372036854775808"),
		`"held":"x"`:                          fmt.Sprintf(integers, "held", "x"),
		`"cieling":9`:                         `"cieling": there is no such field`,
		`"counters":[],"cieling":9`:           `"cieling": there is no such field`,
		`"total":1`:                           "total: it is not of its type",
		`"expires_at":1795176600000`:          "expires_at: it is not of its type",
		`"expires_at":"tomorrow"`:             `expires_at: "tomorrow" is no time such as 2026-12-31T23:59:59Z`,
		`"expires_at":"2001-01-01T00:00:00Z"`: "expires_at: 2001-01-01T00:00:00Z is over already",
		`"expires_at":"2100-01-01T00:00:00Z"} {"name":"b"`: `want {"name":"visitas","value":13}`,
		`"expires_at":"2100-01-01T00:00:00+01:00"`:         "",
		`"floor":4,"ceiling":4,"total":true,"held":"0"`:    "",
		`"floor":null,"ceiling":null,"total":null`:         "",
		`"revision":"7"`: "",
		`"floor":-9223372036854775808,"expires_at":null`:     "",
		`"ceiling":9223372036854775807,"value":"4"`:          "",
		`"expires_at":"2100-01-01T00:00:00.000000001Z"`:      "",
		`"expires_at":"9999-12-31T23:59:59Z"`:                "",
		`"held":3,"held_down":"0","ceiling":9,"total":false`: "",
	} {
		line := `{"name":"a","value":4,` + fields + "}"
		got := parseJSON([]byte(line), nil)
		if len(got) != 1 || got[0].Wrong.EN != want {
			t.Errorf("%s: %v, want %q", line, got, want)
		}
		if want != "" && (got[0].Wrong.ES == "" || got[0].Wrong.ES == want && !strings.HasPrefix(want, "want")) {
			t.Errorf("%s: in Spanish %q", line, got[0].Wrong.ES)
		}
	}
	// Each counter of a page stands alone, and the line is told.
	got := shown(t, open(t, JSONL, "{\"name\":\"z\",\"value\":1}\n"+`{"counters":[{"name":"a","value":1,"flor":2},{"name":"b","value":2}],"nextPageToken":"x"}`))
	if want := "1.0 z=1\n2: wrong: \"flor\": there is no such field\n2.1 b=2"; strings.Join(got, "\n") != want {
		t.Errorf("%q", got)
	}
	if text := errOver.Fill("2001-01-01T00:00:00Z").In(lang.Spanish); text != "expires_at: 2001-01-01T00:00:00Z ya ha pasado" {
		t.Error(text)
	}
}

// TestEndIsNotEarly rounds an end up to the milliseconds that the Redis protocol has.
func TestEndIsNotEarly(t *testing.T) {
	for end, want := range map[string]int64{
		"2100-01-01T00:00:00.123Z": farEnd, "2100-01-01T00:00:00.122000001Z": farEnd, "2100-01-01T01:00:00.1229+01:00": farEnd,
	} {
		if got := parseJSON([]byte(`{"name":"a","value":4,"expires_at":"`+end+`"}`), nil); got[0].Ends != want {
			t.Errorf("%s: %s", end, time.UnixMilli(got[0].Ends).UTC())
		}
	}
}

// TestDescribingFails stops an export at the first counter that cannot be described,
// and one that is gone by then stays as it was listed.
func TestDescribingFails(t *testing.T) {
	w := newWorld(t)
	var text strings.Builder
	for i := range pageSize {
		fmt.Fprintf(&text, "c%d,%d\n", i, i)
	}
	w.must(text.String(), Options{})
	var b bytes.Buffer
	failing := func(_ context.Context, name string) (cuenta.Counter, cuenta.Terms, error) {
		if name == "c500" {
			return cuenta.Counter{}, cuenta.Terms{}, errBroken
		}
		return cuenta.Counter{}, cuenta.Terms{}, nil
	}
	if _, err := Export(t.Context(), w.List, failing, "", CSV, &b, func(int64) {}); !errors.Is(err, errBroken) || b.String() != header+"\n" {
		t.Errorf("%v, %.100q", err, b.String())
	}
	b.Reset()
	gone := func(context.Context, string) (cuenta.Counter, cuenta.Terms, error) {
		return cuenta.Counter{}, cuenta.Terms{}, nil
	}
	if _, err := Export(t.Context(), w.List, gone, "c9", CSV, &b, func(int64) {}); err != nil || strings.Count(b.String(), "\n") != 1+111 {
		t.Errorf("%v, %.100q", err, b.String())
	}
}

// FuzzTerms reads again what an export writes of limits and ends, if they can be.
func FuzzTerms(f *testing.F) {
	f.Add(int64(0), int64(0), int64(0), uint8(0), int64(0))
	f.Add(int64(5), int64(-5), int64(math.MaxInt64), uint8(7), int64(farEnd))
	f.Add(int64(5), int64(6), int64(4), uint8(3), int64(253402300799999))
	f.Fuzz(func(t *testing.T, value, floor, ceiling int64, marks uint8, ends int64) {
		c := described{Counter: cuenta.Counter{Name: "a", Value: value, Revision: 1}}
		want := Entry{Name: "a", Value: value, Total: marks&4 != 0}
		if marks&1 != 0 {
			c.Floor, want.Floor = &floor, cuenta.Bound{Set: true, At: floor}
		}
		if marks&2 != 0 {
			c.Ceiling, want.Ceiling = &ceiling, cuenta.Bound{Set: true, At: ceiling}
		}
		c.Total, want.Limited = want.Total, marks&7 != 0
		if ends >= farEnd && ends < 253402300800000 { // in the years that RFC 3339 has
			c.Ends, want.Ends = time.UnixMilli(ends).UTC().Format(time.RFC3339Nano), ends
		}
		got := parseJSON(appendJSON(nil, &c), nil)
		if len(got) != 1 {
			t.Fatalf("%v", got)
		}
		impossible := marks&1 != 0 && floor > value || marks&2 != 0 && ceiling < value
		if wrong := got[0].Wrong.EN != ""; wrong != impossible || !wrong && got[0] != want {
			t.Errorf("%+v, want %+v, impossible: %v", got[0], want, impossible)
		}
	})
}
