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
	cell        uint32
	account     uint32
	newer, next uint32 // its neighbours in the counter's list, plus one
	id          uint64 // 0: the record is not in use
	amount      int64
}

// account is a counter that has holds.
type account struct {
	Held
	cell  uint32
	first uint32 // of its holds, the newest, plus one
}

// Holds is the holds of all counters.
type Holds struct {
	holds    offheap.Slab[held]
	accounts offheap.Slab[account]
	byID     *offheap.Index
	byCell   places // of the accounts
	wheel    wheel
}

// NewHolds returns none.
func NewHolds() (*Holds, error) {
	byID, err := offheap.NewIndex()
	if err != nil {
		return nil, err
	}
	h := &Holds{byID: byID}
	h.wheel.link = func(item uint32) *link { return &h.holds.At(item).link }
	return h, nil
}

// Close gives the memory back to the system.
func (h *Holds) Close() error {
	return errors.Join(h.byID.Free(), h.byCell.free(), h.holds.Free(), h.accounts.Free())
}

// Len returns how many holds there are.
func (h *Holds) Len() int { return h.byID.Len() }

// Memory returns the bytes that they take.
func (h *Holds) Memory() uint64 {
	return h.holds.Memory() + h.accounts.Memory() + h.byID.Memory() + h.byCell.size()
}

// hashOfHold mixes both numbers into one.
func hashOfHold(cell uint32, id uint64) uint32 {
	x := (id ^ uint64(cell)<<32) * 0x9e3779b97f4a7c15
	return uint32(x >> 32)
}

func (h *Holds) find(cell uint32, id uint64) (item uint32, ok bool) {
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
	item, ok := h.byCell.get(cell)
	if !ok {
		return Held{}
	}
	return h.accounts.At(item).Held
}

// Touch loads where a cell's counter has its holds, so that what is asked of them need
// not wait for it. What it returns means nothing.
func (h *Holds) Touch(cell uint32) uint64 {
	item, ok := h.byCell.get(cell)
	if !ok {
		return 0
	}
	return uint64(h.accounts.At(item).first)
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
	a := h.accounts.At(r.account)
	a.add(-1, r.amount)
	r.amount = hold.Amount
	a.add(+1, r.amount)
	h.wheel.move(item, hold.Ends)
}

// add adds an amount to the sums, or takes it from them.
func (a *account) add(sign, amount int64) {
	if amount > 0 {
		a.Up += sign * amount
	} else {
		a.Down -= sign * amount
	}
}

// enter makes a hold of amount 0, and its account if there is none.
func (h *Holds) enter(cell uint32, id uint64) (item uint32, err error) {
	at, ok := h.byCell.get(cell)
	if !ok {
		if at, err = h.accounts.Take(0); err != nil {
			return 0, err
		}
		if err := h.byCell.put(cell, at); err != nil {
			h.accounts.Give(at, 0)
			return 0, err
		}
		*h.accounts.At(at) = account{cell: cell}
	}
	if item, err = h.holds.Take(0); err == nil {
		if err = h.byID.Insert(hashOfHold(cell, id), item); err != nil {
			h.holds.Give(item, 0)
		}
	}
	if err != nil {
		h.closeEmpty(at)
		return 0, err
	}
	a := h.accounts.At(at)
	if a.first != 0 {
		h.holds.At(a.first - 1).newer = item + 1
	}
	*h.holds.At(item) = held{cell: cell, account: at, id: id, next: a.first}
	a.first = item + 1
	a.Count++
	return item, nil
}

// Drop ends the hold of a record, and reports whether its counter has others.
func (h *Holds) Drop(item uint32) (others bool) {
	r := h.holds.At(item)
	at := r.account
	a := h.accounts.At(at)
	a.add(-1, r.amount)
	a.Count--
	if r.next != 0 {
		h.holds.At(r.next - 1).newer = r.newer
	}
	if r.newer != 0 {
		h.holds.At(r.newer - 1).next = r.next
	} else {
		a.first = r.next
	}
	h.wheel.move(item, 0)
	h.byID.Remove(hashOfHold(r.cell, r.id), item)
	h.holds.Give(item, 0)
	return h.closeEmpty(at)
}

// closeEmpty takes an account away that has no holds. It reports whether it has some.
func (h *Holds) closeEmpty(at uint32) (others bool) {
	a := h.accounts.At(at)
	if a.Count > 0 {
		return true
	}
	h.byCell.drop(a.cell)
	h.accounts.Give(at, 0)
	return false
}

// Behind returns the first hold of a cell's counter, or the one behind that of an id
// that is not 0, in an order that stays as it is while holds come and go, and its
// record. It reports false if there is none behind it, or none of that id.
func (h *Holds) Behind(cell uint32, id uint64) (item uint32, hold Hold, ok bool) {
	var next uint32
	if id == 0 {
		if at, ok := h.byCell.get(cell); ok {
			next = h.accounts.At(at).first
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
	for item := range h.accounts.Used() {
		if a := h.accounts.At(item); a.Up < 0 || a.Down < 0 {
			return a.cell, true
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
