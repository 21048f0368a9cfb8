package ledger

import (
	"math"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/identity"
)

// change carries out what gives a counter a value, where neither it nor the request
// has terms that make a difference, and makes the counter if there is none.
func (l *Ledger) change(r *cuenta.Request, hash, cell uint32, found bool, out *cuenta.Result) Standing {
	var is state
	var standing Standing
	if found {
		is, standing = l.view(cell)
	}
	if !meets(r, &is) {
		return l.unmet(cell, found, out)
	}
	var next int64
	switch r.Op {
	case cuenta.Set:
		next = r.N
	case cuenta.Add: // a vacant cell has the value 0
		var fits bool
		if next, fits = sum(is.value, r.N); !fits {
			return l.overflow(r, cell, found, out)
		}
	}
	if !found {
		var code cuenta.Code
		if cell, code = l.settle(nameOf(r), hash); code != cuenta.OK {
			*out = cuenta.Result{Code: code}
			return Durable
		}
		is, standing = l.view(cell)
	}
	e := l.put(cell, !found, is, standing, next)
	*out = cuenta.Result{Cell: cell, Generation: e.Generation, Value: e.Value, Revision: e.Revision}
	return Fresh
}

// sum adds n to a value, and reports whether that fits.
func sum(value, n int64) (next int64, fits bool) {
	next = value + n
	return next, (next > value) == (n > 0)
}

// Again goes on behind the first request, which was just carried out and is Fresh, with
// those that add to the same counter and do no more, as one that everybody counts gets
// them in a row, be it with numbers of a session. It returns how many these were. Nothing but
// the counter's value has changed since, so what else Apply looks at need not be looked at
// again.
func (l *Ledger) Again(requests []cuenta.Request, now int64, results []cuenta.Result) (n int) {
	first := &results[0] // of no generation where there is no counter, or it has an end, or this is a repeat's
	if first.Generation == 0 || l.totals > 0 {
		return 0
	}
	c := l.cells.At(first.Cell)
	e := l.open.on(first.Cell, c)
	if e == nil || c.Flags&(termed|holding) != 0 {
		return 0
	}
	name := nameOf(&requests[0])
	for n+1 < len(requests) && addsTo(&requests[n+1], name) {
		r, out := &requests[n+1], &results[n+1]
		next, fits := sum(e.Value, r.N)
		if !fits {
			break
		}
		place, identified := identity.Place{}, r.Identity.Given()
		if identified {
			var isNew bool
			if place, isNew = l.memory.Next(&r.Identity, now); !isNew {
				break
			}
		}
		e.Value = next
		e.Revision++
		*out = cuenta.Result{Cell: first.Cell, Generation: first.Generation, Value: e.Value, Revision: e.Revision}
		if identified {
			l.remember(place, r, now, out)
		}
		n++
	}
	return n
}

// addsTo reports whether a request adds to the counter of that name, and that is all.
func addsTo(r *cuenta.Request, name []byte) bool {
	return r.Op == cuenta.Add && r.If == cuenta.Always && r.Terms == nil && r.Identity.Valid() && string(nameOf(r)) == string(name)
}

// idle reports whether a request's terms make no difference to a counter that has none:
// a plain SET of the Redis protocol says that it shall have no end.
func idle(r *cuenta.Request) bool {
	t := r.Terms
	return r.Op == cuenta.Set && r.If <= cuenta.IfPresent && t.Expiry.Kind <= cuenta.NoExpiry && t.Expiry.If == 0 &&
		!t.Floor.Set && !t.Ceiling.Set && !t.Clamp
}

// meets reports whether a request's condition holds, given what the counter's cell
// holds, or the zero state where it has none.
func meets(r *cuenta.Request, is *state) bool {
	switch r.If {
	case cuenta.Always:
		return true
	case cuenta.IfAbsent:
		return !is.alive()
	case cuenta.IfPresent:
		return is.alive()
	case cuenta.IfValue:
		return r.Terms != nil && is.seen().value == r.Terms.Expect
	case cuenta.IfRevision:
		return r.Terms != nil && int64(is.seen().revision) == r.Terms.Expect
	}
	return false
}

func (l *Ledger) unmet(cell uint32, found bool, out *cuenta.Result) Standing {
	standing := l.answer(cell, found, out)
	out.Code = cuenta.Unmet
	return standing
}

// overflow can meet existing counters only: a change that makes one starts from 0.
func (l *Ledger) overflow(r *cuenta.Request, cell uint32, found bool, out *cuenta.Result) Standing {
	standing := l.answer(cell, found, out)
	out.Code, out.Value = cuenta.Overflow, math.MaxInt64
	if r.N < 0 {
		out.Value = math.MinInt64
	}
	return standing
}

// write gives a counter its next value, and makes it if there is none. It returns
// its cell.
func (l *Ledger) write(r *cuenta.Request, hash, cell uint32, found bool, next int64) (uint32, cuenta.Code) {
	if !found {
		var code cuenta.Code
		if cell, code = l.settle(nameOf(r), hash); code != cuenta.OK {
			return 0, code
		}
	}
	is, standing := l.view(cell)
	l.put(cell, !found, is, standing, next)
	return cell, cuenta.OK
}

// put gives a counter its next value, given what its cell holds, and begins it where
// that is vacant. Settled says that its name has only just been given the cell.
func (l *Ledger) put(cell uint32, settled bool, is state, standing Standing, next int64) *Effect {
	if l.undoing {
		l.note(cell, settled)
	}
	e := l.effectOver(cell, is, standing)
	if e.Generation&1 == 0 {
		l.make(e)
	}
	e.Value = next
	e.Revision++
	return e
}

// make begins a counter in its cell. If another's end is among the effects not taken
// yet, it is no effect of its own any more, but raised the floor.
func (l *Ledger) make(e *Effect) {
	if e.Dropped {
		if e.Above == 0 {
			l.anew++
		}
		e.Opened, e.Dropped, e.Above = true, false, l.floor
		l.newNames += int(l.cells.At(e.Cell).NameLen)
	}
	e.Generation++
	e.Value, e.Revision = 0, l.floor
	l.alive++
}

func (l *Ledger) delete(r *cuenta.Request, cell uint32, found bool, out *cuenta.Result) Standing {
	is := l.seen(cell, found)
	alive := is.alive()
	if r.Terms != nil && !r.Terms.Valid() {
		return refuse(cuenta.Syntax, out)
	}
	if !meets(r, &is) {
		return l.unmet(cell, found, out)
	}
	if !alive {
		return l.answer(cell, found, out)
	}
	return l.endFor(cell, out)
}

// endFor deletes the counter that lives in a cell because a request asked for it.
func (l *Ledger) endFor(cell uint32, out *cuenta.Result) Standing {
	is := l.look(cell)
	*out = cuenta.Result{Value: is.value, Revision: is.revision + 1}
	l.end(cell)
	return Fresh
}

// end deletes the counter that lives in a cell, and its terms with it.
func (l *Ledger) end(cell uint32) {
	if l.undoing {
		l.note(cell, false)
	}
	c, e := l.cells.At(cell), l.effect(cell)
	l.dropTerms(cell, c)
	l.dropHolds(cell, c)
	e.Generation++
	e.Value = 0
	e.Revision++
	e.Opened, e.Dropped, e.Termed = false, true, false
	l.floor = max(l.floor, e.Revision)
	l.alive--
}
