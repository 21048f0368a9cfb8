package sim

import (
	"fmt"
	"io"
	"time"
)

// world is all there is in one run.
type world struct {
	schedule
	dice
	profile profile
	trace   trace
	cover   Cover
	fault   Fault

	disk    *storage
	plan    plan          // what goes wrong at the calls of the disk
	current *task         // that runs; nil between them
	life    *life         // of the server; nil while none runs
	lives   int           // so far
	epoch   time.Duration // how far the clocks of the world have jumped

	clients  []*client
	calls    int    // still to be made
	holds    []made // that clients were told of
	declared bool   // the total that is the sum of what is below it
	calm     bool   // nothing goes wrong any more, and clients insist on answers
	doomed   bool   // the server will never start again
	judge    *judge
}

// birth is the time at which every world begins.
const birth = 1_700_000_000 * int64(time.Second)

// wall is the time that clocks show.
func (w *world) wall() int64 { return birth + int64(w.epoch) + int64(w.now) }

func newWorld(seed uint64, to io.Writer, fault Fault) *world {
	w := &world{dice: newDice(seed), cover: Cover{}, trace: trace{to: to}, fault: fault, disk: newStorage()}
	w.profile = profileOf(w.dice)
	w.calls = w.profile.calls
	w.judge = newJudge(w)
	w.note("world", "seed %d: %s", seed, &w.profile)
	for i := range w.profile.clients {
		w.clients = append(w.clients, newClient(w, i))
	}
	return w
}

// The bounds of a run: troubles end once all calls were made, or after a while, and
// then all that is left is settled.
const (
	longest = 20 * time.Second
	calming = 60 * time.Second
)

// run lets the world go its way to the end.
func (w *world) run() {
	w.start()
	for _, c := range w.clients {
		w.after(w.lasting(0, 5*time.Millisecond), c.act)
	}
	w.after(w.trouble(), w.strike)
	w.maybeSnapshot()
	w.advance(func() bool { return w.calls == 0 && w.idle() || w.now > longest })
	w.soothe()
	deadline := w.now + calming
	w.advance(func() bool { return w.idle() && w.life != nil && w.life.up || w.now > deadline })
	if w.doomed {
		return
	}
	if !w.idle() || w.life == nil || !w.life.up {
		w.judge.complain("the world did not come to rest: %s", w.unrest())
	}
	w.stopForGood()
}

// advance has things happen until enough is true.
func (w *world) advance(enough func() bool) {
	for !w.doomed && !enough() && w.step() {
	}
}

// idle reports whether all clients have their answers.
func (w *world) idle() bool {
	for _, c := range w.clients {
		if len(c.calls) > 0 {
			return false
		}
	}
	return true
}

func (w *world) unrest() string {
	open := 0
	for _, c := range w.clients {
		open += len(c.calls)
	}
	return fmt.Sprintf("%d calls are open, the server is up: %v", open, w.life != nil && w.life.up)
}

// stopForGood stops the server, starts it once more, and stops it again: what was
// found in between is the last state that is judged.
func (w *world) stopForGood() {
	for last := range 2 {
		l := w.life
		if l == nil || !l.up {
			return
		}
		deadline := w.now + calming
		l.drain(false)
		w.advance(func() bool { return l.dead || w.now > deadline })
		if !l.dead {
			w.judge.complain("the server did not stop")
			return
		}
		if last == 0 {
			w.start()
			w.advance(func() bool { return w.life.up || w.now > deadline })
		}
	}
}
