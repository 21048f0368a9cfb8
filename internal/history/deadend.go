package history

import "fmt"

// deadEnd is where the search got furthest.
type deadEnd struct {
	progress int
	at       cursor
	pending  int32 // the free operation that had to come soonest; -1: none
}

func (w *walker) noteDeadEnd() {
	progress := w.at.fixed + w.at.free
	if progress <= w.best.progress {
		return
	}
	w.best = deadEnd{progress: progress, at: w.at, pending: -1}
	w.horizon()
	if w.at.ended < len(w.byEnd) {
		w.best.pending = w.byEnd[w.at.ended]
	}
}

// explain reports the dead end.
func (w *walker) explain() {
	at := w.best.at
	stands := fmt.Sprintf("value %d at revision %d", at.value, at.place)
	if !at.anchored {
		stands = fmt.Sprintf("value %d", at.value)
	}
	if !at.alive {
		stands = "no counter"
	} else if at.terms.ends() {
		stands += " with an end"
	}
	name := w.c.name(w.counter)
	var ids []uint32
	if w.best.pending >= 0 {
		ids = append(ids, w.free[w.best.pending].id)
	}
	if at.fixed < len(w.fixed) {
		e := w.fixed[at.fixed]
		if len(ids) == 0 || w.op(e).End < w.c.at(ids[0]).End {
			ids = []uint32{e.id}
		}
		if at.anchored && ids[0] == e.id && (e.place > at.place+1 || e.place > at.place && e.role == roleState) {
			w.c.violated(name, "revisions are missing: after %s came %o, and no operations of unknown fate or revision make up for what lies between", ids, stands)
			return
		}
	}
	w.c.violated(name, "nothing leads from %s to %o", ids, stands)
}

// giveUp notes that the search took too long.
func (w *walker) giveUp() {
	w.c.found.undecided(fmt.Sprintf("counter %q: the %d operations that name no revision and the %d of unknown fate can be placed in too many ways",
		w.c.name(w.counter), len(w.free), w.countMaybe()))
}

func (w *walker) countMaybe() int {
	n := 0
	for _, k := range w.classes {
		n += len(k.ids)
	}
	return n
}
