package engine

import (
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cuenta-server/cuenta"
)

// era is what lies between the times at which counters end where nobody tells the
// engine what time it is: the moments at which it deletes them are its own affair,
// but the next revision of a counter made anew depends on them.
const era = int64(1) << 33

// answer is a result, and the terms that it tells.
type answer struct {
	cuenta.Result
	floor, ceiling cuenta.Bound
	expiry         cuenta.Expiry
}

func answers(requests []cuenta.Request, results []cuenta.Result) []answer {
	all := make([]answer, len(results))
	for i, result := range results {
		all[i].Result = result
		r := &requests[i]
		if r.Op == cuenta.Describe && r.Terms != nil && result.Code == cuenta.OK && !result.Replayed {
			all[i].floor, all[i].ceiling, all[i].expiry = r.Terms.Floor, r.Terms.Ceiling, r.Terms.Expiry
		}
	}
	return all
}

// dress gives an operation a condition and terms, or not.
func (p *player) dress(r *cuenta.Request) {
	value, revision := p.naive.Value(counterOf(r))
	if r.Op == cuenta.Check {
		if r.N = int64(revision); p.rng.IntN(2) == 0 {
			r.N, r.If = value, cuenta.IfValue
		}
		r.N += p.rng.Int64N(2)
		return
	}
	terms := cuenta.Terms{Expect: p.rng.Int64N(2)}
	if !r.Op.Reads() && p.rng.IntN(3) == 0 {
		switch r.If = cuenta.Condition(p.rng.IntN(int(cuenta.NumConditions))); r.If {
		case cuenta.IfValue:
			terms.Expect += value
		case cuenta.IfRevision:
			terms.Expect += int64(revision)
		}
	}
	plain := p.rng.IntN(2) == 0
	switch r.Op {
	case cuenta.Get:
		return
	case cuenta.Describe:
		terms.Floor = p.bound(value) // to be overwritten
	case cuenta.Limit:
		terms.Floor, terms.Ceiling = p.bound(value), p.bound(value)
	case cuenta.Expire:
		terms.Expiry = p.expiry()
	case cuenta.Add, cuenta.Set, cuenta.Reset:
		if plain {
			break
		}
		if p.rng.IntN(2) == 0 {
			terms.Floor, terms.Ceiling = p.bound(value), p.bound(value)
		}
		if p.rng.IntN(2) == 0 {
			terms.Expiry = p.expiry()
		}
		terms.Clamp = p.rng.IntN(3) == 0
	}
	if plain && r.Op != cuenta.Describe && r.Op != cuenta.Limit && r.Op != cuenta.Expire && r.If < cuenta.IfValue {
		return
	}
	if p.rng.IntN(50) > 0 {
		r.Terms = &terms
	}
}

// nonsense reports whether an operation cannot be meant.
func nonsense(r *cuenta.Request) bool {
	switch r.Op {
	case cuenta.Limit, cuenta.Describe:
		return r.Terms == nil || !r.Terms.Valid()
	case cuenta.Expire:
		return r.Terms == nil || !r.Terms.Valid() || r.Terms.Expiry.Kind == cuenta.KeepExpiry
	}
	return r.Terms != nil && !r.Terms.Valid()
}

// bound makes a limit near a value, or none.
func (p *player) bound(value int64) cuenta.Bound {
	switch p.rng.IntN(12) {
	case 0:
		return cuenta.Bound{Set: true, At: math.MinInt64 + p.rng.Int64N(2)}
	case 1:
		return cuenta.Bound{Set: true, At: math.MaxInt64 - p.rng.Int64N(2)}
	case 2:
		return cuenta.Bound{At: value} // not set, so it says nothing
	case 3, 4, 5, 6:
		return cuenta.Bound{}
	case 7:
		return cuenta.Bound{Set: true, At: value}
	}
	return cuenta.Bound{Set: true, At: value + p.rng.Int64N(400) - 200}
}

// expiry makes an end: mostly one to come, or one that is over, or nonsense.
func (p *player) expiry() (e cuenta.Expiry) {
	e.Kind = cuenta.ExpiryKind(p.rng.IntN(int(cuenta.ExpireAfter) + 1))
	e.Lapse = p.rng.IntN(3) == 0
	if p.rng.IntN(2) == 0 {
		e.If = cuenta.ExpiryCondition(p.rng.IntN(int(cuenta.ExpiryIfAnySooner) + 1))
	}
	switch p.rng.IntN(12) {
	case 0:
		e.Time = math.MaxInt64 - p.rng.Int64N(3)
	case 1:
		e.Time = p.rng.Int64N(3) - 2
		if e.Kind == cuenta.ExpireAfter {
			e.Time = min(0, e.Time) // a nanosecond is not for those whose time moves by itself
		}
	case 2:
		e.Kind, e.Time = cuenta.ExpireAt, p.now()-p.rng.Int64N(1<<40)
	case 3:
		e.Time = math.MinInt64
	default:
		if e.Time = p.end(); e.Kind == cuenta.ExpireAfter {
			e.Time -= p.now()
		}
	}
	return e
}

// sleep lets time go on to somewhere in an era to come, when everything that ends
// before that has been deleted, or stay.
func (p *player) sleep() {
	if p.rng.IntN(8) > 0 {
		return
	}
	within := p.now() % era
	eras := p.rng.Int64N(1 << p.rng.IntN(5))
	time.Sleep(time.Duration(eras*era + max(0, era/2-within)))
	p.naive.Lapse()
}

// outOfTime runs a test whose time stands still but for its sleeps. What it leaves
// in pools is nobody's any more.
func outOfTime(t *testing.T, f func(*testing.T)) {
	t.Helper()
	fresh := waiters.New
	waiters = sync.Pool{New: fresh}
	synctest.Test(t, f)
	waiters = sync.Pool{New: fresh}
}
