package engine

import (
	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/ledger"
)

// step is how many requests are looked ahead at a time.
const step = 32

// lookahead goes ahead of a batch that is being applied, so that the memory which its
// requests need has come when it is their turn: a step or two with the cells, and another
// one with the index that tells them. Its zero value is ready. Each batch has its own, as
// batches that only read are applied side by side.
type lookahead struct {
	hashes  [3 * step]uint32 // of the counters of some requests
	from    int              // the first of them
	known   int              // how many they are
	reached int              // the first request whose cell was not asked for
	due     int              // the request at whose turn it goes on
}

// advance goes on where it is the turn of request i.
func (a *lookahead) advance(l *ledger.Ledger, requests []cuenta.Request, i int) {
	a.known = copy(a.hashes[:], a.hashes[min(i-a.from, a.known):a.known])
	ahead := requests[i:min(i+len(a.hashes), len(requests))]
	l.Seek(ahead[a.known:], a.hashes[a.known:])
	a.from, a.known = i, len(ahead)
	reach := min(2*step, len(ahead))
	l.Reach(a.hashes[max(a.reached-i, 0):reach])
	a.reached, a.due = i+reach, i+step
}

// hash returns that of the counter of request i, whose turn it is.
func (a *lookahead) hash(i int) uint32 { return a.hashes[i-a.from] }

// sameNext reports whether the counter of the request behind i is likely that of i.
func (a *lookahead) sameNext(i int) bool {
	at := i - a.from
	return at+1 < a.known && a.hashes[at+1] == a.hashes[at]
}
