package sim

import (
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/journal"
)

// Fault is a mistake planted into the simulated server, to see that it is found.
type Fault uint8

// The faults.
const (
	NoFault           Fault = iota
	SkippedSync             // some syncs of the log are not made
	EarlyAnswer             // some answers leave before they are durable
	EarlyRead               // reads are answered before what they reveal is durable
	ForgottenIdentity       // a restart forgets some identities
	DoubledIdentity         // some repeats are carried out
	Wrap                    // what would pass an end of int64 wraps
	EarlySnapshot           // a snapshot counts before what it saw is durable
	ForgottenDeletion       // a restart forgets that counters were deleted
	ForgottenTerms          // a restart forgets limits and ends
	PassedLimit             // what would pass a limit is carried out
	EarlyEnd                // counters are deleted before their end
	ForgottenHold           // a restart forgets holds
	SettledTwice            // what was settled is settled again
	MissedCharge            // some totals are not charged
	DoubledTicket           // some numbers are given twice
	ForgottenTicket         // a restart forgets who has which numbers
	LooseRate               // more is allowed than the rate does
	NumFaults
)

func (f Fault) String() string {
	return [...]string{"no fault", "a skipped sync", "an answer before the sync", "a read of a value not yet durable",
		"a forgotten identity", "a doubled identity", "a wrap", "a snapshot before the sync", "a forgotten deletion", "forgotten terms", "a passed limit", "an early end",
		"a forgotten hold", "a hold settled twice", "a missed charge", "a doubled ticket", "a forgotten ticket", "a loose rate"}[f]
}

func (f Fault) is(other Fault) bool { return f == other }

// skips reports whether a sync is to be skipped.
func (f Fault) skips(w *world, name string) bool {
	return f == SkippedSync && kindOf(name) == "segment" && w.percent(20)
}

// before spoils a batch that is about to be applied.
func (f Fault) before(w *world, b *batch) {
	for i := range b.Requests {
		switch r := &b.Requests[i]; {
		case f == DoubledIdentity && r.Op <= cuenta.Delete && w.percent(5):
			r.Identity = cuenta.Identity{}
		case f == LooseRate && r.Op == cuenta.Take:
			r.Terms.Rate.Limit, r.Terms.Rate.Burst = 2*r.Terms.Rate.Limit, 2*r.Terms.Rate.Burst
		}
	}
}

// after spoils a batch that was applied.
func (f Fault) after(l *life, b *batch) {
	switch f {
	case EarlyAnswer:
		if l.w.percent(20) {
			b.ticket = 0
		}
	case EarlyRead:
		for i := range b.Requests {
			if b.Requests[i].Op != cuenta.Get {
				return
			}
		}
		b.ticket = 0
	case Wrap, PassedLimit:
		for i := range b.Requests {
			l.wrap(&b.Requests[i], &b.Results[i], f)
		}
	case SettledTwice, MissedCharge, DoubledTicket:
		for i := range b.Requests {
			l.spoil(&b.Requests[i], &b.Results[i], f)
		}
	}
}

// ahead is how far the clock is ahead by which counters end.
func (f Fault) ahead() time.Duration {
	if f == EarlyEnd {
		return time.Second
	}
	return 0
}

// wrap carries out what was refused as an overflow, or for a limit.
func (l *life) wrap(r *cuenta.Request, out *cuenta.Result, f Fault) {
	refused := cuenta.Overflow
	if f == PassedLimit {
		refused = cuenta.Limited
	}
	if out.Code != refused || r.Op != cuenta.Add || r.Identity.Given() {
		return
	}
	now := l.now()
	get := cuenta.Request{Op: cuenta.Get, Counter: r.Counter}
	l.ledger.Apply(&get, l.ledger.Hash(&get), now, out)
	set := cuenta.Request{Op: cuenta.Set, Counter: r.Counter, N: out.Value + r.N}
	if f == PassedLimit {
		none := cuenta.Request{Op: cuenta.Limit, Counter: r.Counter, Terms: &cuenta.Terms{}}
		l.ledger.Apply(&none, l.ledger.Hash(&none), now, out)
	}
	l.ledger.Apply(&set, l.ledger.Hash(&set), now, out)
}

// sink wraps what takes the journal's state at a start.
func (f Fault) sink(w *world, to journal.Sink) journal.Sink {
	switch f {
	case ForgottenIdentity:
		return forgetful{to, w}
	case ForgottenDeletion:
		return clinging{to}
	case ForgottenTerms:
		return boundless{to}
	case ForgottenHold:
		return unbound{to}
	case ForgottenTicket:
		return forgiving{to}
	}
	return to
}

// forgetful loses some answers.
type forgetful struct {
	journal.Sink
	w *world
}

func (s forgetful) Answer(a journal.Answer, used int64) error {
	if s.w.percent(20) {
		return nil
	}
	return s.Sink.Answer(a, used)
}

func (s forgetful) Key(key []byte, k journal.Kept, used, until int64) error {
	if s.w.percent(20) {
		return nil
	}
	return s.Sink.Key(key, k, used, until)
}

// clinging loses deletions.
type clinging struct{ journal.Sink }

func (clinging) Drop(uint32, uint64) error { return nil }

// boundless loses limits and ends.
type boundless struct{ journal.Sink }

func (boundless) Terms(uint32, uint64, journal.Terms) error { return nil }
