package engine

import "time"

// clock is the ledger's time, in nanoseconds since 1970. It goes on from the
// later of the system's clock and the last time recorded, and from there by the
// monotonic clock alone: it never goes back, whatever happens to the system's.
type clock struct {
	base  int64
	start time.Time
}

func newClock(recorded int64) clock {
	now := time.Now()
	return clock{base: max(now.UnixNano(), recorded), start: now}
}

func (c clock) now() int64 { return c.base + int64(time.Since(c.start)) }
