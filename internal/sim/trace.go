package sim

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// trace tells what happens, a line each.
type trace struct {
	to  io.Writer // nil: nobody listens
	err error
}

// note tells that something happened to somebody.
func (w *world) note(who, format string, args ...any) {
	if w.trace.to == nil || w.trace.err != nil {
		return
	}
	_, w.trace.err = fmt.Fprintf(w.trace.to, "%12.6f  %-10s %s\n", w.now.Seconds(), who, fmt.Sprintf(format, args...))
}

// Cover is how often things were met with, by what they are.
type Cover map[string]int

// Add adds what another run has met with.
func (c Cover) Add(other Cover) {
	for what, n := range other {
		c[what] += n
	}
}

func (c Cover) String() string {
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(c)) {
		fmt.Fprintf(&b, "%10d  %s\n", c[what], what)
	}
	return b.String()
}

// met counts something.
func (w *world) met(format string, args ...any) {
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	w.cover[format]++
}
