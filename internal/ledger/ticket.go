package ledger

import (
	"strconv"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/terms"
)

// ticket gives an ident its numbers. They are kept in a counter of their own, below
// that of the numbers and of their series, so everything that holds for counters
// holds for them.
func (l *Ledger) ticket(r *cuenta.Request, hash, cell uint32, found bool, now int64, out *cuenta.Result) Standing {
	if r.Terms == nil || len(r.Terms.Ident) == 0 || len(r.Terms.Ident) > cuenta.MaxKey || r.N < 1 {
		return refuse(cuenta.Syntax, out)
	}
	own := cuenta.Request{Op: cuenta.Set, Counter: l.holderOf(nameOf(r), r.Terms.Ident, now)}
	switch {
	case len(own.Counter) > cuenta.MaxName:
		return refuse(cuenta.TooLarge, out)
	case !cuenta.ValidName(own.Counter):
		return refuse(cuenta.Syntax, out)
	}
	ownHash := l.Hash(&own)
	ownCell, known := l.present(ownHash, own.Counter, now)
	if l.lives(ownCell, known) {
		return l.sameTicket(ownCell, out)
	}
	number := cuenta.Request{Op: cuenta.Add, Counter: r.Counter, N: r.N}
	standing := Durable
	code := l.allOf(func() cuenta.Code {
		standing = l.changeWithin(&number, hash, cell, found, now, out)
		if out.Code != cuenta.OK {
			return out.Code
		}
		var of terms.Terms
		if r.N > 1 {
			of.Floor = cuenta.Bound{Set: true, At: out.Value - r.N + 1}
		}
		_, code := l.writeWith(&own, ownHash, ownCell, known, out.Value, terms.Terms{}, of)
		return code
	})
	switch code {
	case cuenta.OK:
		out.Amount = r.N
	case out.Code: // the numbers' own
	default:
		return refuse(code, out)
	}
	return standing
}

// holderOf returns the name of the counter that keeps the numbers of an ident.
func (l *Ledger) holderOf(name, ident []byte, now int64) []byte {
	b := append(append(l.holder[:0], name...), cuenta.SeriesMark...)
	series := int64(0)
	if cell, found := l.present(l.hash(b), b, now); found {
		series = l.look(cell).value
	}
	b = strconv.AppendInt(b[:len(name)+1], series, 10)
	l.holder = append(append(b, '/'), ident...)
	return l.holder
}

// sameTicket answers with the numbers that were given before.
func (l *Ledger) sameTicket(cell uint32, out *cuenta.Result) Standing {
	value, of := l.state(cell, true)
	*out = cuenta.Result{Replayed: true, Value: value, Amount: 1}
	if of.Floor.Set {
		out.Amount = value - of.Floor.At + 1
	}
	return l.standing(cell)
}

// present finds a counter's cell, and deletes the counter if its time is over.
func (l *Ledger) present(hash uint32, name []byte, now int64) (cell uint32, found bool) {
	cell, found = l.find(hash, name)
	if found && l.Over(cell, now) {
		l.end(cell)
	}
	return cell, found
}

// allOf carries out what must be done as a whole, and takes it back if it is refused.
func (l *Ledger) allOf(do func() cuenta.Code) cuenta.Code {
	if l.undoing { // an All takes everything back by itself
		return do()
	}
	before := l.begin()
	code := do()
	if code != cuenta.OK {
		l.takeBack(before)
	}
	l.undoing = false
	return code
}
