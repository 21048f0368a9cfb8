//go:build linux

package main

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/uuid"
)

// drawer draws what a client asks for.
type drawer struct {
	*manner
	dice  *rand.Rand
	name  string // of the client: its keys begin with it
	names names

	keyed   int    // keys made
	session uint64 // 0: none yet
	number  uint64 // the last one used
	past    []cuenta.Request
	holds   []known
	place   int // of the client, among those who are told values only
}

// keptPast is how many answered requests with an identity a client can repeat. Over
// a session they span less than its window.
const keptPast = 24

// next draws a bundle. One with an identity may be sent again; a past one is drawn
// now and then to be sent again as it was, asked about, or confused with another.
func (d *drawer) next() *bundle {
	if len(d.past) > 0 && oneIn(d.dice, 16) {
		return d.again()
	}
	if d.terms && d.told && oneIn(d.dice, 2) {
		return d.beyond()
	}
	b := &bundle{requests: make([]cuenta.Request, 1+d.dice.IntN(d.burst))}
	if d.batches && oneIn(d.dice, 2) {
		b.together = true
		b.whole = d.whole && oneIn(d.dice, 2)
	}
	identify := d.identities()
	id := identify()
	for i := range b.requests {
		b.requests[i] = d.request(b.together)
		for b.together && named(b.requests[:i], b.requests[i].Counter) {
			b.requests[i] = d.request(true)
		}
		if i > 0 && !b.whole {
			id = identify()
		}
		if b.whole || b.requests[i].Op != cuenta.Get {
			b.requests[i].Identity = id
		}
	}
	return b
}

// named reports whether one of the requests is about the counter. A batch of
// clients of this program names each once: where not everything is known, the judge
// does not look for an order in which all batches stay together.
func named(requests []cuenta.Request, counter []byte) bool {
	return slices.ContainsFunc(requests, func(r cuenta.Request) bool { return bytes.Equal(r.Counter, counter) })
}

// identities draws where a bundle has its identities from: nowhere, keys, or the
// session.
func (d *drawer) identities() func() cuenta.Identity {
	switch draw := d.dice.IntN(10); {
	case d.sessions && d.session != 0 && draw < 5:
		return d.numbered
	case d.keys && draw < 7:
		return d.key
	}
	return func() cuenta.Identity { return cuenta.Identity{} }
}

func (d *drawer) key() cuenta.Identity {
	if oneIn(d.dice, 2) {
		return cuenta.Identity{Key: []byte(uuid.NewV7().String())}
	}
	d.keyed++
	return cuenta.Identity{Key: fmt.Appendf(nil, "%s/%d", d.name, d.keyed)}
}

func (d *drawer) numbered() cuenta.Identity {
	d.number++
	id := cuenta.Identity{Session: d.session, Number: d.number}
	if oneIn(d.dice, 2) {
		id.Lowest = d.lowest()
	}
	return id
}

// lowest is the lowest number of the session that may still be sent again.
func (d *drawer) lowest() uint64 {
	low := d.number
	for i := range d.past {
		if id := &d.past[i].Identity; id.Session == d.session {
			low = min(low, id.Number)
		}
	}
	// Those of the bundle being drawn, and of one given up, lie below too.
	return max(1, low-min(low-1, uint64(2*d.burst)))
}

func (d *drawer) request(batch bool) cuenta.Request {
	r := cuenta.Request{Op: d.ops[d.dice.IntN(len(d.ops))]}
	if batch && (r.Op == cuenta.Reset || r.Op == cuenta.Delete) {
		r.Op = cuenta.Add // which of several alike was carried out, nobody could tell
	}
	var edge bool
	r.Counter, edge = d.counter(r.Op, batch)
	r.N = amount(d.dice, r.Op, edge)
	if d.terms && !d.told && r.Op == cuenta.Add && !edge && oneIn(d.dice, 4) {
		d.within(&r)
	}
	if d.conds && r.Op != cuenta.Get && r.Op != cuenta.Delete && oneIn(d.dice, 10) {
		r.If = cuenta.IfAbsent + cuenta.Condition(d.dice.IntN(2))
	}
	return r
}

// amount draws the N of a request. Many different ones make the order plain where
// no revision does.
func amount(d *rand.Rand, op cuenta.Op, edge bool) int64 {
	var n int64
	switch {
	case op != cuenta.Add && op != cuenta.Set:
		return 0
	case edge && op == cuenta.Set:
		n = math.MaxInt64 - d.Int64N(1000)
	case edge:
		n = 1<<61 + d.Int64N(1<<61)
	default:
		n = 1 + d.Int64N(100_000)
	}
	if oneIn(d, 3) {
		return -n
	}
	return n
}

// remember keeps a request that was answered under its identity.
func (d *drawer) remember(r cuenta.Request) {
	if len(d.past) == keptPast {
		d.past = append(d.past[:0], d.past[1:]...)
	}
	d.past = append(d.past, r)
}

// forget drops what belongs to a session that the client leaves.
func (d *drawer) forget() {
	kept := d.past[:0]
	for _, r := range d.past {
		if r.Identity.Session == 0 {
			kept = append(kept, r)
		}
	}
	d.past = kept
	d.session, d.number = 0, 0
}

func (d *drawer) again() *bundle {
	r := d.past[d.dice.IntN(len(d.past))]
	r.Identity.Lowest = 0
	switch d.dice.IntN(4) {
	case 0:
		if d.told {
			r = cuenta.Request{Op: cuenta.Outcome, Identity: r.Identity}
		}
	case 1:
		if r.Op == cuenta.Add { // a conflict
			r.N = amount(d.dice, r.Op, false)
		}
	}
	return &bundle{requests: []cuenta.Request{r}}
}
