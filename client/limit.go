package client

import (
	"bytes"
	"math"

	"github.com/cuenta-server/cuenta"
)

// Limit is the limit that a change would have passed.
type Limit struct {
	// Counter is whose limit it is: the counter's own, or a declared total's above it.
	// It is empty where that is not known: in an atomic batch,
	// from [Client.Outcome], and in the replay for a counter that did not exist.
	Counter string

	// Floor says that it is the lower limit, rather than the ceiling.
	Floor bool

	// At is the last value allowed.
	At int64

	// Room is how much would have taken the value to At, negative for down. It wraps
	// where that is more than an int64 holds, and is the least int64 where the way in
	// does not tell.
	Room int64
}

// limitOf tells which limit a request was refused for, nil for none.
func limitOf(r *cuenta.Request, result *cuenta.Result, together bool) *Limit {
	if result.Code != cuenta.Limited || result.Value == notTold {
		return nil
	}
	limit := &Limit{At: result.Value, Room: result.Amount, Floor: !passesCeiling(r, result)}
	if together || result.Replayed && result.Level == 0 && result.Revision == 0 {
		return limit
	}
	name := r.Counter
	for range result.Level {
		name = name[:max(0, bytes.LastIndexByte(name, '/'))]
	}
	limit.Counter = string(name)
	return limit
}

// passesCeiling reports whether it is the upper limit that a request was refused for.
func passesCeiling(r *cuenta.Request, result *cuenta.Result) bool {
	switch r.Op {
	case cuenta.Add, cuenta.Settle, cuenta.Ticket:
		if result.Amount == math.MinInt64 { // it is not told
			return r.N > 0
		}
	}
	return result.PassesCeiling(r)
}
