package sim

import "time"

// lapseEvery is how often it is looked whether a counter's time is over, as in the
// engine.
const lapseEvery = 100 * time.Millisecond

// lapse has counters deleted whose time is over, though nobody asks for anything.
func (l *life) lapse() {
	if l.dead || l.draining {
		return
	}
	l.w.after(lapseEvery, l.lapse)
	if l.failed == nil && l.cycle.Due() <= l.now() {
		l.w.met("lapse: looked for")
		l.lapseSome()
	}
}

// lapseSome is one hold of the gate, and the commit behind it.
func (l *life) lapseSome() {
	if l.dead || l.draining || l.failed != nil {
		return
	}
	more := l.deleteEnded()
	if l.kick(); more {
		l.after(l.lapseSome)
	}
}

// deleteEnded has the cycle delete what has ended.
func (l *life) deleteEnded() (more bool) {
	before, held := l.ledger.Terms().Len(), l.ledger.Holds().Len()
	more = l.cycle.Lapse(l.journal.Room, l.maxGroup(), l.now()+int64(l.w.fault.ahead()))
	if n := before - l.ledger.Terms().Len(); n > 0 {
		l.w.met("lapse: deletes")
		l.w.note("server", "deletes %d counters whose time is over", n)
	}
	if n := held - l.ledger.Holds().Len(); n > 0 {
		l.w.met("lapse: ends holds")
		l.w.note("server", "ends %d holds whose time is over, or that end with their counters", n)
	}
	return more
}
