package ledger

import (
	"fmt"
	"math"
	"slices"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/shm"
	"github.com/cuenta-server/cuenta/internal/terms"
)

// maxHolds is how many holds there may be of all counters together: they take up to
// 2 GB.
const maxHolds = 1 << 24

// HoldEffect is what became of a hold.
type HoldEffect struct {
	Cell     uint32
	Revision uint64 // that the counter has got by that
	Hold     terms.Hold
	Ended    bool
}

// holdBefore is what a hold was before a change that may be taken back.
type holdBefore struct {
	cell  uint32
	hold  terms.Hold
	there bool
}

// Holds returns the counters' holds, to look at.
func (l *Ledger) Holds() *terms.Holds { return l.holds }

// hold holds a part of a counter's limit back.
func (l *Ledger) hold(r *cuenta.Request, hash, cell uint32, found bool, now int64, out *cuenta.Result) Standing {
	is := l.seen(cell, found)
	alive := is.alive()
	ends, code := endOfHold(r, now)
	switch {
	case code != cuenta.OK:
		return refuse(code, out)
	case r.N == 0 || r.N == math.MinInt64:
		return refuse(cuenta.Syntax, out)
	case !meets(r, &is):
		return l.unmet(cell, found, out)
	}
	own, sums := l.own(cell, alive)
	if limit, code := own.between(r.Terms.Floor, r.Terms.Ceiling).after(cuenta.Add, r.N, is.value, false); code != cuenta.OK {
		return l.atLimit(code, limit, is.value, cell, found, out)
	}
	if sums.Count >= cuenta.MaxHolds || l.holds.Len() >= maxHolds || overflows(sums, r.N) {
		return refuse(cuenta.TooMany, out)
	}
	if cell, code = l.makeHold(r, hash, cell, found, alive, ends); code != cuenta.OK {
		return refuse(code, out)
	}
	return l.answerHold(cell, r.N, own.with(r.N), out)
}

// makeHold makes a hold and, if there is none, its counter: both or none.
func (l *Ledger) makeHold(r *cuenta.Request, hash, cell uint32, found, alive bool, ends int64) (uint32, cuenta.Code) {
	hold := terms.Hold{Amount: r.N, Ends: ends}
	if alive { // all that may fail comes first, so nothing need be taken back
		is := l.look(cell)
		hold.ID = is.revision + 1
		if l.holds.Add(cell, hold) != nil {
			return cell, cuenta.TooMany
		}
		l.write(r, hash, cell, true, is.value)
		l.addedHold(cell, hold)
		return cell, cuenta.OK
	}
	code := l.allOf(func() (code cuenta.Code) {
		if cell, code = l.write(r, hash, cell, found, 0); code != cuenta.OK {
			return code
		}
		hold.ID = l.look(cell).revision
		if l.holds.Add(cell, hold) != nil {
			return cuenta.TooMany
		}
		l.addedHold(cell, hold)
		return cuenta.OK
	})
	return cell, code
}

// overflows reports whether a sum of holds would pass the end of int64.
func overflows(sums terms.Held, n int64) bool {
	return n > 0 && sums.Up > math.MaxInt64-n || n < 0 && sums.Down > math.MaxInt64+n
}

// endOfHold returns when a hold shall end.
func endOfHold(r *cuenta.Request, now int64) (ends int64, code cuenta.Code) {
	if r.Terms == nil || !r.Terms.Valid() || r.Terms.Expiry.Kind < cuenta.ExpireAt || r.Terms.Expiry.Lapse {
		return 0, cuenta.Syntax
	}
	var of terms.Terms
	plain := cuenta.Expiry{Kind: r.Terms.Expiry.Kind, Time: r.Terms.Expiry.Time}
	code = newEnd(&of, &plain, now)
	return of.Ends, code
}

// settleHold ends a hold and adds what was used of it.
func (l *Ledger) settleHold(r *cuenta.Request, hash, cell uint32, found bool, now int64, out *cuenta.Result) Standing {
	item, hold, standing, ok := l.known(r, cell, found, out)
	if !ok {
		return standing
	}
	value := l.look(cell).value
	own, _ := l.own(cell, true)
	room := own.between(r.Terms.Floor, r.Terms.Ceiling).without(hold.Amount)
	next, code := room.after(cuenta.Add, r.N, value, r.Terms.Clamp)
	if code != cuenta.OK {
		return l.atLimit(code, next, value, cell, found, out)
	}
	used := next - value
	if l.totals > 0 && used != 0 {
		if !l.totalsAbove(nameOf(r), now) {
			return refuse(cuenta.TooLarge, out)
		}
		var fits bool
		if used, standing, fits = l.fitTotals(used, r.Terms.Clamp, out); !fits {
			return standing
		}
		l.addToTotals(used)
	}
	l.write(r, hash, cell, true, value+used) // it is there: nothing is refused
	l.dropHold(cell, item)
	standing = l.answerHold(cell, hold.Amount, own.without(hold.Amount), out)
	if r.Terms.Clamp {
		out.Amount = used
	}
	return standing
}

// release ends a hold.
func (l *Ledger) release(r *cuenta.Request, hash, cell uint32, found bool, out *cuenta.Result) Standing {
	item, hold, standing, ok := l.known(r, cell, found, out)
	if !ok {
		return standing
	}
	own, _ := l.own(cell, true)
	l.write(r, hash, cell, true, l.look(cell).value)
	l.dropHold(cell, item)
	return l.answerHold(cell, hold.Amount, own.without(hold.Amount), out)
}

// extend gives a hold another end.
func (l *Ledger) extend(r *cuenta.Request, hash, cell uint32, found bool, now int64, out *cuenta.Result) Standing {
	ends, code := endOfHold(r, now)
	if code != cuenta.OK {
		return refuse(code, out)
	}
	item, hold, standing, ok := l.known(r, cell, found, out)
	if !ok {
		return standing
	}
	l.write(r, hash, cell, true, l.look(cell).value)
	l.extendHold(cell, item, ends)
	own, _ := l.own(cell, true)
	return l.answerHold(cell, hold.Amount, own, out)
}

// known finds the hold that a request is about, or refuses it.
func (l *Ledger) known(r *cuenta.Request, cell uint32, found bool, out *cuenta.Result) (item uint32, hold terms.Hold, s Standing, ok bool) {
	is := l.seen(cell, found)
	switch {
	case r.Terms == nil || !r.Terms.Valid():
		return 0, hold, refuse(cuenta.Syntax, out), false
	case !meets(r, &is):
		return 0, hold, l.unmet(cell, found, out), false
	}
	if is.alive() && r.Terms.Hold != 0 {
		item, hold, ok = l.holds.Find(cell, r.Terms.Hold)
	}
	if !ok {
		s = l.answer(cell, found, out)
		out.Code = cuenta.NoHold
	}
	return item, hold, s, ok
}

// answerHold answers with what is still available in a hold's direction, where the
// counter's value may be within own.
func (l *Ledger) answerHold(cell uint32, amount int64, own span, out *cuenta.Result) Standing {
	standing := l.answer(cell, true, out)
	if amount > 0 {
		out.Amount = difference(own.ceiling, out.Value)
	} else {
		out.Amount = difference(out.Value, own.floor)
	}
	return standing
}

// difference returns a-b, which is not negative, or the end of int64.
func difference(a, b int64) int64 {
	if d := a - b; d >= 0 {
		return d
	}
	return math.MaxInt64
}

// held returns what the holds of a counter come to.
func (l *Ledger) held(cell uint32, alive bool) (sums terms.Held) {
	if alive && l.cells.At(cell).Flags&holding != 0 {
		sums = l.holds.Held(cell)
	}
	return sums
}

// own returns where a counter's value may be, within its limits less what is held back,
// and what that comes to.
func (l *Ledger) own(cell uint32, alive bool) (span, terms.Held) {
	if !alive || l.cells.At(cell).Flags&(termed|holding) == 0 {
		return everywhere, terms.Held{}
	}
	floor, ceiling, sums := l.terms.Room(cell)
	return span{floor, ceiling}.beside(sums), sums
}

// room returns where a counter's value may be: within its limits, less what is held
// back, and within those of the request.
func (l *Ledger) room(cell uint32, alive bool, of *terms.Terms, asked *cuenta.Terms) span {
	return allowed(of).beside(l.held(cell, alive)).between(asked.Floor, asked.Ceiling)
}

// beside returns what holds leave of the span.
func (s span) beside(sums terms.Held) span { return span{s.floor + sums.Down, s.ceiling - sums.Up} }

// with returns the span with one more hold.
func (s span) with(amount int64) span {
	if amount > 0 {
		s.ceiling -= amount
	} else {
		s.floor -= amount
	}
	return s
}

// without returns the span without a hold.
func (s span) without(amount int64) span {
	if amount > 0 {
		s.ceiling += amount
	} else {
		s.floor += amount
	}
	return s
}

// addedHold says that a counter, which was written for that, has a new hold.
func (l *Ledger) addedHold(cell uint32, hold terms.Hold) {
	l.noteHold(cell, terms.Hold{ID: hold.ID}, false)
	l.cells.At(cell).Flags |= holding
	l.heldEffects = append(l.heldEffects, HoldEffect{Cell: cell, Revision: hold.ID, Hold: hold})
}

// extendHold gives a hold of a counter another end.
func (l *Ledger) extendHold(cell, item uint32, ends int64) {
	hold := l.holds.At(item)
	l.noteHold(cell, hold, true)
	hold.Ends = ends
	l.holds.Set(item, hold)
	l.heldEffects = append(l.heldEffects, HoldEffect{Cell: cell, Revision: l.look(cell).revision, Hold: hold})
}

// dropHold ends a hold of a counter.
func (l *Ledger) dropHold(cell, item uint32) {
	hold := l.holds.At(item)
	l.noteHold(cell, hold, true)
	if !l.holds.Drop(item) {
		l.cells.At(cell).Flags &^= holding
	}
	l.heldEffects = append(l.heldEffects, HoldEffect{Cell: cell, Revision: l.look(cell).revision, Hold: hold, Ended: true})
}

// dropHolds ends all holds of a counter that is being deleted: its deletion says so.
func (l *Ledger) dropHolds(cell uint32, c *shm.Cell) {
	if c.Flags&holding == 0 {
		return
	}
	for {
		item, hold, ok := l.holds.Behind(cell, 0)
		if !ok {
			break
		}
		l.noteHold(cell, hold, true)
		l.holds.Drop(item)
	}
	c.Flags &^= holding
}

func (l *Ledger) noteHold(cell uint32, hold terms.Hold, there bool) {
	if l.undoing {
		l.undoHolds = append(l.undoHolds, holdBefore{cell, hold, there})
	}
}

// takeBackHolds undoes what became of holds, the latest first.
func (l *Ledger) takeBackHolds() {
	for _, b := range slices.Backward(l.undoHolds) {
		if !b.there {
			l.forgetHold(b.cell, b.hold.ID)
		} else if err := l.holds.Put(b.cell, b.hold); err != nil {
			panic("ledger: to take a change back needs memory: " + err.Error())
		}
	}
}

// takeHolds returns what became of holds since effects were taken, but for those of
// counters that ended since, whose end says it all. It is called before the cells'
// effects are taken.
func (l *Ledger) takeHolds(dst []HoldEffect) []HoldEffect {
	for _, e := range l.heldEffects {
		if of := l.open.on(e.Cell, l.cells.At(e.Cell)); !of.Dropped && e.Revision > of.Above {
			e.Revision = of.Revision
			dst = append(dst, e)
		}
	}
	l.heldEffects = l.heldEffects[:0]
	return dst
}

// forgetHold takes a hold out, if it is there.
func (l *Ledger) forgetHold(cell uint32, id uint64) {
	if item, _, ok := l.holds.Find(cell, id); ok {
		l.holds.Drop(item)
	}
}

// endHold ends a hold whose time is over.
func (l *Ledger) endHold(item uint32) {
	cell, _, _ := l.holds.Record(item)
	l.write(nil, 0, cell, true, l.look(cell).value)
	l.dropHold(cell, item)
}

// describeHolds fills in what is held.
func (l *Ledger) describeHolds(t *cuenta.Terms, behind uint64, cell uint32, alive bool) cuenta.Code {
	sums := l.held(cell, alive)
	t.Held, t.HeldDown, t.Holds = sums.Up, sums.Down, t.Holds[:0]
	if behind != 0 {
		if _, _, ok := l.holds.Find(cell, behind); !alive || !ok {
			return cuenta.NoHold
		}
	}
	for sums.Count > 0 && len(t.Holds) < cap(t.Holds) {
		_, hold, ok := l.holds.Behind(cell, behind)
		if !ok {
			break
		}
		t.Holds = append(t.Holds, cuenta.Held(hold))
		behind = hold.ID
	}
	return cuenta.OK
}

// RestoreHold puts back a hold that a counter has at a revision, which may be one that
// the cell is yet to come to.
func (l *Ledger) RestoreHold(cell uint32, revision, id uint64, amount, ends int64) error {
	c, err := l.toRestore(cell, revision)
	if c == nil {
		return err
	}
	c.Flags |= holding
	return l.holds.Put(cell, terms.Hold{ID: id, Amount: amount, Ends: ends})
}

// restoredHolds looks at the holds once all are there. In between, some may be there
// together that never were.
func (l *Ledger) restoredHolds() error {
	if cell, ok := l.holds.Overflown(); ok {
		return fmt.Errorf("the holds of counter number %d pass the end of int64", cell)
	}
	return nil
}

// RestoreUnhold puts back that a counter has a hold no more.
func (l *Ledger) RestoreUnhold(cell uint32, revision, id uint64) error {
	c, err := l.toRestore(cell, revision)
	if c == nil {
		return err
	}
	l.forgetHold(cell, id)
	if l.holds.Held(cell).Count == 0 {
		c.Flags &^= holding
	}
	return nil
}

// toRestore returns a cell if what a counter has at a revision is not older than what
// the cell has, and nil otherwise.
func (l *Ledger) toRestore(cell uint32, revision uint64) (*shm.Cell, error) {
	if cell >= l.limit {
		return nil, fmt.Errorf("counter number %d is over the limit of %d counters", cell, l.limit)
	}
	if is := l.look(cell); revision >= is.revision && is.alive() {
		return l.cells.At(cell), nil
	}
	return nil, nil
}
