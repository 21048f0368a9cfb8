package history

import (
	"cmp"
	"slices"

	"github.com/cuenta-server/cuenta"
)

// attempt is one request with an identity: an operation, or a batch.
type attempt struct {
	number uint64
	id     uint32 // of the first of its operations
	items  uint32
}

// identities checks every identity by itself, and puts one operation in the
// place of all its attempts.
func (c *checker) identities() {
	attempts, bounds := c.attempts()
	for session := range len(bounds) - 1 {
		of := attempts[bounds[session]:bounds[session+1]]
		byNumber := func(a, b attempt) int { return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.id, b.id)) }
		if session != int(ByKey) {
			c.session(uint32(session), of)
		}
		if !slices.IsSortedFunc(of, byNumber) {
			slices.SortFunc(of, byNumber)
		}
		for i := 0; i < len(of); {
			k := i + 1
			for k < len(of) && of[k].number == of[i].number {
				k++
			}
			c.identity(of[i:k])
			i = k
		}
	}
}

// attempts lists what was asked with an identity, by session; session i has
// attempts bounds[i] to bounds[i+1].
func (c *checker) attempts() (all []attempt, bounds []int) {
	bounds = make([]int, len(c.h.Sessions)+firstSession+1)
	each := func(do func(session uint32, a attempt)) {
		for id := 0; id < int(c.n); {
			n := 1
			o := c.h.At(id)
			if o.told(Whole) {
				n = c.h.batchAt(id)
			}
			if o.Session != NoIdentity && (o.changes() || o.Op == cuenta.Outcome || o.told(Whole)) {
				do(o.Session, attempt{o.Number, uint32(id), uint32(n)})
			}
			id += n
		}
	}
	each(func(session uint32, _ attempt) { bounds[session+1]++ })
	for i := 1; i < len(bounds); i++ {
		bounds[i] += bounds[i-1]
	}
	all = make([]attempt, bounds[len(bounds)-1])
	next := slices.Clone(bounds)
	each(func(session uint32, a attempt) {
		all[next[session]] = a
		next[session]++
	})
	return all, bounds
}

// verdict is what an attempt's answer says about its identity.
type verdict uint8

const (
	none     verdict = iota // that nothing was done, or nothing at all
	settled                 // what became of it, for good
	open                    // nothing: it may have been carried out
	conflict                // that it was used for another operation
	tooOld                  // that it is no longer remembered
	absent                  // an Outcome: that nothing was done yet
)

func verdictOf(o *Op) verdict {
	switch {
	case !o.told(Answered) || o.Code == cuenta.Unknown:
		if o.Op == cuenta.Outcome {
			return none
		}
		return open
	case o.Op == cuenta.Outcome && o.Code == cuenta.Absent:
		return absent
	}
	switch o.Code {
	case cuenta.OK, cuenta.Overflow, cuenta.Limited, cuenta.Past, cuenta.Throttled, cuenta.NoHold, cuenta.Unmet, cuenta.Aborted:
		return settled
	case cuenta.Conflict:
		return conflict
	case cuenta.TooOld, cuenta.NoSession:
		return tooOld
	}
	return none
}

// same reports whether two attempts ask for the same.
func (c *checker) same(a, b attempt) bool {
	if a.items != b.items {
		return false
	}
	for i := range a.items {
		x, y := c.at(a.id+i), c.at(b.id+i)
		if x.Op != y.Op || x.Counter != y.Counter || x.If != y.If || amount(x) != amount(y) || c.asked(x) != c.asked(y) {
			return false
		}
	}
	return true
}

// asked are the terms of a request.
func (c *checker) asked(o *Op) Terms {
	if o.Op == cuenta.Describe {
		return Terms{}
	}
	return c.extra(o).Terms
}

// amount is N where it means anything.
func amount(o *Op) int64 {
	switch o.Op {
	case cuenta.Add, cuenta.Set, cuenta.Check, cuenta.Take, cuenta.Ticket, cuenta.Hold, cuenta.Settle:
		return o.N
	}
	return 0
}

// identity checks the attempts with one identity.
func (c *checker) identity(all []attempt) {
	if len(all) == 1 {
		switch o := c.at(all[0].id); {
		case verdictOf(o) == conflict:
			c.violated("", "%o, but its identity was used for nothing else", []uint32{all[0].id})
			return
		case verdictOf(o) == settled && (o.told(Replayed) || o.Op == cuenta.Outcome):
			c.violated("", "%o, but nobody had asked for it before", []uint32{all[0].id})
			return
		case o.Op != cuenta.Outcome:
			return
		}
	}
	g := group{c: c, all: all}
	for _, a := range all {
		g.sort(a)
	}
	if g.answersAgree() && g.repeatsFollow() && g.conflictsHaveReason() && g.oldStaysOld() && g.absenceHolds() {
		g.merge()
	}
}
