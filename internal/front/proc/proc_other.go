//go:build !linux

package proc

import (
	"context"
	"fmt"
	"net"
	"os"

	"github.com/cuenta-server/cuenta/internal/shm"
)

// Server needs Linux.
type Server struct{}

// New fails: the workers need memory and descriptors shared in ways that only
// Linux has.
func New(Config) (*Server, error) { return nil, fmt.Errorf("proc needs Linux: %w", shm.ErrUnsupported) }

// Serve fails: see [New].
func (s *Server) Serve(net.Listener) error { return shm.ErrUnsupported }

// Drain has nothing to do.
func (s *Server) Drain(context.Context) error { return nil }

// Workers returns nothing.
func (s *Server) Workers() []Worker { return nil }

// Main fails: see [New].
func Main() int {
	fmt.Fprintln(os.Stderr, "cuenta worker:", shm.ErrUnsupported)
	return 1
}
