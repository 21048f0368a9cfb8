package client

import (
	"errors"
	"fmt"
	"iter"

	"github.com/cuenta-server/cuenta"
)

// unit is what is carried out as one, a request or an All with what it spans, and
// what is known of its fate.
type unit struct {
	requests []cuenta.Request
	bearers  []cuenta.Request // of the requests, those of which every change has an identity
	changes  int              // how many of the bearers are changes
	results  []cuenta.Result  // once it is settled without an error
	refusal  cuenta.Result    // once it is refused by the server, what that says

	session   *session // whose numbers it has, one after the other; nil for none
	generated bool     // the identities were made for this call, so nobody else uses them
	attempts  int
	doubt     bool  // an attempt may have been carried out, unheard of
	last      error // why the last attempt did not settle it
	settled   bool
	err       error // why it failed, an [*Error]
}

func newUnit(first cuenta.Request, span ...cuenta.Request) *unit {
	u := &unit{requests: append([]cuenta.Request{first}, span...)}
	u.bearers = u.requests[:1]
	if first.Op == cuenta.All {
		// Each has an identity of its own, for what it has answered to be remembered,
		// unless they would take too much of a session's window.
		if count(span) <= maxRun {
			u.bearers = u.requests[1:]
		}
	}
	u.changes = count(u.bearers)
	// About a change that was sent earlier everything is in doubt.
	u.doubt = first.Op == cuenta.Outcome
	return u
}

// asOne gives the unit one identity, as a whole, which may be a key.
func (u *unit) asOne(key string) {
	u.bearers = u.requests[:1]
	u.changes = count(u.bearers)
	if key != "" {
		u.requests[0].Identity.Key = []byte(key)
	}
}

func (u *unit) head() *cuenta.Request { return &u.requests[0] }

// changing reports whether a request needs an identity.
func changing(r *cuenta.Request) bool { return !r.Op.Reads() && r.Op != cuenta.Outcome }

func count(requests []cuenta.Request) (changes int) {
	for i := range requests {
		if changing(&requests[i]) {
			changes++
		}
	}
	return changes
}

// identities goes through those of the unit's changes.
func (u *unit) identities() iter.Seq[*cuenta.Identity] {
	return func(yield func(*cuenta.Identity) bool) {
		for i := range u.bearers {
			if r := &u.bearers[i]; changing(r) && !yield(&r.Identity) {
				return
			}
		}
	}
}

// identity is the first of the unit's identities, by which its fate can be asked
// for; zero if it has none.
func (u *unit) identity() (first cuenta.Identity) {
	for id := range u.identities() {
		return *id
	}
	if u.head().Op == cuenta.Outcome {
		return u.head().Identity
	}
	return first
}

func (u *unit) identified() bool {
	id := u.identity()
	return id.Given()
}

// check refuses what no server could carry out, before it can do harm in a
// protocol that would take it for something else.
func (u *unit) check() error {
	if u.head().Op == cuenta.All && len(u.requests) > cuenta.MaxBatch {
		return cuenta.TooLarge.Err()
	}
	for i := range u.requests {
		r := &u.requests[i]
		named := r.Op != cuenta.All && r.Op != cuenta.Outcome
		if named && !cuenta.ValidName(r.Counter) {
			return &cuenta.Error{Code: cuenta.Syntax, Text: "bad counter name"}
		}
		if !r.Identity.Valid() || r.Op == cuenta.Outcome && !r.Identity.Given() {
			return &cuenta.Error{Code: cuenta.Syntax, Text: "bad identity"}
		}
		if named && (r.Terms != nil || r.If != cuenta.Always || r.Op == cuenta.Check) {
			if err := unfit(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// retriable reports whether a refusal promises that nothing was changed and that
// it may be different soon.
func retriable(code cuenta.Code) bool {
	switch code {
	case cuenta.Busy, cuenta.Full, cuenta.Canceled, cuenta.Stopping:
		return true
	}
	return false
}

// decisive reports whether a refusal tells what became of the identity, whatever
// happened to earlier attempts.
func decisive(code cuenta.Code) bool {
	switch code {
	case cuenta.Overflow, cuenta.Limited, cuenta.Past, cuenta.Throttled, cuenta.NoHold,
		cuenta.Unmet, cuenta.Aborted, cuenta.Absent, cuenta.Conflict:
		return true
	}
	return false
}

// answered takes the server's results in. The unit is settled then, unless they
// say that it is worth another attempt.
func (u *unit) answered(results []cuenta.Result) {
	at := atFault(results)
	r := &results[at]
	switch code := r.Code; {
	case code == cuenta.OK:
		u.results, u.settled = results, true
	case retriable(code), code == cuenta.Failed && u.doubt:
		u.last = r.Err()
	case code == cuenta.Unknown:
		u.last, u.doubt = r.Err(), u.changes > 0 || u.doubt
	case code == cuenta.NoSession && u.session != nil && !u.doubt:
		// No attempt in the session was carried out, so it may go into another one.
		u.last, u.session = r.Err(), nil
		for id := range u.identities() {
			*id = cuenta.Identity{}
		}
	default:
		u.refusal = *r
		u.refuse(code, errOf(r))
		u.blame(at)
	}
}

// errOf is a refusal as an error.
func errOf(r *cuenta.Result) error {
	if r.Code == cuenta.Limited && r.Value == notTold {
		return r.Code.Err()
	}
	return r.Err()
}

// blame says in the unit's error which of its requests was refused, and for which limit.
func (u *unit) blame(at int) {
	e, ok := errors.AsType[*Error](u.err)
	if !ok {
		return
	}
	r := &u.requests[at]
	if at > 0 {
		e.Item, e.Counter = at-1, string(r.Counter)
	}
	e.Limit = limitOf(r, &u.refusal, at > 0)
}

// atFault is where the result is that tells why there was a refusal, or the first one.
func atFault(results []cuenta.Result) int {
	if results[0].Code == cuenta.Aborted {
		for i := range results {
			if code := results[i].Code; code != cuenta.OK && code != cuenta.Aborted {
				return i
			}
		}
	}
	return 0
}

// unanswered takes in that an attempt has brought no results.
func (u *unit) unanswered(err error) {
	u.last = err
	if refusal, ok := errors.AsType[*cuenta.Error](err); ok {
		if !retriable(refusal.Code) {
			u.refuse(refusal.Code, err)
		}
		return
	}
	if _, ok := errors.AsType[unsent](err); !ok && u.changes > 0 {
		u.doubt = true
	}
}

// refuse settles the unit with a refusal.
func (u *unit) refuse(code cuenta.Code, err error) {
	fate := code.Fate()
	switch {
	case u.changes == 0 && u.head().Op != cuenta.Outcome:
		fate = cuenta.NotApplied
	case decisive(code):
	case u.doubt:
		fate = cuenta.FateUnknown
	case u.generated || !u.identified():
		// Every attempt there was has been refused.
		fate = cuenta.NotApplied
	}
	u.fail(code, fate, err)
}

// giveUp settles the unit because it is at the end of its time.
func (u *unit) giveUp(why error) {
	if u.last != nil && !errors.Is(u.last, why) {
		why = fmt.Errorf("%w; the last attempt: %w", why, u.last)
	}
	refusal, refused := errors.AsType[*cuenta.Error](u.last)
	switch {
	case u.doubt:
		u.fail(cuenta.Unknown, cuenta.FateUnknown, why)
	case refused:
		u.fail(refusal.Code, cuenta.NotApplied, why)
	default:
		u.fail(cuenta.Canceled, cuenta.NotApplied, why)
	}
}

func (u *unit) fail(code cuenta.Code, fate cuenta.Fate, err error) {
	u.settled = true
	u.err = &Error{
		Code: code, Fate: fate, Op: u.head().Op, Counter: string(u.head().Counter),
		Item: -1, Identity: identityOf(u.identity()), Attempts: u.attempts, Err: err,
	}
}

func (u *unit) result() (Result, error) {
	if u.err != nil {
		return Result{}, u.err
	}
	return u.resultAt(0), nil
}

// resultAt is what the unit's request with that index has answered.
func (u *unit) resultAt(i int) Result {
	r := &u.results[i]
	result := Result{Value: r.Value, Revision: r.Revision, Replayed: r.Replayed}
	if t := u.requests[i].Terms; t != nil && t.Clamp {
		result.Applied = r.Amount
	}
	return result
}
