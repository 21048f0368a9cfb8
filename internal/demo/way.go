package demo

import (
	"context"
	"errors"
	"strings"

	"github.com/cuenta-server/cuenta"
)

// operation is one increment by 1. Every attempt at it is the same operation.
type operation struct {
	counter string

	// once says whether it has an identity. Each protocol has its own form of it:
	// the key, or the number within a session of the client's.
	once   bool
	key    string
	number uint64
}

// way is one client's way in. Only one goroutine uses it.
type way interface {
	// attempt asks for the operation once and returns the counter's value. A
	// *refusal is an answer; any other error means that none came, and the way is
	// ready for the next attempt.
	attempt(ctx context.Context, op *operation) (value int64, err error)

	close()
}

// refusal is an answer that says no.
type refusal struct {
	said  string
	again bool // nothing was changed, and the next attempt may fare better
}

func (r *refusal) Error() string { return "refused: " + r.said }

// refusedBy makes a refusal of a code's name on the wire and what follows it.
func refusedBy(code, text string) *refusal {
	said := strings.TrimSpace(code + ": " + text)
	e, known := cuenta.ParseError(said)
	return &refusal{said, known && passing(e.Code)}
}

// passing reports whether a refusal is of the moment. Unknown belongs here too: the
// identity settles it.
func passing(code cuenta.Code) bool {
	switch code {
	case cuenta.Busy, cuenta.Full, cuenta.Canceled, cuenta.Stopping, cuenta.Failed, cuenta.Unknown:
		return true
	}
	return false
}

// isFinal reports whether no further attempt can do better.
func isFinal(err error) bool {
	r, refused := errors.AsType[*refusal](err)
	return refused && !r.again
}

// errStrange says that an answer cannot be read.
var errStrange = errors.New("the answer is not of this protocol")
