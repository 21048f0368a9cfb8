//go:build linux

package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
)

// TestGoodClientsBesideACrowd is the load in short. How long the good ones wait is
// up to a machine that does other things as well, and memory to whether data races
// are watched for, so the bounds are wide ones.
func TestGoodClientsBesideACrowd(t *testing.T) {
	var said bytes.Buffer
	spare := int64(128 * mib)
	if raceEnabled {
		spare *= 10 // so much more may a program take that watches for races
	}
	l := load{program: program, seed: 1, crowd: 600, rounds: 1, window: time.Second, slack: 5 * time.Second, spare: spare, out: &said}
	if err := l.run(context.Background()); err != nil {
		t.Errorf("%v\n%s", err, said.String())
	}
	t.Log(said.String())
}

// TestTheLoadIsJudged: what is too slow or too large is told.
func TestTheLoadIsJudged(t *testing.T) {
	l := load{crowd: 100, slack: time.Millisecond, out: new(bytes.Buffer)}
	alone := figures{p99: 10 * time.Millisecond, resident: 20 * mib}
	bound := alone.resident + deafOfHundred*deafCost + (100-deafOfHundred)*memberCost
	for _, c := range []struct {
		beside figures
		want   string
	}{
		{figures{p99: 21 * time.Millisecond, resident: bound}, ""},
		{figures{p99: 22 * time.Millisecond, resident: bound}, "twice as long"},
		{figures{p99: time.Millisecond, resident: bound + 1}, "more memory"},
	} {
		switch err := l.judge(alone, c.beside); {
		case err == nil && c.want != "", err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%+v: %v, want %q", c.beside, err, c.want)
		}
	}
}

// TestSoakInShort lets all clients work for some seconds. The server is not warm by
// then, and nothing was forgotten yet: its memory and what is remembered are left out.
func TestSoakInShort(t *testing.T) {
	var said bytes.Buffer
	s := soak{
		program: program, seed: 2, length: 4 * time.Second, keep: t.TempDir(), out: &said,
		every: 200 * time.Millisecond, warm: time.Second, span: time.Second, flat: measures[2:5],
	}
	if err := s.run(context.Background()); err != nil {
		t.Errorf("%v\n%s", err, said.String())
	}
}

// TestASoakTellsWhatIsWrong: not what follows from it.
func TestASoakTellsWhatIsWrong(t *testing.T) {
	r := &round{program: program, seed: 4, keep: t.TempDir(), tally: newTally(), forgetful: true}
	r.instead = func(context.Context) error { r.wrong("this and that"); return nil }
	r.after = func(context.Context) error { t.Error("it looked on although something is wrong"); return nil }
	_ = r.run(context.Background()) // given up: what matters is told
	if faults := r.faults(); len(faults) != 1 || faults[0] != "this and that" {
		t.Errorf("%q", faults)
	}
	if err := r.arena.leave(false); err != nil {
		t.Error(err)
	}
}

// TestGrowthIsNoticed: what grows is told by its name, and nothing else is.
func TestGrowthIsNoticed(t *testing.T) {
	const minute, length = 12, 10 * 12
	const own = "own memory beside identities, MB"
	for name, c := range map[string]struct {
		grow func(g *gauge, minutes float64)
		want string
	}{
		"nothing":                       {func(*gauge, float64) {}, ""},
		"a descriptor a second":         {func(g *gauge, minutes float64) { g.files += int64(60 * minutes) }, "descriptors"},
		"two megabytes a minute":        {func(g *gauge, minutes float64) { g.own += int64(minutes * 2 * mib) }, own},
		"keys that are never forgotten": {func(g *gauge, minutes float64) { g.keys += int64(minutes * 200_000) }, "keys for 1000 requests"},
		"a faster machine": {func(g *gauge, minutes float64) {
			g.keys += int64(minutes * 200_000)
			g.recent += int64(minutes * 800_000)
		}, ""},
		"rings": {func(g *gauge, minutes float64) { g.shared += int64(minutes * 2.25 * mib) }, "shared memory, MB"},
		"more keys than ever, and a larger index": {func(g *gauge, minutes float64) {
			keys := int64(minutes * 10_000)
			g.peak.keys += keys
			g.peak.identities += 100 * keys
			g.own += 120 * keys
			if minutes > 5 {
				g.own += 8 << 19 // from 1<<19 slots to twice as many
			}
		}, ""},
		"more memory than such keys take": {func(g *gauge, minutes float64) {
			keys := int64(minutes * 10_000)
			g.peak.keys += keys
			g.peak.identities += 100 * keys
			g.own += 300 * keys
		}, own},
	} {
		var gauges []gauge
		for i := range length {
			g := gauge{memory: memory{own: 60 * mib, shared: 12 * mib}, peak: peak{250_000, 25 * mib}, files: 40, goroutines: 40, keys: 200_000, recent: 800_000}
			c.grow(&g, float64(i)/minute)
			gauges = append(gauges, g)
		}
		err := flat(new(bytes.Buffer), gauges, minute, measures)
		if want := "not flat: " + c.want; c.want == "" && err != nil || c.want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := flat(new(bytes.Buffer), make([]gauge, 1), minute, measures); err == nil {
		t.Error("one look is enough to compare")
	}
}

// TestRequestsOfTwoMinutes are counted since the last look that was two minutes ago.
func TestRequestsOfTwoMinutes(t *testing.T) {
	var r requests
	for i, want := range []int64{0, 10, 20, 30, 40, 40, 40} {
		if got := r.recent(time.Duration(i)*30*time.Second, int64(100+10*i)); got != want {
			t.Errorf("after %d looks: %d, want %d", i+1, got, want)
		}
	}
}
