//go:build !linux

package local

import (
	"context"
	"fmt"
	"net"

	"github.com/cuenta-server/cuenta/internal/shm"
)

// Server needs Linux.
type Server struct{}

// New fails: memory and descriptors are shared in ways that only Linux has.
func New(Config) (*Server, error) {
	return nil, fmt.Errorf("shm needs Linux: %w", shm.ErrUnsupported)
}

// Serve fails: see [New].
func (s *Server) Serve(net.Listener) error { return shm.ErrUnsupported }

// Drain has nothing to do.
func (s *Server) Drain(context.Context) error { return nil }
