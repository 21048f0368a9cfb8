package history

import (
	"cmp"
	"slices"

	"github.com/cuenta-server/cuenta"
)

// grant notes a session that was granted; none is granted twice.
func (c *checker) grant(id uint32, o *Op) {
	if o.Op != cuenta.OpenSession || !o.told(Answered) || o.Code != cuenta.OK {
		return
	}
	if earlier, twice := c.grants[o.Revision]; twice {
		c.violated("", "one session was granted twice: %o and %o", []uint32{earlier, id})
		return
	}
	c.grants[o.Revision] = id
}

// sessionID is the id of a session, 0 for what is none.
func (c *checker) sessionID(session uint32) uint64 {
	if session < firstSession {
		return 0
	}
	return c.h.Sessions[session-firstSession]
}

// session checks a session's answers against one another.
func (c *checker) session(session uint32, all []attempt) {
	ended, worst := int64(Never), uint32(0) // the first answer that there is no session
	grant, granted := c.grants[c.sessionID(session)]
	var old []attempt
	for _, a := range all {
		switch o := c.at(a.id); {
		case !o.told(Answered):
		case o.Code == cuenta.NoSession && o.End < ended:
			ended, worst = o.End, a.id
		case o.Code == cuenta.TooOld:
			old = append(old, a)
		}
	}
	for _, a := range all {
		o := c.at(a.id)
		if verdictOf(o) != settled {
			continue
		}
		if o.Start > ended {
			c.violated("", "%o, and later %o of the same session", []uint32{worst, a.id})
			break
		}
		if granted && o.End < c.at(grant).Start {
			c.violated("", "%o, before its session was granted: %o", []uint32{a.id, grant})
			break
		}
	}
	if len(old) > 0 {
		c.window(all, old)
	}
}

// window checks that numbers were refused as too old only when the session's
// owner had gone far enough beyond them.
func (c *checker) window(all, old []attempt) {
	type reach struct {
		start  int64
		lowest uint64 // that the session still remembers
	}
	reached := make([]reach, 0, len(all))
	for _, a := range all {
		o := c.at(a.id)
		r := reach{start: o.Start}
		if o.Op != cuenta.Outcome {
			if o.Number >= cuenta.SessionWindow {
				r.lowest = o.Number - cuenta.SessionWindow + 1
			}
			if o.told(WithLowest) {
				r.lowest = max(r.lowest, o.Number-uint64(o.Spread))
			}
		}
		reached = append(reached, r)
	}
	slices.SortFunc(reached, func(a, b reach) int { return cmp.Compare(a.start, b.start) })
	for i := 1; i < len(reached); i++ {
		reached[i].lowest = max(reached[i].lowest, reached[i-1].lowest)
	}
	for _, a := range old {
		o := c.at(a.id)
		i, _ := slices.BinarySearchFunc(reached, o.End, func(r reach, end int64) int {
			if r.start <= end {
				return -1
			}
			return 1
		})
		if i > 0 && o.Number >= reached[i-1].lowest {
			c.violated("", "%o, but nothing in the session had gone so far beyond it", []uint32{a.id})
		}
	}
}
