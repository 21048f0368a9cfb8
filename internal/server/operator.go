package server

import (
	"context"
	"fmt"

	"github.com/cuenta-server/cuenta"
)

// Server is the [cuenta.Operator] of both consoles.
var _ cuenta.Operator = (*Server)(nil)

// Services implements [cuenta.Operator].
func (s *Server) Services(ctx context.Context) ([]cuenta.ServiceStatus, error) {
	if front := s.workers.Load(); front != nil {
		front.Workers() // brings the traffic of its processes up to date
	}
	all := make([]cuenta.ServiceStatus, 0, len(s.fronts))
	for _, f := range s.fronts {
		all = append(all, f.status())
	}
	return all, nil
}

// Start implements [cuenta.Operator].
func (s *Server) Start(ctx context.Context, name string) error {
	f, err := s.findFront(name)
	if err != nil {
		return err
	}
	if f.address == "" {
		return &cuenta.Error{Code: cuenta.NotFound,
			Text: fmt.Sprintf("the front %s was left out when the server was started; start the server with --%s ADDRESS", name, name)}
	}
	if err := f.start(); err != nil {
		return err
	}
	s.log.Info("started", "front", name, "address", f.status().Address)
	return nil
}

// Stop implements [cuenta.Operator].
func (s *Server) Stop(ctx context.Context, from cuenta.Origin, name string) error {
	f, err := s.findFront(name)
	if err != nil {
		return err
	}
	if name == cuenta.FrontSocket {
		return &cuenta.Error{Code: cuenta.Unsupported, Text: "the local console is always there; it ends with the server"}
	}
	if from.Front != name {
		return s.drain(f)
	}
	// The answer to this very request is still to be written by the front.
	s.pending.Go(func() {
		if err := s.drain(f); err != nil {
			s.log.Warn("not every client could be waited for", "front", name, "error", err)
		}
	})
	return nil
}

// drain does not end with the request that asked for it: a front that is half
// stopped would help nobody.
func (s *Server) drain(f *front) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	if err := f.stop(ctx); err != nil {
		return err
	}
	s.log.Info("stopped", "front", f.name)
	return nil
}

// maxListed is how many counters one call lists at most.
const maxListed = 1000

// List implements [cuenta.Operator].
func (s *Server) List(ctx context.Context, prefix string, cursor uint64, limit int) ([]cuenta.Counter, uint64, error) {
	return s.engine.List(ctx, cuenta.ClassRemote, prefix, cursor, min(max(limit, 1), maxListed))
}

// Count implements [cuenta.Operator].
func (s *Server) Count() uint64 { return s.engine.Count() }
