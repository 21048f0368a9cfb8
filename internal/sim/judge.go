package sim

import (
	"fmt"
	"strings"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/history"
	"github.com/cuenta-server/cuenta/internal/ledger"
)

// judge writes down what clients and restarts observe, and decides at the end
// whether it can have been. Beside the exact checker there are tallies: a few
// counters of which the sum of what was asked is known.
type judge struct {
	w        *world
	recorder *history.Recorder
	copies   *history.Log // of what the network doubled
	last     int64
	tallies  []*tally
	wrong    []string
}

// tally is what is known of a counter that only grows.
type tally struct {
	name             string
	acked, attempted int64
}

func newJudge(w *world) *judge {
	j := &judge{w: w}
	j.recorder = history.NewRecorder(j.now)
	j.copies = j.recorder.Client("network")
	return j
}

// now is the simulated time, but never twice the same: what happens first is
// before what happens next.
func (j *judge) now() int64 {
	j.last = max(j.last+1, int64(j.w.now))
	return j.last
}

// moment is the present one, by the history's clock: later than all that is written
// down.
func (j *judge) moment() int64 { return max(j.last, int64(j.w.now)) }

// complain says what is wrong.
func (j *judge) complain(format string, args ...any) {
	j.wrong = append(j.wrong, fmt.Sprintf(format, args...))
	j.w.note("judge", format, args...)
}

// asked is an attempt as it stands in a log.
type asked struct {
	log   *history.Log
	first int // of its operations
	n     int
	heard bool           // it was answered
	terms []cuenta.Terms // those that Describes were told
	ended uint64         // a bit for each operation whose answer is written down
}

// end writes the answer to one of its operations down.
func (a *asked) end(i int, r *cuenta.Result, told history.Told) {
	// Of an answer that leaves the fate unknown nothing is: it may take effect later.
	if r.Code != cuenta.Unknown && told != vague {
		if told&history.WithTerms != 0 {
			a.log.Described(a.first+i, r, &a.terms[i])
		} else {
			a.log.End(a.first+i, r, told)
		}
		a.ended |= 1 << i
	}
}

// lost notes that an attempt cannot be carried out any more, or never could.
func (a *asked) lost() {
	for i := range a.n {
		if a.ended&(1<<i) == 0 {
			a.log.Lost(a.first + i)
		}
	}
}

// doubled notes that the network has made another one of an attempt, which may be
// carried out as well.
func (j *judge) doubled(c *call) *asked {
	if c.bare() {
		c.count(j)
	}
	return j.begin(j.copies, c)
}

// begin notes an attempt in a log.
func (j *judge) begin(log *history.Log, c *call) *asked {
	n := len(c.requests)
	if c.head().Op == cuenta.All {
		n--
	}
	return &asked{log: log, first: j.write(log, c), n: n}
}

func (j *judge) write(log *history.Log, c *call) (first int) {
	head := c.head()
	switch {
	case head.Op == cuenta.All:
		span := append([]cuenta.Request(nil), c.requests[1:]...)
		for i := range span {
			span[i].Identity = head.Identity
		}
		return log.BeginBatch(true, span)
	case head.Op == cuenta.Check:
		return log.BeginBatch(false, c.requests)
	}
	return log.Begin(head)
}

// tallyOf returns a counter's tally.
func (j *judge) tallyOf(name string) *tally {
	for _, t := range j.tallies {
		if t.name == name {
			return t
		}
	}
	t := &tally{name: name}
	j.tallies = append(j.tallies, t)
	return t
}

// recovered notes the state that a start has found.
func (j *judge) recovered(began, now int64, l *ledger.Ledger) {
	counters, over := unended(l, now)
	label := fmt.Sprintf("start %d", j.w.lives)
	if over {
		// Nobody is told that those are gone, so the next start may find them again.
		j.recorder.Part(label, began, counters, l.Floor())
	} else {
		j.recorder.State(label, began, counters, l.Floor())
	}
	j.addsUp(l)
	for _, t := range j.tallies {
		value := int64(0)
		for _, c := range counters {
			if c.Name == t.name {
				value = c.Value
			}
		}
		if value < t.acked || value > t.attempted {
			j.complain("start %d: counter %q holds %d, but %d was acknowledged and %d attempted", j.w.lives, t.name, value, t.acked, t.attempted)
		}
	}
}

// unended lists the counters whose time is not over, and reports whether there are
// others.
func unended(l *ledger.Ledger, now int64) (all []cuenta.Counter, others bool) {
	for cell := range l.Used() {
		generation, value, revision := l.Cell(cell).DurableState()
		if generation&1 == 0 {
			continue
		}
		if of := l.Terms().Of(cell); of.Ended(now) {
			others = true
			continue
		}
		all = append(all, cuenta.Counter{Name: string(l.Name(cell)), Value: value, Revision: revision})
	}
	return all, others
}

// countersOf lists all counters that are durable.
func countersOf(l *ledger.Ledger) (all []cuenta.Counter) {
	for cell := range l.Used() {
		if generation, value, revision := l.Cell(cell).DurableState(); generation&1 != 0 {
			all = append(all, cuenta.Counter{Name: string(l.Name(cell)), Value: value, Revision: revision})
		}
	}
	return all
}

// verdict ends the judging. It returns what is wrong, empty if nothing is.
func (j *judge) verdict() string {
	report, err := history.Check(j.recorder.History())
	switch {
	case err != nil:
		j.complain("the history cannot be judged: %v", err)
	case report.Err() != nil:
		j.complain("%v", report.Err())
	default:
		j.w.met("judged: undecided %v", len(report.Undecided) > 0)
		j.w.note("judge", "%d operations are possible as they were; undecided: %q", report.Operations, report.Undecided)
	}
	return strings.Join(j.wrong, "\n")
}
