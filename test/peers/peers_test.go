//go:build linux

package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

func TestSectionsAreReplacedAlone(t *testing.T) {
	one, err := replaceSection("", "growth", "grown\n")
	if err != nil {
		t.Fatal(err)
	}
	begin, _ := marks("growth notes")
	one = strings.Replace(one, begin, begin+"because of the caches\n", 1)
	two, err := replaceSection(one, "peers", "first\n")
	if err != nil {
		t.Fatal(err)
	}
	three, err := replaceSection(two, "peers", "second\n")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(three, "first") || strings.Count(three, "# Benchmarks") != 1 {
		t.Error(three)
	}
	at := -1
	for _, text := range []string{"# Benchmarks", "second\n", "grown\n", "because of the caches\n"} {
		i := strings.Index(three, text)
		if i <= at {
			t.Errorf("%q is at %d, after %d:\n%s", text, i, at, three)
		}
		at = i
	}
	if again, err := replaceSection(three, "peers", "second\n"); err != nil || again != three {
		t.Errorf("not the same again (%v):\n%s", err, again)
	}
	_, end := marks("growth")
	if _, err := replaceSection(strings.Replace(three, end, "", 1), "peers", "x\n"); err == nil {
		t.Error("a section without an end was lost")
	}
}

func TestMediansAndRatios(t *testing.T) {
	rates := func(values ...float64) (s series) {
		for _, v := range values {
			s = append(s, sample{perSecond: v})
		}
		return s
	}
	if got := rates(3, 1, 2).of(perSecond); got != (spread{2, 1, 3}) {
		t.Errorf("%+v", got)
	}
	if got := rates(4, 1, 2, 3).of(perSecond); got != (spread{2.5, 1, 4}) {
		t.Errorf("%+v", got)
	}
	// Each round with its own: the medians alone would say 1.
	if got := ratio(rates(10, 20, 90), rates(20, 10, 30), perSecond); got != (spread{2, 0.5, 3}) {
		t.Errorf("%+v", got)
	}
	if got := rates().of(perSecond); !math.IsNaN(got.median) || got.cell(1) != "–" {
		t.Errorf("%+v", got)
	}
	if got := rates(1500, 2500, 123456).of(perSecond).cell(1000); got != "2.50 (1.50–123)" {
		t.Error(got)
	}
}

func TestWhatLoadsSay(t *testing.T) {
	const said = `"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
"INCR key:__rand_int__","82610.49","0.535","0.088","0.543","0.887","1.863","6.391"
`
	want := sample{perSecond: 82610.49, p50: 543 * time.Microsecond, p99: 1863 * time.Microsecond}
	if s, err := parseRedisBenchmark(said); err != nil || s != want {
		t.Errorf("%+v, %v", s, err)
	}
	for _, bad := range []string{"", "x", "\"ERR\"\n", "a,b\nc,d\n", strings.Replace(said, "p99_", "p98_", 1), strings.Replace(said, "82610.49", "many", 1)} {
		if s, err := parseRedisBenchmark(bad); err == nil {
			t.Errorf("%q: %+v", bad, s)
		}
	}
	if rate, err := pgbenchRate("latency average = 2 ms\ntps = 20808.25 (without initial connection time)\n"); err != nil || rate != 20808.25 {
		t.Errorf("%v, %v", rate, err)
	}
	if _, err := pgbenchRate("pgbench: error"); err == nil {
		t.Error("no rate, and no error")
	}
}

func TestSlope(t *testing.T) {
	l := line{x: []float64{1, 10, 100}, y: []float64{3, 6, 12}}
	if got, want := l.slope(), math.Log10(2); math.Abs(got-want) > 1e-9 {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestSample(t *testing.T) {
	h := hdrhistogram.New(1, int64(time.Minute), 3)
	for i := range 100 {
		if err := h.RecordValue(int64(i+1) * int64(time.Millisecond)); err != nil {
			t.Fatal(err)
		}
	}
	s := sampleOf(h, 2*time.Second)
	if s.operations != 100 || s.perSecond != 50 || s.p50.Round(time.Millisecond) != 50*time.Millisecond || s.p99.Round(time.Millisecond) != 99*time.Millisecond {
		t.Errorf("%+v", s)
	}
}

func TestChartsAreXML(t *testing.T) {
	bar := barChart{title: "a & b", groups: []string{"<1>", "2"}, series: []bars{{"x", []float64{1, 2}}, {"y", []float64{0, 30}}}}
	logarithmic := barChart{title: "l", groups: []string{"1"}, series: []bars{{"x", []float64{3}}, {"y", []float64{45_000}}}, logarithmic: true}
	lines := lineChart{title: "t", lines: []line{{name: "n", x: []float64{1, 10_000_000}, y: []float64{0.5, 2}}}}
	for _, svg := range []string{bar.svg(), logarithmic.svg(), lines.svg()} {
		for d := xml.NewDecoder(strings.NewReader(svg)); ; {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, svg)
			}
		}
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Error(svg)
		}
	}
}

func TestNumbers(t *testing.T) {
	for x, want := range map[float64]string{0.123: "0.12", 9.999: "10.0", 99.96: "100", 12345.6: "12346"} {
		if got := figure(x); got != want {
			t.Errorf("%v is %s, want %s", x, got, want)
		}
	}
	if got := thousands(10_000_000) + thousands(999) + thousands(1000); got != "10,000,0009991,000" {
		t.Error(got)
	}
	for x, want := range map[float64]float64{0.9: 1, 1.5: 2, 2.1: 5, 5.1: 10, 40: 50, 0.03: 0.05} {
		if got := niceStep(x); math.Abs(got-want) > 1e-12 {
			t.Errorf("%v: %v, want %v", x, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	long := strings.Repeat("twelve chars ", 20)
	for _, kept := range []string{"| " + long + "|\n", "```\n" + long + "\n```\n", "# " + long + "\n", "short\n"} {
		if got := wrap(kept); got != kept {
			t.Errorf("%q became %q", kept, got)
		}
	}
	got := wrap("- " + long + "\n\n" + long + "\n")
	for line := range strings.Lines(got) {
		if len(line) > width+1 {
			t.Errorf("%d long: %s", len(line), line)
		}
	}
	if strings.Join(strings.Fields(got), " ") != strings.TrimSpace("- "+strings.TrimSpace(long)+" "+long) {
		t.Errorf("words were lost:\n%s", got)
	}
	if !strings.Contains(got, "\n  twelve") && !strings.Contains(got, "\n  chars") {
		t.Errorf("the list's second line is not in the list:\n%s", got)
	}
}
