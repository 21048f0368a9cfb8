package history

import (
	"cmp"
	"slices"
)

// entry is an operation in its counter's list.
type entry struct {
	place uint64
	id    uint32
	role  role
	kind  kind
}

// kind orders the entries of a counter's list: those with a place first.
type kind uint8

const (
	fixed kind = iota // at a known place
	free              // certain, its place to be found
	maybe             // of unknown fate
)

func (c *checker) entryOf(id uint32) (e entry, ok bool) {
	o := c.at(id)
	e = entry{id: id, role: roleOf(o)}
	if e.role == roleNone || id < c.n && c.leftOut(id) {
		return e, false
	}
	place, named := placed(o, e.role)
	switch {
	case named:
		e.place = place
	case e.role == roleMaybe:
		e.kind = maybe
	case e.role == roleState && sawAbsence(o) && !c.deletable[o.Counter]:
		// It never was but before its first change.
	default:
		e.kind = free
	}
	return e, true
}

// lists sorts the operations into one list per counter: counter i has entries
// bounds[i] to bounds[i+1].
func (c *checker) lists() (entries []entry, bounds []int) {
	total := c.n + uint32(len(c.made))
	bounds = make([]int, len(c.h.Counters)+1)
	for id := range total {
		if _, ok := c.entryOf(id); ok {
			bounds[c.at(id).Counter+1]++
		}
	}
	for i := 1; i < len(bounds); i++ {
		bounds[i] += bounds[i-1]
	}
	entries = make([]entry, bounds[len(bounds)-1])
	next := slices.Clone(bounds[:len(bounds)-1])
	for id := range total {
		if e, ok := c.entryOf(id); ok {
			counter := c.at(id).Counter
			entries[next[counter]] = e
			next[counter]++
		}
	}
	return entries, bounds
}

func compareEntries(a, b entry) int {
	switch {
	case a.kind != b.kind:
		return cmp.Compare(a.kind, b.kind)
	case a.place != b.place:
		return cmp.Compare(a.place, b.place)
	case a.role != b.role:
		return cmp.Compare(a.role, b.role)
	}
	return cmp.Compare(a.id, b.id)
}

// sortEntries sorts a counter's list. The places of a long one are nearly all
// there are, so it is dealt out by place, which takes a fraction of the time.
func sortEntries(all []entry) {
	const long, sparse = 4096, 4
	if slices.IsSortedFunc(all, compareEntries) {
		return
	}
	least, most, fixedOnly := all[0].place, all[0].place, true
	for _, e := range all {
		least, most = min(least, e.place), max(most, e.place)
		fixedOnly = fixedOnly && e.kind == fixed
	}
	if len(all) < long || !fixedOnly || most-least > uint64(len(all))*sparse {
		slices.SortFunc(all, compareEntries)
		return
	}
	next := make([]uint32, most-least+2)
	for _, e := range all {
		next[e.place-least+1]++
	}
	for i := 1; i < len(next); i++ {
		next[i] += next[i-1]
	}
	dealt := make([]entry, len(all))
	for _, e := range all {
		dealt[next[e.place-least]] = e
		next[e.place-least]++
	}
	copy(all, dealt)
	for i := 0; i < len(all); {
		k := i + 1
		for k < len(all) && all[k].place == all[i].place {
			k++
		}
		if k > i+1 {
			slices.SortFunc(all[i:k], compareEntries)
		}
		i = k
	}
}
