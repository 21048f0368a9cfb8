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
	"unsafe"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/offheap"
	"github.com/cuenta-server/cuenta/internal/prefetch"
)

// Terms are those of one counter. The zero Terms are none.
type Terms struct {
	Floor, Ceiling cuenta.Bound
	Total          bool  // it is a declared total of those below it
	Ends           int64 // in nanoseconds since 1970; 0: never
}

// Ended reports whether the counter's time is over.
func (t *Terms) Ended(now int64) bool { return t.Ends != 0 && t.Ends <= now }

// record is what a cell's counter has, terms or holds: just a cache line.
type record struct {
	link
	floor, ceiling int64
	up, down       int64  // what its holds come to, as in Held
	holds          uint32 // how many they are
	first          uint32 // the newest of them, plus one
}

const (
	termed uint8 = 1 << iota // it has terms
	hasFloor
	hasCeiling
	isTotal
)

// Book is the terms of all counters that have any.
type Book struct {
	records offheap.Slab[record]
	places  places
	wheel   wheel
	count   int // counters with terms
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
func (b *Book) Len() int { return b.count }

// Empty reports whether no counter has terms or holds.
func (b *Book) Empty() bool { return b.places.count == 0 }

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

// Room returns between which values the limits of a cell's counter let it be, and what
// its holds come to.
func (b *Book) Room(cell uint32) (floor, ceiling int64, held Held) {
	floor, ceiling = math.MinInt64, math.MaxInt64
	item, ok := b.places.get(cell)
	if !ok {
		return floor, ceiling, held
	}
	r := b.records.At(item)
	if r.marks&hasFloor != 0 {
		floor = r.floor
	}
	if r.marks&hasCeiling != 0 {
		ceiling = r.ceiling
	}
	return floor, ceiling, r.held()
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

// Prefetch asks for what a cell's counter has, so that its user need not wait for it.
func (b *Book) Prefetch(cell uint32) {
	if item, ok := b.places.get(cell); ok {
		prefetch.Line(unsafe.Pointer(b.records.At(item)))
	}
}

func (r *record) terms() Terms {
	return Terms{
		Floor:   cuenta.Bound{Set: r.marks&hasFloor != 0, At: r.floor},
		Ceiling: cuenta.Bound{Set: r.marks&hasCeiling != 0, At: r.ceiling},
		Total:   r.marks&isTotal != 0,
		Ends:    r.ends,
	}
}

func (r *record) held() Held { return Held{r.up, r.down, r.holds} }

// Put gives a cell's counter other terms. It fails if there is no memory for them,
// which it can only the first time since there were none.
func (b *Book) Put(cell uint32, t Terms) error {
	if (t == Terms{}) {
		if item, ok := b.places.get(cell); ok {
			b.set(item, t, 0)
			b.dropEmpty(item)
		}
		return nil
	}
	item, err := b.enter(cell)
	if err != nil {
		return err
	}
	marks := termed
	if t.Floor.Set {
		marks |= hasFloor
	}
	if t.Ceiling.Set {
		marks |= hasCeiling
	}
	if t.Total {
		marks |= isTotal
	}
	b.set(item, t, marks)
	return nil
}

func (b *Book) set(item uint32, t Terms, marks uint8) {
	r := b.records.At(item)
	b.wheel.move(item, t.Ends)
	b.count += int(marks&termed) - int(r.marks&termed)
	r.floor, r.ceiling, r.marks = t.Floor.At, t.Ceiling.At, marks
}

// enter returns the record of a cell, and makes it if there is none.
func (b *Book) enter(cell uint32) (item uint32, err error) {
	if item, ok := b.places.get(cell); ok {
		return item, nil
	}
	if item, err = b.records.Take(0); err != nil {
		return 0, err
	}
	if err := b.places.put(cell, item); err != nil {
		b.records.Give(item, 0)
		return 0, err
	}
	b.records.At(item).cell = cell
	return item, nil
}

// dropEmpty takes a record away that is of no use any more.
func (b *Book) dropEmpty(item uint32) {
	if r := b.records.At(item); r.marks&termed == 0 && r.holds == 0 {
		b.places.drop(r.cell)
		b.records.Give(item, 0)
	}
}

// Records returns one more than the largest number of a record.
func (b *Book) Records() uint32 { return b.records.Used() }

// Record returns the terms of a record by its number; ok is false if it has none.
func (b *Book) Record(item uint32) (cell uint32, t Terms, ok bool) {
	r := b.records.At(item)
	if r.marks&termed == 0 {
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
