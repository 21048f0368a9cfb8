package inspect

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// screen builds the report's text: titled sections of lines, tables and pairs
// of label and value. The titles and the lines of the original's screens keep
// its words; the labels around them are Spanish, the product's language.
type screen struct{ bytes.Buffer }

// section begins a part of the report.
func (s *screen) section(format string, args ...any) {
	if s.Len() > 0 {
		s.WriteByte('\n')
	}
	s.line(format, args...)
}

func (s *screen) line(format string, args ...any) {
	s.WriteString(printable(fmt.Sprintf(format, args...)))
	s.WriteByte('\n')
}

// table writes rows with their columns aligned, and a dash for what is empty.
func (s *screen) table(rows ...[]any) {
	w := tabwriter.NewWriter(s, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if i == 0 {
				fmt.Fprint(w, "  ")
			} else {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, or(printable(fmt.Sprint(cell)), "-"))
		}
		fmt.Fprintln(w)
	}
	w.Flush() // cannot fail: it writes to memory
}

// printable makes a text that others chose (a process its name, a system its
// error) safe for terminals and for the report's lines.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// pair is a label and its value.
func pair(label string, value any) []any { return []any{label, value} }

// size is a number of bytes as people read it.
func size[N int | int64 | uint64](n N) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	exp := min(int(math.Log2(float64(n)))/10, 5)
	return fmt.Sprintf("%.1f %ciB", float64(n)/math.Exp2(float64(10*exp)), "KMGTP"[exp-1])
}

// span is a duration as people read it: to the second, or to three digits
// when it is short.
func span(d time.Duration) string {
	switch {
	case d >= time.Second:
		return d.Round(time.Second).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(10 * time.Nanosecond).String()
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format("2006-01-02 15:04:05 -0700")
}

func percent(p float64) string { return fmt.Sprintf("%.1f %%", p) }

// or is a text, or a dash where there is none.
func or(text, instead string) string {
	if text == "" {
		return instead
	}
	return text
}

// join lists a summary on one line.
func (m Summary) join() string {
	var b strings.Builder
	m.each(func(state State, n int) {
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %d", state, n)
	})
	return b.String()
}

// each goes through a summary in a fixed order: the original's four states
// always, the others where there are any.
func (m Summary) each(do func(State, int)) {
	for _, state := range []State{Established, CloseWait, TimeWait, Listen} {
		do(state, m[state])
	}
	others := []State{SynSent, SynReceived, FinWait1, FinWait2, LastAck, Closing, Closed, Unconnected}
	for _, state := range others {
		if n := m[state]; n > 0 {
			do(state, n)
		}
	}
}
