package engine

import (
	"slices"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/journal"
	"github.com/cuenta-server/cuenta/internal/ledger"
)

// Ticket says what a batch waits for: the number of the group that makes durable
// all that its results reveal. Groups are numbered from 1; 0 waits for nothing.
type Ticket uint64

// Cycle is the commit cycle as a step machine: Apply any number of batches, Seal
// the group, write the record, then Landed. Apply and Seal need the ledger
// alone; a record that was sealed must land before the next is sealed.
type Cycle struct {
	ledger  *ledger.Ledger
	record  journal.Record
	effects []ledger.Effect // of the sealed group
	sealed  Ticket
	flight  int64 // size of the sealed record in bytes
}

// NewCycle returns a cycle over a ledger that has no effects outstanding.
func NewCycle(l *ledger.Ledger) *Cycle { return &Cycle{ledger: l} }

// Sealed returns the ticket of the last group sealed. The open group's is one more.
func (c *Cycle) Sealed() Ticket { return c.sealed }

// Idle reports whether the open group is empty.
func (c *Cycle) Idle() bool {
	effects, _ := c.ledger.Outstanding()
	return effects == 0
}

// Demand returns an upper bound, in bytes, of the journal's room that the sealed
// record and the open group take together with b.
func (c *Cycle) Demand(b *cuenta.Batch) int64 {
	return c.flight + c.openBytes() + bound(b)
}

func (c *Cycle) openBytes() int64 {
	effects, names := c.ledger.Outstanding()
	return int64(effects)*journal.MaxEntry + int64(names)
}

// bound returns the most bytes that the effects of b take in a record.
func bound(b *cuenta.Batch) (bytes int64) {
	for i := range b.Requests {
		if r := &b.Requests[i]; changes(r) {
			bytes += journal.MaxEntry + int64(max(len(r.Counter), len(cuenta.DefaultCounter)))
		}
	}
	return bytes
}

// changes reports whether the request may leave an effect.
func changes(r *cuenta.Request) bool { return r.Op != cuenta.Get && r.Op != cuenta.Check }

// Apply carries out the batch. Changes are refused with the code deny unless it
// is OK.
func (c *Cycle) Apply(b *cuenta.Batch, deny cuenta.Code) (t Ticket) {
	b.Results = slices.Grow(b.Results[:0], len(b.Requests))[:len(b.Requests)]
	var hashes [ledger.Ahead]uint32
	from, fetched := 0, 0
	for i := 0; i < len(b.Requests); i++ {
		if i >= fetched {
			ahead := b.Requests[i:min(i+ledger.Ahead, len(b.Requests))]
			c.ledger.Fetch(ahead, &hashes)
			from, fetched = i, i+len(ahead)
		}
		r, out := &b.Requests[i], &b.Results[i]
		if deny != cuenta.OK && changes(r) {
			*out = cuenta.Result{Code: deny}
			continue
		}
		switch c.ledger.Apply(r, hashes[i-from], out) {
		case ledger.Fresh:
			t = c.sealed + 1
		case ledger.Taken:
			t = max(t, c.sealed)
		}
		if out.Code == cuenta.Unmet && r.Op == cuenta.Check {
			i += passOver(b.Results[i+1:], int(r.Span))
		}
	}
	return t
}

// passOver refuses what a check that failed spans.
func passOver(results []cuenta.Result, span int) int {
	span = min(span, len(results))
	for i := range results[:span] {
		results[i] = cuenta.Result{Code: cuenta.Unmet}
	}
	return span
}

// Durable answers the batch after a failure: reads from what is durable, all
// else with the code deny.
func (c *Cycle) Durable(b *cuenta.Batch, deny cuenta.Code) {
	b.Results = slices.Grow(b.Results[:0], len(b.Requests))[:len(b.Requests)]
	for i := range b.Requests {
		if b.Requests[i].Op == cuenta.Get {
			c.ledger.ReadDurable(&b.Requests[i], &b.Results[i])
		} else {
			b.Results[i] = cuenta.Result{Code: deny}
		}
	}
}

// Seal closes the open group and returns its record, nil if it is empty. The
// record is valid until the next Seal.
func (c *Cycle) Seal(now int64) *journal.Record {
	c.effects = c.ledger.TakeEffects(c.effects[:0])
	c.flight = 0
	if len(c.effects) == 0 {
		return nil
	}
	c.record.Reset(now)
	for i := range c.effects {
		switch e := &c.effects[i]; {
		case e.Dropped:
			c.record.Drop(e.Cell, e.Revision)
		case e.Opened:
			c.record.Open(e.Cell, c.ledger.Name(e.Cell), e.Value, e.Revision)
		default:
			c.record.Set(e.Cell, e.Value, e.Revision)
		}
	}
	c.sealed++
	c.flight = int64(c.record.Len())
	return &c.record
}

// Landed publishes the sealed group, once its record is durable. It may run
// beside Apply.
func (c *Cycle) Landed() { c.ledger.Publish(c.effects) }
