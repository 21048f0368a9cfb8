package terms

import (
	"math"
	"math/bits"
)

// link hangs a record into a wheel. Marks and cell are the record's own, which have room
// here.
type link struct {
	ends           int64  // nanoseconds since 1970; 0: never, and it hangs in no wheel
	before, behind uint32 // its neighbours in its list, plus one
	cell           uint32
	list           uint16
	marks          uint8
}

// A wheel tells which records end when: a timing wheel of several levels, each of
// 64 lists. A list of level 0 is one span of time long, one of each level above 64
// times as long as one below. A record hangs in the lowest level whose turn, of all
// its lists, holds both its end and the hand; when the hand comes to a list of a
// higher level, its records move down, one at a time. So nothing is ever sorted, no
// step takes longer than another, and the wheel has one size for ever.
type wheel struct {
	link  func(item uint32) *link // of a record
	count int                     // records that hang in it
	hand  int64                   // the span that is being looked at; all before are empty
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

// pointed returns the highest list that the hand points to and that has records.
func (w *wheel) pointed() (list uint16, ok bool) {
	for level := levels - 1; level >= 0; level-- {
		if list = w.at(level); w.heads[list] != 0 {
			return list, true
		}
	}
	return 0, false
}

// next returns the span at which there is something to do.
func (w *wheel) next() int64 {
	if _, ok := w.pointed(); ok {
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

// move gives a record another end; 0 is none.
func (w *wheel) move(item uint32, ends int64) {
	r := w.link(item)
	if r.ends == ends {
		return
	}
	if r.ends != 0 {
		w.unlist(r)
	}
	if r.ends = ends; ends != 0 {
		w.list(item, r)
	}
}

// list hangs a record into the wheel.
func (w *wheel) list(item uint32, r *link) {
	list := w.place(max(spanOf(r.ends), w.hand))
	head := &w.heads[list]
	if *head != 0 {
		w.link(*head - 1).before = item + 1
	}
	r.list, r.before, r.behind = list, 0, *head
	*head = item + 1
	w.count++
	w.mark(list, true)
}

// unlist takes a record out.
func (w *wheel) unlist(r *link) {
	w.count--
	if r.behind != 0 {
		w.link(r.behind - 1).before = r.before
	}
	if r.before != 0 {
		w.link(r.before - 1).behind = r.behind
	} else {
		w.heads[r.list] = r.behind
		w.mark(r.list, r.behind != 0)
	}
}

// begin sets the records 0 to n-1 in order for a time, which only goes on from then.
func (w *wheel) begin(now int64, n uint32) {
	*w = wheel{link: w.link, hand: now >> spanBits}
	for item := range n {
		if r := w.link(item); r.ends != 0 {
			w.list(item, r)
		}
	}
}

// due returns a time before which ended finds nothing.
func (w *wheel) due() int64 { return w.next() << spanBits }

// ended takes at most so many steps, and returns a record whose time is over. It
// returns the same one until that is moved.
func (w *wheel) ended(now int64, steps *int) (item uint32, ok bool) {
	today := min(now>>spanBits, lastSpan-1)
	for ; *steps > 0; *steps-- {
		next := w.next()
		if next > today {
			return 0, false
		}
		w.hand = next
		list, _ := w.pointed()
		item := w.heads[list] - 1
		if list < slots {
			*steps--
			return item, true
		}
		r := w.link(item)
		w.unlist(r) // down to the level where it belongs now
		w.list(item, r)
	}
	return 0, false
}
