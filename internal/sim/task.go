package sim

import (
	"iter"
	"strings"
)

// task is a piece of the server's work that takes its time: it pauses at every
// call of the file system, and what else there is goes on meanwhile. It is a
// coroutine, so only one of all runs at a time, and which one the schedule says.
type task struct {
	name  string
	at    string // the call it pauses at
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	ended bool
}

// begin begins a task at once.
func (w *world) begin(name string, body func()) *task {
	t := &task{name: name}
	t.next, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		body()
	})
	w.after(0, func() { w.resume(t) })
	return t
}

// resume lets a task go on up to its next pause.
func (w *world) resume(t *task) {
	if t.ended {
		return
	}
	outer := w.current
	w.current = t
	_, more := t.next()
	w.current = outer
	if !more {
		t.ended = true
		return
	}
	pause := w.lasting(w.profile.quickest, w.profile.slowest)
	if w.percent(2) || w.profile.slow != "" && strings.HasPrefix(t.at, string(w.profile.slow)+" ") {
		pause *= 10
	}
	w.after(pause, func() { w.resume(t) })
	w.paused(t)
}

// end takes a task's ground away: from its pause on all its calls fail.
func (t *task) end() {
	if !t.ended {
		t.ended = true
		t.stop()
	}
}

// pause lets other things happen. It reports false if the task was ended.
func (t *task) pause(at string) bool {
	t.at = at
	return t.yield(struct{}{})
}

// clock is the ledger's time in one life of the server, as the engine keeps it: it
// goes on from the later of the system's clock and the last time recorded, and
// does not follow the system's clock any more.
type clock struct {
	base  int64
	start int64
}
