//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cuenta-server/cuenta"
)

// A log takes the room of its next segment ahead, so that a disk without room is
// felt only when a whole segment has been written. flood writes until then.

const (
	floodBatch = 512

	// floodMost is how many changes are made at most: two segments of them.
	floodMost = 2 * (16 << 20) / cuenta.MaxKey
)

// flood fills the disk and then the log, and sees that changes are refused, reads
// answered, and changes taken again once there is room.
func (r *round) flood(ctx context.Context) error {
	if !r.filled {
		if err := r.room(ctx); err != nil {
			return err
		}
	}
	f := r.flooder
	f.way = f.manner.open(r.entrances)
	defer f.way.close()
	code := cuenta.OK
	for n := 0; code == cuenta.OK; n += floodBatch {
		if n > floodMost {
			return fmt.Errorf("the disk has no room, and the log took %d changes more", n)
		}
		answers, err := f.change(ctx, floodBatch)
		if err != nil {
			return fmt.Errorf("on a full disk: %w", err)
		}
		code = answers[floodBatch-1].Code
	}
	if code != cuenta.Full {
		return fmt.Errorf("a change was refused as %s where there is no room", code)
	}
	read := &bundle{requests: []cuenta.Request{{Op: cuenta.Get, Counter: []byte(flooded)}}}
	answers, err := f.say(ctx, read)
	switch {
	case err != nil:
		return fmt.Errorf("a read on a full disk: %w", err)
	case answers[0].Code != cuenta.OK:
		return fmt.Errorf("a read on a full disk was answered %s", answers[0].Code)
	}
	if oneIn(r.dice, 2) {
		return nil // it is killed like this
	}
	if err := r.free(); err != nil {
		return err
	}
	return f.recovers(ctx)
}

// change adds 1 so many times, in one batch, each with a key as long as may be.
func (f *asker) change(ctx context.Context, times int) ([]answer, error) {
	b := &bundle{requests: make([]cuenta.Request, times), together: true}
	for i := range b.requests {
		f.keyed++
		key := bytes.Repeat([]byte{'k'}, cuenta.MaxKey)
		copy(key, fmt.Sprintf("%s/%d/", f.name, f.keyed))
		b.requests[i] = cuenta.Request{Op: cuenta.Add, Counter: []byte(flooded), N: 1, Identity: cuenta.Identity{Key: key}}
	}
	return f.say(ctx, b)
}

// say sends a bundle once and notes all of it. Its requests are not noted as a batch:
// some of it may be refused.
func (f *asker) say(ctx context.Context, b *bundle) ([]answer, error) {
	first := 0
	for i := range b.requests {
		n := f.log.Begin(&b.requests[i])
		if i == 0 {
			first = n
		}
	}
	answers, err := f.way.exchange(ctx, b)
	for i := range b.requests {
		if i >= len(answers) {
			f.open = append(f.open, question{first + i, f.round.life.Load()})
			continue
		}
		f.log.End(first+i, &answers[i].Result, answers[i].told)
		f.tally.answered.Add(1)
		if answers[i].Code == cuenta.Full {
			f.tally.refused.Add(1)
			f.round.tally.refused.Add(1)
		}
	}
	if err == nil && len(answers) == 0 {
		err = errors.New("no answer")
	}
	return answers, err
}

// recovers sees that changes are taken again.
func (f *asker) recovers(ctx context.Context) error {
	for end := time.Now().Add(patience); ; {
		answers, err := f.change(ctx, 1)
		if err != nil {
			return fmt.Errorf("where there is room again: %w", err)
		}
		code := answers[0].Code
		if code == cuenta.OK {
			return nil
		}
		if code != cuenta.Full || time.Now().After(end) {
			return fmt.Errorf("a change was refused as %s where there is room again", code)
		}
		sleep(ctx, 5*time.Millisecond)
	}
}
