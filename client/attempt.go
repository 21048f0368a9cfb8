package client

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cuenta-server/cuenta"
)

// errSlow ends an attempt whose answer takes too long.
var errSlow = errors.New("no answer in time")

// run carries out the units as one call, and settles each of them.
func (c *Client) run(ctx context.Context, units ...*unit) {
	if err := c.enter(ctx); err != nil {
		for _, u := range units {
			u.giveUp(err)
		}
		return
	}
	defer c.leave()
	c.carryOut(ctx, units)
}

// carryOut makes attempts until all units are settled or the time is up.
func (c *Client) carryOut(ctx context.Context, units []*unit) {
	deadline := time.Now().Add(c.options.Timeout)
	c.budget.earn()
	for _, u := range units {
		if err := u.check(); err != nil {
			u.unanswered(err)
		}
	}
	units = unsettled(units)
	for attempt := 0; len(units) > 0; attempt++ {
		end := c.over(ctx, deadline)
		if end == nil && attempt > 0 {
			end = c.pause(ctx, deadline, attempt-1)
		}
		if end != nil {
			c.giveUp(units, end)
			return
		}
		c.attempt(ctx, deadline, attempt, units)
		units = c.finish(units)
	}
}

// over tells why a call has no more time.
func (c *Client) over(ctx context.Context, deadline time.Time) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case c.ctx.Err() != nil:
		return ErrClosed
	case !time.Now().Before(deadline):
		return context.DeadlineExceeded
	}
	return nil
}

// pause waits until the next attempt may begin: the back-off, and once more where
// the budget has no retry left.
func (c *Client) pause(ctx context.Context, deadline time.Time, attempt int) error {
	for {
		timer := time.NewTimer(min(c.options.backoff(attempt), max(time.Until(deadline), 0)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		case <-c.ctx.Done():
			timer.Stop()
		}
		if err := c.over(ctx, deadline); err != nil {
			return err
		}
		if c.budget.spend(time.Now()) {
			return nil
		}
	}
}

// attempt sends the units once and takes in what comes back.
func (c *Client) attempt(ctx context.Context, deadline time.Time, n int, units []*unit) {
	patience := min(c.options.patience(n), time.Until(deadline))
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errSlow)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()

	results, err := []cuenta.Result(nil), c.identify(ctx, units)
	if err == nil {
		results, err = c.exchange(ctx, c.requests(units))
	} else if _, refused := errors.AsType[*cuenta.Error](err); !refused {
		err = unsent{err}
	}
	for _, u := range units {
		u.attempts++
		if err != nil {
			u.unanswered(err)
			continue
		}
		own := results[:len(u.requests):len(u.requests)]
		if u.session != nil && own[atFault(own)].Code == cuenta.NoSession {
			c.leaveSession(u.session)
		}
		u.answered(own)
		results = results[len(u.requests):]
	}
	if left := unsettled(units); len(left) > 0 {
		c.options.Log.Debug("no result yet", "operation", left[0].head().Op, "attempt", n+1, "units", len(left), "reason", left[0].last)
	}
}

// identify gives identities to the units that need one and have none.
func (c *Client) identify(ctx context.Context, units []*unit) error {
	need := 0
	for _, u := range units {
		if !u.identified() {
			need += u.changes
		}
	}
	if need == 0 {
		return nil
	}
	var s *session
	var number uint64
	if c.pool != nil {
		var err error
		if s, number, err = c.pool.take(ctx, need); err != nil {
			return err
		}
	}
	for _, u := range units {
		if u.changes == 0 || u.identified() {
			continue
		}
		u.generated, u.session = true, s
		for id := range u.identities() {
			if s == nil {
				id.Key = []byte(c.options.NewKey())
				continue
			}
			*id = cuenta.Identity{Session: s.id, Number: number}
			number++
		}
	}
	return nil
}

// requests returns what the units ask, each with the lowest number of its session
// that is unanswered now.
func (c *Client) requests(units []*unit) []cuenta.Request {
	var all []cuenta.Request
	for _, u := range units {
		if u.session != nil {
			lowest := c.pool.lowest(u.session)
			for id := range u.identities() {
				id.Lowest = lowest
			}
		}
		if len(units) == 1 {
			return u.requests
		}
		all = append(all, u.requests...)
	}
	return all
}

// leaveSession has nothing more sent in a session that the server does not know.
func (c *Client) leaveSession(s *session) {
	if c.pool.ended(s) {
		c.options.Log.Info("the session has ended, another one will be opened", "session", string(cuenta.AppendSession(nil, s.id)))
	}
}

// finish gives back the numbers of settled units and returns the others.
func (c *Client) finish(units []*unit) []*unit {
	for _, u := range units {
		if u.settled {
			c.release(u)
		}
	}
	return unsettled(units)
}

// giveUp settles what is left.
func (c *Client) giveUp(units []*unit, why error) {
	for _, u := range units {
		u.giveUp(why)
		c.release(u)
	}
}

// release gives back a settled unit's numbers, unless its fate is unknown: then
// its answer must stay known to the server, for Outcome.
func (c *Client) release(u *unit) {
	if u.session == nil {
		return
	}
	settle := c.pool.answered
	if e, failed := errors.AsType[*Error](u.err); failed && e.Fate == cuenta.FateUnknown {
		settle = c.pool.abandoned
	}
	for id := range u.identities() {
		settle(u.session, id.Number)
	}
}

func unsettled(units []*unit) []*unit {
	return slices.DeleteFunc(slices.Clone(units), func(u *unit) bool { return u.settled })
}
