//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/history"
)

// asker asks over one way in, one bundle after the other, and notes all of it in
// the history.
type asker struct {
	drawer
	way   way
	log   *history.Log
	round *round
	tally *wayTally

	open  []question
	begun int // bundles noted in the log
}

// question is an operation that has got no answer, and never will.
type question struct {
	index int   // in the log
	life  int64 // of the server, which alone can carry it out
}

const (
	// A client pauses so long, at most, between bundles: the machine is shared with
	// the server. After a failure, so long.
	pause, failurePause = 3 * time.Millisecond, 10 * time.Millisecond

	// A log that nobody is to judge is thrown away after so many bundles.
	forgetAfter = 1000

	// At the end every bundle under way is tried so often, then given up.
	lastTries = 20
)

// run asks until the round's clients are to end.
func (c *asker) run(ctx context.Context) {
	defer c.way.close()
	for !c.round.over() && ctx.Err() == nil {
		if c.round.forgetful && c.begun > forgetAfter {
			c.log, c.open, c.begun = history.NewRecorder(nil).Client(c.name), nil, 0
		}
		c.openSession(ctx)
		c.carry(ctx, c.next())
		c.bury()
		sleep(ctx, between(c.dice, 0, pause))
	}
}

// carry sends a bundle. One with identities is sent until all of it is answered,
// or now and then given up.
func (c *asker) carry(ctx context.Context, b *bundle) {
	for try, last := 0, 0; ; try++ {
		rest := c.attempt(ctx, b)
		if rest == nil || ctx.Err() != nil {
			return
		}
		if c.round.over() {
			last++
		}
		if !b.identified() || last > lastTries || oneIn(c.dice, 30) {
			sleep(ctx, between(c.dice, 0, failurePause))
			return
		}
		sleep(ctx, between(c.dice, 0, failurePause))
		c.bury()
		c.tally.repeated.Add(int64(len(rest.requests)))
		b = rest
	}
}

// attempt sends a bundle once, and returns what may be sent again: what was not
// answered or was refused for the moment. nil: nothing.
func (c *asker) attempt(ctx context.Context, b *bundle) *bundle {
	c.round.await(ctx)
	c.begun++
	first := c.begin(b)
	limited, cancel := context.WithTimeout(ctx, c.patience)
	answers, err := c.way.exchange(limited, b)
	cancel()
	if err != nil && errors.Is(err, errStrange) {
		c.round.wrong(fmt.Sprintf("%s: %v", c.name, err))
	}
	// What is not answered by now was sent to the life of now, or an earlier one.
	life := c.round.life.Load()
	rest := &bundle{together: b.together, whole: b.whole}
	for i, r := range b.requests {
		if i >= len(answers) {
			c.open = append(c.open, question{first + i, life})
			c.tally.unknown.Add(1)
			rest.requests = append(rest.requests, r)
			continue
		}
		a := &answers[i]
		if r.Op == cuenta.Describe && a.Code == cuenta.OK {
			c.log.Described(first+i, &a.Result, r.Terms)
		} else {
			c.log.End(first+i, &a.Result, a.told)
		}
		c.learn(&r, &a.Result)
		if c.momentary(&r, a) {
			rest.requests = append(rest.requests, r)
		} else if r.Identity.Given() && !b.whole && r.Op != cuenta.Outcome && remembered(a.Code) {
			c.remember(r)
		}
	}
	switch {
	case len(rest.requests) == 0:
		return nil
	case b.whole:
		return b
	}
	return rest
}

// begin notes what is about to be sent. A batch whose answers tell no revisions is
// noted request by request: the judge would have to find an order in which all such
// batches stay together.
func (c *asker) begin(b *bundle) int {
	if b.together && c.told {
		return c.log.BeginBatch(b.whole, b.requests)
	}
	first := 0
	for i := range b.requests {
		n := c.log.Begin(&b.requests[i])
		if i == 0 {
			first = n
		}
	}
	return first
}

// remembered reports whether an answer is kept under an identity.
func remembered(code cuenta.Code) bool {
	switch code {
	case cuenta.OK, cuenta.Overflow, cuenta.Unmet, cuenta.Aborted, cuenta.Limited, cuenta.Past, cuenta.Throttled, cuenta.NoHold:
		return true
	}
	return false
}

// momentary counts an answer, and reports whether it is a refusal of the moment.
func (c *asker) momentary(r *cuenta.Request, a *answer) bool {
	c.tally.answered.Add(1)
	switch a.Code {
	case cuenta.OK, cuenta.Overflow, cuenta.Unmet, cuenta.Aborted, cuenta.Conflict, cuenta.Limited, cuenta.Past, cuenta.Throttled, cuenta.NoHold:
		return false
	case cuenta.Absent:
		if r.Op == cuenta.Outcome {
			return false
		}
	case cuenta.Full:
		c.round.tally.refused.Add(1)
		c.tally.refused.Add(1)
		return true
	case cuenta.Busy, cuenta.Stopping, cuenta.Canceled:
		c.tally.refused.Add(1)
		return true
	case cuenta.NoSession:
		c.forget()
	}
	c.round.wrong(fmt.Sprintf("%s: %s of %q with identity %q %d/%d was answered %s",
		c.name, r.Op, r.Counter, r.Identity.Key, r.Identity.Session, r.Identity.Number, a.Code))
	return false
}

// openSession opens a session if there is none, and a new one now and then.
func (c *asker) openSession(ctx context.Context) {
	g, can := c.way.(granter)
	if !can || c.session != 0 && !oneIn(c.dice, 400) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	c.round.await(ctx)
	index := c.log.Begin(&cuenta.Request{Op: cuenta.OpenSession})
	session, err := g.grant(ctx)
	switch refused, answered := errors.AsType[*cuenta.Error](err); {
	case answered:
		c.log.End(index, &cuenta.Result{Code: refused.Code}, 0)
	case err != nil:
		c.open = append(c.open, question{index, c.round.life.Load()})
	default:
		c.log.End(index, &cuenta.Result{Revision: session}, history.WithRevision)
		c.forget()
		c.session = session
	}
}

// bury notes of every question that can take effect no more that it is lost: the
// life of the server that had it is over.
func (c *asker) bury() {
	life := c.round.life.Load()
	kept := c.open[:0]
	for _, q := range c.open {
		if q.life < life {
			c.log.Lost(q.index)
		} else {
			kept = append(kept, q)
		}
	}
	c.open = kept
}

// sleep waits, at most until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
