//go:build linux

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cuenta-server/cuenta/internal/badnet"
)

// tally is what was covered, over all rounds.
type tally struct {
	rounds, kills, amidStart, amidPause, stops atomic.Int64 // of the server
	noRoom                                     atomic.Int64 // starts refused
	workers, pauses, fronts, fills, refused    atomic.Int64
	largest                                    atomic.Int64 // answer in a datagram
	judged, states, undecided                  atomic.Int64
	network                                    badnet.Counts

	mu    sync.Mutex
	ways  map[string]*wayTally
	notes map[string]bool // what could not be done here, or decided
}

// wayTally is what went over one way in.
type wayTally struct {
	answered, unknown, repeated, refused atomic.Int64
}

func newTally() *tally { return &tally{ways: map[string]*wayTally{}, notes: map[string]bool{}} }

func (t *tally) way(name string) *wayTally {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ways[name] == nil {
		t.ways[name] = &wayTally{}
	}
	return t.ways[name]
}

func (t *tally) note(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notes[text] = true
}

// datagram notes the size of an answer that came as a datagram.
func (t *tally) datagram(size int) {
	for {
		largest := t.largest.Load()
		if int64(size) <= largest || t.largest.CompareAndSwap(largest, int64(size)) {
			return
		}
	}
}

func (t *tally) sum(of func(*wayTally) *atomic.Int64) (n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.ways {
		n += of(w).Load()
	}
	return n
}

func answered(w *wayTally) *atomic.Int64 { return &w.answered }
func unknown(w *wayTally) *atomic.Int64  { return &w.unknown }
func repeated(w *wayTally) *atomic.Int64 { return &w.repeated }

// line is how far it has come.
func (t *tally) line() string {
	return fmt.Sprintf("%d kills (%d amid a start), %d workers killed, %d pauses, %d cuts, %d disks filled; %d answers, %d repeats, %d of unknown fate; %d judged",
		t.kills.Load(), t.amidStart.Load(), t.workers.Load(), t.pauses.Load(), t.network.Cuts.Load(), t.fills.Load(),
		t.sum(answered), t.sum(repeated), t.sum(unknown), t.judged.Load())
}

// summary is what was covered, a row for each thing.
func (t *tally) summary() string {
	var b strings.Builder
	row := func(what string, n int64) { fmt.Fprintf(&b, "  %-44s %10d\n", what, n) }
	row("rounds, each a server of its own", t.rounds.Load())
	row("server killed (SIGKILL)", t.kills.Load())
	row("  of these while it started", t.amidStart.Load())
	row("  of these while it was stopped (SIGSTOP)", t.amidPause.Load())
	row("server told to end (SIGTERM)", t.stops.Load())
	row("starts refused for want of room", t.noRoom.Load())
	row("worker processes killed", t.workers.Load())
	row("processes paused (SIGSTOP, SIGCONT)", t.pauses.Load())
	row("services stopped and started", t.fronts.Load())
	row("disks filled", t.fills.Load())
	row("  changes refused for it", t.refused.Load())
	row("connections cut", t.network.Cuts.Load())
	row("datagrams lost", t.network.Lost.Load())
	row("datagrams doubled", t.network.Doubled.Load())
	row("datagrams delayed", t.network.Delayed.Load())
	row("largest answer in a datagram, bytes", t.largest.Load())
	row("operations judged", t.judged.Load())
	row("states read after a crash or at the end", t.states.Load())
	row("questions left undecided", t.undecided.Load())
	fmt.Fprintf(&b, "\n  %-14s %10s %10s %10s %10s\n", "way in", "answered", "repeated", "unknown", "refused")
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(t.ways)) {
		w := t.ways[name]
		fmt.Fprintf(&b, "  %-14s %10d %10d %10d %10d\n", name, w.answered.Load(), w.repeated.Load(), w.unknown.Load(), w.refused.Load())
	}
	for _, note := range slices.Sorted(maps.Keys(t.notes)) {
		fmt.Fprintf(&b, "\n  %s\n", note)
	}
	return b.String()
}
