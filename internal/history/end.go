package history

import "github.com/cuenta-server/cuenta"

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
		c.unclear = make([]bool, len(c.h.Counters))
	}
	c.ending[o.Counter], c.deletable[o.Counter], c.joined = true, true, true
	c.noteDeletionBy(o.Counter, o.Start)
}

func (c *checker) mayEnd(counter uint32) bool { return c.ending != nil && c.ending[counter] }

// ends makes up the deletions, and narrows down when the ends were given.
func (c *checker) ends() {
	if c.ending == nil {
		return
	}
	for id := range c.n + uint32(len(c.made)) {
		if _, ok := c.entryOf(id); !ok || !c.setsEnd(c.at(id)) {
			continue
		}
		r := roleOf(c.at(id))
		if r != roleChange && r != roleMaybe {
			continue
		}
		if c.isOver(c.at(id)) == unsure && c.at(id).Op == cuenta.Expire && !c.unclear[c.at(id).Counter] {
			c.unclear[c.at(id).Counter] = true
			c.found.undecided("counter \"" + c.name(c.at(id).Counter) + "\": whether " + c.describe(id) + " deleted it at once")
		}
		c.narrow(id)
	}
}

// narrow gives an operation, or one made up in its place, the deletion at the end that
// it gives, and lets it end before that.
func (c *checker) narrow(id uint32) {
	o := *c.at(id)
	if e := &c.extra(&o).Terms.Expiry; e.Kind == cuenta.ExpireAt && e.If == cuenta.ExpiryAlways && !e.Lapse {
		o.End = max(o.Start, c.lastBefore(o.End, e.Time))
	}
	if id < c.n {
		c.leaveOut(id)
		c.add(o, id)
		id = c.n + uint32(len(c.made)) - 1
	} else {
		*c.at(id) = o
	}
	extra := *c.extra(&o)
	extra.lapse = c.n + uint32(len(c.made))
	c.extras = append(c.extras, extra)
	c.at(id).Extra = uint32(len(c.extras))
	end := Op{Start: o.Start, End: Never, Counter: o.Counter, Client: o.Client}
	if low, _ := c.newEnd(&o); extra.Terms.Expiry.If == cuenta.ExpiryAlways {
		end.Start, _ = c.reached(o.Start, low)
	}
	c.add(end, c.original(id))
}

// endedAt notes that a deletion that was made up has taken place.
func (c *checker) endedAt(id uint32, place uint64) {
	o := c.at(id)
	o.Op, o.Revision, o.Told = cuenta.Delete, place, Answered|WithRevision|ByTime
}

// lastMoments are those at which operations can have been carried out that give a
// counter an end, where that depends on the end it has.
func (c *checker) lastMoments(entries []entry) (last []int64) {
	if c.ending == nil {
		return nil
	}
	for _, e := range entries {
		o := c.at(e.id)
		if e := &c.extra(o).Terms.Expiry; c.setsEnd(o) && e.If != cuenta.ExpiryAlways && e.Kind == cuenta.ExpireAt {
			if at := c.lastBefore(o.End, e.Time); at >= o.Start {
				last = append(last, at)
			}
		}
	}
	return last
}
