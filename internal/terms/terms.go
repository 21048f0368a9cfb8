// Package terms is what some counters have besides a value: limits, an end, holds.
// Like the ledger, which keeps them by the numbers of their cells, it is a pure
// state machine: time comes as an argument, and nothing is locked.
//
// Few counters have terms, so they stand in records of their own, off the
// garbage-collected heap, and a counter without any costs nothing. The records of
// counters that will end hang in a timing wheel, which gives back what has ended
// within an eighth of a second or so; whoever looks at a counter before that asks
// for its own time.
package terms

import (
	"errors"
	"math"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/offheap"
)

// Terms are those of one counter. The zero Terms are none.
type Terms struct {
	Floor, Ceiling cuenta.Bound
	Total          bool  // it is a declared total of those below it
	Ends           int64 // in nanoseconds since 1970; 0: never
}

// Ended reports whether the counter's time is over.
func (t *Terms) Ended(now int64) bool { return t.Ends != 0 && t.Ends <= now }

// record is the terms of a cell.
type record struct {
	link
	marks          uint8
	cell           uint32
	floor, ceiling int64
}

const (
	taken uint8 = 1 << iota // the record is in use
	hasFloor
	hasCeiling
	isTotal
)

// Book is the terms of all counters that have any.
type Book struct {
	records offheap.Slab[record]
	places  places
	wheel   wheel
}

// New returns an empty book.
func New() *Book {
	b := &Book{}
	b.wheel.link = func(item uint32) *link { return &b.records.At(item).link }
	return b
}

// Close gives the memory back to the system.
func (b *Book) Close() error { return errors.Join(b.places.free(), b.records.Free()) }

// Stats is how many counters have what.
type Stats struct {
	Counters int    `json:"counters"` // with limits or an end, or declared totals
	Ending   int    `json:"ending"`   // with an end
	Totals   int    `json:"totals"`   // declared
	Holds    int    `json:"holds"`    // of all counters
	Memory   uint64 `json:"memory"`   // bytes that all this takes
}

// Ending returns how many counters have an end.
func (b *Book) Ending() int { return b.wheel.count }

// Len returns how many counters have terms.
func (b *Book) Len() int { return b.places.count }

// Memory returns the bytes that they take.
func (b *Book) Memory() uint64 { return b.records.Memory() + b.places.size() }

// Of returns the terms of a cell's counter, none if it has none.
func (b *Book) Of(cell uint32) Terms {
	item, ok := b.places.get(cell)
	if !ok {
		return Terms{}
	}
	return b.records.At(item).terms()
}

// Limits returns between which values a cell's counter may be.
func (b *Book) Limits(cell uint32) (floor, ceiling int64) {
	floor, ceiling = math.MinInt64, math.MaxInt64
	item, ok := b.places.get(cell)
	if !ok {
		return floor, ceiling
	}
	r := b.records.At(item)
	if r.marks&hasFloor != 0 {
		floor = r.floor
	}
	if r.marks&hasCeiling != 0 {
		ceiling = r.ceiling
	}
	return floor, ceiling
}

// Over reports whether the time of a cell's counter is over.
func (b *Book) Over(cell uint32, now int64) bool {
	item, ok := b.places.get(cell)
	if !ok {
		return false
	}
	ends := b.records.At(item).ends
	return ends != 0 && ends <= now
}

// Touch loads the terms of a cell's counter, so that Of need not wait for them. What it
// returns means nothing.
func (b *Book) Touch(cell uint32) uint64 {
	item, ok := b.places.get(cell)
	if !ok {
		return 0
	}
	r := b.records.At(item)
	return uint64(r.ends ^ r.ceiling) // a record may lie across two cache lines
}

func (r *record) terms() Terms {
	return Terms{
		Floor:   cuenta.Bound{Set: r.marks&hasFloor != 0, At: r.floor},
		Ceiling: cuenta.Bound{Set: r.marks&hasCeiling != 0, At: r.ceiling},
		Total:   r.marks&isTotal != 0,
		Ends:    r.ends,
	}
}

// Put gives a cell's counter other terms. It fails if there is no memory for them,
// which it can only the first time since there were none.
func (b *Book) Put(cell uint32, t Terms) error {
	item, ok := b.places.get(cell)
	switch {
	case t == Terms{}:
		if ok {
			b.drop(item)
		}
		return nil
	case !ok:
		var err error
		if item, err = b.enter(cell); err != nil {
			return err
		}
	}
	r := b.records.At(item)
	b.wheel.move(item, t.Ends)
	r.floor, r.ceiling, r.marks = t.Floor.At, t.Ceiling.At, taken
	if t.Floor.Set {
		r.marks |= hasFloor
	}
	if t.Ceiling.Set {
		r.marks |= hasCeiling
	}
	if t.Total {
		r.marks |= isTotal
	}
	return nil
}

func (b *Book) enter(cell uint32) (item uint32, err error) {
	if item, err = b.records.Take(0); err != nil {
		return 0, err
	}
	if err := b.places.put(cell, item); err != nil {
		b.records.Give(item, 0)
		return 0, err
	}
	*b.records.At(item) = record{cell: cell, marks: taken}
	return item, nil
}

func (b *Book) drop(item uint32) {
	b.wheel.move(item, 0)
	b.places.drop(b.records.At(item).cell)
	b.records.Give(item, 0)
}

// Records returns one more than the largest number of a record.
func (b *Book) Records() uint32 { return b.records.Used() }

// Record returns a record by its number; ok is false if it is not in use.
func (b *Book) Record(item uint32) (cell uint32, t Terms, ok bool) {
	r := b.records.At(item)
	if r.marks&taken == 0 {
		return 0, Terms{}, false
	}
	return r.cell, r.terms(), true
}

// Begin tells what time it is, once, before the first question: what was put into
// the book until then is set in order for it.
func (b *Book) Begin(now int64) { b.wheel.begin(now, b.records.Used()) }

// Due returns a time before which Ended finds nothing.
func (b *Book) Due() int64 { return b.wheel.due() }

// Soonest returns a time at which no counter has ended yet.
func (b *Book) Soonest() int64 { return b.wheel.due() - 1<<spanBits }

// Ended takes at most so many steps, and returns the cell of a counter that has
// ended. It returns the same one until that is dropped.
func (b *Book) Ended(now int64, steps *int) (cell uint32, ok bool) {
	item, ok := b.wheel.ended(now, steps)
	if !ok {
		return 0, false
	}
	return b.records.At(item).cell, true
}
