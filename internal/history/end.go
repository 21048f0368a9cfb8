package history

import (
	"fmt"
	"slices"

	"github.com/cuenta-server/cuenta"
)

// That a counter is deleted at its end nobody is told. So for each operation that may
// have given one an operation is made up, which may have taken place: once, where the
// counter stands with that end and its time is over. Whatever comes after that meets
// no counter; whatever meets one came before.

// noteEnd learns that a counter may have an end.
func (c *checker) noteEnd(o *Op) {
	r := roleOf(o)
	if !c.setsEnd(o) || r != roleChange && r != roleMaybe {
		return
	}
	if c.ending == nil {
		c.ending = make([]bool, len(c.h.Counters))
	}
	c.ending[o.Counter], c.deletable[o.Counter], c.joined = true, true, true
	c.noteDeletionBy(o.Counter, o.Start)
}

func (c *checker) mayEnd(counter uint32) bool { return c.ending != nil && c.ending[counter] }

// leave has nothing decided of a counter.
func (c *checker) leave(counter uint32, why string) {
	if c.unclear == nil {
		c.unclear = make([]bool, len(c.h.Counters))
	}
	if !c.unclear[counter] {
		c.unclear[counter] = true
		c.found.undecided(fmt.Sprintf("counter %q: %s", c.name(counter), why))
	}
}

// ends makes up the deletions, and narrows down when operations were carried out of
// which it is known what the ledger's time was.
func (c *checker) ends() {
	if c.ending == nil && c.holding == nil {
		return
	}
	for id := range c.n + uint32(len(c.made)) {
		if _, ok := c.entryOf(id); !ok || c.at(id).Extra == 0 {
			continue
		}
		o := c.at(id)
		switch r := roleOf(o); {
		case (c.setsEnd(o) || o.Op == cuenta.Hold || o.Op == cuenta.Extend) && (r == roleChange || r == roleMaybe):
			c.giveEnd(id)
		case ofHold(o.Op):
			c.noteKept(o)
		case o.Code == cuenta.Past:
			from, ok := c.reached(o.Start, c.extra(o).Terms.Expiry.Time)
			c.narrow(id, from, o.End, ok)
		case o.Op == cuenta.Describe && o.told(WithTerms) && o.told(WithAmount) && c.extra(o).Terms.Expiry.Kind == cuenta.ExpireAt:
			at := plus(c.extra(o).Terms.Expiry.Time, -c.extra(o).Amount) // the time that the ledger had
			from, ok := c.reached(o.Start, at)
			c.narrow(id, from, c.lastBefore(o.End, plus(at, 1)), ok)
		}
	}
}

// narrow lets an operation, or one made up in its place, start and end at other times.
// It returns its id.
func (c *checker) narrow(id uint32, start, end int64, ok bool) uint32 {
	o := *c.at(id)
	if !ok || start > end {
		c.violated(c.name(o.Counter), "%o, which was not the time", []uint32{id})
		return id
	}
	o.Start, o.End = start, end
	if id >= c.n {
		*c.at(id) = o
		return id
	}
	c.leaveOut(id)
	c.add(o, id)
	return c.n + uint32(len(c.made)) - 1
}

// giveEnd makes up the deletion at the end that an operation gives.
func (c *checker) giveEnd(id uint32) {
	o := c.at(id)
	e := c.extra(o).Terms.Expiry
	if o.Op == cuenta.Expire && c.isOver(o) == unsure {
		c.leave(o.Counter, fmt.Sprintf("whether %s deleted it at once", c.describe(id)))
	}
	last := o.End
	if e.Kind == cuenta.ExpireAt && c.surelyEnds(o) && !e.Lapse {
		last = c.lastBefore(o.End, e.Time)
	}
	if last < o.Start && roleOf(o) == roleMaybe {
		c.forget(id) // it came too late
		return
	}
	id = c.narrow(id, o.Start, last, true)
	extra := *c.extra(c.at(id))
	extra.lapse = c.n + uint32(len(c.made))
	o = c.at(id)
	c.addExtra(o, extra)
	end := Op{Start: o.Start, End: Never, Counter: o.Counter, Client: o.Client}
	if low, _ := c.newEnd(o); c.surelyEnds(o) {
		end.Start, _ = c.reached(o.Start, low)
	}
	c.add(end, c.original(id))
}

// surelyEnds reports whether an operation that was carried out has given the counter its
// end: others than Expire may have let it be.
func (c *checker) surelyEnds(o *Op) bool {
	return o.Op == cuenta.Expire || ofHold(o.Op) || c.extra(o).Terms.Expiry.If == cuenta.ExpiryAlways
}

// forget leaves an operation out.
func (c *checker) forget(id uint32) {
	if id < c.n {
		c.leaveOut(id)
		return
	}
	*c.at(id) = Op{}
}

// endedAt notes that a deletion that was made up has taken place.
func (c *checker) endedAt(id uint32, place uint64) {
	o := c.at(id)
	o.Op, o.Revision, o.Told = cuenta.Delete, place, Answered|WithRevision|ByTime
	if ofHold(c.at(c.original(id)).Op) {
		o.Op = cuenta.Release
	}
}

// mayEndSince takes account of what may have become of a counter since it was seen last.
func (c *checker) mayEndSince(counter uint32, in *ordering) {
	if !c.mayEnd(counter) {
		return
	}
	if slices.ContainsFunc(in.unused, func(e entry) bool { return c.at(e.id).End >= in.latest }) {
		c.partial.Store(true) // it may have gone on, and ended, unseen
	}
	if last := &in.last; last.alive && last.terms.ends() {
		if !last.anchored || len(last.terms.holds) > 0 { // which may have ended before
			c.partial.Store(true)
		}
		c.endedAt(last.terms.lapse, last.place+1)
		in.order = append(slices.Clip(in.order), entry{place: last.place + 1, id: last.terms.lapse, role: roleChange})
	}
}

// lastMoments are those at which operations can have been carried out that give a
// counter an end, where that depends on the end it has.
func (c *checker) lastMoments(entries []entry) (last []int64) {
	if c.ending == nil && c.holding == nil {
		return nil
	}
	for _, e := range entries {
		o := c.at(e.id)
		if e := &c.extra(o).Terms.Expiry; c.setsEnd(o) && e.Kind == cuenta.ExpireAt && roleOf(o) != roleState && !c.surelyEnds(o) {
			if at := c.lastBefore(o.End, e.Time); at >= o.Start {
				last = append(last, at)
			}
		}
	}
	return last
}
