package history

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// moment is something that takes effect at one moment, over all counters: a
// batch, a state, the beginning or end of a counter.
type moment struct {
	start, end int64
	touches    []int32
	doubted    bool
}

// serialize checks that all counters' orders fit together: that there is one
// order of all moments in which they agree with every counter and with time.
func (c *checker) serialize() {
	moments, of := c.moments()
	if !c.inTheirOrder(of) {
		return
	}
	c.floorsWereLeft(of)
	if c.inOneOrder(moments, of) {
		return
	}
	c.found.undecided("whether batches, states and deletions fit together: in the order found for each counter they do not, but there are others")
	// Those of which the order is sure must do so all the same.
	c.touches = slices.DeleteFunc(c.touches, func(t touch) bool {
		c.looseFloor = c.looseFloor || t.doubted && t.deletes
		return t.doubted
	})
	moments, of = c.moments()
	c.inOneOrder(moments, of)
}

// inOneOrder looks for one order of all moments, and reports that there is none. It
// returns false if there may be one where counters have other orders.
func (c *checker) inOneOrder(moments []moment, of []int32) bool {
	g := &order{moments: len(moments), nodes: len(moments)}
	c.orderCounters(g, of)
	c.orderFloors(g, of)
	orderTimes(g, moments)
	cycle := g.cycle(func(m int32) bool { return !c.isState(c.touches[moments[m].touches[0]].node) })
	if len(cycle) == 0 {
		return true
	}
	var ids []uint32
	for _, m := range cycle {
		if moments[m].doubted {
			return false
		}
		ids = append(ids, c.touches[moments[m].touches[0]].node)
	}
	if len(ids) == 1 {
		c.violated("", "%o did not take effect at one moment with all that belongs to it", ids)
		return true
	}
	list := "%o" + strings.Repeat(" before %o", len(ids)-1)
	c.violated("", "these cannot each have taken effect at one moment, for each must come before the next and the last before the first: "+list, ids)
	return true
}

// moments puts the touches of one batch or state together. of is the moment of
// each touch, -1 for those that need not have been.
func (c *checker) moments() (all []moment, of []int32) {
	slices.SortFunc(c.touches, func(a, b touch) int {
		return cmp.Or(cmp.Compare(a.counter, b.counter), cmp.Compare(a.place, b.place), cmp.Compare(a.role, b.role), cmp.Compare(a.node, b.node))
	})
	type key struct{ batch, state, node uint32 }
	index := map[key]int32{}
	of = make([]int32, len(c.touches))
	add := func(i int, make bool) {
		t := &c.touches[i]
		k := key{node: t.node}
		switch o := c.at(t.node); {
		case c.isState(t.node):
			k = key{state: c.original(t.node)}
		case o.Batch != 0:
			k = key{batch: o.Batch}
		}
		m, ok := index[k]
		if !ok && !make {
			of[i] = -1
			return
		}
		if !ok {
			m = int32(len(all))
			index[k] = m
			all = append(all, moment{start: t.start, end: t.end})
		}
		of[i] = m
		x := &all[m]
		x.start, x.end = max(x.start, t.start), min(x.end, t.end)
		x.touches = append(x.touches, int32(i))
		x.doubted = x.doubted || t.doubted
	}
	for i := range c.touches {
		if !c.touches[i].unused {
			add(i, true)
		}
	}
	for i := range c.touches {
		if c.touches[i].unused {
			add(i, false)
		}
	}
	return all, of
}

// inTheirOrder checks that each batch's operations on a counter took effect in
// their order, and nothing else between them.
func (c *checker) inTheirOrder(of []int32) bool {
	last := map[int32]int{}
	ok := true
	for i := range c.touches {
		t := &c.touches[i]
		if of[i] < 0 || t.counter == noCounter || c.isState(t.node) || c.at(t.node).Batch == 0 {
			continue
		}
		k, seen := last[of[i]]
		last[of[i]] = i
		if !seen || c.touches[k].counter != t.counter {
			continue
		}
		if why := c.apart(&c.touches[k], t); why == "" {
			continue
		} else if t.doubted {
			c.found.undecided(fmt.Sprintf("counter %q: in the order found for it a batch is not together, but there are others", c.name(t.counter)))
		} else {
			c.violated(c.name(t.counter), why, []uint32{c.touches[k].node, t.node})
		}
		ok = false
	}
	return ok
}

// apart says why two operations of one batch, one after the other in their
// counter's order, were not carried out together.
func (c *checker) apart(p, t *touch) string {
	step := 0
	if t.role != roleState {
		step = 1
	}
	if p.unused {
		step = 0
	}
	switch {
	case c.original(p.node) > c.original(t.node) && (p.place != t.place || p.role != t.role):
		return "a batch was not carried out in its order: %o came before %o"
	case t.changes != p.changes+step || t.seen:
		return "something came between two operations of one batch: %o and %o"
	}
	return ""
}

// orderCounters adds each counter's order.
func (c *checker) orderCounters(g *order, of []int32) {
	var before, level []int32
	flush := func() {
		switch {
		case len(before) == 1 || len(level) == 1:
			for _, a := range before {
				for _, b := range level {
					g.edge(a, b)
				}
			}
		case len(before) > 1:
			between := g.node()
			for _, a := range before {
				g.edge(a, between)
			}
			for _, b := range level {
				g.edge(between, b)
			}
		}
		before, level = level, before[:0]
	}
	var last *touch
	for i := range c.touches {
		t := &c.touches[i]
		if of[i] < 0 || t.counter == noCounter {
			continue
		}
		if last != nil && (last.counter != t.counter || last.place != t.place || last.role != t.role) {
			if flush(); last.counter != t.counter {
				before = before[:0]
			}
		}
		level = append(level, of[i])
		last = t
	}
	flush()
}

// orderFloors adds that every counter began, and every state was found, after
// the deletion that made its floor and before those above it.
func (c *checker) orderFloors(g *order, of []int32) {
	deletions := c.deletionsIn(of)
	if len(deletions) == 0 {
		return
	}
	above := make([]int32, len(deletions)+1)
	for i := len(deletions); i >= 0; i-- {
		above[i] = g.node()
		if i < len(deletions) {
			g.edge(above[i], deletions[i].moment)
			g.edge(above[i], above[i+1])
		}
	}
	deletes, beside := map[int32]bool{}, map[uint32]bool{0: false}
	for _, d := range deletions {
		deletes[d.moment] = true
		for _, batch := range d.beside {
			beside[batch] = batch != 0
		}
	}
	for i := range c.touches {
		t := &c.touches[i]
		if !t.floored || of[i] < 0 {
			continue
		}
		find := func(d deletion, floor uint64) int { return cmp.Compare(d.place, floor) }
		first, _ := slices.BinarySearchFunc(deletions, t.floor, find)
		end := first
		for end < len(deletions) && deletions[end].place == t.floor {
			end++
		}
		if end == first+1 && !c.looseFloor {
			g.edge(deletions[first].moment, of[i])
		}
		batch := c.at(t.node).Batch
		if !deletes[of[i]] && !beside[batch] {
			g.edge(of[i], above[end])
			continue
		}
		for _, d := range deletions[end:] { // one of them is its own
			if batch == 0 || d.beside != [2]uint32{batch, d.beside[1]} && d.beside[1] != batch {
				g.edge(of[i], d.moment)
			}
		}
	}
}

// floorsWereLeft checks that where counters end, too, each floor is the revision of a
// deletion.
func (c *checker) floorsWereLeft(of []int32) {
	if c.ending == nil || c.looseFloor || c.partial.Load() {
		return
	}
	left := map[uint64]bool{0: true}
	for _, d := range c.deletionsIn(of) {
		left[d.place] = true
	}
	for i := range c.touches {
		if t := &c.touches[i]; t.floored && of[i] >= 0 && !t.forked && !left[t.floor] {
			c.violated("", "%o began, or was found, above revision %d, and nothing was deleted at that revision", []uint32{t.node}, t.floor)
		}
	}
}

// deletion is a counter's deletion.
type deletion struct {
	place  uint64
	moment int32
	beside [2]uint32 // batches with which it may have been done
}

// deletionsIn returns the deletions by their revisions, where those are known.
func (c *checker) deletionsIn(of []int32) []deletion {
	var all []deletion
	for i := range c.touches {
		if t := &c.touches[i]; t.deletes && of[i] >= 0 && c.at(t.node).told(WithRevision) {
			all = append(all, deletion{t.place, of[i], t.beside})
		}
	}
	slices.SortFunc(all, func(a, b deletion) int {
		return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.moment, b.moment))
	})
	return all
}

// orderTimes adds that what ended before something else started comes first.
func orderTimes(g *order, moments []moment) {
	ends := make([]int32, len(moments))
	for i := range ends {
		ends[i] = int32(i)
	}
	slices.SortFunc(ends, func(a, b int32) int { return cmp.Compare(moments[a].end, moments[b].end) })
	passed := make([]int32, len(ends))
	for i, m := range ends {
		passed[i] = g.node()
		if i > 0 {
			g.edge(passed[i-1], passed[i])
		}
		if moments[m].end != Never {
			g.edge(m, passed[i])
		}
	}
	for m := range moments {
		k, _ := slices.BinarySearchFunc(ends, moments[m].start, func(e int32, start int64) int {
			return cmp.Or(cmp.Compare(moments[e].end, start), 1)
		})
		if k > 0 {
			g.edge(passed[k-1], int32(m))
		}
	}
}
