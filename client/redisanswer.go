package client

import (
	"math"
	"time"

	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// The replies to the commands on terms.

// termResult makes the answer to a request of a reply to its termCommand, or to a
// transfer's, whose op is All.
func (r *reply) termResult(to expectation) (result cuenta.Result, ok bool) {
	n, isNumbers := r.numbers()
	switch {
	case to.op == cuenta.Limit:
		return cuenta.Result{}, r.Kind == '+'
	case to.op == cuenta.Expire:
		return r.expired()
	case to.terms != nil && to.op == cuenta.Describe && cap(to.terms.Holds) > 0:
		return cuenta.Result{}, r.listing(to.terms)
	case to.op == cuenta.Describe:
		return r.description(to.terms)
	case to.op == cuenta.Add && len(n) == 2 && to.terms != nil:
		return increased(n[0], n[1], to.n, to.terms), true
	case to.op == cuenta.All && r.Kind == ':':
		return cuenta.Result{Value: r.N}, true
	case (to.op == cuenta.Release || to.op == cuenta.Extend) && r.Kind == ':':
		return cuenta.Result{Amount: r.N}, true
	case !isNumbers:
		return result, false
	case to.op == cuenta.Take && len(n) == 4:
		if n[0] == 1 {
			return cuenta.Result{Value: n[1], Amount: inNanoseconds(n[3])}, true
		}
		return cuenta.Result{Code: cuenta.Throttled, Value: n[1], Amount: inNanoseconds(n[2])}, true
	case to.op == cuenta.Ticket && len(n) == 3:
		return cuenta.Result{Value: n[1], Amount: n[1] - n[0] + 1, Replayed: n[2] == 0}, true
	case to.op == cuenta.Hold && len(n) == 2:
		return cuenta.Result{Revision: uint64(n[0]), Amount: n[1]}, true
	case to.op == cuenta.Settle && len(n) == 2:
		return cuenta.Result{Value: n[0], Amount: n[1]}, true
	}
	return result, false
}

// increased is what INCREX has answered: the value, and what was added to it. That is 0
// where the change was refused, and then the value is the one that there was.
func increased(value, added, asked int64, t *cuenta.Terms) cuenta.Result {
	below, above := t.Floor.Set && value < t.Floor.At, t.Ceiling.Set && value > t.Ceiling.At
	if added != 0 || !below && !above && (t.Clamp || asked == 0) {
		return cuenta.Result{Value: value, Amount: added}
	}
	next := value + asked
	up, down := asked > 0 && next < value, asked < 0 && next > value // past the ends of int64
	at := func(limit int64) cuenta.Result {
		return cuenta.Result{Code: cuenta.Limited, Value: limit, Amount: limit - value}
	}
	switch {
	case t.Ceiling.Set && t.Ceiling.At < math.MaxInt64 && (up || !down && next > t.Ceiling.At):
		return at(t.Ceiling.At)
	case t.Floor.Set && t.Floor.At > math.MinInt64 && (down || !up && next < t.Floor.At):
		return at(t.Floor.At)
	case up || down:
		return refusal(cuenta.Overflow, nil, asked)
	}
	return cuenta.Result{Code: cuenta.Limited, Value: notTold} // one of the counter's own
}

// expired is whether there was a counter that could be given another end.
func (r *reply) expired() (result cuenta.Result, ok bool) {
	if r.Kind == '$' && !r.Null {
		result.Value, ok = wire.ParseInt(r.Text)
		return result, ok
	}
	if r.Null || r.N == 0 {
		result.Code = cuenta.Unmet
	}
	return result, r.Kind == '$' || r.Kind == ':'
}

// listing reads CUENTA.HOLDS' reply into terms.
func (r *reply) listing(t *cuenta.Terms) (ok bool) {
	*t = cuenta.Terms{Holds: t.Holds[:0]}
	for i := range r.Parts {
		n, isNumbers := (*reply)(&r.Parts[i]).numbers()
		if !isNumbers || len(n) != 3 {
			return false
		}
		t.Holds = append(t.Holds, cuenta.Held{ID: uint64(n[0]), Amount: n[1], Ends: inNanoseconds(n[2])})
	}
	return r.Kind == '*'
}

// numbers are the parts of a reply if all are.
func (r *reply) numbers() (n []int64, ok bool) {
	for i := range r.Parts {
		if r.Parts[i].Kind != ':' {
			return nil, false
		}
		n = append(n, r.Parts[i].N)
	}
	return n, len(n) > 0
}

// inNanoseconds is a time in milliseconds, negative for none.
func inNanoseconds(ms int64) int64 {
	if ms < 0 {
		return -1
	}
	return min(ms, math.MaxInt64/int64(time.Millisecond)) * int64(time.Millisecond)
}

// description reads the fields of CUENTA.DESCRIBE's reply into terms.
func (r *reply) description(t *cuenta.Terms) (result cuenta.Result, ok bool) {
	*t = cuenta.Terms{}
	for fields := r.Parts; len(fields) >= 2; fields = fields[2:] {
		value := &fields[1]
		if value.Null {
			continue
		}
		switch string(fields[0].Text) {
		case "value":
			result.Value = value.N
		case "revision":
			result.Revision = uint64(value.N)
		case "floor":
			t.Floor = cuenta.Bound{Set: true, At: value.N}
		case "ceiling":
			t.Ceiling = cuenta.Bound{Set: true, At: value.N}
		case "total":
			t.Total = value.N != 0
		case "held":
			t.Held = value.N
		case "held-down":
			t.HeldDown = value.N
		case "expires":
			t.Expiry = cuenta.Expiry{Kind: cuenta.ExpireAt, Time: inNanoseconds(value.N)}
		case "ttl":
			result.Amount = inNanoseconds(value.N)
		}
	}
	return result, r.Kind == '*'
}
