package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/cuenta-server/cuenta/internal/lang"
)

const (
	// On a terminal one line is written over and over; elsewhere lines gather, so
	// they are few.
	redrawEvery = 200 * time.Millisecond
	lineEvery   = 5 * time.Second

	barWidth   = 24
	eraseLine  = "\r\x1b[K"
	afterStart = time.Second // before that an estimate is a guess
)

// unit is what progress is counted in.
type unit struct {
	name lang.Text
	size float64 // of one that is shown
}

var (
	unitKeys     = unit{lang.Text{ES: "claves", EN: "keys"}, 1}
	unitCounters = unit{lang.Text{ES: "cuentas", EN: "counters"}, 1}
	unitBytes    = unit{lang.Text{ES: "MiB", EN: "MiB"}, 1 << 20}
)

// progress tells on stderr how something goes on that takes its time. What cannot
// be written there has nobody who watches.
type progress struct {
	w        io.Writer
	terminal bool
	lang     lang.Lang
	measure  func() (done, total int64)
	unit     unit
	start    time.Time
	stop     chan struct{}
	stopped  sync.WaitGroup

	mu sync.Mutex // over w
}

// watch begins to tell, until end.
func (a *app) watch(measure func() (done, total int64), u unit) *progress {
	p := &progress{w: a.stderr, lang: a.lang, measure: measure, unit: u, start: time.Now(), stop: make(chan struct{})}
	every := lineEvery
	if f, ok := a.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.terminal, every = true, redrawEvery
	}
	p.stopped.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.draw()
			case <-p.stop:
				return
			}
		}
	})
	return p
}

func (p *progress) draw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	done, total := p.measure()
	line := p.line(done, total, time.Since(p.start))
	if p.terminal {
		_, _ = io.WriteString(p.w, eraseLine+line)
		return
	}
	_, _ = io.WriteString(p.w, line+"\n")
}

// line is the state after some time: a bar where the end is known, how much, how
// fast, how long it will take.
func (p *progress) line(done, total int64, took time.Duration) string {
	var b strings.Builder
	rate := float64(done) / max(took.Seconds(), 1e-3)
	if total > 0 {
		share := min(float64(done)/float64(total), 1)
		full := int(share * barWidth)
		fmt.Fprintf(&b, "[%s%s] %3.0f %%  ", strings.Repeat("=", full), strings.Repeat(" ", barWidth-full), 100*share)
	}
	fmt.Fprintf(&b, "%.0f %s  %.0f/s", float64(done)/p.unit.size, p.unit.name.In(p.lang), rate/p.unit.size)
	if total > done && done > 0 && took >= afterStart {
		left := time.Duration(float64(total-done) / rate * float64(time.Second)).Round(time.Second)
		fmt.Fprintf(&b, "  %s", lang.Text{ES: "faltan %v", EN: "%v left"}.Fill(left.String()).In(p.lang))
	}
	return b.String()
}

// say writes a line of its own.
func (p *progress) say(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		line = eraseLine + line
	}
	_, _ = io.WriteString(p.w, line+"\n")
}

// end stops telling.
func (p *progress) end() {
	close(p.stop)
	p.stopped.Wait()
	if p.terminal {
		_, _ = io.WriteString(p.w, eraseLine)
	}
}
