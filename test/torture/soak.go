//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// soak has clients of all ways in at work for a long time, with cut connections and
// lost datagrams but without kills, and sees that the server takes no more in the end
// than it took once it was warm.
//
// What is remembered is remembered for a minute, so that it is forgotten all the while.
// How much that is goes with how fast the machine lets clients work. The server keeps
// the memory, outside of Go's, that identities had when there were most of them, and
// uses it again; so that memory is compared with the most there ever were.
type soak struct {
	program string
	seed    uint64
	length  time.Duration
	keep    string
	out     io.Writer

	every time.Duration // measures are taken
	warm  time.Duration // until they count
	span  time.Duration // the first and the last of what counts, which are compared
	flat  []measure
}

// soakFlags shorten what is remembered to the least there is.
var soakFlags = []string{"--key-age", "1m", "--session-age", "1m"}

const (
	// What is remembered is forgotten minute by minute, after two of them at the latest:
	// within three there are as many as there will be. The measures go up and down with
	// that: whole minutes are compared.
	soakWarm = 3 * time.Minute
	soakSpan = time.Minute
	soakStep = 5 * time.Second
)

func (s *soak) run(ctx context.Context) error {
	if least := s.warm + 2*s.span; s.length < least {
		return fmt.Errorf("a soak takes %v at least", least)
	}
	r := &round{program: s.program, seed: s.seed, keep: s.keep, tally: newTally(), forgetful: true, flags: soakFlags}
	var gauges []gauge
	start := time.Now()
	peak := int64(0)
	fmt.Fprintf(s.out, "%8s %8s %8s %8s %8s %8s %6s %6s %6s %8s %8s %9s\n",
		"time", "memory", "Go's", "other", "shared", "workers", "files", "gorout", "conns", "keys", "sessions", "requests")
	r.instead = func(ctx context.Context) error {
		for time.Since(start) < s.length && ctx.Err() == nil && !r.over() {
			sleep(ctx, s.every)
			g, err := r.arena.read(ctx)
			if err != nil {
				return err
			}
			peak = max(peak, g.identities)
			g.peak = peak
			fmt.Fprintf(s.out, "%8s %6dMB %6dMB %6dMB %6dMB %6dMB %6d %6d %6d %8d %8d %9d\n", time.Since(start).Round(time.Second),
				g.resident/mib, g.heap/mib, g.other()/mib, g.shared/mib, g.workers/mib, g.files, g.goroutines, g.open, g.keys, g.sessions, g.requests)
			if time.Since(start) >= s.warm {
				gauges = append(gauges, g)
			}
		}
		return ctx.Err()
	}
	r.after = func(ctx context.Context) error { return s.emptied(ctx, r.arena) }
	err := r.run(ctx)
	if faults := r.faults(); len(faults) > 0 {
		return errors.New(strings.Join(faults, "\n"))
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "seed %d; %d answers, %d cuts, %d datagrams lost, largest answer in a datagram %d bytes\n", s.seed,
		r.tally.sum(answered), r.tally.network.Cuts.Load(), r.tally.network.Lost.Load(), r.tally.largest.Load())
	return flat(s.out, gauges, int(s.span/s.every), s.flat)
}

// measure is something that must stay flat.
type measure struct {
	name  string
	of    func(gauge) int64
	unit  int64
	share float64 // that the end may be above the beginning, and
	slack int64   // so much more
	peak  float64 // and this share of the most that identities ever took
}

// A key has 16 bytes of its account for its place in the index, and 60 to 100 for the
// rest. The index has 4/3 to 16/3 slots of 8 bytes for each: it doubles when it must be
// made anew and is more than three eighths full, which may happen long after there were
// most keys. So it may come to take 27 bytes of a key more than it is accounted for.
const indexShare = 0.3

var measures = []measure{
	{"Go's memory, MB", func(g gauge) int64 { return g.heap }, mib, 0.10, 4 * mib, 0},
	{"beside Go's and identities', MB", gauge.beside, mib, 0, 4 * mib, indexShare},
	{"shared memory, MB", func(g gauge) int64 { return g.shared }, mib, 0.10, 12 * mib, 0},
	{"memory of workers, MB", func(g gauge) int64 { return g.workers }, mib, 0.10, 16 * mib, 0},
	{"descriptors", func(g gauge) int64 { return g.files }, 1, 0.10, 16, 0},
	{"goroutines", func(g gauge) int64 { return g.goroutines }, 1, 0.10, 32, 0},
	{"keys remembered", func(g gauge) int64 { return g.keys }, 1, 0.50, 1000, 0},
	{"sessions remembered", func(g gauge) int64 { return g.sessions }, 1, 0.50, 100, 0},
}

// other is the memory that is neither Go's nor shared.
func (g gauge) other() int64 { return g.own - g.heap }

// beside is what of that is not accounted for by the most identities there were. It may
// be below zero, as Go has memory from the system that it has not touched.
func (g gauge) beside() int64 { return g.other() - g.peak }

// flat compares the first so many gauges with the last, by their medians.
func flat(out io.Writer, gauges []gauge, span int, measures []measure) error {
	// A look takes its own time, so there are fewer of them than would fit.
	if span = min(span, len(gauges)/2); span == 0 {
		return errors.New("the run was too short to compare anything")
	}
	var grown []string
	fmt.Fprintf(out, "%-32s %12s %12s\n", "medians", "at first", "in the end")
	for _, m := range measures {
		before, after := median(gauges[:span], m.of), median(gauges[len(gauges)-span:], m.of)
		fmt.Fprintf(out, "%-32s %12d %12d\n", m.name, before/m.unit, after/m.unit)
		more := m.share*float64(before) + m.peak*float64(gauges[len(gauges)-1].peak)
		if after > before+int64(more)+m.slack {
			grown = append(grown, m.name)
		}
	}
	if len(grown) > 0 {
		return fmt.Errorf("not flat: %s", strings.Join(grown, "; "))
	}
	return nil
}

func median(gauges []gauge, of func(gauge) int64) int64 {
	all := make([]int64, len(gauges))
	for i, g := range gauges {
		all[i] = of(g)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// emptied sees that nothing is left of the clients when they are gone.
func (s *soak) emptied(ctx context.Context, a *arena) error {
	var g gauge
	for end := time.Now().Add(patience); time.Now().Before(end) && ctx.Err() == nil; sleep(ctx, 50*time.Millisecond) {
		var err error
		if g, err = a.read(ctx); err != nil {
			return err
		}
		if g.open == 0 {
			fmt.Fprintf(s.out, "after the last client: %d MB, %d descriptors, %d goroutines\n", g.resident/mib, g.files, g.goroutines)
			return nil
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%d connections are open, and every client is gone", g.open)
}
