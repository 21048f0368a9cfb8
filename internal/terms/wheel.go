package terms

import (
	"math"
	"math/bits"
)

// A wheel tells which records end when: a timing wheel of several levels, each of
// 64 lists. A list of level 0 is one span of time long, one of each level above 64
// times as long as one below. A record hangs in the lowest level whose turn, of all
// its lists, holds both its end and the hand; when the hand comes to a list of a
// higher level, its records move down, one at a time. So nothing is ever sorted, no
// step takes longer than another, and the wheel has one size for ever.
type wheel struct {
	hand  int64 // the span that is being looked at; all before are empty
	heads [levels * slots]uint32
	used  [levels]uint64 // which lists have records
}

const (
	spanBits  = 27 // a span is 1<<27 ns long, about an eighth of a second
	levelBits = 6
	slots     = 1 << levelBits
	levels    = 6
	lastSpan  = math.MaxInt64 >> spanBits
)

// spanOf returns the first span at whose beginning that time is over.
func spanOf(ends int64) int64 { return min((ends-1)>>spanBits+1, lastSpan) }

// place returns the list for a span, which is not before the hand.
func (w *wheel) place(span int64) (list uint16) {
	level := (bits.Len64(uint64(span^w.hand)|1) - 1) / levelBits
	return uint16(level*slots) + uint16(span>>(level*levelBits)&(slots-1))
}

// at returns the list of a level that the hand points to.
func (w *wheel) at(level int) uint16 {
	return uint16(level*slots) + uint16(w.hand>>(level*levelBits)&(slots-1))
}

func (w *wheel) mark(list uint16, has bool) {
	bit := uint64(1) << (list % slots)
	if has {
		w.used[list/slots] |= bit
	} else {
		w.used[list/slots] &^= bit
	}
}

// due returns the highest list that the hand points to and that has records.
func (w *wheel) due() (list uint16, ok bool) {
	for level := levels - 1; level >= 0; level-- {
		if list = w.at(level); w.heads[list] != 0 {
			return list, true
		}
	}
	return 0, false
}

// next returns the span at which there is something to do.
func (w *wheel) next() int64 {
	if _, ok := w.due(); ok {
		return w.hand
	}
	for level := range levels { // what is on a lower one comes before what is above
		shift := level * levelBits
		if rest := w.used[level] >> (w.hand >> shift & (slots - 1)); rest != 0 {
			return (w.hand>>shift + int64(bits.TrailingZeros64(rest))) << shift
		}
	}
	return lastSpan
}

// list hangs a record into the wheel.
func (b *Book) list(item uint32, r *record) {
	list := b.wheel.place(max(spanOf(r.ends), b.wheel.hand))
	head := &b.wheel.heads[list]
	if *head != 0 {
		b.records.At(*head - 1).before = item + 1
	}
	r.list, r.before, r.behind = list, 0, *head
	*head = item + 1
	b.wheel.mark(list, true)
}

// unlist takes a record out.
func (b *Book) unlist(r *record) {
	if r.behind != 0 {
		b.records.At(r.behind - 1).before = r.before
	}
	if r.before != 0 {
		b.records.At(r.before - 1).behind = r.behind
	} else {
		b.wheel.heads[r.list] = r.behind
		b.wheel.mark(r.list, r.behind != 0)
	}
}

// Begin tells what time it is, once, before the first question: what was put into
// the book until then is set in order for it.
func (b *Book) Begin(now int64) {
	b.wheel = wheel{hand: now >> spanBits}
	for item := range b.records.Used() {
		if r := b.records.At(item); r.ends != 0 {
			b.list(item, r)
		}
	}
}

// Due returns a time before which Ended finds nothing.
func (b *Book) Due() int64 { return b.wheel.next() << spanBits }

// Ended takes at most so many steps, and returns the cell of a counter that has
// ended. It returns the same one until that is dropped.
func (b *Book) Ended(now int64, steps *int) (cell uint32, ok bool) {
	today := min(now>>spanBits, lastSpan-1)
	for ; *steps > 0; *steps-- {
		next := b.wheel.next()
		if next > today {
			return 0, false
		}
		b.wheel.hand = next
		list, _ := b.wheel.due()
		item := b.wheel.heads[list] - 1
		r := b.records.At(item)
		if list < slots {
			*steps--
			return r.cell, true
		}
		b.unlist(r) // down to the level where it belongs now
		b.list(item, r)
	}
	return 0, false
}
