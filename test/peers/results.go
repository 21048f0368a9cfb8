//go:build linux

package main

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// series are the samples of one contestant in one measurement, a round each.
type series []sample

// spread is the median of some rounds, and how far they lie apart.
type spread struct{ median, least, most float64 }

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{math.NaN(), math.NaN(), math.NaN()}
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + sorted[middle]) / 2
	}
	return spread{median, sorted[0], sorted[len(sorted)-1]}
}

// of returns one figure of every round.
func (s series) of(figure func(sample) float64) spread {
	values := make([]float64, len(s))
	for i := range s {
		values[i] = figure(s[i])
	}
	return spreadOf(values)
}

// ratio compares the figures of the rounds, each with its own: what disturbs a
// round disturbs both.
func ratio(a, b series, figure func(sample) float64) spread {
	var values []float64
	for i := range min(len(a), len(b)) {
		values = append(values, figure(a[i])/figure(b[i]))
	}
	return spreadOf(values)
}

// The figures of a sample, in the units of the tables.
func perSecond(s sample) float64     { return s.perSecond }
func cpuMicros(s sample) float64     { return micros(s.cpu) }
func micros(d time.Duration) float64 { return float64(d) / 1e3 }
func p50Micros(s sample) float64     { return micros(s.p50) }
func p99Micros(s sample) float64     { return micros(s.p99) }
func p999Micros(s sample) float64    { return micros(s.p999) }

// cell is the spread in a table, in a unit of which there are so many.
func (s spread) cell(unit float64) string {
	if math.IsNaN(s.median) {
		return "–"
	}
	if s.least == s.most {
		return figure(s.median / unit)
	}
	return fmt.Sprintf("%s (%s–%s)", figure(s.median/unit), figure(s.least/unit), figure(s.most/unit))
}

// figure is a number with three figures, or all before the point.
func figure(x float64) string {
	switch {
	case math.Abs(x) >= 99.95:
		return fmt.Sprintf("%.0f", x)
	case math.Abs(x) >= 9.995:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}
