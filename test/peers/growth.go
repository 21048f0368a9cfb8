//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"syscall"

	"github.com/cuenta-server/cuenta/internal/bench"
)

// dimension is one thing that grows while all else stays.
type dimension struct {
	name  string // of a line in the chart
	title string
	sizes []int64
	at    func(size int64) bench.Config
	fill  bool // the counters are made before they are measured
}

// allowance is by how much an operation may cost more than at the size before and still
// be called linear: what two measurements of the same may differ by.
const allowance = 1.10

func dimensions(s *settings) []dimension {
	base := bench.Config{Connections: loadConnections, Pipeline: 16, Keys: 100_000, Distribution: bench.Uniform}
	counters := func(kind bench.Distribution) func(int64) bench.Config {
		return func(size int64) bench.Config {
			c := base
			c.Keys, c.Distribution = size, kind
			return c
		}
	}
	var keys []int64
	for n := int64(1); n <= s.largest; n *= 10 {
		keys = append(keys, n)
	}
	return []dimension{
		{name: "connections", title: "Connections, one operation in flight on each, 100,000 counters", sizes: []int64{1, 10, 100, 1000, 10_000},
			at: func(size int64) bench.Config {
				c := base
				c.Connections, c.Pipeline = int(size), 1
				return c
			}},
		{name: "pipeline", title: "Operations in flight on each of 50 connections, 100,000 counters", sizes: []int64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512},
			at: func(size int64) bench.Config {
				c := base
				c.Pipeline = int(size)
				return c
			}},
		{name: "counters, uniform", title: "Counters, each as often as the others; 50 connections, 16 in flight on each", sizes: keys, at: counters(bench.Uniform), fill: true},
		{name: "counters, Zipf", title: "Counters, by Zipf's law with exponent 0.99; 50 connections, 16 in flight on each", sizes: keys, at: counters(bench.Zipf), fill: true},
	}
}

// grown is what was measured at one size.
type grown struct {
	size     int64
	samples  series
	resident spread // bytes
}

func runGrowth(ctx context.Context, s *settings) (err error) {
	if err := raiseFiles(); err != nil {
		return err
	}
	w, err := openWorkshop(s.root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	all := dimensions(s)
	results := make([][]grown, len(all))
	for i := range all {
		if results[i], err = all[i].measure(ctx, w, s, fmt.Sprint("growth-", i)); err != nil {
			return err
		}
	}
	m, err := machineOf(w.dir)
	if err != nil {
		return err
	}
	return writeGrowth(s, m, all, results)
}

// maxFiles is enough for ten thousand connections.
const maxFiles = 10_500

// raiseFiles raises the bound on open files, which the server inherits.
func raiseFiles() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if limit.Cur >= maxFiles {
		return nil
	}
	limit.Cur, limit.Max = maxFiles, max(limit.Max, maxFiles)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("10,000 connections need %d open files: %w", maxFiles, err)
	}
	return nil
}

// measure lets a fresh server grow along the dimension, then again for every round.
func (d *dimension) measure(ctx context.Context, w *workshop, s *settings, name string) ([]grown, error) {
	got := make([]grown, len(d.sizes))
	resident := make([][]float64, len(d.sizes))
	for round := range s.rounds {
		c, err := w.startCuenta(ctx, fmt.Sprint(name, "-", round))
		if err != nil {
			return nil, err
		}
		for i, size := range d.sizes {
			if d.fill {
				if err := fillKeys(ctx, c, size); err != nil {
					return nil, err
				}
			}
			one, err := measure(ctx, c, ownLoad(d.at(size)), s.seconds)
			if err != nil {
				return nil, err
			}
			u, err := c.process.usage()
			if err != nil {
				return nil, err
			}
			progress("round %d of %d  %s %s: %.0f op/s, %.2f µs CPU", round+1, s.rounds, d.name, thousands(size), one.perSecond, micros(one.cpu))
			got[i].size = size
			got[i].samples = append(got[i].samples, one)
			resident[i] = append(resident[i], float64(u.resident))
		}
		if err := c.process.stop(); err != nil {
			return nil, err
		}
	}
	for i := range got {
		got[i].resident = spreadOf(resident[i])
	}
	return got, nil
}

func writeGrowth(s *settings, m machine, all []dimension, results [][]grown) error {
	var b strings.Builder
	b.WriteString("## How cost grows\n\n")
	b.WriteString(m.origin(s))
	fmt.Fprintf(&b, "One thing grows at a time, on a server that is new for each of them. Cost is the CPU time that the server spends on an operation: "+
		"when that does not rise, all the work together grows no faster than the number of operations. A step is called linear "+
		"or better when an operation costs at most %.2f times what it cost at the size before; the exponent is that of all the work over the "+
		"whole range, where 1 is linear. The load shares the machine, so operations per second fall where the clients themselves need more of it.\n\n", allowance)
	chart := lineChart{title: "CPU of the server per operation, µs, as one thing grows; both scales logarithmic"}
	var exceptions []string
	for i, d := range all {
		fmt.Fprintf(&b, "### %s\n\n| %s | thousand/s | p50, µs | p99, µs | CPU per operation, µs | to the size before | memory, MB |\n|---:|---:|---:|---:|---:|---:|---:|\n", d.title, d.name)
		l := line{name: d.name}
		for j, g := range results[i] {
			cost := g.samples.of(cpuMicros).median
			step := "–"
			if j > 0 {
				step = figure(cost / l.y[j-1])
				if cost > l.y[j-1]*allowance {
					exceptions = append(exceptions, fmt.Sprintf("- %s, from %s to %s: %s times the cost.", d.name, thousands(results[i][j-1].size), thousands(g.size), step))
					step = "**" + step + "**"
				}
			}
			l.x, l.y = append(l.x, float64(g.size)), append(l.y, cost)
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", thousands(g.size), g.samples.of(perSecond).cell(1000),
				g.samples.of(p50Micros).cell(1), g.samples.of(p99Micros).cell(1), g.samples.of(cpuMicros).cell(1), step, figure(g.resident.median/1e6))
		}
		fmt.Fprintf(&b, "\nExponent: %.2f.\n\n", 1+l.slope())
		chart.lines = append(chart.lines, l)
	}
	image, err := writeImage(s.root, "growth.svg", chart.title, chart.svg())
	if err != nil {
		return err
	}
	b.WriteString(image + "\n### Steps faster than linear\n\n")
	if len(exceptions) == 0 {
		exceptions = []string{"None."}
	}
	b.WriteString(strings.Join(exceptions, "\n") + "\n")
	return writeSection(s.root, "growth", b.String())
}

// slope is the exponent of y as a power of x: the least squares of the logarithms.
func (l *line) slope() float64 {
	var n, sx, sy, sxx, sxy float64
	for i := range l.x {
		x, y := math.Log(l.x[i]), math.Log(l.y[i])
		n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}
