package demo

import (
	"context"
	"fmt"
)

// Tally is what the clients of one front counted, and what the server holds.
type Tally struct {
	Front      string `json:"front"`
	Sent       int64  `json:"sent"`     // requests, each to add 1
	Retried    int64  `json:"retried"`  // those of them that repeat one for want of an answer
	Expected   int64  `json:"expected"` // the others: what should have been counted
	Actual     int64  `json:"actual"`
	Difference int64  `json:"difference"`

	// Wrong lists the counters that do not hold what they should. Every counter
	// counts: one too high and one too low make no right total.
	Wrong []Wrong `json:"wrong,omitempty"`

	// Failures are operations that were never counted: refused, or not answered in
	// the end.
	Failures []string `json:"failures,omitempty"`
}

// Wrong is a counter that does not hold what it should.
type Wrong struct {
	Counter  string `json:"counter"`
	Expected int64  `json:"expected"`
	Actual   int64  `json:"actual"`
}

// Exact reports whether every operation was counted, and exactly once.
func (t *Tally) Exact() bool { return len(t.Wrong) == 0 && len(t.Failures) == 0 }

// group is the clients of a front that count alike: with identities, or without.
type group struct {
	front   string
	clients []*client
}

// tally compares what the clients know with what read finds in their counters. The
// clients must have ended.
func (g *group) tally(ctx context.Context, read func(ctx context.Context, counter string) (int64, error)) (Tally, error) {
	t := Tally{Front: g.front}
	expected := map[string]int64{}
	var counters []string // in order
	for _, c := range g.clients {
		if _, seen := expected[c.counter]; !seen {
			counters = append(counters, c.counter)
		}
		expected[c.counter] += c.counted.Load()
		t.Retried += c.repeated.Load()
		if c.failed != nil {
			t.Failures = append(t.Failures, c.failed.Error())
		}
	}
	for _, counter := range counters {
		actual, err := read(ctx, counter)
		if err != nil {
			return t, fmt.Errorf("reading %s: %w", counter, err)
		}
		t.Expected += expected[counter]
		t.Actual += actual
		if actual != expected[counter] {
			t.Wrong = append(t.Wrong, Wrong{counter, expected[counter], actual})
		}
	}
	t.Sent, t.Difference = t.Expected+t.Retried, t.Actual-t.Expected
	return t, nil
}

// tallies is tally for several groups.
func tallies(ctx context.Context, groups []*group, read func(context.Context, string) (int64, error)) ([]Tally, error) {
	all := make([]Tally, len(groups))
	for i, g := range groups {
		var err error
		if all[i], err = g.tally(ctx, read); err != nil {
			return nil, err
		}
	}
	return all, nil
}
