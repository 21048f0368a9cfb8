//go:build !linux

package ringclient

import (
	"context"
	"fmt"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/shm"
)

// Client needs Linux.
type Client struct{}

// Dial fails: memory and descriptors are shared here in ways that only Linux has.
func Dial(context.Context, string) (*Client, error) {
	return nil, fmt.Errorf("the shm front needs Linux: %w", shm.ErrUnsupported)
}

// Do fails: see [Dial].
func (c *Client) Do(context.Context, *cuenta.Batch) error { return shm.ErrUnsupported }

// Submit fails: see [Dial].
func (c *Client) Submit(context.Context, *cuenta.Batch, func(error)) error { return shm.ErrUnsupported }

// Close has nothing to do.
func (c *Client) Close() error { return nil }
