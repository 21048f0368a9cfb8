// Package ringclient asks a server on the same machine over rings in shared
// memory: the near side of the front named shm.
//
// A [Client] dials the server's Unix socket, over which it is handed the memory,
// and puts batches on the ring of requests. There is no thread between a caller
// and the ring: whoever waits for an answer and finds nobody looking for answers
// looks for them itself, a moment long, and hands over what it finds for others.
// Only then a goroutine of the client goes to sleep at the doorbell for all.
package ringclient

import (
	"errors"

	"github.com/cuenta-server/cuenta"
)

// ErrGone says that the server has ended or has cut the client off.
var ErrGone = errors.New("the server has gone")

// ErrClosed says that the client was closed.
var ErrClosed = errors.New("the client is closed")

// Error says that a batch was not answered. Every result of the batch then has
// the code that goes with the fate: [cuenta.Unknown], or [cuenta.Canceled] and
// [cuenta.Stopping] for a batch that was not applied.
type Error struct {
	// Fate is NotApplied if the server has not taken the batch and never will,
	// FateUnknown otherwise.
	Fate cuenta.Fate

	// Err is why: [ErrGone], [ErrClosed], or the error of the context.
	Err error
}

func (e *Error) Error() string {
	if e.Fate == cuenta.NotApplied {
		return e.Err.Error() + "; the batch was not applied"
	}
	return e.Err.Error() + "; whether the batch was applied is unknown"
}

func (e *Error) Unwrap() error { return e.Err }
