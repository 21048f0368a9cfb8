package ledger

import (
	"bytes"

	"github.com/cuenta-server/cuenta"
)

// total is a declared total above a counter that is charged.
type total struct {
	cell  uint32
	level uint8 // how many levels above
}

// totalsAbove collects the declared totals above a name. It reports false if the name
// has more levels than a charge may climb.
func (l *Ledger) totalsAbove(name []byte, now int64) bool {
	l.above = l.above[:0]
	for level := uint8(1); ; level++ {
		i := bytes.LastIndexByte(name, '/')
		if i < 0 {
			return true
		}
		if level > cuenta.MaxLevels {
			return false
		}
		if name = name[:i]; i == 0 {
			continue
		}
		cell, found := l.present(l.hash(name), name, now)
		if !found || l.cells.At(cell).Flags&termed == 0 {
			continue
		}
		if of := l.terms.Of(cell); of.Total {
			l.above = append(l.above, total{cell, level})
		}
	}
}

// charge carries out an Add to a counter that has declared totals above it: it is
// added to all of them, as far as all of them allow.
func (l *Ledger) charge(r *cuenta.Request, hash, cell uint32, found bool, now int64, out *cuenta.Result) Standing {
	share := *r
	clamp := r.Terms != nil && r.Terms.Clamp
	n, standing, fits := l.fitTotals(r.N, clamp, out)
	if !fits {
		return standing
	}
	share.N = n
	l.allOf(func() cuenta.Code {
		standing = l.changeWithin(&share, hash, cell, found, now, out)
		if out.Code != cuenta.OK {
			return out.Code
		}
		if clamp {
			share.N = out.Amount
		}
		l.addToTotals(share.N)
		return cuenta.OK
	})
	return standing
}

// fitTotals clamps what is added to what the totals above allow, or refuses it.
func (l *Ledger) fitTotals(n int64, clamp bool, out *cuenta.Result) (fit int64, s Standing, fits bool) {
	for _, t := range l.above {
		value, of := l.state(t.cell, true)
		next, code := l.room(t.cell, true, &of, &noTerms).after(cuenta.Add, n, value, clamp)
		if code != cuenta.OK {
			s = l.atLimit(code, next, value, t.cell, true, out)
			out.Cell, out.Generation, out.Revision, out.Level = 0, 0, 0, t.level
			return 0, s, false
		}
		n = next - value
	}
	return n, Durable, true
}

// addToTotals adds to the totals above what fits.
func (l *Ledger) addToTotals(n int64) {
	for _, t := range l.above {
		l.write(nil, 0, t.cell, true, l.look(t.cell).value+n) // it is there: nothing is refused
	}
}
