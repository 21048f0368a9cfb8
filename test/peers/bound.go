//go:build linux

package main

import (
	"fmt"
	"strings"
)

// bound tells, of each column, how many times as fast as a Redis the server is that only
// answers: a server that counts cannot be much more than that.
func (c *contest) bound(b *strings.Builder) {
	limit := c.place(func(one *contestant) bool { return one.bound })
	fmt.Fprintf(b, "**%s** is what this load on this machine allows: a server that counts cannot be much faster than one that only answers, "+
		"and what is above it is noise. It is so many times as fast:\n\n", c.contestants[limit].name)
	for i, one := range c.contestants {
		if one.name != redisModes[0].name && one.name != redisModes[len(redisModes)-1].name {
			continue
		}
		var said []string
		for _, col := range throughputColumns {
			said = append(said, col.title+": "+ratio(c.results[col.at][limit], c.results[col.at][i], col.of).cell(1))
		}
		fmt.Fprintf(b, "- than %s: %s.\n", one.name, strings.Join(said, "; "))
	}
}

// place returns the place of the contestant that is meant.
func (c *contest) place(meant func(*contestant) bool) int {
	for i, one := range c.contestants {
		if meant(one) {
			return i
		}
	}
	panic("peers: who is compared with takes no part")
}

// behind lists every figure in which another server is better. That one is better that
// only answers is no news.
func (c *contest) behind(b *strings.Builder) {
	var rows strings.Builder
	for _, group := range []struct {
		what    string
		columns []column
	}{
		{"throughput, thousand/s", throughputColumns}, {"latency by redis-benchmark, µs", benchmarkColumns}, {"latency in the closed loop, µs", closedColumns[1:]},
		{"latency in the open loop, µs", openColumns}, {"CPU per operation, µs", cpuColumns},
	} {
		for _, col := range group.columns {
			if better := c.better(col); len(better) > 0 {
				ours := c.results[col.at][c.our()].of(col.of)
				fmt.Fprintf(&rows, "| %s: %s | %s | %s |\n", group.what, col.title, figure(ours.median/col.unit), strings.Join(better, ", "))
			}
		}
	}
	if rows.Len() == 0 {
		b.WriteString("In no median of this run. What it does not measure: several machines, reads, values other than integers.\n")
		return
	}
	b.WriteString("Every median in which another server is better:\n\n| | Cuenta | better |\n|---|---:|---|\n" + rows.String() +
		"\n~ The rounds of both overlap: another run may find it the other way round.\n")
}

// better names those whose figure is better than ours.
func (c *contest) better(col column) (names []string) {
	ours := c.results[col.at][c.our()].of(col.of)
	for i, one := range c.contestants {
		theirs := c.results[col.at][i].of(col.of)
		// A figure that is not there compares with none.
		better := theirs.median > ours.median
		if col.less {
			better = theirs.median < ours.median
		}
		if one.ours || one.bound || !better {
			continue
		}
		name := one.name + " " + figure(theirs.median/col.unit)
		if theirs.least <= ours.most && ours.least <= theirs.most {
			name += " ~"
		}
		names = append(names, name)
	}
	return names
}
