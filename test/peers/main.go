//go:build linux

// Command peers measures Cuenta beside Redis, PostgreSQL and etcd, and how its
// cost grows, and writes the figures into docs/benchmarks.md. It starts every
// server itself, on loopback, with data on disk, and stops them all at the end.
//
//	go run ./test/peers [flags] peers|scale|growth|identities|beyond
//
// Files in reading order: main.go, workshop.go (where servers live),
// process.go, then a file for each server (cuenta.go, redis.go, postgres.go,
// etcd.go, nothing.go), peers.go (what is measured and in what order), load.go (with what),
// results.go (medians), report.go, bound.go and machine.go (what is written), chart.go (SVG),
// scale.go, growth.go, identities.go and beyond.go with watched.go, ended.go and
// goals.go (the other runs), document.go (the file).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// settings are one run of the program.
type settings struct {
	quick   bool
	rounds  int
	seconds time.Duration // each measurement
	root    string        // of the repository
	keys    int64         // of the scale run
	largest int64         // counters of the growth run
	ends    int64         // counters that end at once, of the run beyond
	command string        // how the run was started, for the document
}

func main() {
	var s settings
	flag.BoolVar(&s.quick, "quick", false, "a short run, to see that all works: its figures mean little")
	flag.IntVar(&s.rounds, "rounds", 0, "rounds; the figures are their medians (default 5, quick 1)")
	flag.DurationVar(&s.seconds, "time", 0, "length of one measurement (default 5s, quick 700ms)")
	flag.StringVar(&s.root, "root", ".", "the repository")
	flag.Parse()
	s.setDefaults()
	if flag.Arg(0) == "nothing" && flag.NArg() == 2 { // as startNothing starts it
		exit(runNothing(flag.Arg(1)))
	}

	runs := map[string]func(context.Context, *settings) error{"peers": runPeers, "scale": runScale, "growth": runGrowth, "identities": runIdentities, "beyond": runBeyond}
	run := runs[flag.Arg(0)]
	if run == nil || flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "peers: want one of peers, scale, growth, identities, beyond")
		os.Exit(2)
	}
	s.command = "go run ./test/peers " + strings.Join(os.Args[1:], " ")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, &s)
	if ctx.Err() != nil {
		err = errors.New("interrupted; nothing was written")
	}
	stop()
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func (s *settings) setDefaults() {
	rounds, length := 5, 5*time.Second
	s.keys, s.largest, s.ends = 10_000_000, 10_000_000, 1_000_000
	if s.quick {
		rounds, length = 1, 700*time.Millisecond
		s.keys, s.largest, s.ends = 200_000, 100_000, 100_000
	}
	if s.rounds == 0 {
		s.rounds = rounds
	}
	if s.seconds == 0 {
		s.seconds = length
	}
}

// progress tells who waits what is being done.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05")+"  "+format+"\n", args...)
}
