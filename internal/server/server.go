package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/config"
	"github.com/cuenta-server/cuenta/internal/engine"
	"github.com/cuenta-server/cuenta/internal/front/proc"
	"github.com/cuenta-server/cuenta/internal/identity"
	"github.com/cuenta-server/cuenta/internal/watch"
)

const (
	// drainTime is how long the fronts may take to answer what they accepted.
	// The rest of the five seconds of a shutdown is for the journal's last sync.
	drainTime = 3500 * time.Millisecond

	// stopTime is the same for a front that is stopped alone.
	stopTime = 10 * time.Second
)

// Config says what to serve.
type Config struct {
	config.Serve
	Version string
	Banner  io.Writer    // where the banner goes; nil for nowhere
	Log     *slog.Logger // nil for none
}

// Server is an engine with its fronts.
type Server struct {
	config  Config
	log     *slog.Logger
	started time.Time
	engine  *engine.Engine
	watches *watch.Tally // of the engine's watches
	fronts  []*front
	reports chan struct{}               // one place for each that is being made
	workers atomic.Pointer[proc.Server] // the proc front that runs, if it does
	pending sync.WaitGroup              // fronts that are being stopped behind their own answer
}

// New recovers the data directory, binds every front and serves. When it fails
// everything it began is ended again.
func New(c Config) (_ *Server, err error) {
	if c.Banner == nil {
		c.Banner = io.Discard
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{config: c, log: c.Log, started: time.Now(), reports: make(chan struct{}, maxReports)}
	fmt.Fprintln(c.Banner, "Configuraciones Completas")
	if s.engine, err = engine.Open(engine.Config{Dir: c.Data, Log: c.Log, Identities: identity.Config{
		Memory: c.IdentityMemory, Retention: c.KeyRetention, Idle: c.SessionIdle,
	}}); err != nil {
		return nil, explainEngine(err, c.Data)
	}
	s.watches = watch.NewTally(s.engine)
	s.reportRecovery()
	s.fronts = s.makeFronts()
	if err := s.startAll(); err != nil {
		return nil, errors.Join(err, s.end())
	}
	if c.Addresses != "" {
		if err := writeAddresses(c.Addresses, s.fronts); err != nil {
			return nil, errors.Join(err, s.end())
		}
	}
	return s, nil
}

func (s *Server) startAll() error {
	for _, f := range s.fronts {
		if f.address == "" {
			continue
		}
		if err := f.start(); err != nil {
			return explainFront(f.name, err)
		}
		if f.banner != "" {
			fmt.Fprintf(s.config.Banner, f.banner+"\n", portOf(f.status().Address))
		}
		s.log.Info("listening", "front", f.name, "address", f.status().Address)
	}
	return nil
}

func (s *Server) reportRecovery() {
	r := s.engine.Recovery()
	s.log.Info("recovered", "directory", s.config.Data, "counters", r.Counters, "sessions", r.Sessions, "keys", r.Keys, "sequence", r.Sequence,
		"records", r.Records, "sealed", r.Sealed, "took", r.Elapsed)
	if r.Cut != nil {
		s.log.Warn("the last stop was not a clean one: the group that was being written was cut; nobody was told it was counted",
			"file", r.Cut.File, "offset", r.Cut.Offset, "bytes", r.Cut.Bytes)
	}
}

// Close drains: no front accepts any more, what was accepted is answered, the
// journal is synced and sealed. It takes less than five seconds; clients that
// are not done by then are cut. It returns the error that poisoned the engine,
// if one did.
func (s *Server) Close() error {
	s.log.Info("draining")
	return s.end()
}

func (s *Server) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	var all sync.WaitGroup
	for _, f := range s.fronts {
		all.Go(func() {
			if err := f.stop(ctx); err != nil {
				s.log.Warn("not every client could be waited for", "front", f.name, "error", err)
			}
		})
	}
	all.Wait()
	s.pending.Wait()
	err := s.engine.Close()
	if path := s.config.Addresses; path != "" {
		if rmErr := os.Remove(path); rmErr != nil && !errors.Is(rmErr, os.ErrNotExist) {
			s.log.Warn("the addresses file stays behind", "file", path, "error", rmErr)
		}
	}
	return err
}

// findFront returns a front by name.
func (s *Server) findFront(name string) (*front, error) {
	for _, f := range s.fronts {
		if f.name == name {
			return f, nil
		}
	}
	return nil, &cuenta.Error{Code: cuenta.NotFound, Text: fmt.Sprintf("no front is named %q; there are: %s", name, s.names())}
}

func (s *Server) names() string {
	text := ""
	for _, f := range s.fronts {
		if text != "" {
			text += ", "
		}
		text += f.name
	}
	return text
}
