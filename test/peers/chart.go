//go:build linux

package main

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// Charts are plain SVG. All colours are of middle lightness, legible on light and on
// dark ground: an image is not told which of them its page has.
const chartStyle = `<style>
text { font: 12px system-ui, sans-serif; fill: #6e7781 }
.line { stroke: #8c959f; stroke-width: 1; fill: none }
.grid { stroke: #8c959f; stroke-width: .5; stroke-opacity: .4 }
</style>
`

var chartColours = []string{"#2da44e", "#cf222e", "#bf8700", "#218bff", "#a475f9", "#6e7781"}

const (
	chartWidth  = 760
	chartHeight = 320
	chartLeft   = 56
	chartRight  = 16
	chartTop    = 62
	chartBottom = 40
)

type bars struct {
	name   string
	values []float64 // one for each group
}

// barChart has a group of bars for each measurement, one bar for each contestant.
type barChart struct {
	title       string
	groups      []string
	series      []bars
	logarithmic bool // for figures of different magnitudes
}

func (c *barChart) svg() string {
	var names []string
	var values []float64
	for _, s := range c.series {
		names = append(names, s.name)
		values = append(values, s.values...)
	}
	var b strings.Builder
	scale := beginChart(&b, c.title, names, values, c.logarithmic)
	group := float64(chartWidth-chartLeft-chartRight) / float64(len(c.groups))
	bar := group * 0.9 / float64(len(c.series))
	for g, name := range c.groups {
		left := chartLeft + group*float64(g) + group*0.05
		for i, s := range c.series {
			y := scale(s.values[g])
			fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"><title>%s, %s: %s</title></rect>`+"\n",
				left+bar*float64(i), y, bar-1, chartFloor-y, colour(i), html.EscapeString(s.name), html.EscapeString(name), figure(s.values[g]))
			if len(c.groups)*len(c.series) <= 25 {
				fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="middle" style="font-size:10px">%s</text>`+"\n", left+bar*(float64(i)+0.5), y-3, figure(s.values[g]))
			}
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", left+group*0.45, chartHeight-chartBottom+18, html.EscapeString(name))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// beginChart draws everything around the figures and returns their scale.
func beginChart(b *strings.Builder, title string, names []string, values []float64, logarithmic bool) (scale func(float64) float64) {
	scale, labels := linearScale(slices.Max(values))
	if logarithmic {
		scale, labels = logarithmicScale(slices.Min(values), slices.Max(values))
	}
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img">`+"\n", chartWidth, chartHeight)
	fmt.Fprintf(b, "<title>%s</title>\n%s", html.EscapeString(title), chartStyle)
	fmt.Fprintf(b, `<text x="%d" y="20" style="font-size:14px;font-weight:600">%s</text>`+"\n", chartLeft, html.EscapeString(title))
	x := chartLeft
	for i, name := range names {
		fmt.Fprintf(b, `<rect x="%d" y="32" width="11" height="11" fill="%s"/><text x="%d" y="42">%s</text>`+"\n", x, colour(i), x+16, html.EscapeString(name))
		x += 40 + 7*len([]rune(name))
	}
	for _, v := range labels {
		y := scale(v)
		fmt.Fprintf(b, `<path class="grid" d="M%d %.1fH%d"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n", chartLeft, y, chartWidth-chartRight, chartLeft-6, y+4, tickLabel(v))
	}
	fmt.Fprintf(b, `<path class="line" d="M%d %dH%d"/>`+"\n", chartLeft, chartHeight-chartBottom, chartWidth-chartRight)
	return scale
}

const chartFloor, chartRise = chartHeight - chartBottom, chartHeight - chartTop - chartBottom

func linearScale(top float64) (scale func(float64) float64, labels []float64) {
	step := niceStep(top / 5)
	top = math.Ceil(top/step) * step
	for v := 0.0; v <= top+step/2; v += step {
		labels = append(labels, v)
	}
	return func(v float64) float64 { return chartFloor - chartRise*v/top }, labels
}

// logarithmicScale goes from the power of ten under all figures to the one above them.
func logarithmicScale(least, top float64) (scale func(float64) float64, labels []float64) {
	low, high := math.Floor(math.Log10(least)), math.Ceil(math.Log10(top))
	high = max(high, low+1)
	for d := low; d <= high; d++ {
		labels = append(labels, math.Pow(10, d))
	}
	return func(v float64) float64 { return chartFloor - chartRise*(math.Log10(v)-low)/(high-low) }, labels
}

// niceStep is the least of 1, 2, 5, 10, … times a power of ten that is not under x.
func niceStep(x float64) float64 {
	if x <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= x*0.999 {
			return m * power
		}
	}
	return 10 * power
}

func tickLabel(v float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", v), "0"), ".")
}

func colour(i int) string { return chartColours[i%len(chartColours)] }

// lineChart has a line for each dimension that grew. Both scales are logarithmic.
type lineChart struct {
	title string
	lines []line
}

type line struct {
	name string
	x, y []float64
}

func (c *lineChart) svg() string {
	var names []string
	var values []float64
	most := 10.0
	for _, l := range c.lines {
		names = append(names, l.name)
		values = append(values, l.y...)
		most = max(most, slices.Max(l.x))
	}
	var b strings.Builder
	scale := beginChart(&b, c.title, names, values, true)
	decades := math.Ceil(math.Log10(most))
	across := func(x float64) float64 {
		return chartLeft + 30 + (chartWidth-chartLeft-chartRight-60)*math.Log10(x)/decades
	}
	for d := 0.0; d <= decades; d++ {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", across(math.Pow(10, d)), chartHeight-chartBottom+18, thousands(int64(math.Pow(10, d))))
	}
	for i, l := range c.lines {
		points := make([]string, len(l.x))
		for j := range l.x {
			points[j] = fmt.Sprintf("%.1f,%.1f", across(l.x[j]), scale(l.y[j]))
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"><title>%s %s: %s</title></circle>`+"\n",
				across(l.x[j]), scale(l.y[j]), colour(i), html.EscapeString(l.name), thousands(int64(l.x[j])), figure(l.y[j]))
		}
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(points, " "), colour(i))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// thousands writes a number with commas.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
