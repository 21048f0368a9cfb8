package sim

import (
	"path"
	"strings"
	"time"
)

// plan is what is to go wrong at the next calls of the disk.
type plan struct {
	cutAt    op // the power is cut within the next call of this kind
	failing  op // the next call of this kind fails
	failFile string
	free     time.Duration // when a full disk has room again
}

// trouble is how long it takes to the next one.
func (w *world) trouble() time.Duration {
	return w.lasting(w.profile.troubles/4, w.profile.troubles*2)
}

// strike has something go wrong, and later something else.
func (w *world) strike() {
	if w.calm {
		return
	}
	w.after(w.trouble(), w.strike)
	switch n := w.IntN(100); {
	case n < 25:
		w.crash("in the midst of it", true)
	case n < 40:
		w.crash("in the midst of it", false)
	case n < 60:
		w.plan.cutAt = some(w.dice, []op{opCreate, opWrite, opWrite, opSync, opSync, opRename, opSyncDir, opRemove, opRead})
		w.note("trouble", "the power will be cut in the next %s", w.plan.cutAt)
	case n < 70:
		if l := w.life; l != nil && l.up && !l.draining {
			l.drain(true)
		}
	case n < 85 && w.profile.ioErrors:
		w.plan.failing = some(w.dice, []op{opCreate, opOpen, opWrite, opWrite, opSync, opSync, opRename, opSyncDir, opRemove, opRead})
		w.plan.failFile = some(w.dice, []string{"", "log-", "log-", "snapshot-"})
		w.note("trouble", "the next %s of a file %q will fail", w.plan.failing, w.plan.failFile)
	case n < 95 && w.profile.full:
		w.disk.space = w.disk.used() + int64(w.IntN(int(w.profile.segment)))
		w.plan.free = w.now + w.lasting(10*time.Millisecond, 300*time.Millisecond)
		w.met("full disk: begins")
		w.note("trouble", "the disk has room for %d bytes only", w.disk.space)
		w.after(w.plan.free-w.now, w.makeRoom)
	default:
		for _, c := range w.clients {
			c.hangUp("the network breaks down")
		}
	}
}

func (w *world) makeRoom() {
	if w.disk.space >= 0 && w.now >= w.plan.free {
		w.disk.space = -1
		w.note("trouble", "the disk has room again")
	}
}

// soothe ends all trouble.
func (w *world) soothe() {
	w.calm, w.calls = true, 0
	w.plan = plan{}
	w.disk.space = -1
	w.note("world", "from now on nothing goes wrong")
	if l := w.life; l != nil && l.failed != nil {
		w.crash("the operator restarts a failed server", false)
	}
}

// enter is called with every call of the server's file system.
func (w *world) enter(op op, name string) error {
	if t := w.current; t != nil && t.yield != nil {
		if !t.pause(string(op) + " " + kindOf(name)) {
			return errOver
		}
	}
	w.note("disk", "%s %s for %s", op, path.Base(name), w.doing())
	if w.plan.failing != op || !strings.HasPrefix(path.Base(name), w.plan.failFile) {
		return nil
	}
	w.plan.failing = ""
	w.met("disk error: %s %s in %s", op, kindOf(name), w.doing())
	err := &broken{}
	how := "nothing was done"
	switch f := w.disk.names[name]; {
	case op == opWrite:
		err.keep = w.IntN(600)
		how = "some of it may have been written"
	case op == opSync && f != nil:
		how = f.failSync(w.dice)
	}
	w.note("disk", "%s %s fails: %s", op, path.Base(name), how)
	return err
}

// doing is what the server does.
func (w *world) doing() string {
	if w.current == nil {
		return "nothing"
	}
	return w.current.name
}

// kindOf is what a file of the journal is.
func kindOf(name string) string {
	base := path.Base(name)
	kind := "directory"
	switch {
	case strings.HasPrefix(base, "log-"):
		kind = "segment"
	case strings.HasPrefix(base, "snapshot-"):
		kind = "snapshot"
	}
	if strings.HasSuffix(base, ".tmp") {
		kind += ".tmp"
	}
	return kind
}

// paused is told of every task that pauses at a call.
func (w *world) paused(t *task) {
	if at := w.plan.cutAt; at != "" && strings.HasPrefix(t.at, string(at)+" ") {
		w.plan.cutAt = ""
		w.after(w.lasting(0, w.profile.quickest), func() { w.crash("at the call", true) })
	}
}

// crash ends the server's life: by a power cut, or by a kill that leaves what the
// system had taken from it.
func (w *world) crash(why string, power bool) {
	l := w.life
	if l == nil || w.calm && power {
		return
	}
	kind := "kill"
	if power {
		kind = "power cut"
	}
	during := l.during()
	w.met("%s in %s", kind, during)
	l.die()
	w.life = nil
	if power {
		left := w.disk.cut(w.dice)
		w.met("power cut: writes kept %v, lost %v, torn %v, names lost %v", left.kept > 0, left.lost > 0, left.torn > 0, left.names > 0)
		w.note("server", "the power is cut %s, in %s: %s", why, during, left)
	} else {
		w.note("server", "is killed (%s) in %s", why, during)
	}
	w.later()
}

// later starts the server again after a while, and lets the clocks jump meanwhile.
func (w *world) later() {
	if jump := w.profile.jump; jump > 0 && !w.calm && w.percent(50) {
		by := w.lasting(-jump, jump)
		w.epoch += by
		w.met("clock: jumps %s", direction(by))
		w.note("world", "the clocks jump by %v", by)
	}
	w.after(w.lasting(time.Millisecond, 50*time.Millisecond), func() {
		if w.life == nil {
			w.start()
		}
	})
}

func direction(d time.Duration) string {
	if d < 0 {
		return "back"
	}
	return "ahead"
}
