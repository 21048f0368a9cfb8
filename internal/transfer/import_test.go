package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/config"
	"github.com/cuenta-server/cuenta/internal/rpcclient"
	"github.com/cuenta-server/cuenta/internal/server"
)

// world is a whole server in a directory of its own.
type world struct {
	*server.Server
	t    testing.TB
	resp string // address
	rpc  *rpcclient.Client
}

func newWorld(t testing.TB) *world {
	t.Helper()
	dir, err := os.MkdirTemp("", "cuenta") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(server.Config{Serve: config.Serve{
		Data: filepath.Join(dir, "d"), Socket: filepath.Join(dir, "s"), RESP: "127.0.0.1:0",
		Identities: config.Identities{IdentityMemory: 64 << 20},
	}})
	if err != nil {
		t.Fatal(err)
	}
	rpc, err := rpcclient.Dial(context.Background(), "unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		rpc.Close() // every call was answered
		if err := errors.Join(s.Close(), os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
	})
	w := &world{Server: s, t: t, rpc: rpc}
	fronts, err := s.Services(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fronts {
		if f.Name == cuenta.FrontRESP {
			w.resp = f.Address
		}
	}
	return w
}

// describe asks over the socket, as the command line does.
func (w *world) describe(ctx context.Context, name string) (c cuenta.Counter, t cuenta.Terms, err error) {
	r, err := w.rpc.Do(ctx, cuenta.RPCRequest{Op: "describe", Counter: name})
	if r.Terms != nil {
		t = *r.Terms
	}
	return cuenta.Counter{Name: name, Value: r.Value, Revision: r.Revision}, t, err
}

// take imports from a source that is closed afterwards.
func (w *world) take(from Source, o Options) (Summary, error) {
	w.t.Helper()
	to, err := Dial(context.Background(), w.resp)
	if err != nil {
		w.t.Fatal(err)
	}
	defer to.Close()
	defer from.Close()
	return Import(context.Background(), from, to, o)
}

// must is take of lines, which goes well.
func (w *world) must(text string, o Options) Summary {
	w.t.Helper()
	from, err := OpenFile("-", "", strings.NewReader(text))
	if err != nil {
		w.t.Fatal(err)
	}
	s, err := w.take(from, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// export writes all counters in order.
func (w *world) export(format string) string {
	w.t.Helper()
	var b bytes.Buffer
	var describe Describer // CSV does without
	if format == JSONL {
		describe = w.describe
	}
	if _, err := Export(context.Background(), w.List, describe, "", format, &b, func(int64) {}); err != nil {
		w.t.Fatal(err)
	}
	return b.String()
}

// values shows all counters in order.
func (w *world) values() string {
	lines := strings.Split(strings.TrimPrefix(w.export(CSV), header+"\n"), "\n")
	slices.Sort(lines)
	return strings.Join(lines, " ")[1:]
}

var oddNames = []string{"a", `"`, `,`, `a","b`, "ñandú", "名前", "name", "{", "=1+1", strings.Repeat("é", 127) + "x"}

func TestRoundTrips(t *testing.T) {
	first := newWorld(t)
	var csv strings.Builder
	want := map[string]int64{}
	for i, name := range oddNames {
		want[name] = []int64{math.MinInt64, math.MaxInt64, 0, -1}[i%4]
	}
	for i := range 2 * pageSize {
		want[fmt.Sprintf("key:%d", i)] = int64(i) << 40
	}
	for name, value := range want {
		csv.Write(appendCSV(nil, &described{Counter: cuenta.Counter{Name: name, Value: value}}))
	}
	if s := first.must(csv.String(), Options{}); s.Counters != int64(len(want)) || s.Wrong > 0 {
		t.Fatalf("%+v", s)
	}
	for _, format := range []string{CSV, JSONL} {
		second := newWorld(t)
		text := first.export(format)
		for range 2 { // once more does no harm
			if s := second.must(text, Options{}); s.Counters != int64(len(want)) || s.Wrong > 0 {
				t.Errorf("%s: %+v", format, s)
			}
		}
		if first.values() != second.values() {
			t.Errorf("%s: the second server holds\n%.300s\nand the first\n%.300s", format, second.values(), first.values())
		}
	}
}

func TestWrongEntries(t *testing.T) {
	w := newWorld(t)
	const text = "a,1\nb,x\n\"c d\",2\ne,3\n" + "\x00,4\n"
	var told []string
	tell := func(e Entry) { told = append(told, fmt.Sprintf("%d %s", e.Line, e.Wrong)) }
	s := w.must(text, Options{Prefix: "p/", Wrong: tell})
	if want := "2 \"x\" is no integer from -9223372036854775808 to 9223372036854775807; 3 \"p/c d\" cannot name a counter; 5 \"p/\\x00\" cannot name a counter"; strings.Join(told, "; ") != want {
		t.Errorf("told %q", told)
	}
	if got := w.values(); got != "p/a,1 p/e,3" || s.Counters != 2 || s.Wrong != 3 {
		t.Errorf("%s, %+v", got, s)
	}
	strict := newWorld(t)
	s, err := strict.take(open(t, "", text), Options{Strict: true})
	if got := strict.values(); !errors.Is(err, ErrStrict) || got != "a,1" || s.Counters != 1 || s.Wrong != 1 {
		t.Errorf("strict: %s, %+v, %v", got, s, err)
	}
	long := strings.Repeat("x", cuenta.MaxName)
	if s := w.must(long+",1\n", Options{Prefix: "p"}); s.Wrong != 1 {
		t.Errorf("a name that is too long with its prefix: %+v", s)
	}
}

func TestDryRun(t *testing.T) {
	s, err := Import(t.Context(), open(t, "", "a,1\nb,x\n"), nil, Options{})
	if err != nil || s.Counters != 1 || s.Wrong != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestAddCountsOnce(t *testing.T) {
	w := newWorld(t)
	w.must("a,1\nmost,9223372036854775807\n", Options{})
	const text = "a,10\nmost,1\na,10\nb,-9223372036854775808\n"
	o := Options{Add: "monday.csv"}
	if s := w.must(text, o); s.Counters != 3 || s.Again != 0 || s.Wrong != 1 {
		t.Errorf("first: %+v", s)
	}
	const want = "a,21 b,-9223372036854775808 most,9223372036854775807"
	if got := w.values(); got != want {
		t.Errorf("%s", got)
	}
	if s := w.must(text, o); s.Counters != 3 || s.Again != 3 || s.Wrong != 1 {
		t.Errorf("again: %+v", s)
	}
	if got := w.values(); got != want {
		t.Errorf("again: %s", got)
	}
	// What stands elsewhere now is not added beside.
	var told []string
	o.Wrong = func(e Entry) { told = append(told, e.Wrong.EN) }
	if s := w.must("a,11\n", o); s.Wrong != 1 || !strings.Contains(told[0], "found something else there") {
		t.Errorf("changed: %+v, %q", s, told)
	}
	if s := w.must(text, Options{Add: "tuesday.csv"}); s.Counters != 3-1 || s.Again != 0 || s.Wrong != 2 {
		t.Errorf("another source: %+v", s) // b too is at its end now
	}
	if got := w.values(); got != "a,41 b,-9223372036854775808 most,9223372036854775807" {
		t.Errorf("another source: %s", got)
	}
}

// broken is a source that ends in the middle.
type broken struct {
	Source
	pages int
}

var errBroken = errors.New("broken")

func (b *broken) Read(ctx context.Context, entries []Entry) (int, error) {
	if b.pages--; b.pages < 0 {
		return 0, errBroken
	}
	return b.Source.Read(ctx, entries)
}

func TestBrokenOffAddGoesOn(t *testing.T) {
	w := newWorld(t)
	var text strings.Builder
	for range 3*pageSize + 1 {
		text.WriteString("a,2\n")
	}
	o := Options{Add: "x"}
	s, err := w.take(&broken{open(t, "", text.String()), 2}, o)
	if !errors.Is(err, errBroken) || s.Counters != 2*pageSize {
		t.Errorf("%+v, %v", s, err)
	}
	if s := w.must(text.String(), o); s.Counters != 3*pageSize+1 || s.Again != 2*pageSize {
		t.Errorf("%+v", s)
	}
	if got, want := w.values(), fmt.Sprintf("a,%d", 2*(3*pageSize+1)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestExportStopsWhereItCannotWrite(t *testing.T) {
	w := newWorld(t)
	w.must("a,1\n", Options{})
	r, pipe := io.Pipe()
	r.Close()
	if _, err := Export(t.Context(), w.List, nil, "", JSONL, pipe, func(int64) {}); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

func TestExportOfAPrefix(t *testing.T) {
	w := newWorld(t)
	w.must("a/1,1\na/2,2\nb,3\n", Options{})
	var b bytes.Buffer
	if _, err := Export(t.Context(), w.List, w.describe, "a/", JSONL, &b, func(n int64) {
		if n != 2 {
			t.Errorf("%d written", n)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if want := "{\"name\":\"a/1\",\"value\":1,\"revision\":1}\n{\"name\":\"a/2\",\"value\":2,\"revision\":1}\n"; b.String() != want {
		t.Errorf("%s", b.String())
	}
}
