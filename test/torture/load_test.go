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
	l := load{program: program, seed: 1, crowd: 600, rounds: 1, window: time.Second, slack: 5 * time.Second, spare: 128 * mib, out: &said}
	if err := l.run(context.Background()); err != nil {
		t.Errorf("%v\n%s", err, said.String())
	}
	t.Log(said.String())
}

// TestTheLoadIsJudged: what is too slow or too large is told.
func TestTheLoadIsJudged(t *testing.T) {
	l := load{crowd: 100, slack: time.Millisecond, out: new(bytes.Buffer)}
	alone := figures{p99: 10 * time.Millisecond, resident: 20 * mib}
	bound := alone.resident + 2*deafCost + 98*memberCost
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

// TestSoakInShort lets all clients work for some seconds. What is remembered grows
// all the while, as nothing is forgotten in that time: it is left out.
func TestSoakInShort(t *testing.T) {
	var said bytes.Buffer
	s := soak{
		program: program, seed: 2, length: 4 * time.Second, keep: t.TempDir(), out: &said,
		every: 200 * time.Millisecond, warm: time.Second, span: time.Second, flat: measures[1:4],
	}
	if err := s.run(context.Background()); err != nil {
		t.Errorf("%v\n%s", err, said.String())
	}
}

// TestGrowthIsNoticed: one more descriptor at each look is a leak.
func TestGrowthIsNoticed(t *testing.T) {
	var gauges []gauge
	for i := range int64(60) {
		gauges = append(gauges, gauge{resident: 50 * mib, files: 40 + i, goroutines: 40})
	}
	if err := flat(new(bytes.Buffer), gauges, 20, measures); err == nil || !strings.Contains(err.Error(), "descriptors") {
		t.Errorf("a leak of descriptors: %v", err)
	}
	for i := range gauges {
		gauges[i].files = 40
	}
	if err := flat(new(bytes.Buffer), gauges, 20, measures); err != nil {
		t.Errorf("what is flat: %v", err)
	}
	if err := flat(new(bytes.Buffer), gauges[:1], 20, measures); err == nil {
		t.Error("one look is enough to compare")
	}
}
