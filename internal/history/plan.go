package history

import (
	"cmp"
	"slices"

	"github.com/cuenta-server/cuenta"
)

// plan is additions of unknown fate that together lead to a value: what a crash
// leaves are often several at once. It is what the search tries first.
type plan struct {
	classes []int32 // still to be taken, in this order
	fixed   int     // the cursor at which the first of them is next
	free    int
	set     uint64
}

const (
	fewAdditions = 64      // looked at for one plan at first, those sent last
	maxAdditions = 256     // and at most
	maxPlan      = 1 << 22 // words in the table for one plan
)

// planned returns the class that the plan has next, if the search follows one, and
// otherwise makes one.
func (w *walker) planned(h int64, steps int) (class int32, ok bool) {
	p := &w.plan
	if len(p.classes) == 0 || p.fixed != w.at.fixed || p.free != w.at.free || p.set != w.at.set {
		value, count, known := w.goal(h, steps)
		if !known || !w.at.alive {
			return 0, false
		}
		*p = plan{classes: w.additions(h, value-w.at.value, count), fixed: w.at.fixed, free: w.at.free}
	}
	if len(p.classes) == 0 {
		return 0, false
	}
	class = p.classes[0]
	p.classes = p.classes[1:]
	p.set = w.at.set + mixClass(class)
	return class, true
}

// goal is the value that the next certain operation found, and how many changes
// come before it: -1 if any number may.
func (w *walker) goal(h int64, steps int) (value int64, count int, ok bool) {
	if w.at.ended < len(w.byEnd) {
		if e := w.free[w.byEnd[w.at.ended]]; w.op(e).Start <= h && w.op(e).End <= w.minEnd[w.at.fixed] {
			value, ok = w.c.foundBy(w.op(e), e.role)
			return value, -1, ok
		}
	}
	if w.at.fixed == len(w.fixed) || steps < 2 {
		return 0, 0, false
	}
	e := w.fixed[w.at.fixed]
	value, ok = w.c.foundBy(w.op(e), e.role)
	return value, steps, ok
}

// addition is one operation that may be in a plan.
type addition struct {
	class int32
	n     int64
	end   int64
}

// fewest is how many additions are tried before any number is.
const fewest = 6

// additions finds operations of unknown fate that add up to sum, count of them or
// if it is negative as few as possible; none if there are none or too many to
// try. Those that expire first are preferred.
func (w *walker) additions(h, sum int64, count int) []int32 {
	least, most := count, count
	if count < 0 {
		least, most = 2, fewest
	}
	for limit := fewAdditions; limit <= maxAdditions; limit *= 4 {
		all := w.candidates(h, most, limit)
		for n := least; n <= most; n++ {
			if chosen := w.choose(all, sum, n); chosen != nil {
				return chosen
			}
		}
		if len(all) < limit {
			break
		}
	}
	return nil
}

// choose finds count additions that add up to sum.
func (w *walker) choose(all []addition, sum int64, count int) []int32 {
	t, least, ok := w.sums(all, count)
	if !ok || !t.makes(sum, least) {
		return nil
	}
	return t.trace(all, int(sum-least))
}

// cannot reports whether it is certain that no count of all add up to sum.
func (w *walker) cannot(all []addition, sum int64, count int) bool {
	t, least, ok := w.sums(all, count)
	return ok && !t.makes(sum, least)
}

// sums makes the table of all sums of up to count additions; least is the least
// sum there can be. It is not made if it would be too large.
func (w *walker) sums(all []addition, count int) (t *sums, least int64, ok bool) {
	var most int64
	for _, a := range all {
		if passes(most, max(a.n, 0)) || passes(least, min(a.n, 0)) {
			return nil, 0, false
		}
		least, most = least+min(a.n, 0), most+max(a.n, 0)
	}
	words := (uint64(most)-uint64(least))/64 + 1
	if count > len(all) || words > maxPlan || words*uint64(count+1)*uint64(len(all)+1) > maxPlan {
		return nil, 0, false
	}
	w.work += int(words) * (count + 1) * (len(all) + 1) / 16
	t = &sums{words: int(words), rows: count + 1, additions: len(all)}
	t.fill(all, int(-least))
	return t, least, true
}

// sums tells which sums can be made: after the first i additions, of row of
// them, those whose bits are set in bits(i, row). Sums are counted from the least
// there can be.
type sums struct {
	words, rows, additions int

	all []uint64
}

// makes reports whether the sum can be made, of as many as there are rows for.
func (t *sums) makes(sum, least int64) bool {
	at := uint64(sum) - uint64(least)
	return sum >= least && at < uint64(t.words)*64 && t.has(t.additions, t.rows-1, int(at))
}

func (t *sums) bits(i, row int) []uint64 {
	return t.all[(i*t.rows+row)*t.words:][:t.words]
}

func (t *sums) has(i, row, sum int) bool {
	return t.bits(i, row)[sum/64]>>(sum%64)&1 != 0
}

func (t *sums) fill(all []addition, origin int) {
	t.all = make([]uint64, (len(all)+1)*t.rows*t.words)
	t.bits(0, 0)[origin/64] |= 1 << (origin % 64)
	for i, a := range all {
		copy(t.bits(i+1, 0), t.bits(i, 0))
		for row := 1; row < t.rows; row++ {
			to := t.bits(i+1, row)
			copy(to, t.bits(i, row))
			orShifted(to, t.bits(i, row-1), int(a.n))
		}
	}
}

// orShifted sets in to the bits of from, by places higher.
func orShifted(to, from []uint64, by int) {
	words, bits := by>>6, uint(by&63) // rounded down: what is left is never negative
	for i := range to {
		k := i - words
		if k >= 0 && k < len(from) {
			to[i] |= from[k] << bits
		}
		if k--; bits > 0 && k >= 0 && k < len(from) {
			to[i] |= from[k] >> (64 - bits)
		}
	}
}

// trace returns the classes of the additions that make the sum; the last ones are
// left out where the first will do.
func (t *sums) trace(all []addition, sum int) []int32 {
	row := t.rows - 1
	var chosen []int32
	for i := len(all); i > 0; i-- {
		if !t.has(i-1, row, sum) {
			chosen = append(chosen, all[i-1].class)
			sum -= int(all[i-1].n)
			row--
		}
	}
	slices.Reverse(chosen)
	return chosen
}

// candidates are the additions that may come next, each as often as it was lost
// but no more than count times: the last ones sent, by when they expire.
func (w *walker) candidates(h int64, count, limit int) []addition {
	var all []addition
	window := w.all.window(h, w.at.latest)
	for i := len(window) - 1; i >= 0 && len(all) < limit; i-- {
		w.work++
		k := window[i]
		of := &w.classes[k]
		for used := of.used; used < len(of.ids) && len(all) < limit; used++ {
			o := w.c.at(of.ids[used])
			if !w.c.adds(o) || o.If == cuenta.IfAbsent || o.Start > h || o.End < w.at.latest || used-of.used >= count {
				break
			}
			all = append(all, addition{k, o.N, o.End})
		}
	}
	slices.SortStableFunc(all, func(a, b addition) int { return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(a.class, b.class)) })
	return all
}

// pool is classes by the start of the first of each.
type pool struct {
	classes []int32
	starts  []int64
	ends    []int64 // the latest end among classes[:i+1]
}

// add adds a class that starts after those before it.
func (p *pool) add(class int32, o *Op) {
	end := o.End
	if n := len(p.ends); n > 0 {
		end = max(end, p.ends[n-1])
	}
	p.classes, p.starts, p.ends = append(p.classes, class), append(p.starts, o.Start), append(p.ends, end)
}

// window returns the classes that start by h and do not all end before latest.
func (p *pool) window(h, latest int64) []int32 {
	after, _ := slices.BinarySearchFunc(p.starts, h, func(start, h int64) int {
		if start <= h {
			return -1
		}
		return 1
	})
	from, _ := slices.BinarySearch(p.ends[:after], latest)
	return p.classes[from:after]
}
