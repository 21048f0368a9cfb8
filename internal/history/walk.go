package history

import (
	"cmp"
	"math"
	"slices"
)

// walker finds places for operations that name none, by a search from state to
// state: at each it takes what certainly comes next or, where several could,
// tries one after the other.
//
// An operation may come next only if it started before every certain operation
// still to come had ended: before the horizon. So those to choose from are at
// most as many as there were clients at work at that moment, and those of
// unknown fate.
type walker struct {
	c       *checker
	counter uint32
	fixed   []entry
	minEnd  []int64 // the earliest end among fixed[i:]
	free    []entry // by start
	forward []int32 // links over those of free still to come; the last one leads to the first
	back    []int32
	byEnd   []int32 // indexes of free
	done    []bool  // by index of free

	classes []class // of those of unknown fate
	ends    []int64 // of them, sorted, and last moments at which others may have given an end
	all     pool
	byDeed  map[deed]*pool
	plan    plan

	at      cursor
	trail   []step
	stack   []choice
	failed  map[spot]struct{} // from here there is no way on
	forked  bool              // there was a choice
	blurred bool              // a hold was made of which nobody knows the id
	work    int
	best    deadEnd
}

// cursor is where the search stands.
type cursor struct {
	state
	fixed  int   // those before are done
	free   int   // how many are done
	ended  int   // of byEnd, those before are done
	latest int64 // the latest start of what is done
	set    uint64
}

// spot identifies a cursor. The set of what is done is hashed to 64 bits.
type spot struct {
	value    int64
	place    uint64
	set      uint64
	fixed    int
	alive    bool
	anchored bool
	terms    uint64 // a hash
	latest   int64  // where counters end
}

// step is an operation that was given a place: free[ref], or if negative one of
// class ^ref, or the counter's end if ref is atEnd.
type step struct {
	ref   int32
	id    uint32
	place uint64
}

const atEnd = math.MaxInt32

// class is operations of unknown fate that can stand for one another, by start.
type class struct {
	ids  []uint32
	used int
}

// choice is a place in the search to return to.
type choice struct {
	cursor
	trail int
	next  int
	ways  []way
	more  bool // those of unknown fate were not looked at yet
}

// way is one operation that may come next: fixed[at.fixed] if ref is fixedWay,
// otherwise as in step. to is the state that it leaves.
type way struct {
	ref int32
	of  source
	to  state
	at  int64 // the first moment at which it can
}

type source uint8

const (
	fromFixed source = iota
	fromFree
	fromMaybe
	fromEnd
)

// maxWork bounds one search, in operations looked at, beyond workEach for each of
// those to place: for each as many are looked at as there are clients.
const (
	maxWork  = 10_000_000
	workEach = 512
)

// outcome of a search.
type outcome uint8

const (
	possible outcome = iota
	impossibleWay
	undecided
	explained // impossible, and already reported
)

// patience is how many dead ends are met before it is asked whether there is any
// hope.
const patience = 1000

// search places what has no place yet; ok is false if there is no way, which it
// reports, or none was found in time.
func (c *checker) search(counter uint32, fixed, free, maybe []entry) (found ordering, ok bool) {
	w := newWalker(c, counter, fixed, free, maybe)
	c.found.mu.Lock()
	c.found.Searched++
	c.found.mu.Unlock()
	switch w.run() {
	case impossibleWay:
		if w.blurred {
			w.giveUp()
		} else if !w.hopeless() {
			w.explain()
		}
		return found, false
	case undecided:
		if !w.hopeless() {
			w.giveUp()
		}
		return found, false
	case explained:
		return found, false
	}
	found.order, found.unused = w.result()
	found.last, found.latest = w.at.state, w.at.latest
	if w.forked && c.mayEnd(counter) {
		c.partial.Store(true)
	}
	switch {
	case w.forked:
		found.sure = oneOfMany
	case len(free) > 0:
		found.sure = sameChanges
	}
	return found, true
}

func newWalker(c *checker, counter uint32, fixed, free, maybe []entry) *walker {
	byStart := func(a, b entry) int {
		return cmp.Or(cmp.Compare(c.at(a.id).Start, c.at(b.id).Start), cmp.Compare(a.id, b.id))
	}
	w := &walker{c: c, counter: counter, fixed: slices.Clone(fixed), free: slices.Clone(free), failed: map[spot]struct{}{}}
	w.at.anchored = true
	w.best.progress = -1
	w.at.latest = math.MinInt64
	slices.SortFunc(w.free, byStart)
	slices.SortFunc(w.fixed, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.role, b.role), byStart(a, b))
	})
	w.link()
	w.minEnd = make([]int64, len(fixed)+1)
	w.minEnd[len(fixed)] = Never
	for i := len(fixed) - 1; i >= 0; i-- {
		w.minEnd[i] = min(w.minEnd[i+1], c.at(w.fixed[i].id).End)
	}
	maybe = slices.Clone(maybe)
	slices.SortFunc(maybe, byStart)
	w.classify(maybe)
	return w
}

// link makes the list of what is still to come, and its order by ends.
func (w *walker) link() {
	n := int32(len(w.free))
	w.forward, w.back = make([]int32, n+1), make([]int32, n+1)
	w.byEnd, w.done = make([]int32, n), make([]bool, n)
	for i := range n + 1 {
		w.forward[i], w.back[i] = (i+1)%(n+1), (i+n)%(n+1)
	}
	for i := range n {
		w.byEnd[i] = i
	}
	slices.SortFunc(w.byEnd, func(a, b int32) int {
		return cmp.Or(cmp.Compare(w.op(w.free[a]).End, w.op(w.free[b]).End), cmp.Compare(a, b))
	})
}

// classify sorts those of unknown fate, which are given by start, by what they do
// and until when they can.
func (w *walker) classify(maybe []entry) {
	type kind struct {
		deed
		end int64
	}
	index := map[kind]int32{}
	w.byDeed = map[deed]*pool{}
	for _, e := range maybe {
		o := w.op(e)
		if o.End != Never {
			w.ends = append(w.ends, o.End)
		}
		d := w.deedOf(o, e.id)
		k, ok := index[kind{d, o.End}]
		if !ok {
			k = int32(len(w.classes))
			index[kind{d, o.End}] = k
			w.classes = append(w.classes, class{})
			w.all.add(k, o)
			d = d.sort() // those of batches are looked for by what they do as well
			if w.byDeed[d] == nil {
				w.byDeed[d] = &pool{}
			}
			w.byDeed[d].add(k, o)
		}
		w.classes[k].ids = append(w.classes[k].ids, e.id)
	}
	w.ends = append(w.ends, w.c.lastMoments(w.fixed)...)
	w.ends = append(w.ends, w.c.lastMoments(w.free)...)
	slices.Sort(w.ends)
	w.ends = slices.Compact(w.ends)
}

func (w *walker) op(e entry) *Op { return w.c.at(e.id) }

// run searches from the beginning to the end.
func (w *walker) run() outcome {
	limit := maxWork + 16*len(w.fixed) + workEach*len(w.free)
	var ways []way
	var more bool
	deadEnds := 0
	for w.work < limit {
		w.work++
		if w.absorb() {
			if w.at.fixed == len(w.fixed) && w.at.free == len(w.free) {
				return possible
			}
			if _, known := w.failed[w.spot()]; !known {
				ways, more = w.ways(ways[:0])
				if len(ways) > 1 || more {
					w.forked = true
					w.stack = append(w.stack, choice{cursor: w.at, trail: len(w.trail), ways: slices.Clone(ways), next: 1, more: more})
				}
				if len(ways) > 0 {
					w.take(ways[0])
					continue
				}
			}
		}
		w.noteDeadEnd()
		if deadEnds++; deadEnds == patience && w.hopeless() {
			return explained
		}
		if !w.turnBack() {
			return impossibleWay
		}
	}
	return undecided
}

// turnBack goes back to the last choice that has another way, and takes it.
func (w *walker) turnBack() bool {
	for len(w.stack) > 0 {
		last := &w.stack[len(w.stack)-1]
		w.undo(last.trail)
		w.at = last.cursor
		if last.next >= len(last.ways) && last.more {
			last.more, last.next = false, 0
			last.ways = w.maybeWays(nil, w.horizon(), w.steps())
		}
		if last.next < len(last.ways) {
			last.next++
			w.take(last.ways[last.next-1])
			return true
		}
		w.failed[w.spot()] = struct{}{}
		w.stack = w.stack[:len(w.stack)-1]
	}
	return false
}

func (w *walker) spot() spot {
	a := &w.at
	s := spot{value: a.value, place: a.place, set: a.set, fixed: a.fixed, alive: a.alive, anchored: a.anchored}
	if w.c.mayEnd(w.counter) || w.c.mayHold(w.counter) {
		s.terms, s.latest = a.terms.sum(), a.latest
	} else if a.terms != nil {
		s.terms = a.terms.sum()
	}
	return s
}

// take goes one way.
func (w *walker) take(y way) {
	w.at.state = y.to
	w.forked = w.forked || !y.to.anchored // a place is not known for sure
	switch y.of {
	case fromFixed:
		w.at.latest = y.at
		w.at.fixed++
	case fromFree:
		w.put(y.ref, y.at)
	case fromEnd:
		w.trail = append(w.trail, step{atEnd, uint32(y.ref), w.at.place})
		w.at.latest = y.at
		w.at.set += mix(uint64(y.ref) << 32)
	case fromMaybe:
		k := &w.classes[y.ref]
		id := k.ids[k.used]
		k.used++
		w.trail = append(w.trail, step{^y.ref, id, w.at.place})
		w.at.latest = y.at
		w.at.set += mixClass(y.ref)
	}
}

// put gives free[i] its place: here, at the moment given.
func (w *walker) put(i int32, at int64) {
	w.forward[w.back[i]], w.back[w.forward[i]] = w.forward[i], w.back[i]
	w.done[i] = true
	w.trail = append(w.trail, step{i, w.free[i].id, w.at.place})
	w.at.free++
	w.at.latest = at
	w.at.set += mix(uint64(i))
}

// undo takes back what was placed since the trail had the given length.
func (w *walker) undo(length int) {
	for len(w.trail) > length {
		last := w.trail[len(w.trail)-1]
		w.trail = w.trail[:len(w.trail)-1]
		if last.ref < 0 {
			w.classes[^last.ref].used--
			continue
		}
		if last.ref == atEnd {
			continue
		}
		w.done[last.ref] = false
		w.forward[w.back[last.ref]], w.back[w.forward[last.ref]] = last.ref, last.ref
	}
}

// mix spreads a number over 64 bits (the finalizer of SplitMix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func mixClass(class int32) uint64 { return mix(uint64(^class)) }

// result returns all that was placed, in order, and what was not needed.
func (w *walker) result() (order, unused []entry) {
	order = slices.Clone(w.fixed)
	for _, s := range w.trail {
		if s.ref == atEnd {
			w.c.endedAt(s.id, s.place)
			order = append(order, entry{place: s.place, id: s.id, role: roleChange})
			continue
		}
		r := roleOf(w.c.at(s.id))
		if r == roleMaybe {
			r = roleChange
		}
		order = append(order, entry{place: s.place, id: s.id, role: r})
	}
	slices.SortFunc(order, compareEntries)
	for _, k := range w.classes {
		for _, id := range k.ids[k.used:] {
			unused = append(unused, entry{id: id, role: roleMaybe, kind: maybe})
		}
	}
	return order, unused
}
