package history

import (
	"math"
	"slices"
)

// The ledger's time at a moment of the history lies between two bounds, which go on
// with the moment, but where one Clock ends and the next begins. Where there is no
// Clock they are those of int64.

// plus adds, and stays at the ends of int64.
func plus(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}

// clockAt is the index of the clock that goes at a moment, -1 before the first.
func (c *checker) clockAt(t int64) int {
	i, found := slices.BinarySearchFunc(c.h.Clocks, t, func(k Clock, t int64) int {
		switch {
		case k.From < t:
			return -1
		case k.From > t:
			return 1
		}
		return 0
	})
	if found {
		return i
	}
	return i - 1
}

// ledgerAt is between what the ledger's time was at a moment.
func (c *checker) ledgerAt(t int64) (low, high int64) {
	i := c.clockAt(t)
	if i < 0 {
		return math.MinInt64, math.MaxInt64
	}
	return plus(t, c.h.Clocks[i].Low), plus(t, c.h.Clocks[i].High)
}

// within returns between what the ledger's time was from one moment to another.
func (c *checker) within(from, to int64) (low, high int64) {
	low, high = c.ledgerAt(from)
	for i := c.clockAt(from); i >= 0; i++ {
		last := i+1 == len(c.h.Clocks) || c.h.Clocks[i+1].From > to
		end := to
		if !last {
			end = c.h.Clocks[i+1].From
		}
		low, high = min(low, plus(max(from, c.h.Clocks[i].From), c.h.Clocks[i].Low)), max(high, plus(end, c.h.Clocks[i].High))
		if last {
			break
		}
	}
	return low, high
}

// before returns the first moment from t on at which the ledger's time may have been
// before end.
func (c *checker) before(t, end int64) (moment int64, ok bool) {
	if low, _ := c.ledgerAt(t); low < end {
		return t, true
	}
	for _, k := range c.h.Clocks[c.clockAt(t)+1:] {
		if plus(k.From, k.Low) < end {
			return k.From, true
		}
	}
	return 0, false
}

// reached returns the first moment from t on at which the ledger's time may have been
// end, or later.
func (c *checker) reached(t, end int64) (moment int64, ok bool) {
	i := c.clockAt(t)
	if i < 0 {
		return t, true
	}
	for ; i < len(c.h.Clocks); i++ {
		k := c.h.Clocks[i]
		at := max(t, k.From)
		if plus(at, k.High) < end {
			at = plus(end, -k.High)
		}
		if i+1 == len(c.h.Clocks) || at < c.h.Clocks[i+1].From {
			return at, at != Never
		}
	}
	return 0, false
}

// lastBefore returns the last moment up to t at which the ledger's time may have been
// before end.
func (c *checker) lastBefore(t, end int64) int64 {
	for i := c.clockAt(t); i >= 0; i-- {
		k := c.h.Clocks[i]
		if plus(k.From, k.Low) < end {
			return min(t, plus(end-1, -k.Low))
		}
		t = k.From - 1
	}
	return t
}
