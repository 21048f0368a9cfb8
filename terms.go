package cuenta

import (
	"cmp"
	"math/bits"
	"time"
)

// Terms are what few requests say beyond their operation and amount. They are
// borrowed like Request.Counter, but for Describe, which fills them in.
//
// A counter may have limits and an end of its own, which hold whatever the way in.
// Giving it such, or others, is a change like any: it has the next revision and
// leaves the value as it is. They end with the counter: one that is made anew after
// a deletion has none.
type Terms struct {
	// Floor and Ceiling are the limits that Limit gives the counter; one that is
	// not set is taken from it. Of Add, Set and Reset they are limits of this one
	// request, which hold beside the counter's own.
	Floor, Ceiling Bound

	// Clamp lets an Add, Set or Reset that would pass a limit or an end of int64 go
	// as far as it may, where it would otherwise be refused as [Limited] or
	// [Overflow].
	Clamp bool

	// Expect is the value of the condition IfValue, or the revision of IfRevision.
	Expect int64

	// Expiry is what becomes of the counter's end, with Expire, Add, Set and Reset;
	// of the hold's, with Hold and Extend.
	Expiry Expiry

	// Total, with Limit, declares the counter to be the total of all below it: those
	// whose names begin with its own and a slash. What is added to one of them by Add
	// is added to all its declared totals in the same step, if the limits of all
	// allow it. A name may have [MaxLevels] levels above it where there are totals.
	Total bool

	// Rate is what Take is about.
	Rate Rate

	// Ident is whom a Ticket is for, 1 to [MaxKey] bytes that may be in a counter's
	// name. It gets the next N numbers of the counter, so these have no gaps, and keeps
	// them: whoever asks again for the same gets the same. The answer's Value is the
	// last of them, Amount how many they are; its Revision is the counter's, 0 where
	// Ident had its numbers before, which is marked as Replayed. They are written down
	// in a counter of their own, COUNTER/SERIES/IDENT, whose floor is the first of
	// them. SERIES is the value of the counter COUNTER/#: adding to it forgets all
	// idents at once, and a reset of both in one All begins the numbers anew.
	Ident []byte

	// Hold is the id of a hold: the counter's revision that its making was answered
	// with. A positive hold takes from what is left below the ceiling, a negative one
	// from what is left above the floor, until it is settled, released or its time is
	// over, each of which is a change of the counter like the making. What nobody knows
	// any more is refused as [NoHold]. With Hold, Settle, Release and Extend the
	// answer's Amount is how much is still available in the hold's direction; of
	// Settle with Clamp, how much was added. A counter has at most [MaxHolds].
	Hold uint64

	// Held and HeldDown are filled in by Describe: the sums of the holds above 0 and of
	// those below it, both without sign. So are Holds, as many as it has capacity for:
	// the first ones, or those behind Hold, in an order that stays as it is while
	// others come and go. NoHold says that there is no such Hold to go on behind.
	Held, HeldDown int64
	Holds          []Held
}

// Held is a part of a counter's limit that is held back.
type Held struct {
	ID     uint64
	Amount int64
	Ends   int64 // in nanoseconds since 1970
}

// MaxLevels is how many levels of totals a name may have above it.
const MaxLevels = 16

// MaxHolds is how many holds a counter may have at once.
const MaxHolds = 1 << 16

// Rate is a limit on how much may be taken in a time. The counter remembers what was
// taken, in a form of its own, and ends by itself as soon as that makes no
// difference any more: so none is left behind, whatever crashes when. It must not be
// used for anything else; one that has no end is refused as [Unmet].
//
// The answer's Value is how much may be taken now, its Amount the time in nanoseconds
// until all may be taken again. What is too much is refused as [Throttled]; then
// Amount is the time until as much may be taken, -1 if it never may. A Take of 0
// changes nothing, and asks.
type Rate struct {
	Kind   RateKind
	Limit  int64 // how much in a Period, at least 1; at most 1<<31-1 for SlidingWindow
	Period int64 // in nanoseconds, at least a millisecond, at most 100 years
	Burst  int64 // of Steady: how much at once, as it comes in 100 years at most; 0: as much as Limit
}

// RateKind tells how taking is limited.
type RateKind uint8

const (
	NoRate        RateKind = iota
	FixedWindow            // Limit in each Period since the beginning of 1970
	SlidingWindow          // Limit in the last Period, the period before counted as if evenly spread
	Steady                 // a unit every Period/Limit, and up to Burst of them saved up (GCRA)
)

// century is the longest period of a rate, in nanoseconds, and the longest time that
// what is taken may count.
const century = 100 * 365 * 24 * int64(time.Hour)

// Valid reports whether the rate can be meant.
func (r *Rate) Valid() bool {
	switch {
	case r.Kind == NoRate || r.Kind > Steady || r.Limit < 1 || r.Burst < 0:
		return false
	case r.Period < int64(time.Millisecond) || r.Period > century:
		return false
	case r.Kind == SlidingWindow:
		return r.Limit < 1<<31
	case r.Kind == Steady:
		high, low := bits.Mul64(uint64(cmp.Or(r.Burst, r.Limit)), uint64(r.Period))
		most, least := bits.Mul64(uint64(r.Limit), uint64(century))
		return high < most || high == most && low <= least
	}
	return true
}

// Bound is a limit, if Set.
type Bound struct {
	Set bool
	At  int64 // the last value allowed
}

// Expiry says when a counter shall end. The time is the server's ledger's, which
// never goes back: it is the system's at its start, or the last one recorded if that
// is later, and goes on from there however the system's clock is set. At its end the
// counter is deleted, once, as by Delete, and nobody sees it any more.
type Expiry struct {
	Kind ExpiryKind

	// Time is in nanoseconds: since 1970 (ExpireAt), or from now on (ExpireAfter), and
	// at least 1. An end beyond the range of int64, in the year 2262, is that.
	Time int64

	// If restricts it by the end that the counter has. Where that does not hold,
	// Expire is refused as [Unmet]; another operation leaves the end as it is.
	If ExpiryCondition

	// Lapse deletes the counter at once where the time is over already, which is
	// otherwise refused as [Past]. The answer is then that of Delete, but for Add, Set
	// and Reset, which answer the value that they made.
	Lapse bool
}

// ExpiryKind tells how an end is given.
type ExpiryKind uint8

const (
	KeepExpiry  ExpiryKind = iota // the end stays as it is
	NoExpiry                      // the counter shall have none
	ExpireAt                      // at a time
	ExpireAfter                   // after a time from now on
)

// ExpiryCondition is about the end that a counter has before.
type ExpiryCondition uint8

const (
	ExpiryAlways      ExpiryCondition = iota
	ExpiryIfNone                      // it has none
	ExpiryIfAny                       // it has one
	ExpiryIfLater                     // the new one is later; having none is later than all
	ExpiryIfSooner                    // the new one is sooner
	ExpiryIfAnySooner                 // it has one, and the new one is sooner
)

// Valid reports whether the terms can be meant.
func (t *Terms) Valid() bool {
	if t.Floor.Set && t.Ceiling.Set && t.Floor.At > t.Ceiling.At {
		return false
	}
	e := &t.Expiry
	if e.Kind > ExpireAfter || e.If > ExpiryIfAnySooner {
		return false
	}
	return e.Kind <= NoExpiry || e.Time > 0 || e.Kind == ExpireAt && e.Lapse
}
