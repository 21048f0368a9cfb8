package engine

import (
	"bytes"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/identity"
	"github.com/cuenta-server/cuenta/internal/journal"
	"github.com/cuenta-server/cuenta/internal/ledger"
	"github.com/cuenta-server/cuenta/internal/watch"
)

// Ticket says what a batch waits for: the number of the group that makes durable
// all that its results reveal. Groups are numbered from 1; 0 waits for nothing.
type Ticket uint64

// Cycle is the commit cycle as a step machine: Apply any number of batches, Seal
// the group, write the record, then Landed. Apply and Seal need the ledger
// alone, but that batches which only read may be applied side by side; a record
// that was sealed must land before the next is sealed.
type Cycle struct {
	ledger  *ledger.Ledger
	draw    func() uint64 // the ids of sessions
	record  journal.Record
	effects ledger.Effects // of the sealed group
	answers answerRecord   // to identities, of the open group
	sealed  Ticket
	flight  atomic.Int64 // size of the sealed record in bytes, until it has landed

	hub   *watch.Hub  // that is told of groups, or nil
	told  watch.Group // the sealed group for it, if noted
	noted bool

	// Whoever heard that an identity's time is over has heard what time it is, to the
	// minute. A restart goes on from the time recorded, so that must be durable too.
	minute int64       // of the sealed record
	timed  atomic.Bool // the open group is to record its time, whatever else it holds
}

// answerRecord is a record that the ledger tells its answers to identities.
type answerRecord struct{ journal.Record }

func (a *answerRecord) Answer(session, number, lowest uint64, is *identity.Answer) {
	a.Record.Answer(session, number, lowest, (*journal.Kept)(is))
}

func (a *answerRecord) Key(key []byte, is *identity.Answer) { a.Record.Key(key, journal.Kept(*is)) }

// NewCycle returns a cycle over a ledger that has no effects outstanding. Draw
// draws ids of sessions: nobody may guess one that was drawn.
func NewCycle(l *ledger.Ledger, draw func() uint64) *Cycle {
	c := &Cycle{ledger: l, draw: draw}
	c.answers.Reset(0)
	l.RecordTo(&c.answers)
	return c
}

// Sealed returns the ticket of the last group sealed. The open group's is one more.
func (c *Cycle) Sealed() Ticket { return c.sealed }

// Idle reports whether the open group is empty.
func (c *Cycle) Idle() bool {
	o := c.ledger.Outstanding()
	return o.Cells == 0 && c.answers.Empty() && !c.timed.Load()
}

// used returns an upper bound, in bytes, of the journal's room that the sealed record
// and the open group take.
func (c *Cycle) used() int64 { return c.flight.Load() + c.openBytes() }

// demand returns an upper bound of what they take together with b.
func (c *Cycle) demand(b *cuenta.Batch) int64 {
	demand := c.used() + bound(b)
	if c.ledger.Totals() > 0 {
		demand += boundTotals(b)
	}
	return demand
}

// maxIdentified is the most bytes that an answer takes in a record, or a session,
// but for a key's own.
const maxIdentified = max(journal.MaxAnswer, journal.MaxKey, journal.MaxSession)

// maxChange is the most bytes that a change takes in a record, its counter's name
// and terms not counted: it may meet a counter whose time is over, and delete it.
const maxChange = 2 * journal.MaxEntry

// maxRequest is the most bytes that a request's effects take in a record.
const maxRequest = maxChange + cuenta.MaxName + maxTerms + maxTicket +
	maxTotals + maxIdentified + cuenta.MaxKey

// maxTotals is the most bytes that the totals above one counter take.
const maxTotals = cuenta.MaxLevels * journal.MaxEntry

// maxTerms is the most bytes that a request with terms leaves of them, or of a hold.
const maxTerms = max(journal.MaxTerms, journal.MaxHold)

// maxTicket is what a ticket takes beyond that: the counter of the numbers that one
// ident gets, and two that it may find whose time is over.
const maxTicket = maxChange + cuenta.MaxName + 2*journal.MaxEntry

func (c *Cycle) openBytes() int64 {
	o := c.ledger.Outstanding()
	return int64(o.Cells+o.Anew)*journal.MaxEntry + int64(o.Terms)*journal.MaxTerms + int64(o.Holds)*journal.MaxHold +
		int64(o.Names) + int64(c.answers.Len())
}

// bound returns the most bytes that the effects of b take in a record.
func bound(b *cuenta.Batch) (bytes int64) {
	for i := range b.Requests {
		r := &b.Requests[i]
		if !changes(r) {
			continue
		}
		bytes += maxChange + int64(max(len(r.Counter), len(cuenta.DefaultCounter)))
		if r.Terms != nil {
			bytes += maxTerms
		}
		if r.Op == cuenta.Ticket {
			bytes += maxTicket
		}
		if r.Identity.Given() || r.Op == cuenta.OpenSession {
			bytes += maxIdentified + int64(len(r.Identity.Key))
		}
	}
	return bytes
}

// boundTotals returns the most bytes that the totals take which b adds to.
func boundTotals(b *cuenta.Batch) (most int64) {
	for i := range b.Requests {
		if r := &b.Requests[i]; r.Op == cuenta.Add || r.Op == cuenta.Settle {
			most += int64(min(bytes.Count(r.Counter, slash), cuenta.MaxLevels)) * journal.MaxEntry
		}
	}
	return most
}

var slash = []byte("/")

// TooLarge reports whether a batch could leave more than most bytes in a record, or
// holds too many requests.
func TooLarge(b *cuenta.Batch, most int64) bool {
	n := int64(len(b.Requests))
	switch {
	case n > cuenta.MaxBatch:
		return true
	case n*maxRequest <= most:
		return false
	}
	bytes := bound(b)
	return bytes+n*maxTotals > most && bytes+boundTotals(b) > most
}

// Admit applies the batch once there is room for its changes, which room tells as
// [journal.Journal.Room] does, and refuses them if there will be none. It reports
// false, and has done nothing, if there will be room only after a commit, or once
// the next segment is there. Two groups together take at most twice most bytes.
func (c *Cycle) Admit(b *cuenta.Batch, room func(bytes int64) error, most, now int64) (t Ticket, applied bool) {
	if rough := c.used() + int64(len(b.Requests))*maxRequest; rough <= 2*most && room(rough) == nil {
		return c.Apply(b, cuenta.OK, now), true // whatever the requests are, which need not be looked at
	}
	demand := c.demand(b)
	if demand > 2*most {
		return 0, false
	}
	deny := cuenta.OK
	if c.mayRecord(b, now) {
		switch err := room(demand); {
		case err == nil:
		case errors.Is(err, journal.ErrWait):
			return 0, false
		case errors.Is(err, cuenta.Full.Err()):
			deny = cuenta.Full
		default:
			deny = cuenta.Failed
		}
	}
	return c.Apply(b, deny, now), true
}

// dueLate is more than an end may be before the time that the ledger's terms say is
// due: they sort ends by eighths of a second.
const dueLate = int64(time.Second)

// mayRecord reports whether a record may be needed before the batch is answered.
func (c *Cycle) mayRecord(b *cuenta.Batch, now int64) bool {
	if c.ledger.Terms().Due() <= now+dueLate {
		return true // even a read may tell that a counter's time is over
	}
	for i := range b.Requests {
		if r := &b.Requests[i]; changes(r) || r.Op == cuenta.Outcome {
			return true
		}
	}
	return false
}

func onlyReads(b *cuenta.Batch) bool {
	for i := range b.Requests {
		if changes(&b.Requests[i]) {
			return false
		}
	}
	return true
}

// changes reports whether the request may leave an effect.
func changes(r *cuenta.Request) bool {
	return !r.Op.Reads() && r.Op != cuenta.Outcome
}

// Apply carries out the batch at a time of the ledger. Changes are refused with the
// code deny unless it is OK, but for those that are only repeated.
func (c *Cycle) Apply(b *cuenta.Batch, deny cuenta.Code, now int64) (t Ticket) {
	b.Results = slices.Grow(b.Results[:0], len(b.Requests))[:len(b.Requests)]
	var ahead lookahead
	for i := 0; i < len(b.Requests); i++ {
		if i >= ahead.due {
			ahead.advance(c.ledger, b.Requests, i)
		}
		r, out := &b.Requests[i], &b.Results[i]
		switch {
		case deny != cuenta.OK && changes(r):
			span := c.deny(b, i, deny, now, &t)
			i += span
		case r.Op == cuenta.All:
			span := spanned(b.Requests[i+1:], r)
			t = max(t, c.ticket(c.ledger.ApplyAll(r, span, now, b.Results[i:i+1+len(span)])))
			i += len(span)
		default:
			if r.Op == cuenta.OpenSession {
				r.Identity = cuenta.Identity{Session: c.draw()}
			}
			standing := c.ledger.Apply(r, ahead.hash(i), now, out)
			if standing == ledger.Timed && deny != cuenta.OK {
				standing, *out = ledger.Durable, cuenta.Result{Code: deny}
			}
			t = max(t, c.ticket(standing))
			switch {
			case out.Code == cuenta.Unmet && r.Op == cuenta.Check:
				i += passOver(b.Results[i+1:], int(r.Span))
			case standing == ledger.Fresh && deny == cuenta.OK && ahead.sameNext(i):
				i += c.ledger.Again(b.Requests[i:], now, b.Results[i:])
			}
		}
	}
	return max(t, c.tellTime(b.Results, deny, now))
}

// tellTime returns what results wait for that say that an identity's time is over.
// They are refused with the code deny where nothing can be recorded.
func (c *Cycle) tellTime(results []cuenta.Result, deny cuenta.Code, now int64) (t Ticket) {
	for i := range results {
		switch code := results[i].Code; {
		case code != cuenta.TooOld && code != cuenta.NoSession:
		case minuteOf(now) <= c.minute:
			t = max(t, c.sealed)
		case deny != cuenta.OK:
			results[i] = cuenta.Result{Code: deny}
		default:
			c.timed.Store(true)
			t = c.sealed + 1
		}
	}
	return t
}

func minuteOf(now int64) int64 { return now / int64(time.Minute) }

// ticket returns what an answer of that standing waits for.
func (c *Cycle) ticket(s ledger.Standing) Ticket {
	switch s {
	case ledger.Timed:
		c.timed.Store(true)
		return c.sealed + 1
	case ledger.Fresh:
		return c.sealed + 1
	case ledger.Taken:
		return c.sealed
	}
	return 0
}

// spanned returns the requests behind an All that belong to it, as far as they
// are there.
func spanned(rest []cuenta.Request, all *cuenta.Request) []cuenta.Request {
	return rest[:min(int(all.Span), len(rest))]
}

// deny refuses the change at i, unless it is the repeat of one that was made. It
// returns how many requests behind it belong to it.
func (c *Cycle) deny(b *cuenta.Batch, i int, code cuenta.Code, now int64, t *Ticket) int {
	r, span := &b.Requests[i], []cuenta.Request(nil)
	if r.Op == cuenta.All {
		span = spanned(b.Requests[i+1:], r)
	}
	out := b.Results[i : i+1+len(span)]
	if standing, known := c.ledger.Replay(r, span, now, out); known {
		*t = max(*t, c.ticket(standing))
		return len(span)
	}
	for k := range out {
		out[k] = cuenta.Result{Code: code}
	}
	return len(span)
}

// passOver refuses what a check that failed spans.
func passOver(results []cuenta.Result, span int) int {
	span = min(span, len(results))
	for i := range results[:span] {
		results[i] = cuenta.Result{Code: cuenta.Unmet}
	}
	return span
}

// Durable answers the batch after a failure: reads and repeats from what is
// durable, all else with the code deny.
func (c *Cycle) Durable(b *cuenta.Batch, deny cuenta.Code, now int64) {
	b.Results = slices.Grow(b.Results[:0], len(b.Requests))[:len(b.Requests)]
	for i := 0; i < len(b.Requests); i++ {
		if b.Requests[i].Op == cuenta.Get {
			c.ledger.ReadDurable(&b.Requests[i], &b.Results[i])
			if b.Results[i].Generation != 0 && c.ledger.MayBeOver(&b.Requests[i], now) {
				b.Results[i] = cuenta.Result{Code: deny} // that it is over cannot be recorded
			}
			continue
		}
		var t Ticket
		span := c.deny(b, i, deny, now, &t)
		if t > 0 { // it is remembered, but not durable
			for k := range b.Results[i : i+1+span] {
				b.Results[i+k] = cuenta.Result{Code: deny}
			}
		}
		i += span
	}
}

// lapsePerTurn is how many counters are deleted at a time because their time is over,
// and how many holds are ended: some tens of microseconds' work.
const (
	lapsePerTurn = 64
	maxLapse     = 2*journal.MaxEntry + journal.MaxHold // bytes that one of them takes at most
)

// Lapse deletes some counters and ends some holds whose time is over, if there are any
// and the journal has room for that, and reports whether there may be more. It needs the ledger
// alone. Room and most are those of Admit.
func (c *Cycle) Lapse(room func(bytes int64) error, most, now int64) (more bool) {
	if c.ledger.Due() > now {
		return false
	}
	used := c.used()
	n := min(lapsePerTurn, (2*most-used)/maxLapse)
	if n <= 0 || room(used+n*maxLapse) != nil {
		return false // what is over is told as such all the same
	}
	return c.ledger.Lapse(now, int(n))
}

// Due returns a time before which Lapse finds nothing.
func (c *Cycle) Due() int64 { return c.ledger.Due() }

// sweepPerGroup is how many ends of identities are looked at with every group.
const sweepPerGroup = 64

// Seal closes the open group and returns its record, nil if it is empty. The
// record is valid until the next Seal.
func (c *Cycle) Seal(now int64) *journal.Record {
	c.ledger.Sweep(now, sweepPerGroup)
	c.ledger.TakeEffects(&c.effects)
	c.flight.Store(0)
	if timed := c.timed.Swap(false); c.effects.Empty() && !timed {
		return nil
	}
	c.record.Reset(now)
	c.minute = minuteOf(now)
	c.recordCells()
	c.recordHolds()
	c.record.Append(&c.answers.Record)
	c.answers.Reset(0)
	c.noteNames()
	c.sealed++
	c.flight.Store(int64(c.record.Len()))
	return &c.record
}

func (c *Cycle) recordCells() {
	for i := range c.effects.Cells {
		switch e := &c.effects.Cells[i]; {
		case e.Dropped:
			c.record.Drop(e.Cell, e.Revision)
		case e.Opened:
			if e.Above > 0 {
				c.record.Drop(e.Cell, e.Above)
			}
			c.record.Open(e.Cell, c.ledger.Name(e.Cell), e.Value, e.Revision)
		default:
			c.record.Set(e.Cell, e.Value, e.Revision)
		}
		if e := &c.effects.Cells[i]; e.Termed {
			of := c.ledger.Terms().Of(e.Cell)
			c.record.Terms(e.Cell, e.Revision, journalTerms(of))
		}
	}
}

func (c *Cycle) recordHolds() {
	for i := range c.effects.Holds {
		if e := &c.effects.Holds[i]; e.Ended {
			c.record.Unhold(e.Cell, e.Revision, e.Hold.ID)
		} else {
			c.record.Hold(e.Cell, e.Revision, journal.Hold(e.Hold))
		}
	}
}

// Landed publishes the sealed group, once its record is durable. It may run
// beside Apply.
func (c *Cycle) Landed() {
	c.publish()
	// A batch that waits for the room of this group must not wait for a next one to be
	// sealed: there may be none but its own.
	c.flight.Store(0)
}
