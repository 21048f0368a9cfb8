package history

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/cuenta-server/cuenta"
)

// What a counter of a rate remembers has a form of its own, and it ends by itself. So it
// is not judged by its values, but by what was taken, when: the ledger's time lies between
// two bounds at each operation. What was allowed must have been within the rate if as
// little was used, and it was as late, as can be; what was refused must have been beyond
// it if as much was used, and it was as early, as can be.

// noteTake learns that a counter is one of a rate.
func (c *checker) noteTake(o *Op) {
	r := roleOf(o)
	if o.Op != cuenta.Take || r == roleNone && o.told(Answered) {
		return
	}
	c.rated[o.Counter] = true
	if r == roleChange || r == roleMaybe {
		c.deletable[o.Counter], c.joined = true, true
		c.noteLoose(o.Counter, o.Start)
	}
}

// roleOfTake is the role of a Take that was not allowed.
func roleOfTake(o *Op) role {
	switch {
	case !o.told(Answered) || o.Code == cuenta.Unknown:
		if o.N > 0 {
			return roleMaybe
		}
	case o.Code == cuenta.Throttled || o.Code == cuenta.Unmet:
		return roleState
	}
	return roleNone
}

// taking is a Take, or another operation on the counter, and between what the ledger's
// time was.
type taking struct {
	*Op
	id        uint32
	low, high int64
	role      role
}

// rating judges one counter of a rate.
type rating struct {
	c    *checker
	of   cuenta.Rate
	took []taking // what was certainly taken, by revision
	may  []taking // what may have been, those included, by start
	ends []int64  // the latest of the highs among may[:i+1]

	breaks []taking // after these nothing counts any more
}

// rates judges what was taken from a counter, and what was not.
func (c *checker) rates(counter uint32, all []entry) {
	r := rating{c: c}
	var seen []taking
	var rate uint32
	for _, e := range all {
		o := c.at(e.id)
		t := taking{Op: o, id: e.id, role: e.role}
		t.low, t.high = c.within(o.Start, o.End)
		switch {
		case o.Op == cuenta.Take && rate != 0 && c.extra(o).Terms.Rate != rate:
			c.leave(counter, "it was used for two rates")
			return
		case o.Op == cuenta.Delete && e.role != roleState:
			r.breaks = append(r.breaks, t)
			continue
		case o.Op == cuenta.Take && o.If != cuenta.Always && o.Code == cuenta.Unmet:
			continue
		case o.Op != cuenta.Take && e.role != roleState:
			c.leave(counter, "it was used for something beside a rate")
			return
		case e.role == roleState:
			seen = append(seen, t)
		default:
			r.may = append(r.may, t)
			if e.role == roleChange && o.told(WithRevision) {
				r.took = append(r.took, t)
			}
		}
		if o.Op == cuenta.Take {
			rate = c.extra(o).Terms.Rate
		}
	}
	if rate == 0 {
		return // what was taken were attempts of one that had no effect
	}
	r.of = c.h.Rates[rate-1]
	if r.ordered() {
		r.allowed()
		r.prepare()
		for i := range seen {
			r.sees(&seen[i])
		}
	}
}

func (r *rating) violated(format string, ids ...uint32) bool {
	r.c.violated(r.c.name(r.c.at(ids[0]).Counter), format, ids)
	return false
}

// ordered checks that revisions are given once, and do not run against time.
func (r *rating) ordered() bool {
	slices.SortFunc(r.took, func(a, b taking) int { return cmp.Or(cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.id, b.id)) })
	latest := 0
	for i := 1; i < len(r.took); i++ {
		t := &r.took[i]
		if t.Revision == r.took[i-1].Revision {
			return r.violated("revision "+fmt.Sprint(t.Revision)+" was given twice: to %o and to %o", r.took[i-1].id, t.id)
		}
		if t.End < r.took[latest].Start {
			return r.violated("the revisions run against time: %o, and later %o", t.id, r.took[latest].id)
		}
		if t.Start > r.took[latest].Start {
			latest = i
		}
	}
	return true
}

// broken reports whether the counter may have been deleted between two operations.
func (r *rating) broken(from, to int64) bool {
	return slices.ContainsFunc(r.breaks, func(b taking) bool { return b.End >= from && b.Start <= to })
}

// allowed checks that no more was allowed than the rate does.
func (r *rating) allowed() {
	u := usage{rate: &r.of}
	for i := range r.took {
		t := &r.took[i]
		if i > 0 && len(r.breaks) > 0 && r.broken(r.took[i-1].Start, t.End) {
			u = usage{rate: &r.of}
		}
		if !u.take(t) {
			r.violated("%o, which is more than the rate allows after what was taken before", t.id)
			return
		}
	}
	r.inWindows()
}

// inWindows checks that in no window more was allowed than the rate does, by whatever
// answers: where they name no revision their order does not matter.
func (r *rating) inWindows() {
	if r.of.Kind == cuenta.Steady || len(r.breaks) > 0 {
		return
	}
	sums := map[int64]int64{}
	for i := range r.may {
		t := &r.may[i]
		first, _ := windowOf(&r.of, t.low)
		if last, _ := windowOf(&r.of, t.high); t.role != roleChange || first != last {
			continue
		}
		if sums[first] = plus(sums[first], t.N); sums[first] > r.of.Limit {
			r.violated("%o, with which more was taken in a window than the rate allows", t.id)
			return
		}
	}
}

// prepare sorts what may have been taken, for those that look.
func (r *rating) prepare() {
	slices.SortFunc(r.may, func(a, b taking) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.id, b.id)) })
	high := int64(math.MinInt64)
	for _, t := range r.may {
		high = max(high, t.high)
		r.ends = append(r.ends, high)
	}
}

// sees judges what changed nothing.
func (r *rating) sees(t *taking) {
	switch {
	case t.Op.Op == cuenta.Take && t.Code == cuenta.Unmet:
		r.violated("%o, but the counter is of no other use", t.id)
	case t.Op.Op == cuenta.Describe && t.told(WithTerms) && t.Revision != 0 && r.c.extra(t.Op).Terms.Expiry.Kind != cuenta.ExpireAt:
		r.violated("%o: a counter of a rate has no end", t.id)
	case t.Code == cuenta.Throttled && t.N <= most(&r.of) && !r.throttled(t):
		r.violated("%o, but the rate allows it after all that may have been taken before", t.id)
	default:
		r.stale(t)
	}
}

// stale checks that what was found agrees with what was answered before and after it.
func (r *rating) stale(t *taking) {
	if !t.told(WithRevision) || t.Revision == 0 {
		return
	}
	after, found := slices.BinarySearchFunc(r.took, t.Revision, func(x taking, revision uint64) int { return cmp.Compare(x.Revision, revision) })
	if found {
		if t.End < r.took[after].Start {
			r.violated("it was seen before it was done: %o, and later %o", t.id, r.took[after].id)
			return
		}
		after++
	}
	if after < len(r.took) && r.took[after].End < t.Start {
		r.violated("what was revealed was lost, or a stale read: %o, and later %o", r.took[after].id, t.id)
	}
}

// throttled reports whether a refusal can have been right.
func (r *rating) throttled(t *taking) bool {
	reach := 2 * r.of.Period // that something counts
	if r.of.Kind == cuenta.Steady {
		reach = math.MaxInt64
	}
	last, _ := slices.BinarySearchFunc(r.may, t.End, func(x taking, end int64) int {
		if x.Start <= end {
			return -1
		}
		return 1
	})
	first, _ := slices.BinarySearch(r.ends[:last], plus(t.low, -reach))
	var before []taking
	for _, x := range r.may[first:last] {
		if x.told(WithRevision) && t.told(WithRevision) && t.Revision != 0 && x.Revision > t.Revision {
			continue
		}
		x.low, x.high = max(x.low, math.MinInt64), min(x.high, t.high)
		before = append(before, x)
	}
	switch r.of.Kind {
	case cuenta.FixedWindow:
		return r.fullWindow(t, before)
	case cuenta.SlidingWindow:
		return r.fullSlide(t, before)
	}
	return r.fullBucket(t, before)
}
