//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// madeContest has figures of which one knows what follows: at every place Cuenta does
// 200 thousand, Redis always 100, Redis off 250 and nothing 400.
func madeContest() *contest {
	c := &contest{measurements: measurements()}
	for _, x := range []struct {
		one  contestant
		rate float64
	}{
		{contestant{name: "Cuenta", note: "ours", redis: true, ours: true}, 200},
		{contestant{name: "Redis always", note: "durable", redis: true}, 100},
		{contestant{name: "Redis off", note: "none", redis: true}, 250},
		{contestant{name: "etcd", note: "elsewhere"}, 5},
		{contestant{name: "nothing", note: "answers", redis: true, bound: true}, 400},
	} {
		x.one.process = &process{cmd: exec.Command("server", x.one.name)}
		c.contestants = append(c.contestants, &x.one)
		for i, m := range c.measurements {
			if len(c.results) <= i {
				c.results = append(c.results, nil)
			}
			var s series
			if x.one.redis || m.others {
				for round := range 3 {
					took := time.Duration(1e9 / x.rate)
					s = append(s, sample{perSecond: x.rate * 1000 * float64(round+1), p50: took, p99: 2 * took, p999: 3 * took, cpu: took})
				}
			}
			c.results[i] = append(c.results[i], s)
		}
	}
	return c
}

func TestWhatTheLoadAllows(t *testing.T) {
	c, root := madeContest(), t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "docs"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := c.write(&settings{root: root, rounds: 3}, machine{}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "benchmarks.md"))
	if err != nil {
		t.Fatal(err)
	}
	document := strings.Join(strings.Fields(string(text)), " ")
	for _, want := range []string{
		"| nothing | 800 (400–1200) | 800 (400–1200) |",                                     // throughput
		"| nothing | 0.50 | 0.50 | 0.50 | 0.50 | 0.50 |",                                    // Cuenta to it
		"- than Redis always: P=1: 4.00; P=16: 4.00; P=128: 4.00;",                          // it to Redis
		"- than Redis off: P=1: 1.60; P=16: 1.60;",                                          //
		"| nothing | 2500 | 5000 | 7500 |",                                                  // open loop
		"| nothing | 2500 | 2500 | 2500 | 2500 | 2500 | 2500 |",                             // CPU
		"| throughput, thousand/s: P=1 | 400 | Redis off 500 ~ |",                           // overlap
		"| latency in the open loop, µs: p99 | 10000 | Redis off 8000 |",                    // no overlap
		"| CPU per operation, µs: 50 clients, one operation each | 5000 | Redis off 4000 |", //
	} {
		if !strings.Contains(document, want) {
			t.Errorf("not there: %s", want)
		}
	}
	if _, behind, _ := strings.Cut(document, "### Where Cuenta is behind"); strings.Contains(behind[:strings.Index(behind, "### Charts")], "nothing") {
		t.Error("that a server is better that only answers is told as if it counted")
	}
	if t.Failed() {
		t.Log(string(text))
	}
}

func TestCuentaIsAheadOfAll(t *testing.T) {
	c := madeContest()
	for _, of := range c.results {
		of[2] = of[1] // Redis off is as slow as Redis always
	}
	var b strings.Builder
	if c.behind(&b); !strings.HasPrefix(b.String(), "In no median") {
		t.Error(b.String())
	}
}
