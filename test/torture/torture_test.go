//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/history"
)

// program is the server that is tested.
var program string

func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == stewardWord {
		if serveOrders(os.Args[2], os.Args[3], os.Stdin, os.Stdout) != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "cuenta-torture-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	var flags []string
	if raceEnabled {
		flags = append(flags, "-race")
	}
	if program, err = build(context.Background(), dir, flags...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// kills is how many times the short campaign kills; `make test` asks for more.
func kills(t *testing.T) int {
	t.Helper()
	text := os.Getenv("CUENTA_TEST_KILLS")
	if text == "" {
		return 20
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("CUENTA_TEST_KILLS=%s is not how often to kill", text)
	}
	return n
}

// TestKills is the campaign in short: whatever the server said across twenty kills
// over all ways in must be one possible history.
func TestKills(t *testing.T) {
	var said bytes.Buffer
	n := kills(t)
	keep, err := os.MkdirTemp("", "cuenta-kills-")
	if err != nil {
		t.Fatal(err)
	}
	c := campaign{program: program, seed: 20, kills: n, each: 10, parallel: 2, keep: keep, out: &said}
	covered, err := c.run(context.Background())
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String()) // what is kept there tells how
	}
	if err := os.RemoveAll(keep); err != nil {
		t.Error(err)
	}
	t.Logf("%s", covered.line())
	if killed := covered.kills.Load(); killed < int64(n) {
		t.Errorf("%d kills, want %d", killed, n)
	}
	if covered.judged.Load() == 0 || covered.network.Cuts.Load() == 0 || covered.network.Lost.Load() == 0 || covered.states.Load() < int64(n)*3/4 {
		t.Errorf("too little was covered:\n%s", covered.summary())
	}
	for _, m := range manners {
		if covered.way(m.name).answered.Load() == 0 {
			t.Errorf("nothing was answered over %s", m.name)
		}
	}
	for _, s := range schemes {
		if covered.way(s.name).answered.Load() == 0 {
			t.Errorf("nothing was answered over %s", s.name)
		}
	}
	if largest := covered.largest.Load(); largest == 0 || largest > maxAnswer {
		t.Errorf("the largest answer in a datagram had %d bytes", largest)
	}
}

// TestARoundNoticesLies changes one answer of a recorded history at a time: each
// must be noticed.
func TestARoundNoticesLies(t *testing.T) {
	lies := map[string]func(*history.Op) bool{
		"a value": func(o *history.Op) bool {
			o.Value++
			return o.Op == cuenta.Add && o.Code == cuenta.OK && o.Told&history.WithRevision != 0
		},
		"an answer taken back": func(o *history.Op) bool {
			o.Code = cuenta.Canceled
			o.Told &^= history.WithValue | history.WithRevision
			return o.Op == cuenta.Add && o.Told&history.Answered != 0
		},
		"a ticket's number": func(o *history.Op) bool {
			o.Value++
			return o.Op == cuenta.Ticket && o.Code == cuenta.OK && o.Told&history.WithRevision != 0
		},
		"a hold that was not made": func(o *history.Op) bool {
			made := o.Op == cuenta.Hold && o.Code == cuenta.OK && o.Told&history.Answered != 0
			o.Code = cuenta.Busy
			o.Told &^= history.WithValue | history.WithRevision | history.WithAmount
			return made
		},
		"a take beyond its rate": func(o *history.Op) bool {
			o.N += 1000
			return o.Op == cuenta.Take && o.Code == cuenta.OK && o.Told&history.Answered != 0
		},
		"a repeat's own answer": func(o *history.Op) bool {
			o.Revision++
			return o.Op == cuenta.Add && o.Told&history.Replayed != 0 && o.Told&history.WithRevision != 0
		},
	}
	dir := t.TempDir()
	r := &round{program: program, seed: 3, keep: dir, tally: newTally()}
	r.instead = func(ctx context.Context) error {
		for r.tally.sum(answered) < 4000 && ctx.Err() == nil && !r.over() {
			sleep(ctx, 10*time.Millisecond)
		}
		return ctx.Err()
	}
	if err := r.run(context.Background()); err != nil || len(r.faults()) > 0 {
		t.Fatalf("%v %q", err, r.faults())
	}
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			h := copyOf(t, r.judged)
			if !tell(h, lie) {
				t.Fatal("there is no operation to lie about")
			}
			liar := &round{seed: 3, keep: dir, tally: newTally()}
			if err := liar.judge(h); err != nil {
				t.Fatal(err)
			}
			if len(liar.faults()) == 0 {
				t.Error("nobody noticed")
			}
		})
	}
}

// tell tells a lie about the last operation that it fits.
func tell(h *history.History, lie func(*history.Op) bool) bool {
	for i := h.Len() - 1; i >= 0; i-- {
		if o := *h.At(i); o.Op != 0 && lie(&o) {
			*h.At(i) = o
			return true
		}
	}
	return false
}

func copyOf(t *testing.T, h *history.History) *history.History {
	t.Helper()
	path := filepath.Join(t.TempDir(), "copy")
	if err := keepHistory(h, path); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c, err := history.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestWhatIsWrongIsKept: a round that finds something says how to look at it.
func TestWhatIsWrongIsKept(t *testing.T) {
	var said bytes.Buffer
	c := campaign{program: "/bin/false", seed: 1, kills: 1, each: 1, parallel: 1, keep: t.TempDir(), out: &said}
	if _, err := c.run(context.Background()); err == nil || !strings.Contains(err.Error(), errEnded.Error()) {
		t.Errorf("a server that does not start: %v", err)
	}
	r := &round{seed: 7, kills: 4, keep: t.TempDir(), arena: &arena{dir: "where"}, tally: newTally()}
	r.wrong("this and that")
	if err := keepHistory(&history.History{}, r.file()); err != nil {
		t.Fatal(err)
	}
	text := r.explain()
	for _, want := range []string{"this and that", "check " + r.file(), "-seed 7 -kills 4 kills"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if err := checkFile(r.file()); err != nil {
		t.Errorf("an empty history: %v", err)
	}
}
