package cuenta

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

	// Expiry is what becomes of the counter's end, with Expire, Add, Set and Reset.
	Expiry Expiry
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
	ExpiryAlways   ExpiryCondition = iota
	ExpiryIfNone                   // it has none
	ExpiryIfAny                    // it has one
	ExpiryIfLater                  // the new one is later; having none is later than all
	ExpiryIfSooner                 // the new one is sooner
)

// Valid reports whether the terms can be meant.
func (t *Terms) Valid() bool {
	if t.Floor.Set && t.Ceiling.Set && t.Floor.At > t.Ceiling.At {
		return false
	}
	e := &t.Expiry
	if e.Kind > ExpireAfter || e.If > ExpiryIfSooner {
		return false
	}
	return e.Kind <= NoExpiry || e.Time > 0 || e.Kind == ExpireAt && e.Lapse
}
