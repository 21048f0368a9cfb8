package sim

import (
	"strings"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/journal"
)

// spoil plants the faults of what is beyond increments, behind a request that was
// carried out.
func (l *life) spoil(r *cuenta.Request, out *cuenta.Result, f Fault) {
	switch {
	case f == SettledTwice && r.Op == cuenta.Settle && out.Code == cuenta.NoHold && !r.Identity.Given():
		add := cuenta.Request{Op: cuenta.Add, Counter: r.Counter, N: r.N}
		l.ledger.Apply(&add, l.ledger.Hash(&add), l.now(), out)
	case f == MissedCharge && r.Op == cuenta.Add && strings.HasPrefix(string(r.Counter), sum+"/") && out.Code == cuenta.OK && !out.Replayed && l.w.percent(10):
		l.change(sum, -r.N)
	case f == DoubledTicket && r.Op == cuenta.Ticket && out.Code == cuenta.OK && !out.Replayed && l.w.percent(10):
		l.change(string(r.Counter), -1)
	}
}

// change changes the value of a counter, and nobody was told.
func (l *life) change(name string, by int64) {
	var out cuenta.Result
	set := cuenta.Request{Op: cuenta.Get, Counter: []byte(name)}
	hash := l.ledger.Hash(&set)
	l.ledger.Apply(&set, hash, l.now(), &out)
	set.Op, set.N, set.If = cuenta.Set, out.Value+by, cuenta.IfPresent
	l.ledger.Apply(&set, hash, l.now(), &out)
}

// unbound loses holds.
type unbound struct{ journal.Sink }

func (unbound) Hold(uint32, uint64, journal.Hold) error { return nil }

// forgiving loses who has which numbers.
type forgiving struct{ journal.Sink }

func (s forgiving) Put(cell uint32, name []byte, value int64, revision uint64) error {
	if strings.HasPrefix(string(name), "turn/0/") {
		name = append([]byte("lost/0/"), name[len("turn/0/"):]...)
	}
	return s.Sink.Put(cell, name, value, revision)
}
