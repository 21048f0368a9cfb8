package client

import (
	"strconv"
	"time"

	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// The commands on terms of the Redis protocol: Redis' own, and the server's.

// termCommand is the command of a request, word by word. It reports false for one that
// there is none for, or that would not say all.
func termCommand(r *cuenta.Request) (words []string, sayable bool) {
	t, counter := r.Terms, string(r.Counter)
	switch {
	case r.Op == cuenta.Set || r.Op == cuenta.Reset:
		return setCommand(r)
	case t == nil || r.If != cuenta.Always:
		return nil, false
	}
	switch r.Op {
	case cuenta.Add:
		return increxCommand(r)
	case cuenta.Expire:
		return expireCommand(counter, &t.Expiry)
	case cuenta.Limit:
		words = appendBounds([]string{"CUENTA.LIMIT", counter}, t, "FLOOR", "CEILING")
		if t.Total {
			words = append(words, "TOTAL")
		}
		return words, true
	case cuenta.Describe:
		return describeCommand(counter, t), true
	case cuenta.Take:
		return takeCommand(r)
	case cuenta.Ticket:
		return []string{"CUENTA.TICKET", counter, string(t.Ident), "COUNT", decimal(r.N)}, true
	case cuenta.Hold:
		until, ok := untilWord(&t.Expiry)
		return []string{"CUENTA.HOLD", counter, decimal(r.N), "PX", until}, ok
	case cuenta.Settle:
		words = []string{"CUENTA.SETTLE", counter, unsigned(t.Hold), decimal(r.N)}
		if t.Clamp {
			words = append(words, "CLAMP")
		}
		return words, true
	case cuenta.Release:
		return []string{"CUENTA.RELEASE", counter, unsigned(t.Hold)}, true
	case cuenta.Extend:
		until, ok := untilWord(&t.Expiry)
		return []string{"CUENTA.EXTEND", counter, unsigned(t.Hold), "PX", until}, ok
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

// setCommand is a SET, which takes the counter's end away unless it is told not to.
func setCommand(r *cuenta.Request) (words []string, sayable bool) {
	t := r.Terms
	if t == nil {
		t = new(cuenta.Terms)
	}
	if t.Floor.Set || t.Ceiling.Set || t.Clamp || t.Expiry.If != cuenta.ExpiryAlways {
		return nil, false
	}
	words = []string{"SET", string(r.Counter), decimal(r.N)}
	switch r.If {
	case cuenta.Always:
	case cuenta.IfAbsent:
		words = append(words, "NX")
	case cuenta.IfPresent:
		words = append(words, "XX")
	default:
		return nil, false
	}
	switch t.Expiry.Kind {
	case cuenta.KeepExpiry:
		return append(words, "KEEPTTL"), true
	case cuenta.NoExpiry:
		return words, true
	}
	return appendEnd(words, &t.Expiry)
}

// increxCommand adds within limits, and gives another end.
func increxCommand(r *cuenta.Request) (words []string, sayable bool) {
	t := r.Terms
	words = appendBounds([]string{"INCREX", string(r.Counter), "BYINT", decimal(r.N)}, t, "LBOUND", "UBOUND")
	if t.Clamp {
		words = append(words, "SATURATE")
	}
	switch e := &t.Expiry; {
	case e.Kind == cuenta.KeepExpiry:
		return words, true
	case e.Kind == cuenta.NoExpiry:
		return append(words, "PERSIST"), e.If == cuenta.ExpiryAlways
	case e.If == cuenta.ExpiryIfNone:
		return appendEnd(append(words, "ENX"), e)
	case e.If == cuenta.ExpiryAlways:
		return appendEnd(words, e)
	}
	return nil, false
}

func appendBounds(words []string, t *cuenta.Terms, floor, ceiling string) []string {
	if t.Floor.Set {
		words = append(words, floor, decimal(t.Floor.At))
	}
	if t.Ceiling.Set {
		words = append(words, ceiling, decimal(t.Ceiling.At))
	}
	return words
}

// expireCommand gives another end. PERSIST wants there to be one; who does not mind
// says it by GETEX, as one of a change's.
func expireCommand(counter string, e *cuenta.Expiry) (words []string, sayable bool) {
	switch {
	case e.Kind == cuenta.NoExpiry && e.If == cuenta.ExpiryIfAny:
		return []string{"PERSIST", counter}, true
	case e.Kind == cuenta.NoExpiry && e.If == cuenta.ExpiryAlways:
		return []string{"GETEX", counter, "PERSIST"}, true
	case e.Kind == cuenta.NoExpiry:
		return nil, false
	}
	end, sayable := appendEnd(nil, e)
	if !sayable {
		return nil, false
	}
	commands := map[string]string{"PX": "PEXPIRE", "PXAT": "PEXPIREAT"}
	words = []string{commands[end[0]], counter, end[1]}
	conditions := [...][]string{
		cuenta.ExpiryIfNone: {"NX"}, cuenta.ExpiryIfAny: {"XX"}, cuenta.ExpiryIfLater: {"GT"}, cuenta.ExpiryIfSooner: {"LT"},
		cuenta.ExpiryIfAnySooner: {"XX", "LT"},
	}
	return append(words, conditions[e.If]...), true
}

// appendEnd appends an end. At a time that is over already the counter goes at once,
// which must then be meant.
func appendEnd(words []string, e *cuenta.Expiry) ([]string, bool) {
	if e.Kind == cuenta.ExpireAt {
		return append(words, "PXAT", decimal(max(1, inMilliseconds(e.Time)))), e.Lapse
	}
	until, sayable := untilWord(e)
	return append(words, "PX", until), sayable
}

// describeCommand reads a counter's terms, or as many of its holds as they have room for.
func describeCommand(counter string, t *cuenta.Terms) []string {
	if cap(t.Holds) == 0 {
		return []string{"CUENTA.DESCRIBE", counter}
	}
	words := []string{"CUENTA.HOLDS", counter, "COUNT", decimal(int64(min(cap(t.Holds), holdsPage)))}
	if t.Hold != 0 {
		words = append(words, "AFTER", unsigned(t.Hold))
	}
	return words
}

// untilWord is a time from now on.
func untilWord(e *cuenta.Expiry) (string, bool) {
	return decimal(inMilliseconds(e.Time)), e.Kind == cuenta.ExpireAfter
}

// inMilliseconds counts whole milliseconds, the last one begun.
func inMilliseconds(ns int64) int64 {
	const each = int64(time.Millisecond)
	whole := ns / each
	if ns%each > 0 {
		whole++
	}
	return whole
}

func unsigned(n uint64) string { return strconv.FormatUint(n, 10) }

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// appendWords appends a command with its identity.
func appendWords(dst []byte, id *cuenta.Identity, words []string) []byte {
	dst = appendIdentity(dst, id, len(words))
	for _, word := range words {
		dst = wire.AppendBulk(dst, word)
	}
	return dst
}
