package client

import (
	"math"
	"strconv"
	"time"

	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// The server's own commands of the Redis protocol, and their replies.

// termCommand is the command of a request, word by word. It reports false for one that
// there is none for, or that would not say all.
func termCommand(r *cuenta.Request) (words []string, sayable bool) {
	t, counter := r.Terms, string(r.Counter)
	if t == nil || r.If != cuenta.Always {
		return nil, false
	}
	switch r.Op {
	case cuenta.Limit:
		words = []string{"CUENTA.LIMIT", counter}
		if t.Floor.Set {
			words = append(words, "FLOOR", decimal(t.Floor.At))
		}
		if t.Ceiling.Set {
			words = append(words, "CEILING", decimal(t.Ceiling.At))
		}
		if t.Total {
			words = append(words, "TOTAL")
		}
		return words, true
	case cuenta.Describe:
		return []string{"CUENTA.DESCRIBE", counter}, true
	case cuenta.Take:
		return takeCommand(r)
	case cuenta.Ticket:
		return []string{"CUENTA.TICKET", counter, string(t.Ident), "COUNT", decimal(r.N)}, true
	case cuenta.Hold:
		until, ok := untilWord(&t.Expiry)
		return []string{"CUENTA.HOLD", counter, decimal(r.N), "PX", until}, ok
	case cuenta.Settle:
		words = []string{"CUENTA.SETTLE", counter, decimal(int64(t.Hold)), decimal(r.N)}
		if t.Clamp {
			words = append(words, "CLAMP")
		}
		return words, true
	case cuenta.Release:
		return []string{"CUENTA.RELEASE", counter, decimal(int64(t.Hold))}, true
	case cuenta.Extend:
		until, ok := untilWord(&t.Expiry)
		return []string{"CUENTA.EXTEND", counter, decimal(int64(t.Hold)), "PX", until}, ok
	}
	return nil, false
}

// transferCommand is the command of the requests of a transfer.
func transferCommand(requests []cuenta.Request) []string {
	take, give := &requests[2], &requests[3]
	return []string{
		"CUENTA.TRANSFER", string(take.Counter), string(give.Counter), decimal(give.N), "FLOOR", decimal(take.Terms.Floor.At),
	}
}

func takeCommand(r *cuenta.Request) (words []string, sayable bool) {
	const each = int64(time.Millisecond)
	rate := &r.Terms.Rate
	kinds := [...]string{cuenta.FixedWindow: "FIXED", cuenta.SlidingWindow: "SLIDING", cuenta.Steady: "STEADY"}
	words = []string{
		"CUENTA.TAKE", string(r.Counter), decimal(r.N), kinds[rate.Kind], decimal(rate.Limit), "PER", decimal(rate.Period / each),
	}
	if rate.Burst != 0 {
		words = append(words, "BURST", decimal(rate.Burst))
	}
	return words, rate.Period%each == 0
}

// untilWord is a time from now on, in whole milliseconds, the last one begun.
func untilWord(e *cuenta.Expiry) (string, bool) {
	const each = int64(time.Millisecond)
	whole := e.Time / each
	if e.Time%each > 0 {
		whole++
	}
	return decimal(whole), e.Kind == cuenta.ExpireAfter
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// appendWords appends a command with its identity.
func appendWords(dst []byte, id *cuenta.Identity, words []string) []byte {
	dst = appendIdentity(dst, id, len(words))
	for _, word := range words {
		dst = wire.AppendBulk(dst, word)
	}
	return dst
}

// termResult makes the answer to a request of a reply to its termCommand, or to a
// transfer's, whose op is All.
func (r *reply) termResult(to expectation) (result cuenta.Result, ok bool) {
	n, isNumbers := r.numbers()
	switch {
	case to.op == cuenta.Limit:
		return cuenta.Result{}, r.kind == '+'
	case to.op == cuenta.Describe:
		return r.description(to.terms)
	case to.op == cuenta.All && r.kind == ':':
		return cuenta.Result{Value: r.n}, true
	case (to.op == cuenta.Release || to.op == cuenta.Extend) && r.kind == ':':
		return cuenta.Result{Amount: r.n}, true
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

// numbers are the parts of a reply if all are.
func (r *reply) numbers() (n []int64, ok bool) {
	for i := range r.parts {
		if r.parts[i].kind != ':' {
			return nil, false
		}
		n = append(n, r.parts[i].n)
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
	for fields := r.parts; len(fields) >= 2; fields = fields[2:] {
		value := &fields[1]
		if value.null {
			continue
		}
		switch string(fields[0].text) {
		case "value":
			result.Value = value.n
		case "revision":
			result.Revision = uint64(value.n)
		case "floor":
			t.Floor = cuenta.Bound{Set: true, At: value.n}
		case "ceiling":
			t.Ceiling = cuenta.Bound{Set: true, At: value.n}
		case "total":
			t.Total = value.n != 0
		case "held":
			t.Held = value.n
		case "held-down":
			t.HeldDown = value.n
		case "expires":
			t.Expiry = cuenta.Expiry{Kind: cuenta.ExpireAt, Time: inNanoseconds(value.n)}
		case "ttl":
			result.Amount = inNanoseconds(value.n)
		}
	}
	return result, r.kind == '*'
}
