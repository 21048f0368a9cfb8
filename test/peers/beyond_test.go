//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta/internal/bench"
)

func TestVerdicts(t *testing.T) {
	for _, x := range []struct {
		got     spread
		bound   float64
		atLeast bool
		want    string
	}{
		{spread{0.5, 0.45, 0.6}, 0.4, true, "reached"},
		{spread{0.5, 0.3, 0.6}, 0.4, true, "reached, within the spread"},
		{spread{0.3, 0.2, 0.39}, 0.4, true, "missed"},
		{spread{0.3, 0.2, 0.4}, 0.4, true, "missed, within the spread"},
		{spread{1, 0.9, 1}, 1, false, "reached"},
		{spread{1, 0.9, 1.1}, 1, false, "reached, within the spread"},
		{spread{2.1, 2.05, 9}, 2, false, "missed"},
		{spread{2.1, 1, 9}, 2, false, "missed, within the spread"},
		{spreadOf(nil), 2, false, "not measured"},
	} {
		g := goal{got: x.got, bound: x.bound, atLeast: x.atLeast}
		if got := g.verdict(); got != x.want {
			t.Errorf("%+v: %s, want %s", x.got, got, x.want)
		}
	}
}

func TestWholeSeconds(t *testing.T) {
	for d, want := range map[time.Duration]time.Duration{
		0: time.Second, time.Millisecond: time.Second, time.Second: time.Second, 1001 * time.Millisecond: 2 * time.Second,
	} {
		if got := wholeSeconds(d); got != want {
			t.Errorf("%v: %v, want %v", d, got, want)
		}
	}
}

// fake is the sample of a load in a round.
func fake(thousands float64, cpu, p99 time.Duration) series {
	return series{{operations: 1, perSecond: thousands * 1000, p50: p99 / 2, p99: p99, cpu: cpu}}
}

func TestBeyondIsWritten(t *testing.T) {
	one := &contestant{process: &process{name: "beyond", cmd: exec.Command("cuenta", "serve")}}
	groups := beyondGroups(one, &contestant{process: &process{name: "tickets"}})
	for _, g := range groups {
		for i, op := range g.ops {
			thousands := map[bench.Op]float64{bench.Increment: 1000, bench.Reserve: 450, bench.Transfer: 400}[op]
			g.results[i] = fake(max(thousands, 1), 1000+time.Duration(i), time.Millisecond)
		}
	}
	watched := []*watchedRow{{title: "one counter", without: fake(100, 1, 1), with: fake(90, 1, 1)}}
	e := &ended{ends: 1_000_000, before: fake(20, 0, 100), during: fake(20, 0, 300), calm: fake(20, 0, 100), calmer: fake(20, 0, 100),
		set: []float64{1}, deletion: []float64{2.5}}
	s := &settings{root: t.TempDir(), rounds: 1}
	text := beyondText(s, machine{}, groups, watched, e)
	if strings.Contains(text, "NaN") || strings.Contains(text, "%!") {
		t.Error(text)
	}
	for _, want := range []string{
		"reserve and settle, per second, to increments | 0.45 | ≥ 0.40 | reached |",
		"transfers per second, to increments | 0.40 | ≥ 0.50 | missed |",
		"1,000 watchers of one counter: increments per second, to those without | 0.90 | ≥ 0.80 | reached |",
		"1,000,000 ends at once: p99 of increments, to the second before | 3.00 | ≤ 2.00 | missed |",
		"The last counter was deleted 2.50 s after the moment.",
		"cuenta bench DIR/tickets/shm.sock --front shm --op ticket --connections 50 --pipeline 16 --keys 100000\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, text)
		}
	}
	for _, op := range bench.Ops {
		if strings.Contains(described(op), `"`) || !strings.Contains(text, described(op)) {
			t.Errorf("%s is not described, or not told", op)
		}
	}
	if !math.IsNaN(groups[1].of(bench.Take).of(perSecond).median) {
		t.Error("what a group does not measure has a figure")
	}
}

// answering serves one connection: each line is answered with what answer says.
func answering(t *testing.T, answer func(line string) string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				out := bufio.NewWriter(conn)
				for in := bufio.NewReader(conn); ; {
					line, err := in.ReadString('\n')
					if err != nil {
						return
					}
					out.WriteString(answer(strings.TrimSuffix(line, "\r\n")))
					if in.Buffered() == 0 {
						out.Flush()
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

func TestPipeline(t *testing.T) {
	command := func(dst []byte, i int64) []byte { return fmt.Appendf(dst, "SET due:%d 1\r\n", i) }
	address := answering(t, func(line string) string {
		if line == "SET due:70000 1" {
			return "-LIMIT no\r\n"
		}
		return "+OK\r\n"
	})
	if err := pipeline(t.Context(), address, 70_000, "+OK", command); err != nil {
		t.Error(err)
	}
	err := pipeline(t.Context(), address, 70_001, "+OK", command)
	if err == nil || !strings.Contains(err.Error(), "due:70000") || !strings.Contains(err.Error(), "-LIMIT no") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	silent := answering(t, func(string) string { cancel(); return "" })
	if err := pipeline(ctx, silent, 1, "+OK", command); err == nil {
		t.Error("it was answered by nobody")
	}
}

func TestCount(t *testing.T) {
	if n, err := count(answering(t, func(string) string { return ":100042\r\n" })); err != nil || n != 100042 {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := count(answering(t, func(string) string { return "-ERR no\r\n" })); err == nil {
		t.Errorf("%d", n)
	}
}

func TestWatchers(t *testing.T) {
	change := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/counters:watch" || r.URL.Query().Get("prefix") != "key:" {
			http.Error(w, "not this", http.StatusNotFound)
			return
		}
		// The first state is long, and cut anywhere by HTTP's chunks.
		fmt.Fprint(w, strings.Repeat("event: state\ndata: {}\n\n", 1000), "event: current\ndata: {}\n\n")
		w.(http.Flusher).Flush()
		<-change
		fmt.Fprint(w, "event: change\ndata: {}\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer server.Close()
	address := server.Listener.Addr().String()
	w, err := watch(t.Context(), address, "key:", 20)
	if err != nil {
		t.Fatal(err)
	}
	close(change)
	if err := w.awaitAll(t.Context()); err != nil {
		t.Error(err)
	}
	if err := w.end(); err != nil || w.told.Load() < 20*20 {
		t.Errorf("%d bytes, %v", w.told.Load(), err)
	}
	if _, err := watch(t.Context(), address, "other:", 3); err == nil || !strings.Contains(err.Error(), "404 Not Found: not this") {
		t.Error(err)
	}
}

// TestWatchersCutOff: watches that end by themselves are no measurement.
func TestWatchersCutOff(t *testing.T) {
	cut := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "event: current\ndata: {}\n\n")
		w.(http.Flusher).Flush()
		<-cut
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	w, err := watch(t.Context(), server.Listener.Addr().String(), "key:", 2)
	if err != nil {
		t.Fatal(err)
	}
	close(cut)
	if err := w.awaitAll(t.Context()); err == nil {
		t.Error("watches that were cut off were told something")
	}
	if err := w.end(); err == nil {
		t.Error("watches that were cut off are no error")
	}
}
