package history

import (
	"math"

	"github.com/cuenta-server/cuenta"
)

// hopeless looks for two neighbours of known place that nothing can bring
// together, however all else is placed: where the search finds no way or gives
// up, this may tell why. Between the two come as many changes as revisions lie
// between; some certainly do, by their times, and the others must be among those
// that may, and add up.
func (w *walker) hopeless() bool {
	if w.c.mayEnd(w.counter) || w.c.mayHold(w.counter) {
		return false // a counter or a hold may have ended between any two
	}
	var certain pool
	for i, e := range w.free {
		if e.role == roleChange {
			certain.add(int32(i), w.op(e))
		}
	}
	latest := int64(math.MinInt64) // the latest start among fixed[:i+1]
	at := state{anchored: true}
	known := true
	for i, e := range w.fixed {
		o := w.op(e)
		n := e.place - at.place
		if e.role == roleChange {
			n--
		}
		value, told := w.c.foundBy(o, e.role)
		if known && told && at.alive && n > 0 && n <= maxAdditions && !passes(value, negative(at.value)) {
			g := gap{w: w, h: w.minEnd[i], latest: latest, from: w.minEnd[max(0, i-1)], to: max(latest, o.Start)}
			if g.open(certain, int(n), value-at.value) {
				w.c.violated(w.c.name(w.counter), "revisions are missing: nothing that may have come between %o and %o leads from the one to the other",
					[]uint32{w.fixed[i-1].id, e.id})
				return true
			}
		}
		latest = max(latest, o.Start)
		at = w.c.after(o, e.role, e.place, state{terms: unknownTerms})
		at.alive = at.alive && e.place > 0 // what is not there yet may begin above any floor
		known = e.role == roleChange || told
	}
	return false
}

// gap is what lies between two neighbours of known place.
type gap struct {
	w *walker

	// What lies in the gap started by h and ended after latest; what started after
	// from and ended before to lies nowhere before or behind it.
	h, latest, from, to int64
}

// open reports whether the gap cannot be closed by n changes that add up to sum.
func (g *gap) open(changes pool, n int, sum int64) bool {
	var may []addition
	for _, i := range changes.window(g.h, g.latest) {
		o := g.w.op(g.w.free[i])
		switch {
		case !g.w.c.adds(o) || passes(sum, negative(o.N)):
			return false
		case o.Start > g.from && o.End < g.to:
			n--
			sum -= o.N
		case o.End >= g.latest:
			may = append(may, addition{n: o.N})
		}
	}
	for _, k := range g.w.all.window(g.h, g.latest) {
		for _, id := range g.w.classes[k].ids {
			o := g.w.c.at(id)
			switch {
			case o.Start > g.h || o.End < g.latest:
				continue
			case !g.w.c.adds(o):
				return false
			}
			may = append(may, addition{n: o.N})
			if len(may) > maxAdditions {
				return false
			}
		}
	}
	return n < 0 || n > len(may) || g.w.cannot(may, sum, n)
}

// adds reports whether all that an operation does is to add its amount.
func (c *checker) adds(o *Op) bool { return o.Op == cuenta.Add && !c.extra(o).Terms.Clamp }

// negative is -n, or if that is no int64 what comes nearest.
func negative(n int64) int64 {
	if n == math.MinInt64 {
		return math.MaxInt64
	}
	return -n
}
