//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/rpcclient"
)

// floodKills is how long a round must be to end, mostly, in a flood, which takes a
// second or two.
const floodKills = roundKills / 2

// torment ends the server's life again and again, and has it suffer in between. An
// error is one of this program; that the server does not start, for example, is
// noted as wrong.
func (r *round) torment(ctx context.Context) error {
	for killed := 0; killed < r.kills && !r.over(); {
		r.suffer(ctx, between(r.dice, 10*time.Millisecond, 250*time.Millisecond))
		if killed == r.kills-1 && r.kills >= floodKills && r.arena.small && oneIn(r.dice, 2) {
			if err := r.flood(ctx); err != nil && ctx.Err() == nil {
				r.wrong(err.Error())
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if r.arena.life.ended() {
			r.wrong(fmt.Sprintf("%v with status %d: %s", errEnded, r.arena.life.code, r.arena.lastWords()))
			return nil
		}
		n, err := r.end(ctx)
		killed += n
		if err != nil {
			return err
		}
		r.shut()
		n, err = r.revive(ctx)
		killed += n
		if err == nil {
			err = r.state(ctx, fmt.Sprintf("crash %d", killed))
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errSteward):
			return err
		case err != nil:
			r.wrong(err.Error())
			return nil
		}
		r.open()
	}
	return nil
}

// end ends the server's life, and tells how many kills that took.
func (r *round) end(ctx context.Context) (kills int, err error) {
	a := r.arena
	switch {
	case oneIn(r.dice, 25):
		r.tally.stops.Add(1)
		// What is under way goes on. Whoever came later would only be turned away.
		r.hold()
		if err := a.stop(ctx); err != nil {
			r.wrong(err.Error())
		}
		return 0, nil
	case oneIn(r.dice, 10):
		r.tally.amidPause.Add(1)
		if err := a.steward.signal(a.life, syscall.SIGSTOP); err != nil {
			return 0, err
		}
		sleep(ctx, between(r.dice, 0, 30*time.Millisecond))
	}
	r.tally.kills.Add(1)
	return 1, a.steward.kill(a.life)
}

// revive starts the next life. Now and then it is killed while it starts.
func (r *round) revive(ctx context.Context) (kills int, err error) {
	if r.filled && oneIn(r.dice, 2) {
		if err := r.free(); err != nil {
			return 0, err
		}
	}
	for oneIn(r.dice, 8) {
		if err := r.arena.beget(); err != nil {
			return kills, err
		}
		sleep(ctx, between(r.dice, 0, 80*time.Millisecond))
		if !r.arena.life.ended() {
			kills++
			r.tally.kills.Add(1)
			r.tally.amidStart.Add(1)
		}
		if err := r.arena.steward.kill(r.arena.life); err != nil {
			return kills, err
		}
	}
	err = r.arena.start(ctx)
	if r.filled && errors.Is(err, errEnded) {
		// A start needs room, and says so.
		if !strings.Contains(err.Error(), "is full") {
			return kills, err
		}
		r.tally.noRoom.Add(1)
		if err := r.free(); err != nil {
			return kills, err
		}
		err = r.arena.start(ctx)
	}
	return kills, err
}

// suffer lets the server work for a while, with up to two misfortunes in it.
func (r *round) suffer(ctx context.Context, length time.Duration) {
	misfortunes := []func(context.Context) error{
		r.pauseServer, r.pauseWorker, r.killWorker, r.killWorker, r.restartFront, r.room, r.room,
	}
	end := time.Now().Add(length)
	for range r.dice.IntN(3) {
		sleep(ctx, between(r.dice, 0, length/2))
		if ctx.Err() != nil || r.arena.life.ended() {
			return
		}
		if err := misfortunes[r.dice.IntN(len(misfortunes))](ctx); err != nil && ctx.Err() == nil {
			r.wrong(err.Error())
			return
		}
	}
	sleep(ctx, time.Until(end))
}

func (r *round) pauseServer(ctx context.Context) error {
	r.tally.pauses.Add(1)
	if err := r.arena.steward.signal(r.arena.life, syscall.SIGSTOP); err != nil {
		return err
	}
	sleep(ctx, between(r.dice, 0, 60*time.Millisecond))
	return r.arena.steward.signal(r.arena.life, syscall.SIGCONT)
}

// worker draws one of the worker processes, 0 if there is none.
func (r *round) worker() int {
	pids := r.arena.workers()
	if len(pids) == 0 {
		return 0
	}
	return pids[r.dice.IntN(len(pids))]
}

func (r *round) pauseWorker(ctx context.Context) error {
	pid := r.worker()
	if pid == 0 || syscall.Kill(pid, syscall.SIGSTOP) != nil {
		return nil // it is gone
	}
	r.tally.pauses.Add(1)
	sleep(ctx, between(r.dice, 0, 60*time.Millisecond))
	if slices.Contains(r.arena.workers(), pid) {
		_ = syscall.Kill(pid, syscall.SIGCONT) // gone meanwhile is as good
	}
	return nil
}

func (r *round) killWorker(context.Context) error {
	if pid := r.worker(); pid != 0 && syscall.Kill(pid, syscall.SIGKILL) == nil {
		r.tally.workers.Add(1)
	}
	return nil
}

// restartFront has a front stopped and started while the others go on.
func (r *round) restartFront(ctx context.Context) error {
	fronts := append([]string{cuenta.FrontSHM}, ports...)
	front := fronts[r.dice.IntN(len(fronts))]
	err := r.arena.ask(ctx, func(ctx context.Context, c *rpcclient.Client) error {
		if err := c.Stop(ctx, front); err != nil {
			return fmt.Errorf("stopping %s: %w", front, err)
		}
		return startFront(ctx, c, front)
	})
	if err == nil {
		r.tally.fronts.Add(1)
	}
	return err
}

// startFront starts a front again. Its port may meanwhile be somebody's: of a
// connection that goes out, here most likely from this program.
func startFront(ctx context.Context, c *rpcclient.Client, front string) error {
	const tries = 100
	for try := 1; ; try++ {
		err := c.Start(ctx, front)
		if err == nil {
			return nil
		}
		if !errors.Is(err, cuenta.Busy.Err()) || try == tries {
			return fmt.Errorf("starting %s: %w", front, err)
		}
		sleep(ctx, 10*time.Millisecond)
	}
}

// room takes all room on a small disk away, or gives it back.
func (r *round) room(context.Context) error {
	switch {
	case !r.arena.small:
		return nil
	case r.filled:
		return r.free()
	}
	if _, err := r.arena.steward.tell(order{Fill: true}); err != nil {
		return fmt.Errorf("filling the disk: %w", err)
	}
	r.filled = true
	r.tally.fills.Add(1)
	return nil
}

func (r *round) free() error {
	if _, err := r.arena.steward.tell(order{Free: true}); err != nil {
		return fmt.Errorf("making room on the disk: %w", err)
	}
	r.filled = false
	return nil
}
