package sim

import (
	"errors"
	"slices"

	"github.com/cuenta-server/cuenta/internal/disk"
	"github.com/cuenta-server/cuenta/internal/engine"
	"github.com/cuenta-server/cuenta/internal/journal"
	"github.com/cuenta-server/cuenta/internal/ledger"
	"github.com/cuenta-server/cuenta/internal/queue"
	"github.com/cuenta-server/cuenta/internal/shm"
)

// dataDir is where the server keeps its files.
const dataDir = "/data"

// life is the server from a start to its end: what the engine keeps, driven by the
// schedule instead of goroutines.
type life struct {
	w     *world
	mount *mount
	tasks []*task

	cells   *shm.Segment
	ledger  *ledger.Ledger
	journal *journal.Journal
	queue   *queue.Queue[*batch]
	cycle   *engine.Cycle
	clock   clock

	up, draining, dead bool
	failed             error // why it is poisoned

	landed   engine.Ticket
	leading  bool
	kicked   bool
	backlog  []*batch // taken from the queue, not applied yet
	waiting  []*batch // applied, not durable yet
	making   bool     // a segment
	snapping bool

	fronts fronts
	asked  []*asked // what has been asked of it
}

// has notes that an attempt is this life's, and lost with it.
func (l *life) has(a *asked) { l.asked = append(l.asked, a) }

// start begins a life of the server.
func (w *world) start() {
	w.lives++
	l := &life{w: w, mount: &mount{storage: w.disk}}
	l.mount.enter = w.enter
	l.mount.skips = func(name string) bool { return w.fault.skips(w, name) }
	w.life = l
	w.note("server", "starts: life %d", w.lives)
	l.spawn("recovery", l.open)
}

// spawn begins a piece of work.
func (l *life) spawn(name string, body func()) {
	l.tasks = slices.DeleteFunc(l.tasks, func(t *task) bool { return t.ended })
	l.tasks = append(l.tasks, l.w.begin(name, body))
}

// after has something happen later in this life.
func (l *life) after(what func()) {
	l.w.after(l.w.lasting(0, l.w.profile.quickest), func() {
		if !l.dead {
			what()
		}
	})
}

// now is the ledger's time. It goes by the judge's clock, which knows it to the
// nanosecond so.
func (l *life) now() int64 { return l.clock.base + l.w.judge.moment() - l.clock.start }

// during tells what is being done, for the summary: the calls of the disk at which
// the tasks pause.
func (l *life) during() string {
	at := "peace"
	for _, t := range l.tasks {
		if !t.ended && t.at != "" && (at == "peace" || t.name < at) {
			at = t.name + ", " + t.at
		}
	}
	return at
}

// die ends the life at once.
func (l *life) die() {
	l.dead, l.up, l.mount.over = true, false, true
	for _, t := range l.tasks {
		t.end()
	}
	clear(l.w.disk.locked)
	l.fronts.hangUp()
	for _, a := range l.asked {
		a.lost()
	}
	l.free()
}

// free gives memory back; its errors would be the operating system's, and the world
// has seen enough of them.
func (l *life) free() {
	if l.ledger != nil {
		l.w.check(l.ledger.Close())
		l.ledger = nil
	}
	if l.cells != nil {
		l.w.check(l.cells.Close())
		l.cells = nil
	}
}

// check stops the run for what cannot happen in the world, but around it.
func (w *world) check(err error) {
	if err != nil {
		w.judge.complain("the machine that simulates: %v", err)
	}
}

// open recovers what the disk has, and begins to serve.
func (l *life) open() {
	w := l.w
	if w.percent(20) {
		w.probe()
	}
	rec, err := l.recover()
	if l.dead {
		return
	}
	if err != nil {
		l.refuse(err)
		return
	}
	l.clock = clock{base: max(w.wall(), rec.Time)}
	w.judge.recorder.Clock(l.clock.base, l.clock.base)
	l.clock.start = w.judge.moment()
	l.cycle = engine.NewCycle(l.ledger, w.Uint64)
	l.queue = queue.New[*batch](w.profile.queue)
	l.up = true
	w.met("recovery: sealed %v, cut %v, snapshot %v", rec.Sealed, rec.Cut != nil, rec.Snapshot != "")
	w.note("server", "is up: history %x, record %d, %d counters, %d sessions, %d keys, snapshot %q, %d segments, sealed %v, cut %v",
		rec.History, rec.Sequence, rec.Counters, rec.Sessions, rec.Keys, rec.Snapshot, rec.Segments, rec.Sealed, rec.Cut)
	w.judge.recovered(l.clock.start, l.now(), l.ledger)
	l.fronts.open(l)
	l.tend()
	w.after(lapseEvery, l.lapse)
}

func (l *life) recover() (rec journal.Recovery, err error) {
	w := l.w
	if l.cells, err = shm.Create("simulated-cells", int(w.profile.limit)*shm.CellSize); err != nil {
		return rec, err
	}
	if l.ledger, err = ledger.New(shm.NewCells(l.cells), w.profile.limit, w.profile.identities); err != nil {
		return rec, err
	}
	options := journal.Options{SegmentSize: w.profile.segment, ByHand: true, Draw: w.Uint64}
	l.journal, rec, err = journal.Open(l.mount, dataDir, w.fault.sink(w, engine.Sink(l.ledger)), options)
	if err != nil {
		return rec, err
	}
	return rec, l.ledger.Restored(rec.Time)
}

// refuse ends a life that did not begin well. Nothing but trouble may be the cause.
func (l *life) refuse(err error) {
	w := l.w
	w.note("server", "does not start: %v", err)
	var io *broken
	switch {
	case errors.As(err, &io):
		w.met("recovery: refused for an error of the disk")
	case disk.IsFull(err):
		w.met("recovery: refused for want of room")
	default:
		w.judge.complain("the server refuses to start though nothing is wrong: %v", err)
		w.doomed = true
	}
	w.after(0, func() {
		if !l.dead {
			l.die()
			w.life = nil
			w.later()
		}
	})
}

// drain ends the life as a clean stop does: what has come is answered, the log is
// sealed. Then it begins again, or not.
func (l *life) drain(again bool) {
	l.draining = true
	l.w.note("server", "is asked to stop")
	l.drained(again)
}

func (l *life) drained(again bool) {
	if len(l.backlog)+len(l.waiting)+l.queue.Len() > 0 || l.leading || l.kicked || l.making || l.fronts.busy() {
		l.after(func() { l.drained(again) })
		return
	}
	// As the engine does: what runs in the background is ended first.
	for _, t := range l.tasks {
		t.end()
	}
	l.spawn("stop", func() {
		var err error
		if l.failed == nil {
			err = l.journal.Seal()
		}
		if l.dead {
			return
		}
		err = errors.Join(err, l.journal.Close())
		if l.dead {
			return
		}
		l.w.met("stop: failed before %v, in stopping %v", l.failed != nil, err != nil)
		l.w.note("server", "stops: %v", err)
		l.w.after(0, func() {
			if l.dead {
				return
			}
			l.die()
			if l.w.life = nil; again {
				l.w.later()
			}
		})
	})
}
