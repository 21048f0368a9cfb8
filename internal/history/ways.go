package history

import (
	"slices"

	"github.com/cuenta-server/cuenta"
)

// first free to come, and the end of the list.
func (w *walker) head() int32 { return w.forward[len(w.free)] }
func (w *walker) tail() int32 { return int32(len(w.free)) }

// horizon is the earliest end of what certainly is still to come.
func (w *walker) horizon() int64 {
	for w.at.ended < len(w.byEnd) && w.done[w.byEnd[w.at.ended]] {
		w.at.ended++
	}
	h := w.minEnd[w.at.fixed]
	if w.at.ended < len(w.byEnd) {
		h = min(h, w.op(w.free[w.byEnd[w.at.ended]]).End)
	}
	return h
}

// absorb places all that saw the present state and may have done so now, where to
// wait would gain nothing. It reports false if a read named this state and cannot have
// seen it.
func (w *walker) absorb() bool {
	for {
		before := w.at.fixed + w.at.free
		w.absorbFree()
		for w.at.fixed < len(w.fixed) && w.at.anchored {
			e := w.fixed[w.at.fixed]
			o := w.op(e)
			if e.role != roleState || e.place != w.at.place || o.Start > w.horizon() {
				break
			}
			seen, at, ok := w.c.sees(o, w.at.state, w.from(o))
			if !ok {
				return false
			}
			w.at.state, w.at.latest = seen, at
			w.at.fixed++
		}
		if w.at.fixed+w.at.free == before {
			return true
		}
	}
}

func (w *walker) absorbFree() {
	for i := w.head(); i != w.tail(); i = w.forward[i] {
		w.work++
		e := w.free[i]
		o := w.op(e)
		if o.Start > w.horizon() {
			return
		}
		if e.role != roleState {
			continue
		}
		if seen, at, ok := w.c.sees(o, w.at.state, w.from(o)); ok && at <= w.horizon() && !w.hasty(at) {
			w.at.state = seen
			w.put(i, at)
		}
	}
}

// hasty reports whether placing an operation now, at that moment, may be too late for
// one of unknown fate that would have to come before it.
func (w *walker) hasty(at int64) bool {
	i, _ := slices.BinarySearch(w.ends, w.at.latest)
	return i < len(w.ends) && w.ends[i] < at
}

// ways appends what may come next; more says that changes of unknown fate may do
// so too, which are left for later where others may: there can be many.
func (w *walker) ways(dst []way) (ways []way, more bool) {
	h := w.horizon()
	dst = w.hastyWays(dst, h)
	if w.at.fixed < len(w.fixed) {
		y, only, ok := w.fixedWay(h)
		if ok {
			dst = append(dst, y)
		}
		if only {
			return dst, false
		}
	}
	steps := w.steps()
	if steps == 0 {
		return dst, false
	}
	dst = w.freeWays(dst, h)
	dst = w.holdWays(w.endWay(dst, h), h)
	if len(dst) == 0 {
		return w.maybeWays(dst, h, steps), false
	}
	return dst, w.anyMaybe(h)
}

// anyMaybe reports whether there is a change of unknown fate that fits here.
func (w *walker) anyMaybe(h int64) bool {
	for _, k := range w.all.window(h, w.at.latest) {
		w.work++
		if len(w.maybeWay(nil, 0, h, k)) > 0 {
			return true
		}
	}
	return false
}

// hastyWays appends the reads that absorb left.
func (w *walker) hastyWays(dst []way, h int64) []way {
	if len(w.ends) == 0 {
		return dst
	}
	for i := w.head(); i != w.tail() && w.op(w.free[i]).Start <= h; i = w.forward[i] {
		w.work++
		e := w.free[i]
		if e.role != roleState {
			continue
		}
		if seen, at, ok := w.c.sees(w.op(e), w.at.state, w.from(w.op(e))); ok && at <= h {
			dst = append(dst, way{i, fromFree, seen, at})
		}
	}
	return dst
}

// fixedWay is the next operation of known place, if it may come next; only says
// that nothing else may.
func (w *walker) fixedWay(h int64) (y way, only, ok bool) {
	e := w.fixed[w.at.fixed]
	o := w.op(e)
	s := w.at.state
	if e.role == roleState {
		// An anchored state's reads are absorbed. Another one may have this place.
		if s.anchored {
			return y, e.place <= s.place, false
		}
		s.place, s.anchored = e.place, true
		seen, at, ok := w.c.sees(o, s, w.from(o))
		return way{of: fromFixed, to: seen, at: at}, e.place < w.at.place, ok && at <= h && e.place >= w.at.place
	}
	next, at, fits := w.c.apply(o, s, w.from(o))
	next.place, next.anchored = e.place, true
	switch {
	case s.anchored && s.alive:
		only = e.place <= s.place+1
		fits = fits && e.place == s.place+1
	case s.anchored:
		only = e.place <= s.place+1
		fits = fits && w.c.adjoins(w.counter, s, e.place, o.End)
	default:
		only = e.place <= s.place
		fits = fits && e.place > s.place
	}
	return way{of: fromFixed, to: next, at: at}, only, fits && at <= h
}

// steps is how many changes come before the next operation of known place; -1 if
// that is not known.
func (w *walker) steps() int {
	if w.at.fixed == len(w.fixed) || !w.at.anchored || !w.at.alive {
		return -1
	}
	e := w.fixed[w.at.fixed]
	n := e.place - w.at.place
	if e.role == roleChange {
		n--
	}
	return int(min(n, 1<<30))
}

// moved is where a change of unnamed place leads, if it can be made here.
func (w *walker) moved(o *Op) (next state, at int64, ok bool) {
	next, at, ok = w.c.apply(o, w.at.state, w.from(o))
	if !ok || w.at.alive || !w.at.anchored {
		if ok {
			next = w.named(o, next)
		}
		return next, at, ok
	}
	floor, known, ok := w.floorFor(o.End)
	next.place, next.anchored = floor+1, known
	return w.named(o, next), at, ok
}

// from is when an operation can take effect at the earliest.
func (w *walker) from(o *Op) int64 { return max(w.at.latest, o.Start) }

// endWay appends that the counter's time is over, if it may be.
func (w *walker) endWay(dst []way, h int64) []way {
	s := w.at.state
	if !s.alive || !s.terms.ends() {
		return dst
	}
	at, ok := w.c.reached(w.at.latest, s.terms.low)
	if !ok || at > h || s.anchored && s.place >= w.bound() {
		return dst
	}
	to := state{place: s.place + 1, anchored: s.anchored}
	return append(dst, way{int32(s.terms.lapse), fromEnd, to, at})
}

// bound is the highest place left for a change of unnamed place.
func (w *walker) bound() uint64 {
	if w.at.fixed == len(w.fixed) {
		return 1<<64 - 1
	}
	e := w.fixed[w.at.fixed]
	if e.role == roleChange {
		return e.place - 1
	}
	return e.place
}

// floorFor is the floor above which the counter can begin anew here, by a change
// that ended at the given time; known is false if there may be several, and then
// floor is the lowest.
func (w *walker) floorFor(end int64) (floor uint64, known, ok bool) {
	place, bound := w.at.place, w.bound()
	if place >= bound {
		return 0, false, false
	}
	deletions := w.c.deletions
	i, found := slices.BinarySearch(deletions, place)
	if found {
		i++
	}
	only := i == len(deletions) || deletions[i] >= bound
	return place, only && !w.c.loose(w.counter, end), true
}

// freeWays appends the changes of unnamed place that fit here. Of those that do
// the same with the same answer the one that ended first will do; where operations
// of unknown fate have an end, only if it also started first.
func (w *walker) freeWays(dst []way, h int64) []way {
	begin := len(dst)
	for i := w.head(); i != w.tail(); i = w.forward[i] {
		w.work++
		e := w.free[i]
		o := w.op(e)
		if o.Start > h {
			break
		}
		if e.role != roleChange {
			continue
		}
		to, at, ok := w.moved(o)
		if !ok || at > h {
			continue
		}
		twin := slices.IndexFunc(dst[begin:], func(y way) bool { return w.c.alike(o, w.op(w.free[y.ref])) })
		switch {
		case twin < 0 || len(w.ends) > 0 && o.End < w.op(w.free[dst[begin+twin].ref]).End:
			dst = append(dst, way{i, fromFree, to, at})
		case o.End < w.op(w.free[dst[begin+twin].ref]).End:
			dst[begin+twin].ref, dst[begin+twin].at = i, at
		}
	}
	return dst
}

func (c *checker) alike(a, b *Op) bool {
	if a.Extra|b.Extra != 0 && (ofHold(a.Op) || ofHold(b.Op) || c.setsEnd(a) || c.setsEnd(b) || c.asked(a) != c.asked(b) || !c.agreeing(a, b)) {
		return false
	}
	return a.Op == b.Op && a.If == b.If && amount(a) == amount(b) && a.Batch == b.Batch &&
		a.told(WithValue) == b.told(WithValue) && a.told(Charged) == b.told(Charged)
}

// maybeWays appends those of unknown fate that fit here: if one change is missing
// before a state of known value, only what makes it; otherwise all, and those
// first that lead to what an operation still to come has found.
func (w *walker) maybeWays(dst []way, h int64, steps int) []way {
	if len(w.classes) == 0 {
		return dst
	}
	begin := len(dst)
	if steps == 1 {
		e := w.fixed[w.at.fixed]
		if value, known := w.c.foundBy(w.op(e), e.role); known {
			return w.leading(dst, begin, h, value)
		}
	}
	if k, ok := w.planned(h, steps); ok {
		dst = w.maybeWay(dst, begin, h, k)
	}
	for i := w.head(); i != w.tail() && w.op(w.free[i]).Start <= h; i = w.forward[i] {
		w.work++
		if value, known := w.c.foundBy(w.op(w.free[i]), w.free[i].role); known {
			dst = w.leading(dst, begin, h, value)
		}
	}
	for _, k := range w.all.window(h, w.at.latest) {
		w.work++
		dst = w.maybeWay(dst, begin, h, k)
	}
	return dst
}

// leading appends those of unknown fate that lead to the value, and deletions:
// a counter made anew has the value 0.
func (w *walker) leading(dst []way, begin int, h int64, value int64) []way {
	dst = w.leadingBy(dst, begin, h, deed{op: uint8(cuenta.Set), n: value})
	if value == 0 {
		dst = w.leadingBy(dst, begin, h, deed{op: uint8(cuenta.Reset)})
	}
	if delta := value - w.at.value; !passes(w.at.value, delta) {
		for _, op := range [...]cuenta.Op{cuenta.Add, cuenta.Ticket, cuenta.Settle} {
			dst = w.leadingBy(dst, begin, h, deed{op: uint8(op), n: delta})
		}
	}
	if value == w.at.value {
		dst = w.leadingBy(dst, begin, h, deed{op: uint8(cuenta.Limit)})
	}
	dst = w.leadingBy(dst, begin, h, deed{op: uint8(cuenta.Expire)}) // which may delete
	for _, op := range [...]cuenta.Op{cuenta.Hold, cuenta.Release, cuenta.Extend} {
		dst = w.leadingBy(dst, begin, h, deed{op: uint8(op)})
	}
	dst = w.leadingBy(dst, begin, h, deed{op: clamped})
	return w.leadingBy(dst, begin, h, deed{op: uint8(cuenta.Delete)})
}

func (w *walker) leadingBy(dst []way, begin int, h int64, d deed) []way {
	for cond := cuenta.Always; cond <= cuenta.IfRevision; cond++ {
		d.cond = uint8(cond)
		if p := w.byDeed[d]; p != nil {
			for _, k := range p.window(h, w.at.latest) {
				w.work++
				dst = w.maybeWay(dst, begin, h, k)
			}
		}
	}
	return dst
}

// maybeWay appends the earliest unused operation of a class, if it fits.
func (w *walker) maybeWay(dst []way, begin int, h int64, k int32) []way {
	of := &w.classes[k]
	if of.used == len(of.ids) {
		return dst
	}
	o := w.c.at(of.ids[of.used])
	if o.Start > h || o.End < w.at.latest {
		return dst
	}
	to, at, ok := w.moved(o)
	if !ok || at > min(h, o.End) || slices.ContainsFunc(dst[begin:], func(y way) bool { return y.of == fromMaybe && y.ref == k }) {
		return dst
	}
	return append(dst, way{k, fromMaybe, to, at})
}
