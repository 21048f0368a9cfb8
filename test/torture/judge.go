//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cuenta-server/cuenta/internal/history"
)

// conclude ends the last life in order, looks at what lies on the disk, reads the
// last state, and judges the history.
func (r *round) conclude(ctx context.Context) error {
	if err := r.lastState(ctx); err != nil {
		if errors.Is(err, errSteward) || ctx.Err() != nil {
			return err
		}
		r.wrong(err.Error())
	}
	// Whatever is left open was sent to a life that is over.
	r.shut()
	for _, c := range append(r.askers, r.flooder) {
		c.bury()
	}
	for _, p := range r.patients {
		p.resolve(ctx, true)
	}
	if r.forgetful {
		return nil
	}
	h := historyOf(r.recorder)
	r.judged = h
	if err := r.judge(h); err != nil {
		return err
	}
	if len(r.faults()) == 0 {
		return nil
	}
	return keepHistory(h, r.file())
}

func (r *round) lastState(ctx context.Context) error {
	a := r.arena
	if r.filled {
		if err := r.free(); err != nil {
			return err
		}
	}
	if a.life.ended() {
		return nil // it was reported
	}
	if err := a.stop(ctx); err != nil {
		return err
	}
	r.shut()
	if err := a.run("check", a.data(), "--lang", "en"); err != nil {
		return err
	}
	if err := a.start(ctx); err != nil {
		return err
	}
	if err := r.state(ctx, "the end"); err != nil {
		return err
	}
	return a.steward.kill(a.life)
}

// historyOf takes the history out of a recorder. Which revisions were deleted, the
// server does not tell from outside, so its states do not say either.
func historyOf(recorder *history.Recorder) *history.History {
	h := recorder.History()
	for i := range h.States {
		h.States[i].WithFloor = false
	}
	return h
}

// judge notes what is wrong with a history.
func (r *round) judge(h *history.History) error {
	report, err := history.Check(h)
	if err != nil {
		return err
	}
	r.tally.judged.Add(int64(report.Operations))
	r.tally.undecided.Add(int64(len(report.Undecided)))
	for _, question := range report.Undecided {
		r.tally.note(fmt.Sprintf("not decided with seed %d: %s", r.seed, question))
	}
	for _, v := range report.Violations {
		r.wrong(v.Text)
	}
	return nil
}

func (r *round) file() string {
	return filepath.Join(r.keep, fmt.Sprintf("torture-%d.jsonl", r.seed))
}

func keepHistory(h *history.History, path string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return h.Write(f)
}

// explain says what is wrong with a round, and how to look at it.
func (r *round) explain() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d:\n", r.seed)
	for _, wrong := range r.faults() {
		fmt.Fprintf(&b, "  %s\n", wrong)
	}
	fmt.Fprintf(&b, "kept: %s (history), %s (the server's log, its data if they lay on the disk)\n", r.file(), r.arena.dir)
	fmt.Fprintf(&b, "to judge the history again:  go run ./test/torture check %s\n", r.file())
	fmt.Fprintf(&b, "to run that round again:     go run ./test/torture -seed %d -kills %d kills\n", r.seed, r.kills)
	return b.String()
}

// checkFile judges a history that was kept.
func checkFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // it is only read
	h, err := history.Read(f)
	if err != nil {
		return err
	}
	report, err := history.Check(h)
	if err != nil {
		return err
	}
	fmt.Printf("%d operations, %d states\n%s", report.Operations, len(h.States), report)
	return report.Err()
}
