package cuenta

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Code says why a request was refused. The names are part of every protocol
// and are never translated. The journal keeps the numbers: new codes go to the end.
type Code uint8

const (
	OK          Code = iota
	Syntax           // the request cannot be read
	TooLarge         // the request, line, frame or batch is over its bound
	Unsupported      // understood, but not built
	Overflow         // the value would pass an end of int64
	Unmet            // the request's condition does not hold
	Busy             // at a bound; try again
	Full             // no space left for the journal; changes are refused until there is
	TooMany          // the table of counters has reached its bound
	Canceled         // given up before it was applied
	Stopping         // the server is draining
	Failed           // the journal failed earlier; only reads of durable values are answered
	Unknown          // the journal failed while the change was under way
	Forbidden        // the sender may not ask this
	NotFound         // no front or service of that name
	Conflict         // the identity was used for another operation
	TooOld           // the identity's answer may have been forgotten
	TooNew           // the key's own time is more than a minute ahead
	NoSession        // no such session: never granted, or ended
	Absent           // nothing was done under that identity
	Aborted          // another request of its all-or-none batch was refused
	Limited          // the value would pass a limit
	Past             // the counter would end at a time that is over
	Throttled        // more than the rate allows; try again later
	NoHold           // no such hold: settled, released, or its time is over
	NumCodes
)

// Fate tells what a code says about the change.
type Fate uint8

const (
	Applied     Fate = iota // the change was made and is durable
	NotApplied              // nothing was changed; repeating is safe
	FateUnknown             // the change may or may not survive a restart
)

// codes is the one table of refusals: a name for protocols, a sentence for
// people, the fate of the change.
var codes = [NumCodes]struct {
	name, text string
	fate       Fate
}{
	OK:          {"ok", "done", Applied},
	Syntax:      {"syntax", "cannot read the request", NotApplied},
	TooLarge:    {"too-large", "the request is over its size limit", NotApplied},
	Unsupported: {"unsupported", "understood, but not possible here", NotApplied},
	Overflow:    {"overflow", "the counter would pass the end of int64", NotApplied},
	Unmet:       {"unmet", "the condition does not hold", NotApplied},
	Busy:        {"busy", "the server is at its limit, try again", NotApplied},
	Full:        {"full", "the disk is full, changes wait for room", NotApplied},
	TooMany:     {"too-many", "the table of counters is full", NotApplied},
	Canceled:    {"canceled", "given up before it was applied", NotApplied},
	Stopping:    {"stopping", "the server is stopping", NotApplied},
	Failed:      {"failed", "the journal failed, restart the server", NotApplied},
	Unknown:     {"unknown", "the journal failed, fate unknown", FateUnknown},
	Forbidden:   {"forbidden", "this sender may not ask that", NotApplied},
	NotFound:    {"not-found", "no service of that name", NotApplied},
	Conflict:    {"conflict", "the identity was used for another operation", NotApplied},
	TooOld:      {"too-old", "too old to be remembered, fate unknown", FateUnknown},
	TooNew:      {"too-new", "the key's time is over a minute ahead", NotApplied},
	NoSession:   {"no-session", "no such session: not granted, or ended", FateUnknown},
	Absent:      {"absent", "nothing was done under that identity", NotApplied},
	Aborted:     {"aborted", "another request of its batch was refused", NotApplied},
	Limited:     {"limit", "the counter would pass its limit", NotApplied},
	Past:        {"past", "the time given is over already", NotApplied},
	Throttled:   {"throttled", "more than the rate allows, try again later", NotApplied},
	NoHold:      {"no-hold", "no such hold: settled, released or over", NotApplied},
}

// String returns the code's name on the wire, such as "overflow".
func (c Code) String() string {
	if c >= NumCodes {
		return "invalid"
	}
	return codes[c].name
}

// Text returns a sentence for people; at most 50 bytes.
func (c Code) Text() string {
	if c >= NumCodes {
		return "invalid code"
	}
	return codes[c].text
}

// Fate returns what the code says about the change.
func (c Code) Fate() Fate {
	if c >= NumCodes {
		return FateUnknown
	}
	return codes[c].fate
}

// Text returns the sentence for people that fits this result; at most 50 bytes.
func (r *Result) Text() string {
	switch r.Code {
	case Overflow:
		if r.Value == math.MinInt64 {
			return "the counter would pass -9223372036854775808"
		}
		return "the counter would pass 9223372036854775807"
	case Limited:
		if text := fmt.Sprintf("the limit %d leaves room for %d", r.Value, r.Amount); len(text) <= maxText {
			return text
		}
		return fmt.Sprintf("the counter would pass %d", r.Value)
	case Throttled:
		if r.Amount < 0 {
			return "more than the rate ever allows at once"
		}
		if text := "too much for now, try again in " + time.Duration(r.Amount).String(); len(text) <= maxText {
			return text
		}
	}
	return r.Code.Text()
}

// PassesCeiling reports whether it is the upper limit that a request was refused for as
// [Limited] or [Overflow], rather than the lower one: the value that it would have made
// is above Value. The value that there was is Value less Amount, which both may wrap.
func (r *Result) PassesCeiling(of *Request) bool {
	value := r.Value - r.Amount
	switch of.Op {
	case Add, Settle, Ticket:
		if r.Value >= value { // so Amount is not below 0, or it has wrapped
			return r.Amount >= 0 && of.N > r.Amount
		}
		return r.Amount >= 0 || of.N > r.Amount
	case Hold:
		return of.N > 0
	case Limit:
		return value > r.Value
	case Set:
		return of.N > r.Value
	}
	return r.Value < 0 // of Reset
}

// maxText is the longest sentence of a refusal: a datagram has room for it.
const maxText = 50

// Error is a refusal. Its text form is "code: sentence", from which
// [ParseError] makes it again on the far side of a protocol that only carries
// strings.
type Error struct {
	Code Code
	Text string
}

// Err returns the code as an error with its own sentence.
func (c Code) Err() error { return &Error{Code: c, Text: c.Text()} }

func (e *Error) Error() string { return e.Code.String() + ": " + e.Text }

// Is makes errors.Is(err, &Error{Code: c}) compare by code alone.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// ParseError reads the text form of an [Error]. It reports false for any other text.
func ParseError(s string) (*Error, bool) {
	name, text, ok := strings.Cut(s, ": ")
	if !ok {
		return nil, false
	}
	for c := OK + 1; c < NumCodes; c++ {
		if codes[c].name == name {
			return &Error{Code: c, Text: text}, true
		}
	}
	return nil, false
}
