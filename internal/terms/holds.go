package terms

import (
	"errors"

	"github.com/cuenta-server/cuenta/internal/offheap"
)

// Hold is a part of a counter's limit that is held back.
type Hold struct {
	ID     uint64 // the counter's revision that made it, not 0
	Amount int64  // above 0: of what is left below the ceiling; below 0: above the floor
	Ends   int64  // in nanoseconds since 1970, above 0
}

// Held is what the holds of a counter come to.
type Held struct {
	Up, Down int64 // the sum of those above 0, and of those below it, both without sign
	Count    uint32
}

// held is one hold in the list of its counter.
type held struct {
	link
	of          uint32 // the counter's record
	newer, next uint32 // its neighbours in the counter's list, plus one
	id          uint64 // 0: the record is not in use
	amount      int64
}

// indexed marks a hold that is found by its id.
const indexed uint8 = 1

// few is how many holds of a counter are looked through. Where there are more, all of
// them are indexed.
const few = 4

// Holds is the holds of all counters. How many a counter has, and what they come to, is
// in its record in the book.
type Holds struct {
	book  *Book
	holds offheap.Slab[held]
	byID  *offheap.Index
	wheel wheel
	count int
}

// NewHolds returns none, for the counters of a book.
func NewHolds(book *Book) (*Holds, error) {
	byID, err := offheap.NewIndex()
	if err != nil {
		return nil, err
	}
	h := &Holds{book: book, byID: byID}
	h.wheel.link = func(item uint32) *link { return &h.holds.At(item).link }
	return h, nil
}

// Close gives the memory back to the system.
func (h *Holds) Close() error { return errors.Join(h.byID.Free(), h.holds.Free()) }

// Len returns how many holds there are.
func (h *Holds) Len() int { return h.count }

// Memory returns the bytes that they take, beyond those of the book.
func (h *Holds) Memory() uint64 { return h.holds.Memory() + h.byID.Memory() }

// hashOfHold mixes both numbers into one.
func hashOfHold(cell uint32, id uint64) uint32 {
	x := (id ^ uint64(cell)<<32) * 0x9e3779b97f4a7c15
	return uint32(x >> 32)
}

// of returns the record of a cell's counter, nil if it has none.
func (h *Holds) of(cell uint32) *record {
	item, ok := h.book.places.get(cell)
	if !ok {
		return nil
	}
	return h.book.records.At(item)
}

func (h *Holds) find(cell uint32, id uint64) (item uint32, ok bool) {
	of := h.of(cell)
	if of == nil {
		return 0, false
	}
	if of.holds <= few {
		for next := of.first; next != 0; {
			r := h.holds.At(next - 1)
			if r.id == id {
				return next - 1, true
			}
			next = r.next
		}
		return 0, false
	}
	for p := h.byID.Probe(hashOfHold(cell, id)); ; {
		if item, ok = p.Next(); !ok {
			return 0, false
		}
		if r := h.holds.At(item); r.cell == cell && r.id == id {
			return item, true
		}
	}
}

// Held returns what the holds of a cell's counter come to.
func (h *Holds) Held(cell uint32) Held {
	if of := h.of(cell); of != nil {
		return of.held()
	}
	return Held{}
}

// Find returns a hold, and the number of its record, which it keeps as long as it lasts.
func (h *Holds) Find(cell uint32, id uint64) (item uint32, hold Hold, ok bool) {
	if item, ok = h.find(cell, id); ok {
		hold = h.holds.At(item).hold()
	}
	return item, hold, ok
}

func (r *held) hold() Hold { return Hold{r.id, r.amount, r.ends} }

// Put gives a cell's counter a hold, in place of the one of that id if there is one.
// It fails if there is no memory for it.
func (h *Holds) Put(cell uint32, hold Hold) error {
	if item, ok := h.find(cell, hold.ID); ok {
		h.Set(item, hold)
		return nil
	}
	return h.Add(cell, hold)
}

// Add is Put for a hold of an id that the counter has none of.
func (h *Holds) Add(cell uint32, hold Hold) error {
	item, err := h.enter(cell, hold.ID)
	if err == nil {
		h.Set(item, hold)
	}
	return err
}

// At returns the hold of a record that is in use.
func (h *Holds) At(item uint32) Hold { return h.holds.At(item).hold() }

// Set gives the hold of a record another amount and end.
func (h *Holds) Set(item uint32, hold Hold) {
	r := h.holds.At(item)
	of := h.book.records.At(r.of)
	of.add(-1, r.amount)
	r.amount = hold.Amount
	of.add(+1, r.amount)
	h.wheel.move(item, hold.Ends)
}

// add adds an amount to the sums, or takes it from them.
func (r *record) add(sign, amount int64) {
	if amount > 0 {
		r.up += sign * amount
	} else {
		r.down -= sign * amount
	}
}

// enter makes a hold of amount 0.
func (h *Holds) enter(cell uint32, id uint64) (item uint32, err error) {
	at, err := h.book.enter(cell)
	if err != nil {
		return 0, err
	}
	of := h.book.records.At(at)
	if item, err = h.holds.Take(0); err != nil {
		h.book.dropEmpty(at)
		return 0, err
	}
	r := h.holds.At(item)
	r.cell, r.of, r.id, r.next = cell, at, id, of.first
	if of.holds >= few {
		if err = h.index(item, of.holds > few); err != nil {
			h.unindex(item)
			h.holds.Give(item, 0)
			return 0, err // the counter has others, so its record stays
		}
	}
	if of.first != 0 {
		h.holds.At(of.first - 1).newer = item + 1
	}
	of.first = item + 1
	of.holds++
	h.count++
	return item, nil
}

// index has a new hold found by its id, and with the first of many those before it.
func (h *Holds) index(item uint32, many bool) error {
	for next := item + 1; next != 0; {
		r := h.holds.At(next - 1)
		if r.marks&indexed == 0 {
			if err := h.byID.Insert(hashOfHold(r.cell, r.id), next-1); err != nil {
				return err
			}
			r.marks |= indexed
		}
		if many { // the others are
			break
		}
		next = r.next
	}
	return nil
}

func (h *Holds) unindex(item uint32) {
	if r := h.holds.At(item); r.marks&indexed != 0 {
		h.byID.Remove(hashOfHold(r.cell, r.id), item)
		r.marks &^= indexed
	}
}

// Drop ends the hold of a record, and reports whether its counter has others.
func (h *Holds) Drop(item uint32) (others bool) {
	r := h.holds.At(item)
	at := r.of
	of := h.book.records.At(at)
	of.add(-1, r.amount)
	of.holds--
	h.count--
	if r.next != 0 {
		h.holds.At(r.next - 1).newer = r.newer
	}
	if r.newer != 0 {
		h.holds.At(r.newer - 1).next = r.next
	} else {
		of.first = r.next
	}
	h.wheel.move(item, 0)
	h.unindex(item)
	h.holds.Give(item, 0)
	others = of.holds > 0
	h.book.dropEmpty(at)
	return others
}

// Behind returns the first hold of a cell's counter, or the one behind that of an id
// that is not 0, in an order that stays as it is while holds come and go, and its
// record. It reports false if there is none behind it, or none of that id.
func (h *Holds) Behind(cell uint32, id uint64) (item uint32, hold Hold, ok bool) {
	var next uint32
	if id == 0 {
		if of := h.of(cell); of != nil {
			next = of.first
		}
	} else if item, ok := h.find(cell, id); ok {
		next = h.holds.At(item).next
	}
	if next == 0 {
		return 0, Hold{}, false
	}
	return next - 1, h.holds.At(next - 1).hold(), true
}

// Overflown returns a cell the sums of whose holds have passed the end of int64, which
// they do by wrapping around.
func (h *Holds) Overflown() (cell uint32, ok bool) {
	for item := range h.book.records.Used() {
		if r := h.book.records.At(item); r.up < 0 || r.down < 0 {
			return r.cell, true
		}
	}
	return 0, false
}

// Records returns one more than the largest number of a record.
func (h *Holds) Records() uint32 { return h.holds.Used() }

// Record returns a hold by its record; ok is false if that is not in use.
func (h *Holds) Record(item uint32) (cell uint32, hold Hold, ok bool) {
	r := h.holds.At(item)
	return r.cell, r.hold(), r.id != 0
}

// Begin, Due and Ended are those of [Book], for holds.
func (h *Holds) Begin(now int64) { h.wheel.begin(now, h.holds.Used()) }

// Due returns a time before which Ended finds nothing.
func (h *Holds) Due() int64 { return h.wheel.due() }

// Ended takes at most so many steps, and returns the record of a hold whose time is
// over. It returns the same one until that is dropped or extended.
func (h *Holds) Ended(now int64, steps *int) (item uint32, ok bool) { return h.wheel.ended(now, steps) }
