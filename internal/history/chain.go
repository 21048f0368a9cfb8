package history

import (
	"cmp"
	"math"
	"slices"
)

// chain checks the operations of one counter whose places are known, in one walk
// from revision to revision.
type chain struct {
	c       *checker
	counter uint32

	last   state
	lastID uint32 // the operation that showed last, if there is one
	shown  bool
	valued bool // last.value is known
	gaps   bool // revisions are missing
	leapt  bool // the counter began above the floor that another left
	failed bool
	whole  bool // there is nothing to place: where a revision leaps, the floor did

	// The latest start among the operations before this one, and among those
	// reads that share its place and so have no order among themselves.
	latest, beside sight
	found          sight  // the latest start of a state among those before
	blamed         uint32 // whose lateness was told: the next ones need not be
}

type sight struct {
	start int64
	id    uint32
}

func (s *sight) note(o *Op, id uint32) {
	if o.Start > s.start {
		*s = sight{o.Start, id}
	}
}

// counter checks one counter's operations, and returns those that matter to
// other counters.
func (c *checker) counter(counter uint32, all []entry) []touch {
	switch {
	case c.unclear != nil && c.unclear[counter]:
		c.partial.Store(true)
		return nil
	case c.keepsTicket(counter): // it was judged with the tickets
		if c.deletable[counter] {
			c.partial.Store(true)
		}
		return nil
	case c.rated[counter]:
		c.rates(counter, all)
		return nil
	}
	sortEntries(all)
	isKind := func(k kind) func(entry) bool { return func(e entry) bool { return e.kind >= k } }
	fixedEnd, freeEnd := len(all), len(all)
	if i := slices.IndexFunc(all, isKind(free)); i >= 0 {
		fixedEnd = i
	}
	if i := slices.IndexFunc(all[fixedEnd:], isKind(maybe)); i >= 0 {
		freeEnd = fixedEnd + i
	}
	ch := newChain(c, counter)
	ch.whole = fixedEnd == len(all)
	for i, e := range all[:fixedEnd] {
		ch.next(e, i > 0 && all[i-1].role == roleChange && all[i-1].place == e.place)
	}
	if ch.failed {
		c.partial.Store(true)
		return nil
	}
	found := ordering{
		order: all[:fixedEnd], unused: all[freeEnd:], last: ch.last, latest: max(ch.latest.start, ch.beside.start),
	}
	if ch.gaps || freeEnd > fixedEnd || ch.leapt && len(all) > freeEnd {
		var ok bool
		if found, ok = c.search(counter, all[:fixedEnd], all[fixedEnd:freeEnd], all[freeEnd:]); !ok {
			c.partial.Store(true)
			return nil
		}
	}
	if !c.joined {
		return nil
	}
	c.mayEndSince(counter, &found)
	return c.touching(counter, &found)
}

func newChain(c *checker, counter uint32) *chain {
	never := sight{start: math.MinInt64}
	return &chain{c: c, counter: counter, last: state{anchored: true}, valued: true, latest: never, beside: never, found: never}
}

func (ch *chain) violated(format string, ids []uint32, args ...any) {
	ch.failed = true
	ch.c.violated(ch.c.name(ch.counter), format, ids, args...)
}

// next takes the next operation of the chain; double says that a change before it
// has the same revision.
func (ch *chain) next(e entry, double bool) {
	o := ch.c.at(e.id)
	if e.place != ch.last.place || e.role == roleChange {
		if ch.beside.start > ch.latest.start {
			ch.latest = ch.beside
		}
		ch.beside.start = math.MinInt64
	}
	fits := ch.fits(e, o, double)
	if o.End < ch.latest.start && fits {
		ch.late(e, o)
	}
	if e.role == roleChange {
		ch.latest.note(o, e.id)
	} else {
		ch.beside.note(o, e.id)
	}
	if ch.c.isState(e.id) {
		ch.found.note(o, e.id)
	}
	ch.lastID, ch.shown = e.id, true
}

// fits reports whether the operation fits what the chain shows, and says so if
// not.
func (ch *chain) fits(e entry, o *Op, double bool) bool {
	switch {
	case double && e.role == roleChange:
		ch.violated("revision %d was given twice: to %o and to %o", []uint32{ch.lastID, e.id}, e.place)
		ch.last, ch.valued = ch.c.after(o, roleChange, e.place, state{terms: unknownTerms}), true
		return false
	case e.role == roleChange:
		return ch.change(e, o)
	}
	return ch.sight(e, o)
}

func (ch *chain) change(e entry, o *Op) (fits bool) {
	fits = true
	was := ch.last
	switch {
	case !ch.c.adjoins(ch.counter, ch.last, e.place, o.End):
		ch.gaps = true
		was.terms = unknownTerms
	case ch.valued:
		leaps := e.place != ch.last.place+1
		ch.leapt = ch.leapt || leaps
		if _, _, fits = ch.c.apply(o, ch.last, ch.from(o)); !fits && leaps {
			ch.gaps, fits = true, true // it began otherwise
		} else if !fits {
			ch.unfit(e, o, "does not follow from")
		}
	}
	leaps := e.place != ch.last.place+1
	ch.last, ch.valued = ch.c.after(o, roleChange, e.place, was), true
	if leaps && !ch.whole {
		ch.last.terms = unknownTerms // it may have begun otherwise
	}
	return fits
}

func (ch *chain) sight(e entry, o *Op) (fits bool) {
	_, valued := ch.c.foundBy(o, roleState)
	switch {
	case e.place != ch.last.place:
		ch.gaps = true
		ch.last, ch.valued = ch.c.after(o, roleState, e.place, state{terms: unknownTerms}), valued
	case ch.valued:
		seen, _, ok := ch.c.sees(o, ch.last, ch.from(o))
		if !ok {
			ch.unfit(e, o, "does not agree with")
			return false
		}
		ch.last = seen
	case valued:
		ch.last.value, ch.valued = o.Value, true
	}
	return true
}

// from is when an operation can have taken effect at the earliest.
func (ch *chain) from(o *Op) int64 { return max(ch.latest.start, o.Start) }

// unfit reports an operation that does not fit what was shown before it.
func (ch *chain) unfit(e entry, o *Op, how string) {
	if _, ok := ch.c.seenAlive(ch.last, ch.from(o)); !ok {
		ch.violated("%o met with a counter whose time was over, as of %o", []uint32{e.id, ch.lastID})
		return
	}
	if !ch.shown {
		ch.violated("%o "+how+" a counter never touched", []uint32{e.id})
		return
	}
	ch.violated("%o "+how+" %o", []uint32{e.id, ch.lastID})
}

// late reports an operation that had ended before one that belongs before it, or
// beside it, had started.
func (ch *chain) late(e entry, o *Op) {
	if o.End < ch.found.start {
		ch.violated("what was revealed was lost: %o, and later %o", []uint32{e.id, ch.found.id})
		return
	}
	if ch.failed && ch.blamed == ch.latest.id {
		return
	}
	ch.blamed = ch.latest.id
	ids := []uint32{e.id, ch.latest.id}
	switch earlier := ch.c.at(ch.latest.id); {
	case roleOf(earlier) == roleState:
		ch.violated("a stale read: %o, and later %o", ids)
	case earlier.Revision == e.place:
		ch.violated("it was seen before it was done: %o, and later %o", ids)
	default:
		ch.violated("the revisions run against time: %o, and later %o", ids)
	}
}

// adjoins reports whether a change at place, which ended at the given time, can
// be the next one after s. One that makes a counter anew starts above the floor,
// the revision of some deletion.
func (c *checker) adjoins(counter uint32, s state, place uint64, end int64) bool {
	if s.alive || place == s.place+1 {
		return place == s.place+1
	}
	return place > s.place && (c.deletedAt(place-1) || c.loose(counter, end))
}

// loose reports whether another counter may have been deleted, by then, at a
// revision that is not known.
func (c *checker) loose(counter uint32, by int64) bool {
	for _, d := range c.looseDeletions {
		if d.counter != counter && d.start <= by {
			return true
		}
	}
	return false
}

// looseDeletion is the first deletion of a counter at a revision not known.
type looseDeletion struct {
	counter uint32
	start   int64
}

// noteLoose keeps the earliest loose deletions of two counters: enough to know
// the earliest of any other counter.
func (c *checker) noteLoose(counter uint32, start int64) {
	c.looseFloor = true
	c.noteDeletionBy(counter, start)
}

// noteDeletionBy does that for deletions of which the revision shows later, too.
func (c *checker) noteDeletionBy(counter uint32, start int64) {
	for i := range c.looseDeletions {
		if d := &c.looseDeletions[i]; d.counter == counter {
			d.start = min(d.start, start)
			return
		}
	}
	c.looseDeletions = append(c.looseDeletions, looseDeletion{counter, start})
	slices.SortFunc(c.looseDeletions, func(a, b looseDeletion) int { return cmp.Compare(a.start, b.start) })
	c.looseDeletions = c.looseDeletions[:min(2, len(c.looseDeletions))]
}
