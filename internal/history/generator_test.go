package history

import (
	"math"
	"math/rand/v2"

	"github.com/cuenta-server/cuenta"
)

// recipe is what a generated history is made of.
type recipe struct {
	clients, each, counters int
	bare                    int // of 10 answers, how many have a value only
	lost                    int // of 10, how many have no answer
	keyed                   int // of 10, how many have an identity
	batches                 int // of 10, how many are batches
	deletes                 bool
	states                  bool
	bounded                 bool // lost requests have an end
	limits, ends            bool
	deltas                  int64
}

type generator struct {
	*rand.Rand
	recipe
	last [worldKeys]request
}

func (g *generator) item() item {
	it := item{counter: g.IntN(g.counters), n: g.Int64N(2*g.deltas+1) - g.deltas}
	switch k := g.IntN(20); {
	case k < 10:
		it.op = cuenta.Add
		if g.IntN(30) == 0 {
			it.n = math.MaxInt64 - g.Int64N(2)
		}
	case k < 14:
		it.op, it.n = cuenta.Get, 0
	case k < 15:
		it.op, it.n = cuenta.Reset, 0
	case k < 17:
		it.op = cuenta.Set
	case k < 18:
		it.op, it.n = cuenta.Check, g.Int64N(4)
	default:
		it.op = cuenta.Add
		if g.deletes {
			it.op, it.n = cuenta.Delete, 0
		}
	}
	if it.op != cuenta.Delete && it.op != cuenta.Get && it.op != cuenta.Check && g.IntN(4) == 0 {
		it.cond = cuenta.Condition(1 + g.IntN(2))
	}
	if g.limits {
		g.limit(&it)
	}
	if g.ends {
		g.end(&it)
	}
	return it
}

// limit makes an item one with limits, or with the conditions that need terms.
func (g *generator) limit(it *item) {
	bounds := func() {
		if g.IntN(2) == 0 {
			it.terms.Floor = cuenta.Bound{Set: true, At: -g.Int64N(2 * g.deltas)}
		}
		if g.IntN(2) == 0 {
			it.terms.Ceiling = cuenta.Bound{Set: true, At: g.Int64N(2 * g.deltas)}
		}
	}
	switch k := g.IntN(12); {
	case k < 3:
		*it = item{op: cuenta.Limit, counter: it.counter}
		bounds()
	case k < 4:
		*it = item{op: cuenta.Describe, counter: it.counter}
	case k < 6 && changing(it.op) && it.op != cuenta.Delete:
		bounds()
		it.terms.Clamp = g.IntN(2) == 0
	case k < 8 && changing(it.op):
		it.cond = cuenta.IfValue + cuenta.Condition(g.IntN(2))
		it.terms.Expect = g.Int64N(4)
	case k < 9 && it.op == cuenta.Check:
		it.cond = cuenta.IfValue
	}
}

// end makes an item one that has to do with ends.
func (g *generator) end(it *item) {
	e := cuenta.Expiry{Kind: cuenta.ExpireAt, Time: 1 + g.Int64N(120), Lapse: g.IntN(6) == 0}
	if g.IntN(4) == 0 {
		e = cuenta.Expiry{Kind: cuenta.NoExpiry}
	}
	if g.IntN(4) == 0 {
		e.If = cuenta.ExpiryCondition(1 + g.IntN(int(cuenta.ExpiryIfAnySooner)))
	}
	switch k := g.IntN(12); {
	case k < 4:
		*it = item{op: cuenta.Expire, counter: it.counter, terms: Terms{Expiry: e}}
	case k < 5:
		*it = item{op: cuenta.Describe, counter: it.counter}
	case k < 8 && changing(it.op) && it.op != cuenta.Delete:
		it.terms.Expiry = e
	}
}

func (g *generator) request() request {
	r := request{n: 1}
	if g.IntN(10) < g.keyed {
		r.key = 1 + g.IntN(worldKeys-1)
		if last := g.last[r.key]; last.n > 0 && g.IntN(10) < 8 {
			if g.IntN(4) == 0 {
				last.items = [worldItems]item{{op: cuenta.Outcome}}
				last.n, last.whole = 1, false
			}
			return last
		}
	}
	if g.IntN(10) < g.batches {
		r.n = 2 + g.IntN(worldItems-1)
		r.whole = r.key > 0 || g.IntN(3) > 0
		r.check = !r.whole && g.IntN(2) == 0
	}
	for i := range r.n {
		r.items[i] = g.item()
		for (r.whole || r.n > 1 && i == 0) && r.items[i].op == cuenta.Check {
			r.items[i] = g.item()
		}
		if r.check && i == 0 {
			r.items[i] = item{op: cuenta.Check, counter: g.IntN(g.counters), n: g.Int64N(3)}
		}
	}
	if r.key > 0 {
		g.last[r.key] = r
	}
	return r
}

// events makes a history that is possible: each request takes effect at one
// moment within its interval.
func (g *generator) events() []event {
	var all []event
	for client := range g.clients {
		at := g.Int64N(5)
		for range g.each {
			e := event{client: client, start: at, request: g.request(), answered: g.IntN(10) >= g.lost, told: WithValue | WithRevision}
			e.end = at + g.Int64N(20)
			at = e.end + 1 + g.Int64N(3)
			if g.IntN(10) < g.bare {
				e.told &^= WithRevision
				if g.IntN(5) == 0 {
					e.told &^= WithValue
				}
			}
			all = append(all, e)
		}
	}
	if g.states {
		all = append(all, g.stateAt(g.Int64N(60)), g.stateAt(400))
	}
	g.carryOut(all)
	return all
}

// stateAt is the reading of the state about that time.
func (g *generator) stateAt(at int64) event {
	return event{client: 7, start: at, end: at + g.Int64N(5), request: request{state: true}, answered: true}
}

// carryOut gives each event its answer.
func (g *generator) carryOut(all []event) {
	type point struct {
		at int64
		i  int
	}
	var points []point
	for i := range all {
		e := &all[i]
		at := e.start + g.Int64N(e.end-e.start+1)
		if !e.answered && g.IntN(2) == 0 {
			at += g.Int64N(40)
			e.end = max(e.end, at)
		}
		if !e.answered && g.IntN(3) == 0 {
			continue // it never arrives
		}
		points = append(points, point{at, i})
	}
	g.Shuffle(len(points), func(i, k int) { points[i], points[k] = points[k], points[i] })
	for i := range points { // few enough for the plainest of sorts
		for k := i; k > 0 && points[k].at < points[k-1].at; k-- {
			points[k], points[k-1] = points[k-1], points[k]
		}
	}
	var w world
	for _, p := range points {
		e := &all[p.i]
		w.now = max(1, p.at)
		for i := range w.counters {
			if w.over(i) && g.IntN(3) == 0 {
				w.drop(i)
			}
		}
		w, e.reply = w.do(e.request)
		if e.request.items[0].op != cuenta.Outcome && e.request.key > 0 && g.IntN(2) == 0 {
			if e.told |= First; e.reply.replayed {
				e.told ^= First | Replayed
			}
			for i := range e.request.n {
				if c := e.reply.results[i].code; c == cuenta.Conflict {
					e.told &^= First | Replayed
				}
			}
			if e.request.n == 1 && !changing(e.request.items[0].op) {
				e.told &^= First | Replayed
			}
		}
	}
	for i := range all {
		if e := &all[i]; !e.answered && (!g.bounded || g.IntN(2) == 0) {
			e.end = Never
		}
	}
}

func changing(op cuenta.Op) bool {
	return op == cuenta.Add || op == cuenta.Set || op == cuenta.Reset || op == cuenta.Delete
}

// spoil makes one thing in the history wrong, or only different.
func (g *generator) spoil(all []event) {
	e := &all[g.IntN(len(all))]
	r := &e.reply.results[g.IntN(max(1, e.request.n))]
	if e.request.state {
		c := &e.reply.counters[g.IntN(g.counters)]
		switch g.IntN(4) {
		case 0:
			if c.alive {
				c.value++
			}
		case 1:
			c.revision++
			c.alive = true
		case 2:
			e.reply.floor++
		case 3:
			*c = cell{}
		}
		return
	}
	switch g.IntN(11) {
	case 0:
		r.value++
	case 1:
		r.revision++
	case 2:
		if r.revision > 0 {
			r.revision--
		}
	case 3: // the answer of another
		other := &all[g.IntN(len(all))]
		if other.request.n == e.request.n {
			e.reply, other.reply = other.reply, e.reply
		}
	case 4: // it was seen earlier or later
		by := g.Int64N(60) - 30
		if e.start += by; e.end != Never {
			e.end += by
		}
	case 5: // as if never asked
		*e = all[len(all)-1]
		e.answered, e.end = false, Never
	case 6:
		r.code = []cuenta.Code{cuenta.OK, cuenta.Overflow, cuenta.Unmet, cuenta.Limited, cuenta.Past}[g.IntN(5)]
	case 7:
		e.end = min(e.end, e.start)
	case 9:
		r.amount++
	case 10:
		if r.terms.Expiry.Kind != 0 {
			r.terms.Expiry.Time += g.Int64N(9) - 4
		} else {
			r.terms.Floor.Set = !r.terms.Floor.Set
		}
	case 8:
		r.value, r.revision = r.value+e.request.items[0].n, r.revision+1
	}
}
