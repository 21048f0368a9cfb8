package engine

import (
	"bytes"
	"context"

	"github.com/cuenta-server/cuenta"
)

// sliceCells is how many cells are looked at in one hold of the gate: some tens
// of microseconds, far below the millisecond that a hold may last.
const sliceCells = 2048

// List returns up to limit durable counters whose names begin with prefix, in
// the order in which they were made, from cursor on (0 at first), and the cursor
// to go on with, 0 at the end. Changes go on in between. A counter whose time is over
// is left out, if that can be recorded.
func (e *Engine) List(ctx context.Context, class cuenta.Class, prefix string, cursor uint64, limit int) ([]cuenta.Counter, uint64, error) {
	var found, over []cuenta.Counter
	for {
		if err := e.gate.Acquire(ctx, class, 1); err != nil {
			return nil, 0, cuenta.Canceled.Err()
		}
		end := min(cursor+sliceCells, uint64(e.ledger.Used()))
		for ; cursor < end && len(found) < limit; cursor++ {
			if counter, ok := e.durable(uint32(cursor), prefix); ok && e.ledger.Leaving(uint32(cursor), e.clock.now()) {
				over = append(over, counter)
			} else if ok {
				found = append(found, counter)
			}
		}
		done := cursor >= uint64(e.ledger.Used())
		e.gate.Release(1)
		if done {
			return append(found, e.stillThere(ctx, class, over)...), 0, nil
		}
		if len(found) >= limit {
			return append(found, e.stillThere(ctx, class, over)...), cursor, nil
		}
	}
}

// stillThere returns what must be shown of counters whose time is over, or which are
// being deleted: nothing if a record tells the time, which a read of one of them sees
// to, and what was applied by now is durable.
func (e *Engine) stillThere(ctx context.Context, class cuenta.Class, over []cuenta.Counter) []cuenta.Counter {
	if len(over) == 0 {
		return nil
	}
	b := cuenta.Batch{Class: class, Requests: []cuenta.Request{{Op: cuenta.Get, Counter: []byte(over[0].Name)}}}
	if e.Do(ctx, &b); b.Results[0].Code != cuenta.OK || e.flush() != nil {
		return over
	}
	return nil
}

// durable returns what of a cell may be revealed; false if its counter's making
// is not durable yet or the name has another beginning.
func (e *Engine) durable(cell uint32, prefix string) (cuenta.Counter, bool) {
	generation, value, revision := e.ledger.Cell(cell).DurableState()
	name := e.ledger.Name(cell)
	if generation&1 == 0 || !bytes.HasPrefix(name, []byte(prefix)) {
		return cuenta.Counter{}, false
	}
	return cuenta.Counter{Name: string(name), Value: value, Revision: revision}, true
}
