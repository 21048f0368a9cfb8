package engine

import (
	"slices"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/ledger"
)

// step is how many requests are looked ahead at a time.
const step = 32

// lookahead goes ahead of a batch that is being applied, so that the memory which its
// requests need has come when it is their turn: a step or two with the cells, and another
// one with the index that tells them.
type lookahead struct {
	hashes  []uint32 // of the counters, as far as they were sought
	reached int      // how many cells were asked for
	due     int      // the request at whose turn it goes on
}

// begin turns to another batch, of so many requests.
func (a *lookahead) begin(requests int) {
	a.hashes, a.reached, a.due = slices.Grow(a.hashes[:0], requests), 0, 0
}

// advance goes on where it is the turn of request i.
func (a *lookahead) advance(l *ledger.Ledger, requests []cuenta.Request, i int) {
	sought := len(a.hashes)
	a.hashes = a.hashes[:min(i+3*step, len(requests))]
	l.Seek(requests[sought:len(a.hashes)], a.hashes[sought:])
	reach := min(i+2*step, len(requests))
	l.Reach(a.hashes[a.reached:reach])
	a.reached, a.due = reach, i+step
}

// sameNext reports whether the counter of the request behind i is likely that of i.
func (a *lookahead) sameNext(i int) bool {
	return i+1 < len(a.hashes) && a.hashes[i+1] == a.hashes[i]
}
