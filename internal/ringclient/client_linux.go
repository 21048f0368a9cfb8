package ringclient

import (
	"context"
	"fmt"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/shm"
)

// Client is a program's end of the rings. It is safe for concurrent use.
type Client struct{}

// Dial connects to the server that listens on the Unix socket at path. ctx is
// about the connecting alone.
func Dial(ctx context.Context, path string) (*Client, error) {
	return nil, fmt.Errorf("connecting to %s: %w", path, shm.ErrUnsupported)
}

// Do has the server carry out the batch and returns when its Results are there.
// What a batch is, the root package says; the batch's origin and class are the
// server's to know. A nil error says that every request was answered, if only
// with a refusal; any other is an [*Error].
//
// The end of ctx gives the batch up: one that still waits for room on the ring is
// not applied, the fate of one that is under way is unknown. The batch is the
// caller's again when Do returns, in any case.
func (c *Client) Do(ctx context.Context, b *cuenta.Batch) error { return shm.ErrUnsupported }

// Submit puts the batch on the ring and returns; done is called once, when the
// batch's Results are there, with what Do would have returned. The names and keys
// in the batch are the caller's again when Submit returns, the batch itself when
// done is called. Batches are carried out in the order of their submission.
//
// done is called on a goroutine that serves others too, so it must not block and
// not use the client. If Submit fails, which it does with an [*Error] whose fate
// is NotApplied, done is not called. It waits only while there are
// [cuenta.MaxBatch] requests under way; the end of ctx gives that up.
func (c *Client) Submit(ctx context.Context, b *cuenta.Batch, done func(error)) error {
	return shm.ErrUnsupported
}

// Close ends the client. What is under way is given up, its fate unknown.
func (c *Client) Close() error { return nil }
