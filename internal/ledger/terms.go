package ledger

import (
	"math"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/shm"
	"github.com/cuenta-server/cuenta/internal/terms"
)

// noTerms is what a request without terms says.
var noTerms cuenta.Terms

// changeWithin carries out an Add, Set or Reset where the counter or the request has
// terms.
func (l *Ledger) changeWithin(r *cuenta.Request, hash, cell uint32, found bool, now int64, out *cuenta.Result) Standing {
	asked := r.Terms
	if asked == nil {
		asked = &noTerms
	}
	is := l.seen(cell, found)
	alive := is.alive()
	switch {
	case !asked.Valid():
		return refuse(cuenta.Syntax, out)
	case !meets(r, &is):
		return l.unmet(cell, found, out)
	}
	value, was := l.state(cell, alive)
	room := l.room(cell, alive, &was, asked)
	next, code := room.after(r.Op, r.N, value, asked.Clamp)
	if code != cuenta.OK {
		return l.atLimit(code, next, value, cell, found, out)
	}
	of := was
	if code = newEnd(&of, &asked.Expiry, now); code == cuenta.Past {
		return refuse(code, out)
	}
	if cell, code = l.writeWith(r, hash, cell, found, next, was, of); code != cuenta.OK {
		return refuse(code, out)
	}
	standing := l.answer(cell, true, out)
	if asked.Clamp {
		out.Amount = next - value
	}
	if of.Ended(now) { // it was asked to lapse
		l.end(cell)
		out.Cell, out.Generation = 0, 0
	}
	return standing
}

// limitTo gives a counter other limits.
func (l *Ledger) limitTo(r *cuenta.Request, hash, cell uint32, found bool, out *cuenta.Result) Standing {
	is := l.seen(cell, found)
	alive := is.alive()
	switch {
	case r.Terms == nil || !r.Terms.Valid():
		return refuse(cuenta.Syntax, out)
	case !meets(r, &is):
		return l.unmet(cell, found, out)
	}
	value, was := l.state(cell, alive)
	of := was
	of.Floor, of.Ceiling, of.Total = said(r.Terms.Floor), said(r.Terms.Ceiling), r.Terms.Total
	if at, code := l.room(cell, alive, &of, &noTerms).nearest(value); code != cuenta.OK {
		return l.atLimit(cuenta.Limited, at, value, cell, found, out)
	}
	cell, code := l.writeWith(r, hash, cell, found, value, was, of)
	if code != cuenta.OK {
		return refuse(code, out)
	}
	return l.answer(cell, true, out)
}

// said is a bound that says nothing, as the journal would give it back, where it is
// not set.
func said(b cuenta.Bound) cuenta.Bound {
	if !b.Set {
		return cuenta.Bound{}
	}
	return b
}

// expire gives a counter another end.
func (l *Ledger) expire(r *cuenta.Request, cell uint32, found bool, now int64, out *cuenta.Result) Standing {
	is := l.seen(cell, found)
	alive := is.alive()
	switch {
	case r.Terms == nil || !r.Terms.Valid() || r.Terms.Expiry.Kind == cuenta.KeepExpiry:
		return refuse(cuenta.Syntax, out)
	case !alive || !meets(r, &is):
		return l.unmet(cell, found, out)
	}
	value, was := l.state(cell, alive)
	of := was
	switch code := newEnd(&of, &r.Terms.Expiry, now); {
	case code == cuenta.Unmet:
		return l.unmet(cell, found, out)
	case code != cuenta.OK:
		return refuse(code, out)
	case of.Ended(now):
		return l.endFor(cell, out)
	}
	if _, code := l.writeWith(r, 0, cell, true, value, was, of); code != cuenta.OK {
		return refuse(code, out)
	}
	return l.answer(cell, true, out)
}

// describe reads a counter and its terms.
func (l *Ledger) describe(r *cuenta.Request, cell uint32, found bool, now int64, out *cuenta.Result) Standing {
	if r.Terms == nil {
		return refuse(cuenta.Syntax, out)
	}
	standing := l.answer(cell, found, out)
	alive := l.lives(cell, found)
	_, of := l.state(cell, alive)
	behind := r.Terms.Hold
	*r.Terms = cuenta.Terms{Floor: of.Floor, Ceiling: of.Ceiling, Total: of.Total, Holds: r.Terms.Holds}
	if of.Ends != 0 {
		r.Terms.Expiry = cuenta.Expiry{Kind: cuenta.ExpireAt, Time: of.Ends}
		out.Amount = of.Ends - now
	}
	out.Code = l.describeHolds(r.Terms, behind, cell, alive)
	return standing
}

// answerEnded answers a read of a counter whose time is over.
func (l *Ledger) answerEnded(r *cuenta.Request, now int64, out *cuenta.Result) Standing {
	standing := Durable
	switch r.Op {
	case cuenta.Check:
		standing = l.check(r, 0, false, out)
	case cuenta.Describe:
		standing = l.describe(r, 0, false, now, out)
	default:
		*out = cuenta.Result{}
	}
	if out.Code == cuenta.Syntax {
		return standing
	}
	return Timed
}

func refuse(code cuenta.Code, out *cuenta.Result) Standing {
	*out = cuenta.Result{Code: code}
	return Durable
}

// atLimit refuses a change that would pass a limit.
func (l *Ledger) atLimit(code cuenta.Code, limit, value int64, cell uint32, found bool, out *cuenta.Result) Standing {
	standing := l.answer(cell, found, out)
	out.Code, out.Value, out.Amount = code, limit, limit-value
	return standing
}

// state returns the value and terms of a counter, none of either if it is not alive.
func (l *Ledger) state(cell uint32, alive bool) (value int64, of terms.Terms) {
	if !alive {
		return 0, of
	}
	if l.cells.At(cell).Flags&termed != 0 {
		of = l.terms.Of(cell)
	}
	return l.look(cell).value, of
}

// span is where a value may be.
type span struct{ floor, ceiling int64 }

var everywhere = span{math.MinInt64, math.MaxInt64}

// allowed returns where limits let its value be.
func allowed(of *terms.Terms) span {
	return everywhere.between(of.Floor, of.Ceiling)
}

// between returns the part of the span that is within two limits.
func (s span) between(floor, ceiling cuenta.Bound) span {
	if floor.Set {
		s.floor = max(s.floor, floor.At)
	}
	if ceiling.Set {
		s.ceiling = min(s.ceiling, ceiling.At)
	}
	return s
}

// after returns the value that an Add, Set or Reset gives a counter, as far as that is
// allowed if it may be clamped; else the limit that it would pass.
func (s span) after(op cuenta.Op, n, value int64, clamp bool) (next int64, code cuenta.Code) {
	switch op {
	case cuenta.Set:
		next = n
	case cuenta.Add:
		next = value + n
		switch {
		case n > 0 && next < value:
			next, code = s.ceiling, s.passed(s.ceiling)
		case n < 0 && next > value:
			next, code = s.floor, s.passed(s.floor)
		}
	}
	if code == cuenta.OK {
		next, code = s.nearest(next)
	}
	if clamp && s.floor <= s.ceiling {
		return next, cuenta.OK
	}
	return next, code
}

// nearest returns the nearest value that is allowed.
func (s span) nearest(value int64) (int64, cuenta.Code) {
	switch {
	case value > s.ceiling:
		return s.ceiling, cuenta.Limited
	case value < s.floor:
		return s.floor, cuenta.Limited
	}
	return value, cuenta.OK
}

// passed returns what it is called to pass an end of the span and of int64 as well.
func (s span) passed(end int64) cuenta.Code {
	if end == math.MinInt64 || end == math.MaxInt64 {
		return cuenta.Overflow
	}
	return cuenta.Limited
}

// newEnd gives terms another end. Unmet says that the end stays, as its condition
// does not hold.
func newEnd(of *terms.Terms, e *cuenta.Expiry, now int64) cuenta.Code {
	var ends int64
	switch e.Kind {
	case cuenta.KeepExpiry:
		return cuenta.OK
	case cuenta.ExpireAt:
		ends = max(1, e.Time)
	case cuenta.ExpireAfter:
		if ends = now + e.Time; ends < now {
			ends = math.MaxInt64
		}
	}
	switch {
	case !endMeets(e.If, of.Ends, ends):
		return cuenta.Unmet
	case ends != 0 && ends <= now && !e.Lapse:
		return cuenta.Past
	}
	of.Ends = ends
	return cuenta.OK
}

// endMeets reports whether a condition holds for the end that a counter has and the
// one that it shall get; 0 is none, which is later than all.
func endMeets(condition cuenta.ExpiryCondition, has, gets int64) bool {
	later := func(a, b int64) bool { return uint64(a)-1 > uint64(b)-1 } // 0 becomes the latest
	switch condition {
	case cuenta.ExpiryIfNone:
		return has == 0
	case cuenta.ExpiryIfAny:
		return has != 0
	case cuenta.ExpiryIfLater:
		return later(gets, has)
	case cuenta.ExpiryIfSooner:
		return later(has, gets)
	case cuenta.ExpiryIfAnySooner:
		return has != 0 && later(has, gets)
	}
	return true
}

// writeWith gives a counter its next value and its terms, both or none.
func (l *Ledger) writeWith(r *cuenta.Request, hash, cell uint32, found bool, next int64, was, of terms.Terms) (uint32, cuenta.Code) {
	if was == of {
		return l.write(r, hash, cell, found, next)
	}
	code := l.allOf(func() (code cuenta.Code) {
		cell, code = l.write(r, hash, cell, found, next)
		if code == cuenta.OK && l.putTerms(cell, of) != nil {
			code = cuenta.TooMany
		}
		return code
	})
	return cell, code
}

// putTerms gives a counter terms, which may be none. It fails for want of memory.
func (l *Ledger) putTerms(cell uint32, of terms.Terms) error {
	was := l.terms.Of(cell)
	if err := l.terms.Put(cell, of); err != nil {
		return err
	}
	if l.undoing {
		l.undoTerms = append(l.undoTerms, termsBefore{cell, was})
	}
	l.countTotal(was, of)
	c, e := l.cells.At(cell), l.effect(cell)
	if of.Ends != 0 && was.Ends == 0 {
		// Whoever knows the counter's place must ask from now on: the cell tells
		// nothing of time.
		e.Generation += 2
	}
	if !e.Termed {
		l.newTerms++
	}
	e.Termed = true
	markTerms(c, &of)
	return nil
}

// dropTerms ends the terms of a counter that is being deleted.
func (l *Ledger) dropTerms(cell uint32, c *shm.Cell) {
	if c.Flags&termed == 0 {
		return
	}
	if l.undoing {
		l.undoTerms = append(l.undoTerms, termsBefore{cell, l.terms.Of(cell)})
	}
	l.forgetTerms(cell)
	markTerms(c, &terms.Terms{})
}

// forgetTerms takes a counter's terms out of the book, which needs no memory.
func (l *Ledger) forgetTerms(cell uint32) {
	l.countTotal(l.terms.Of(cell), terms.Terms{})
	if err := l.terms.Put(cell, terms.Terms{}); err != nil {
		panic("ledger: to take terms away needs memory: " + err.Error())
	}
}

// countTotal counts the declared totals.
func (l *Ledger) countTotal(was, of terms.Terms) {
	if was.Total {
		l.totals--
	}
	if of.Total {
		l.totals++
	}
}

// Lapse deletes counters whose time is over and ends such holds, at most about so many
// of each, and reports whether there may be more.
func (l *Ledger) Lapse(now int64, most int) (more bool) {
	for steps := most; ; {
		cell, ok := l.terms.Ended(now, &steps)
		if !ok {
			more = steps <= 0
			break
		}
		l.end(cell)
	}
	for steps := most; ; {
		item, ok := l.holds.Ended(now, &steps)
		if !ok {
			return more || steps <= 0
		}
		l.endHold(item)
	}
}

// TermsStats tells how many counters have what.
func (l *Ledger) TermsStats() terms.Stats {
	return terms.Stats{
		Counters: l.terms.Len(), Ending: l.terms.Ending(), Totals: l.totals, Holds: l.holds.Len(),
		Memory: l.terms.Memory() + l.holds.Memory(),
	}
}

// Due returns a time before which Lapse finds nothing.
func (l *Ledger) Due() int64 { return min(l.terms.Due(), l.holds.Due()) }
