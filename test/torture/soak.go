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
	var most peak
	var asked requests
	fmt.Fprintf(s.out, "%8s %8s %8s %8s %8s %6s %6s %6s %8s %8s %9s\n",
		"time", "memory", "beside", "shared", "workers", "files", "gorout", "conns", "keys", "sessions", "requests")
	r.instead = func(ctx context.Context) error {
		for time.Since(start) < s.length && ctx.Err() == nil && !r.over() {
			sleep(ctx, s.every)
			g, err := r.arena.read(ctx)
			if err != nil {
				return err
			}
			most = peak{max(most.keys, g.keys), max(most.identities, g.identities)}
			g.peak, g.recent = most, asked.recent(time.Since(start), g.requests)
			fmt.Fprintf(s.out, "%8s %6dMB %6dMB %6dMB %6dMB %6d %6d %6d %8d %8d %9d\n", time.Since(start).Round(time.Second),
				g.resident/mib, g.beside()/mib, g.shared/mib, g.workers/mib, g.files, g.goroutines, g.open, g.keys, g.sessions, g.requests)
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

	// allowed, if not nil, is what may still come in the end.
	allowed func(gauge) int64
}

var measures = []measure{
	{"own memory beside identities, MB", gauge.beside, mib, 0.10, 4 * mib, gauge.indexMayGrow},
	{"shared memory, MB", func(g gauge) int64 { return g.shared }, mib, 0.10, 12 * mib, nil},
	{"memory of workers, MB", func(g gauge) int64 { return g.workers }, mib, 0.10, 16 * mib, nil},
	{"descriptors", func(g gauge) int64 { return g.files }, 1, 0.10, 16, nil},
	{"goroutines", func(g gauge) int64 { return g.goroutines }, 1, 0.10, 32, nil},
	{"keys for 1000 requests", func(g gauge) int64 { return 1000 * g.keys / max(1, g.recent) }, 1, 0.50, 10, nil},
	{"sessions for 100,000 requests", func(g gauge) int64 { return 100_000 * g.sessions / max(1, g.recent) }, 1, 0.50, 10, nil},
}

// requests is how many were made by when.
type requests []struct {
	at   time.Duration
	made int64
}

// recent notes how many were made by now, and returns how many of them in the last two
// minutes, which is as long as anything is remembered.
func (r *requests) recent(now time.Duration, made int64) int64 {
	*r = append(*r, struct {
		at   time.Duration
		made int64
	}{now, made})
	for len(*r) > 1 && (*r)[1].at <= now-2*time.Minute {
		*r = (*r)[1:]
	}
	return made - (*r)[0].made
}

// beside is the memory that identities do not account for, by the most there ever
// were and the least that their index takes beside. They are accounted for with 16 bytes
// each for that index, which stand for the lists of their places that are free now: 8
// bytes in Go's heap, which takes twice that.
func (g gauge) beside() int64 { return g.own - g.peak.identities - slot*leastSlots(g.peak.keys) }

// indexMayGrow is how much the index of keys may still take without one more of them. It
// has slots for a third more than there are, and doubles when it is made anew with more
// than three eighths of them taken; when that is, goes by what was forgotten meanwhile.
func (g gauge) indexMayGrow() int64 {
	slots := leastSlots(g.peak.keys)
	for 3*slots < 8*g.peak.keys {
		slots *= 2
	}
	return slot * (slots - leastSlots(g.peak.keys))
}

const slot = 8 // bytes

// leastSlots is how large the index of so many keys is at least.
func leastSlots(keys int64) int64 {
	slots := int64(1) << 12
	for 3*slots < 4*keys {
		slots *= 2
	}
	return slots
}

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
		bound := before + int64(m.share*float64(before)) + m.slack
		if m.allowed != nil {
			bound += m.allowed(gauges[len(gauges)-1])
		}
		if after > bound {
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
