//go:build linux

package main

import (
	"fmt"
	"math"
	"strings"
)

// column is a figure of a measurement, as a table shows it.
type column struct {
	title string
	at    int // the measurement
	of    func(sample) float64
	unit  float64
	less  bool // less is better
}

var (
	throughputColumns = []column{
		{"P=1", atP1, perSecond, 1000, false}, {"P=16", atP16, perSecond, 1000, false}, {"P=128", atP128, perSecond, 1000, false},
		{"one hot counter, P=128", atHot, perSecond, 1000, false}, {"1000 clients, P=1", atMany, perSecond, 1000, false},
	}
	benchmarkColumns = []column{
		{"50 clients, p50", atP1, p50Micros, 1, true}, {"50 clients, p99", atP1, p99Micros, 1, true},
		{"1000 clients, p50", atMany, p50Micros, 1, true}, {"1000 clients, p99", atMany, p99Micros, 1, true},
	}
	closedColumns = []column{
		{"thousand/s", atClosed, perSecond, 1000, false},
		{"p50", atClosed, p50Micros, 1, true}, {"p99", atClosed, p99Micros, 1, true}, {"p99.9", atClosed, p999Micros, 1, true},
	}
	openColumns = []column{
		{"p50", atOpen, p50Micros, 1, true}, {"p99", atOpen, p99Micros, 1, true}, {"p99.9", atOpen, p999Micros, 1, true},
	}
	cpuColumns = []column{
		{"P=1", atP1, cpuMicros, 1, true}, {"P=16", atP16, cpuMicros, 1, true}, {"P=128", atP128, cpuMicros, 1, true},
		{"one hot counter, P=128", atHot, cpuMicros, 1, true}, {"1000 clients, P=1", atMany, cpuMicros, 1, true},
		{"50 clients, one operation each", atClosed, cpuMicros, 1, true},
	}
)

// write writes the section and its charts.
func (c *contest) write(s *settings, m machine) error {
	var b strings.Builder
	b.WriteString("## Beside Redis, PostgreSQL and etcd\n\n")
	b.WriteString(m.origin(s, redisVersion(), version(postgresProgram("postgres"), "--version"), version("etcd", "--version")))
	b.WriteString("All servers are alive during the whole run, each with an empty start and 100,000 counters with names of 16 bytes; every measurement " +
		"takes them in turn, and then the next round begins, with another one first. A cell is the median of the rounds, with the least and the most.\n\n")
	for _, one := range c.contestants {
		fmt.Fprintf(&b, "- **%s**: %s\n", one.name, one.note)
	}
	b.WriteString("\n### Throughput, thousand operations per second\n\n50 clients unless it says otherwise, P commands in flight on each.\n\n")
	c.table(&b, throughputColumns)
	b.WriteString("\nPostgreSQL and etcd are below, at one operation in flight: what they are sent together is one transaction, not many.\n\n")
	c.ratios(&b)
	b.WriteString("\n")
	c.bound(&b)
	b.WriteString("\n### Latency, µs: redis-benchmark\n\nIn the same runs, one command in flight on each connection.\n\n")
	c.table(&b, benchmarkColumns)
	b.WriteString("\n### Latency, µs: closed loop\n\n50 clients of `cuenta bench`, each sends again when it has been answered. Who answers sooner is also asked more.\n\n")
	c.table(&b, closedColumns)
	fmt.Fprintf(&b, "\n### Latency, µs: open loop, %s operations per second\n\nThe same work for all; latency counts from when an operation was due.\n\n", thousands(openRate))
	c.table(&b, openColumns)
	b.WriteString("\n### CPU of the server per operation, µs\n\nUser and system time of the server and its children, from `/proc`.\n\n")
	c.table(&b, cpuColumns)
	b.WriteString("\n### Where Cuenta is behind\n\n")
	c.behind(&b)
	b.WriteString("\n### Charts\n\n")
	if err := c.charts(&b, s.root); err != nil {
		return err
	}
	c.commands(&b)
	return writeSection(s.root, "peers", b.String())
}

// table has a row for each contestant that takes part.
func (c *contest) table(b *strings.Builder, columns []column) {
	b.WriteString("| |")
	for _, col := range columns {
		b.WriteString(" " + col.title + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(columns)) + "\n")
	for i, one := range c.contestants {
		row, any := "| "+one.name+" |", false
		for _, col := range columns {
			figures := c.results[col.at][i].of(col.of)
			any = any || !math.IsNaN(figures.median)
			row += " " + figures.cell(col.unit) + " |"
		}
		if any {
			b.WriteString(row + "\n")
		}
	}
}

// ratios compares throughput with whoever speaks the Redis protocol, round by round.
func (c *contest) ratios(b *strings.Builder) {
	b.WriteString("Cuenta is so many times as fast (median of the rounds' ratios, least and most):\n\n| than |")
	for _, col := range throughputColumns {
		b.WriteString(" " + col.title + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(throughputColumns)) + "\n")
	for i, one := range c.contestants {
		if !one.redis || one.ours {
			continue
		}
		b.WriteString("| " + one.name + " |")
		for _, col := range throughputColumns {
			b.WriteString(" " + ratio(c.results[col.at][c.our()], c.results[col.at][i], col.of).cell(1) + " |")
		}
		b.WriteString("\n")
	}
}

// our returns the place of Cuenta.
func (c *contest) our() int { return c.place(func(one *contestant) bool { return one.ours }) }

func (c *contest) charts(b *strings.Builder, root string) error {
	for _, x := range []struct {
		file, title string
		columns     []column
		logarithmic bool
	}{
		{"throughput.svg", "INCR, thousand operations per second (more is better)", throughputColumns, false},
		{"latency.svg", "Latency at 20,000 operations per second, µs, logarithmic (less is better)", openColumns, true},
		{"cpu.svg", "CPU of the server per operation, µs (less is better)", cpuColumns[:3], false},
	} {
		chart := barChart{title: x.title, logarithmic: x.logarithmic}
		for _, col := range x.columns {
			chart.groups = append(chart.groups, col.title)
		}
		for i, one := range c.contestants {
			if !one.redis {
				continue
			}
			bars := bars{name: one.name}
			for _, col := range x.columns {
				bars.values = append(bars.values, c.results[col.at][i].of(col.of).median/col.unit)
			}
			chart.series = append(chart.series, bars)
		}
		line, err := writeImage(root, x.file, x.title, chart.svg())
		if err != nil {
			return err
		}
		b.WriteString(line + "\n")
	}
	return nil
}

// commands tells how everything was run.
func (c *contest) commands(b *strings.Builder) {
	b.WriteString("### Commands\n\nServers (DIR is a fresh directory, the ports are free ones):\n\n```\n")
	for _, one := range c.contestants {
		b.WriteString(one.process.commandLine() + "\n")
	}
	b.WriteString("```\n\nLoads; N is chosen for the length of a measurement from the rate seen before:\n\n```\n")
	for _, m := range c.measurements {
		b.WriteString(m.command + "\n")
	}
	b.WriteString("pgbench -n -M prepared -f update.sql -c 50 -j 2 -T SECONDS --log\n```\n\n`update.sql`:\n\n```\n" + postgresScript + "```\n\n")
	b.WriteString("etcd: 50 connections, each with counters of its own, so that no swap fails: `POST /v3/kv/txn` compares `mod_revision` and puts. The " +
		"gateway's JSON costs etcd and its client more than gRPC would.\n")
}
