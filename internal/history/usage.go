package history

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"github.com/cuenta-server/cuenta"
)

// most is how much may be taken at once.
func most(r *cuenta.Rate) int64 {
	if r.Kind == cuenta.Steady {
		return cmp.Or(r.Burst, r.Limit)
	}
	return r.Limit
}

// interval is how long so many units take, rounded up.
func interval(r *cuenta.Rate, n int64) int64 {
	return share(n, r.Period, r.Limit)
}

// share is n*by/of rounded up, or the end of int64. None is negative.
func share(n, by, of int64) int64 {
	high, low := bits.Mul64(uint64(n), uint64(by))
	if high >= uint64(of) {
		return math.MaxInt64
	}
	quotient, rest := bits.Div64(high, low, uint64(of))
	if rest > 0 {
		quotient++
	}
	return int64(min(quotient, math.MaxInt64))
}

// windowOf is the number of the window that a time is in, and how much of it is over.
func windowOf(r *cuenta.Rate, at int64) (number, passed int64) {
	number, passed = at/r.Period, at%r.Period
	if passed < 0 {
		number, passed = number-1, passed+r.Period
	}
	return number, passed
}

// usage is the least that can have been used of a rate after some was taken.
type usage struct {
	rate   *cuenta.Rate
	window int64 // what is known of was taken in this one
	before int64 // and in the one before
	within int64
	full   int64 // of Steady: when all may be taken again, at the earliest
}

// take takes as much; false if that was too much whenever it was.
func (u *usage) take(t *taking) bool {
	if t.N > most(u.rate) {
		return false
	}
	if u.rate.Kind == cuenta.Steady {
		depth := interval(u.rate, most(u.rate))
		next := plus(u.full, interval(u.rate, t.N))
		u.full = max(next, plus(t.low, interval(u.rate, t.N)))
		return next <= plus(t.high, depth)
	}
	first, _ := windowOf(u.rate, t.low)
	last, passed := windowOf(u.rate, t.high)
	first = max(first, u.window) // it was after what was taken before
	used := int64(0)
	switch {
	case last == u.window:
		used = u.within
		if u.rate.Kind == cuenta.SlidingWindow {
			used += share(u.before, u.rate.Period-passed, u.rate.Period)
		}
	case last == u.window+1 && u.rate.Kind == cuenta.SlidingWindow:
		used = share(u.within, u.rate.Period-passed, u.rate.Period)
	}
	if first == last {
		switch {
		case first == u.window+1:
			u.before, u.within = u.within, 0
		case first > u.window:
			u.before, u.within = 0, 0
		}
		u.window = first
		u.within += t.N
	}
	return used+t.N <= u.rate.Limit
}

// fullWindow reports whether so much may have been taken in a window that no more fits.
func (r *rating) fullWindow(t *taking, before []taking) bool {
	first, _ := windowOf(&r.of, t.low)
	last, _ := windowOf(&r.of, t.high)
	if last > first+1 {
		return true // nobody knows which it was
	}
	for w := first; w <= last; w++ {
		if r.takenIn(w, before)+t.N > r.of.Limit {
			return true
		}
	}
	return false
}

// takenIn is the most that can have been taken in a window.
func (r *rating) takenIn(window int64, before []taking) (sum int64) {
	for i := range before {
		first, _ := windowOf(&r.of, before[i].low)
		last, _ := windowOf(&r.of, before[i].high)
		if first <= window && window <= last {
			sum = plus(sum, before[i].N)
		}
	}
	return sum
}

// fullSlide does so for a window that slides.
func (r *rating) fullSlide(t *taking, before []taking) bool {
	first, passed := windowOf(&r.of, t.low)
	last, _ := windowOf(&r.of, t.high)
	if last > first+1 {
		return true
	}
	for w := first; w <= last; w++ {
		faded := share(r.takenIn(w-1, before), r.of.Period-passed, r.of.Period)
		if plus(plus(r.takenIn(w, before), faded), t.N) > r.of.Limit {
			return true
		}
		passed = 0
	}
	return false
}

// fullBucket does so where units come one after the other: all was taken as late as it
// can have been.
func (r *rating) fullBucket(t *taking, before []taking) bool {
	slices.SortFunc(before, func(a, b taking) int { return cmp.Compare(a.high, b.high) })
	full := int64(math.MinInt64)
	for i := range before {
		full = plus(max(full, before[i].high), interval(&r.of, before[i].N))
	}
	return plus(max(full, t.low), interval(&r.of, t.N)) > plus(t.low, interval(&r.of, most(&r.of)))
}
