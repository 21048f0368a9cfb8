package sim

import "github.com/cuenta-server/cuenta/internal/engine"

// maybeSnapshot has snapshots written now and then.
func (w *world) maybeSnapshot() {
	if w.profile.snapshots == 0 || w.calm {
		return
	}
	w.after(w.lasting(w.profile.snapshots/4, 2*w.profile.snapshots), func() {
		if l := w.life; l != nil && l.up && !l.draining && !l.snapping && l.failed == nil {
			l.snapshot()
		}
		w.maybeSnapshot()
	})
}

// snapshot writes a snapshot while changes go on.
func (l *life) snapshot() {
	l.snapping = true
	walk := engine.NewWalk(l.ledger, l.journal)
	walk.Slice = l.w.profile.slice
	l.spawn("snapshot", func() {
		err := l.walk(walk)
		if l.dead || l.draining {
			return
		}
		l.snapping = false
		l.w.met("snapshot: written %v", err == nil)
		l.w.note("server", "a snapshot is written: %v", err == nil)
	})
}

func (l *life) walk(walk *engine.Walk) error {
	if err := walk.Begin(l.now()); err != nil {
		return err
	}
	for walk.Copy() {
		if err := walk.Write(); err != nil {
			return err
		}
		if !l.w.current.pause("rest") {
			walk.Abort()
			return errOver
		}
	}
	// What the walk saw counts only once it is durable.
	ticket := l.cycle.Sealed()
	if !l.cycle.Idle() {
		ticket++
	}
	l.kick()
	for l.landed < ticket && !l.w.fault.is(EarlySnapshot) {
		if l.failed != nil || !l.w.current.pause("flush") {
			walk.Abort()
			return errOver
		}
	}
	return walk.Commit()
}
