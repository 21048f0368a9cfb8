package history

import (
	"slices"

	"github.com/cuenta-server/cuenta"
)

// group is the attempts with one identity, sorted by what was answered.
type group struct {
	c   *checker
	all []attempt

	settled, open, conflict, old, absent []attempt
}

func (g *group) sort(a attempt) {
	switch verdictOf(g.op(a)) {
	case settled:
		g.settled = append(g.settled, a)
	case open:
		g.open = append(g.open, a)
	case conflict:
		g.conflict = append(g.conflict, a)
	case tooOld:
		g.old = append(g.old, a)
	case absent:
		g.absent = append(g.absent, a)
	}
}

func (g *group) op(a attempt) *Op { return g.c.at(a.id) }

func (g *group) asks(a attempt) bool { return g.op(a).Op != cuenta.Outcome }

func (g *group) violated(format string, attempts ...attempt) bool {
	ids := make([]uint32, len(attempts))
	for i, a := range attempts {
		ids[i] = a.id
	}
	g.c.violated("", format, ids)
	return false
}

// answersAgree checks that what was settled was settled once.
func (g *group) answersAgree() bool {
	first, carried := -1, -1
	for i, a := range g.settled {
		if g.op(a).told(First) {
			if carried >= 0 {
				return g.violated("an identity was carried out twice: %o and %o", g.settled[carried], a)
			}
			carried = i
		}
		if !g.asks(a) {
			continue
		}
		if first >= 0 && !g.c.same(g.settled[first], a) {
			return g.violated("one identity was accepted for two operations: %o and %o", g.settled[first], a)
		}
		if first < 0 {
			first = i
		}
	}
	for _, a := range g.settled {
		for _, b := range g.settled[:1] {
			if !g.agree(a, b) {
				return g.violated("one identity got two answers: %o and %o", b, a)
			}
		}
	}
	return g.agreeOnDetails()
}

// agreeOnDetails compares each answer with those that tell more than the first.
func (g *group) agreeOnDetails() bool {
	for _, t := range []Told{WithValue, WithRevision} {
		var known *attempt
		for i, a := range g.settled {
			if !g.op(a).told(t) {
				continue
			}
			if known != nil && !g.agree(*known, a) {
				return g.violated("one identity got two answers: %o and %o", *known, a)
			}
			known = &g.settled[i]
		}
	}
	return true
}

// agree compares two answers as far as both tell.
func (g *group) agree(a, b attempt) bool {
	x, y := g.op(a), g.op(b)
	if g.asks(a) == g.asks(b) || !g.c.batched(a) && !g.c.batched(b) {
		for i := range min(a.items, b.items) {
			if !g.c.agreeing(g.c.at(a.id+i), g.c.at(b.id+i)) {
				return false
			}
		}
		return true
	}
	// The Outcome of a batch has the answer of its first request if that is a
	// read, and otherwise tells how many had an effect.
	first := x
	if !g.asks(a) {
		first = y
	}
	return (x.Code == cuenta.OK) == (y.Code == cuenta.OK) &&
		(!first.Op.Reads() || x.Code != cuenta.OK || g.c.agreeing(x, y))
}

// batched reports whether an attempt is a batch.
func (c *checker) batched(a attempt) bool { return c.at(a.id).Batch != 0 }

func (c *checker) agreeing(x, y *Op) bool {
	if x.Code != y.Code {
		return false
	}
	both := x.Told & y.Told
	return (both&WithValue == 0 || x.Value == y.Value) && (both&WithRevision == 0 || x.Revision == y.Revision) &&
		(both&WithAmount == 0 || c.extra(x).Amount == c.extra(y).Amount) &&
		(both&WithTerms == 0 || c.extra(x).Terms == c.extra(y).Terms)
}

// repeatsFollow checks that a repeat's answer came after somebody had asked, and
// that nothing was carried out after it had been answered.
func (g *group) repeatsFollow() bool {
	for _, a := range g.settled {
		o := g.op(a)
		if (o.told(Replayed) || !g.asks(a)) && !g.askedBefore(a) {
			return g.violated("%o, but nobody had asked for it before", a)
		}
		if !o.told(First) {
			continue
		}
		for _, b := range g.settled {
			if g.op(b).End < o.Start {
				return g.violated("%o, and later %o as if for the first time", b, a)
			}
		}
	}
	return true
}

// askedBefore reports whether another attempt, which may have been carried out,
// had been sent when a was answered.
func (g *group) askedBefore(a attempt) bool {
	for _, list := range [][]attempt{g.open, g.settled} {
		for _, b := range list {
			o := g.op(b)
			if b.id != a.id && g.asks(b) && !o.told(Replayed) && o.Start <= g.op(a).End && (!g.asks(a) || g.c.same(a, b)) {
				return true
			}
		}
	}
	return false
}

// conflictsHaveReason checks that the identity was used for something else.
func (g *group) conflictsHaveReason() bool {
	for _, a := range g.conflict {
		reason := false
		for _, list := range [][]attempt{g.settled, g.open} {
			for _, b := range list {
				if !g.asks(b) {
					continue
				}
				if g.op(b).Start <= g.op(a).End && !g.c.same(a, b) {
					reason = true
				}
				if verdictOf(g.op(b)) == settled && g.c.same(a, b) {
					return g.violated("%o, but the same operation was accepted: %o", a, b)
				}
			}
		}
		if !reason {
			return g.violated("%o, but its identity was used for nothing else", a)
		}
	}
	return true
}

// oldStaysOld checks that nothing was answered once it was no longer remembered.
func (g *group) oldStaysOld() bool {
	for _, a := range g.old {
		for _, b := range g.settled {
			if g.op(b).Start > g.op(a).End {
				return g.violated("%o, and later %o", a, b)
			}
		}
	}
	return true
}

// absenceHolds checks that nothing was denied once it had been answered.
func (g *group) absenceHolds() bool {
	for _, a := range g.absent {
		for _, b := range g.settled {
			if g.op(b).End < g.op(a).Start {
				return g.violated("%o, and later %o: it was forgotten", b, a)
			}
		}
	}
	return true
}

// merge makes up one operation, or batch, of all attempts, and leaves those out.
func (g *group) merge() {
	g.dropRefused()
	if len(g.settled) > 0 {
		g.mergeSettled()
		return
	}
	// At most one was carried out. Attempts to do different things under it,
	// none of them answered, stay apart.
	for i, a := range g.open {
		start, repeat := g.op(a).Start, false
		for k, b := range g.open {
			if k != i && g.c.same(a, b) {
				repeat = repeat || k < i
				start = min(start, g.op(b).Start)
			}
		}
		if !repeat {
			g.replace(a, g.after(start), g.lastMoment(a), nil)
		} else {
			g.leaveOut(a)
		}
	}
}

// dropRefused leaves out unanswered attempts to do what was refused as a conflict
// when it was asked again: the identity is another operation's.
func (g *group) dropRefused() {
	left := g.open[:0]
	for _, a := range g.open {
		if slices.ContainsFunc(g.conflict, func(b attempt) bool { return g.c.same(a, b) }) {
			g.leaveOut(a)
		} else {
			left = append(left, a)
		}
	}
	g.open = left
}

// mergeSettled makes one operation that took effect between the first request
// and the first answer, and has all that any answer told.
func (g *group) mergeSettled() {
	model, ok := g.model()
	if !ok {
		return // whose Outcome that was, cannot be told
	}
	var answers []attempt
	start, end := int64(Never), g.firstConflict()
	for _, a := range g.settled {
		o := g.op(a)
		end = min(end, o.End)
		if g.asks(a) && !o.told(Replayed) {
			start = min(start, o.Start)
		}
		if g.asks(a) || !g.c.batched(model) {
			answers = append(answers, a)
		}
	}
	for _, a := range g.open {
		if g.c.same(a, model) {
			start = min(start, g.op(a).Start)
		}
	}
	if g.op(model).told(First) {
		start = g.op(model).Start
	}
	for _, list := range [][]attempt{g.settled, g.open} {
		for _, a := range list {
			if g.asks(a) {
				g.leaveOut(a)
			}
		}
	}
	g.replace(model, g.after(start), end, answers)
}

// model returns the attempt that says what was carried out: the first one if
// that is known.
func (g *group) model() (attempt, bool) {
	var model *attempt
	for i, a := range g.settled {
		if g.asks(a) && (model == nil || g.op(a).told(First)) {
			model = &g.settled[i]
		}
	}
	if model != nil {
		return *model, true
	}
	for _, a := range g.open {
		if !g.c.same(a, g.open[0]) {
			return attempt{}, false
		}
	}
	if len(g.open) == 0 {
		return attempt{}, g.violated("%o, but that was refused to all who had asked", g.settled[0])
	}
	return g.open[0], true
}

// apart reports whether an attempt may not be the one that was carried out, so that it
// need not have taken effect together with the rest of its batch.
func (g *group) apart(a attempt) bool {
	if o := g.op(a); o.told(First) || o.told(Whole) {
		return false
	}
	for _, list := range [][]attempt{g.open, g.settled} {
		if slices.ContainsFunc(list, func(b attempt) bool { return b.id != a.id && g.asks(b) }) {
			return true
		}
	}
	return false
}

// after is when the identity can have been used at the earliest.
func (g *group) after(start int64) int64 {
	for _, a := range g.absent {
		start = max(start, g.op(a).Start)
	}
	return start
}

// lastMoment is when an unanswered operation can take effect at the latest: of
// those like it, and before anybody was told that the identity is used.
func (g *group) lastMoment(a attempt) int64 {
	last := g.op(a).End
	for _, b := range g.open {
		if g.c.same(a, b) {
			last = max(last, g.op(b).End)
		}
	}
	return min(last, g.firstConflict())
}

// firstConflict is when the first conflict was answered: the identity had been
// used by then.
func (g *group) firstConflict() int64 {
	first := int64(Never)
	for _, a := range g.conflict {
		first = min(first, g.op(a).End)
	}
	return first
}

func (g *group) leaveOut(a attempt) {
	for i := range a.items {
		g.c.leaveOut(a.id + i)
	}
}

// replace puts a made-up attempt in the place of a, with all that answers tell.
// If it is a batch of which only an Outcome told, answers are none.
func (g *group) replace(a attempt, start, end int64, answers []attempt) {
	apart := g.apart(a)
	for i := range a.items {
		id := a.id + i
		o := *g.c.at(id)
		o.Start, o.End = start, end
		if apart {
			o.Batch = 0
		}
		for _, b := range answers {
			told := g.c.at(b.id + i)
			if o.Op == cuenta.Delete && told.Op == cuenta.Outcome && !told.told(WithRevision) {
				continue // it may have found nothing to delete
			}
			g.c.learn(&o, told)
		}
		if len(answers) == 0 && len(g.settled) > 0 && o.Op != cuenta.Delete { // which may have found nothing
			o.Code, o.Told = g.op(g.settled[0]).Code, o.Told|Answered
		}
		g.c.leaveOut(id)
		if why := g.c.impossible(&o); why != "" && o.told(Answered) {
			g.violated("what was told of an identity cannot be, as of %o: "+why, a)
		}
		if !g.c.sawItsOwn(a.id, id, o.Code) {
			g.c.add(o, id)
		}
	}
}

// learn takes over what another answer to the same request tells.
func (c *checker) learn(o, from *Op) {
	o.Code, o.Told = from.Code, o.Told|Answered
	if from.told(WithValue) {
		o.Value, o.Told = from.Value, o.Told|WithValue
	}
	if from.told(WithRevision) {
		o.Revision, o.Told = from.Revision, o.Told|WithRevision
	}
	if from.told(WithAmount | WithTerms | WithLevel) {
		x, other := *c.extra(o), c.extra(from)
		if from.told(WithLevel) {
			x.Level = other.Level
		}
		if from.told(WithAmount) {
			x.Amount = other.Amount
		}
		if from.told(WithTerms) {
			x.Terms, x.Held = other.Terms, other.Held
		}
		c.addExtra(o, x)
		o.Told |= from.Told & (WithAmount | WithTerms | WithLevel)
	}
}
