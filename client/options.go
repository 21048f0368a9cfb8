package client

import (
	"cmp"
	"log/slog"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/uuid"
)

// Options say how a client behaves. A zero field stands for its default.
type Options struct {
	// Timeout is how long a call may take once it is its turn (see MaxInFlight),
	// retries included, where its context does not end earlier. Default 10 s.
	Timeout time.Duration

	// AttemptTimeout is how long an answer is waited for before the request is
	// sent again; it doubles with each attempt, up to eight times. Default 2 s;
	// over UDP, where messages get lost, 250 ms.
	AttemptTimeout time.Duration

	// MinBackoff and MaxBackoff bound the pause before a retry: a random part of
	// MinBackoff before the first one, of twice as much before the next, and so on
	// up to MaxBackoff. Defaults 10 ms and 1 s.
	MinBackoff, MaxBackoff time.Duration

	// Budget bounds the retries of all calls together.
	Budget Budget

	// MaxInFlight is how many calls may be under way at once; further ones wait.
	// There are at most two sessions for each 128 of them. Default 512.
	MaxInFlight int

	// NewKey makes the keys of changes that are sent without a session. Each must
	// be another one. Default UUIDs of version 7.
	NewKey func() string

	// Log is told of retries and of sessions that ended; nil for nothing.
	Log *slog.Logger
}

// Budget is a store of retries. A retry takes one out; when there is none, it
// waits for one until its call's time is up.
type Budget struct {
	// Ratio is what each call puts in. Default 0.1: one retry for ten calls.
	// Negative for nothing.
	Ratio float64

	// PerSecond is what each second puts in, so that a client that calls rarely
	// can retry as well. Default 10. Negative for nothing.
	PerSecond float64

	// Burst is the most there can be, and what there is at first: enough to
	// repeat what was under way when a connection broke. Default 1000.
	Burst float64
}

func (o Options) withDefaults(keyed bool) Options {
	patience := 2 * time.Second
	if keyed {
		patience = 250 * time.Millisecond
	}
	o.Timeout = cmp.Or(max(o.Timeout, 0), 10*time.Second)
	o.AttemptTimeout = cmp.Or(max(o.AttemptTimeout, 0), patience)
	o.MinBackoff = cmp.Or(max(o.MinBackoff, 0), 10*time.Millisecond)
	o.MaxBackoff = max(cmp.Or(max(o.MaxBackoff, 0), time.Second), o.MinBackoff)
	o.Budget.Ratio = max(cmp.Or(o.Budget.Ratio, 0.1), 0)
	o.Budget.PerSecond = max(cmp.Or(o.Budget.PerSecond, 10), 0)
	o.Budget.Burst = max(cmp.Or(o.Budget.Burst, 1000), 1)
	o.MaxInFlight = cmp.Or(max(o.MaxInFlight, 0), 4*cuenta.SessionWindow)
	if o.NewKey == nil {
		o.NewKey = func() string { return uuid.NewV7().String() }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// patience is how long the given attempt, from 0, waits for its answer.
func (o *Options) patience(attempt int) time.Duration {
	return o.AttemptTimeout << min(attempt, 3)
}
