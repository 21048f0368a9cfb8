//go:build linux

package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/bench"
)

// goal is a figure that was set before anything was measured.
type goal struct {
	what    string
	got     spread
	bound   float64
	atLeast bool
}

// verdict tells whether the median reaches the bound, and whether another run may say
// otherwise.
func (g *goal) verdict() string {
	reaches := func(x float64) bool { return g.atLeast && x >= g.bound || !g.atLeast && x <= g.bound }
	text, other := "missed", reaches(g.got.least) || reaches(g.got.most)
	if math.IsNaN(g.got.median) {
		return "not measured"
	}
	if reaches(g.got.median) {
		text, other = "reached", !reaches(g.got.least) || !reaches(g.got.most)
	}
	if other {
		text += ", within the spread"
	}
	return text
}

// cell is the bound in a table.
func (g *goal) cell() string {
	if g.atLeast {
		return "≥ " + figure(g.bound)
	}
	return "≤ " + figure(g.bound)
}

// goalsOf lists what was to be reached, over each way in.
func goalsOf(groups []*beyondGroup, watched []*watchedRow, e *ended) (goals []goal) {
	for _, g := range groups {
		if g.of(bench.Bounded) == nil {
			continue
		}
		for _, op := range []bench.Op{bench.Refused, bench.Clamped} {
			goals = append(goals, goal{what: fmt.Sprintf("%s: CPU of a change that is %s, to one that is accepted", g.title, op),
				got: ratio(g.of(op), g.of(bench.Bounded), cpuMicros), bound: 1})
		}
		increments := g.of(bench.Increment)
		goals = append(goals,
			goal{what: g.title + ": reserve and settle, per second, to increments", got: ratio(g.of(bench.Reserve), increments, perSecond), bound: 0.4, atLeast: true},
			goal{what: g.title + ": transfers per second, to increments", got: ratio(g.of(bench.Transfer), increments, perSecond), bound: 0.5, atLeast: true})
	}
	for _, row := range watched {
		goals = append(goals, goal{what: fmt.Sprintf("%s watchers of %s: increments per second, to those without", thousands(watcherCount), row.title),
			got: ratio(row.with, row.without, perSecond), bound: 0.8, atLeast: true})
	}
	return append(goals, goal{what: thousands(e.ends) + " ends at once: p99 of increments, to the second before",
		got: ratio(e.during, e.before, p99Micros), bound: 2})
}

func writeBeyond(s *settings, m machine, groups []*beyondGroup, watched []*watchedRow, e *ended) error {
	return writeSection(s.root, "beyond", beyondText(s, m, groups, watched, e))
}

func beyondText(s *settings, m machine, groups []*beyondGroup, watched []*watchedRow, e *ended) string {
	var b strings.Builder
	b.WriteString("## What is beyond increments\n\n")
	b.WriteString(m.origin(s))
	b.WriteString("Everything is durable. A cell is the median of the rounds, with the least and the most; a quotient is that of each round, and its median.\n\n")
	b.WriteString("### What was to be reached\n\n| | measured | to be | |\n|---|---:|---:|---|\n")
	for _, g := range goalsOf(groups, watched, e) {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", g.what, g.got.cell(1), g.cell(), g.verdict())
	}
	b.WriteString("\n\"Within the spread\" means that another round found it the other way round.\n\n")
	for _, g := range groups {
		g.write(&b)
	}
	b.WriteString("Names have 16 bytes, and there are 100,000 counters for each operation. Those that are accepted, refused, clamped and moved have no limits of " +
		"their own: the operation says them. It would add 1,000,000,000 each time; what is accepted says SATURATE, too, so that it differs from what is " +
		"clamped by its limit alone, which has 19 digits there and 9 here. Those that are held of have a floor and a ceiling. A hold and its settling count as one operation, whose latency is of both; " +
		"the load waits for the hold's answer before it settles. Each operation's text is of another length, and what reading it takes is part of its cost.\n\n")
	writeWatched(&b, watched)
	e.write(&b)
	writeBeyondCommands(&b, groups, watched)
	return b.String()
}

// write writes the table of one way in.
func (g *beyondGroup) write(b *strings.Builder) {
	fmt.Fprintf(b, "### %s\n\n", g.title)
	b.WriteString("| operation | thousand/s | to increments | p50, µs | p99, µs | CPU per operation, µs | CPU to increments |\n|---|---:|---:|---:|---:|---:|---:|\n")
	for i, op := range g.ops {
		got, quotient, cost := g.results[i], "–", "–"
		if i > 0 {
			quotient, cost = ratio(got, g.results[0], perSecond).cell(1), ratio(got, g.results[0], cpuMicros).cell(1)
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s |\n", described(op), got.of(perSecond).cell(1000), quotient,
			got.of(p50Micros).cell(1), got.of(p99Micros).cell(1), got.of(cpuMicros).cell(1), cost)
	}
	b.WriteString("\n")
}

func writeWatched(b *strings.Builder, rows []*watchedRow) {
	fmt.Fprintf(b, "### %s watchers of a busy prefix\n\n", thousands(watcherCount))
	fmt.Fprintf(b, "Increments over the Redis protocol, 50 connections, 16 in flight on each, without and with %s streams of server-sent events. "+
		"The watchers read on the same processors, and what they read they drop. Each measurement lasts %d times as long as the others, as so many watchers are "+
		"told in bouts with rests between.\n\n", thousands(watcherCount), watchedLonger)
	b.WriteString("| changed and watched | watchers | thousand/s | to none | p50, µs | p99, µs | CPU per operation, µs | told to all, MB/s | watchers told meanwhile | the last one, s later |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, row := range rows {
		fmt.Fprintf(b, "| %s | 0 | %s | – | %s | %s | %s | – | – | – |\n", row.title, row.without.of(perSecond).cell(1000),
			row.without.of(p50Micros).cell(1), row.without.of(p99Micros).cell(1), row.without.of(cpuMicros).cell(1))
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", row.title, thousands(watcherCount), row.with.of(perSecond).cell(1000),
			ratio(row.with, row.without, perSecond).cell(1), row.with.of(p50Micros).cell(1), row.with.of(p99Micros).cell(1),
			row.with.of(cpuMicros).cell(1), spreadOf(row.told).cell(1e6), spreadOf(row.heard).cell(1), spreadOf(row.last).cell(1))
	}
	b.WriteString("\n")
}

func (e *ended) write(b *strings.Builder) {
	fmt.Fprintf(b, "### %s counters that end at one moment\n\n", thousands(e.ends))
	fmt.Fprintf(b, "Beside them %s increments per second in an open loop over the Redis protocol, on 50 connections and %s other counters. Latency counts from when an "+
		"increment was due: in the second before the moment, and from then to the end of the second in which the last one was deleted. The "+
		"same two spans without anything that ends tell what the machine does by itself.\n\n", thousands(openRate), thousands(endedLoad.Keys))
	b.WriteString("| | p50 before, µs | p50 from then on, µs | p99 before, µs | p99 from then on, µs | quotient of p99 |\n|---|---:|---:|---:|---:|---:|\n")
	for _, row := range []struct {
		title        string
		before, then series
	}{{thousands(e.ends) + " end", e.before, e.during}, {"none ends", e.calm, e.calmer}} {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", row.title, row.before.of(p50Micros).cell(1), row.then.of(p50Micros).cell(1),
			row.before.of(p99Micros).cell(1), row.then.of(p99Micros).cell(1), ratio(row.then, row.before, p99Micros).cell(1))
	}
	fmt.Fprintf(b, "\nTo set the ends took %s s, on one connection. The last counter was deleted %s s after the moment.\n\n", spreadOf(e.set).cell(1), spreadOf(e.deletion).cell(1))
}

func writeBeyondCommands(b *strings.Builder, groups []*beyondGroup, watched []*watchedRow) {
	b.WriteString("### Commands\n\nServers (DIR is a fresh directory; the other servers are alike, the watched one with `--web 127.0.0.1:0`), and what the loads are by themselves:\n\n```\n")
	b.WriteString(groups[0].server.process.commandLine() + "\n")
	for _, g := range groups {
		where := "PORT"
		if g.config.Front == cuenta.FrontSHM {
			where = "DIR/" + g.server.process.name + "/shm.sock"
		}
		for _, op := range g.ops {
			fmt.Fprintf(b, "cuenta bench %s --front %s --op %s --connections %d --pipeline %d --keys %d\n",
				where, g.config.Front, op, g.config.Connections, g.config.Pipeline, g.config.Keys)
		}
	}
	for _, row := range watched {
		fmt.Fprintf(b, "cuenta bench PORT --pipeline %d --keys %d    # watched: GET /v1/counters:watch?prefix=%s\n", row.config.Pipeline, row.config.Keys, row.prefix)
	}
	fmt.Fprintf(b, "cuenta bench PORT --rate %d    # beside SET due:NNNNNNNNNNNN 1 PXAT MOMENT\n```\n", openRate)
}
