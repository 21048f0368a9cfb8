package client

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/cuenta-server/cuenta"
)

// ErrClosed says that the client was closed.
var ErrClosed = errors.New("the client is closed")

// Error is every error of a call. errors.Is compares it with the server's codes,
// as in errors.Is(err, cuenta.Overflow.Err()).
type Error struct {
	// Code is why the server refused; [cuenta.Unknown] if the request may have
	// reached it and no answer came, [cuenta.Canceled] if it was given up before.
	Code cuenta.Code

	// Fate says what is known of the change: that this call has not made it, and
	// nothing of it is still on its way ([cuenta.NotApplied]); or nothing
	// ([cuenta.FateUnknown]).
	Fate cuenta.Fate

	Op       cuenta.Op
	Counter  string   // empty for what is not about one counter; of an atomic batch, the one whose operation was refused
	Item     int      // of an atomic batch: which of its operations was refused; -1 if that is not known
	Limit    *Limit   // with [cuenta.Limited]: the limit that would have been passed, if the way in tells
	Identity Identity // of the change, or of an atomic batch's first, for [Client.Outcome]; zero if it has none
	Attempts int      // how often it was tried
	Err      error    // the cause
}

func (e *Error) Error() string {
	text := e.Op.String()
	if e.Counter != "" {
		text += " " + strconv.Quote(e.Counter)
	}
	if e.Fate == cuenta.FateUnknown && e.Code == cuenta.Unknown {
		text += ": fate unknown"
	}
	if e.Attempts > 1 {
		text += fmt.Sprintf(" after %d attempts", e.Attempts)
	}
	if e.Fate == cuenta.FateUnknown && e.Identity != (Identity{}) {
		text += " as " + e.Identity.String()
	}
	return text + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is compares with a refusal of the server by its code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*cuenta.Error)
	return ok && t.Code == e.Code
}

// Identity names one change, on whichever way it was sent. It can be compared,
// kept, and given to [Client.Outcome] of another client of the same server.
type Identity struct {
	Key             string // an idempotency key, or
	Session, Number uint64 // a number in a session
}

// String returns the key, or session and number as in 5fd0c2e19a3b7746/12.
func (id Identity) String() string {
	if id.Session == 0 {
		return id.Key
	}
	text := append(cuenta.AppendSession(nil, id.Session), '/')
	return string(strconv.AppendUint(text, id.Number, 10))
}

func identityOf(id cuenta.Identity) Identity {
	return Identity{Key: string(id.Key), Session: id.Session, Number: id.Number}
}
