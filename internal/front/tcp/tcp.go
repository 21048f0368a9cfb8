// Package tcp is the way in over TCP served by threads: the text protocol, one
// goroutine per connection.
//
// A connection's goroutine reads whatever has arrived, decodes all of it into
// one batch, hands that to the service, and writes all answers at once. So a
// client that sends many commands without waiting pays for one read, one turn
// of the service and one write, however many they are; and since it is not read
// again before its answers are written, a client that does not read its answers
// stops itself and nobody else.
package tcp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/cuenta-server/cuenta"
)

// Config is what a server needs. A zero limit stands for its default.
type Config struct {
	Service cuenta.Service
	Traffic *cuenta.Traffic
	Log     *slog.Logger // nil logs nothing

	// MaxConns is how many connections are served at once; a further one is
	// told that the server is busy and closed. Default 10,000.
	MaxConns int

	// IdleTimeout closes a connection that says nothing. Default 10 minutes.
	IdleTimeout time.Duration

	// LineTimeout closes a connection that does not finish a line it has begun.
	// Default 30 seconds.
	LineTimeout time.Duration

	// WriteTimeout closes a connection that does not take its answers. Default
	// 10 seconds.
	WriteTimeout time.Duration
}

// Server serves the text protocol on one listener.
type Server struct {
	service cuenta.Service
	traffic *cuenta.Traffic
	log     *slog.Logger
	limits  Config

	ctx       context.Context // ends with the drain
	cut       context.CancelFunc
	batches   sync.Pool      // of *cuenta.Batch
	outputs   sync.Pool      // of *[]byte
	stopping  chan struct{}  // closed when a drain begins
	accepting sync.WaitGroup // Serve

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]struct{} // all that are open, those being refused too
	served   int                   // of them, those that are served
	refused  int                   // of them, those that are being told so
	empty    chan struct{}         // closed when a drain has no connection left
}

// New returns a server that is yet to be given its listener.
func New(c Config) *Server {
	c.MaxConns = cmp.Or(c.MaxConns, 10_000)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 10*time.Minute)
	c.LineTimeout = cmp.Or(c.LineTimeout, 30*time.Second)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, 10*time.Second)
	s := &Server{
		service:  c.Service,
		traffic:  c.Traffic,
		log:      c.Log,
		limits:   c,
		stopping: make(chan struct{}),
		conns:    make(map[net.Conn]struct{}),
		empty:    make(chan struct{}),
	}

	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.ctx, s.cut = context.WithCancel(context.Background())
	s.batches.New = func() any { return new(cuenta.Batch) }
	s.outputs.New = func() any { return new([]byte) }
	return s
}

// Serve accepts connections until the listener fails, which is an error, or
// [Server.Drain] is called, which is none. It is called once, and closes l.
func (s *Server) Serve(l net.Listener) error {
	// Drain closes the listener too; whoever is second gets an error that tells nothing.
	defer func() { _ = l.Close() }()
	s.mu.Lock()
	if s.draining() {
		s.mu.Unlock()
		return nil
	}
	s.listener = l
	s.accepting.Add(1)
	s.mu.Unlock()
	defer s.accepting.Done()
	for pause := time.Duration(0); ; {
		conn, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			s.admit(conn)
		case s.draining():
			return nil
		case passing(err):
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.log.Warn("cannot accept a connection, will try again", "front", cuenta.FrontTCP, "error", err, "pause", pause)
			s.sleep(pause)
		default:
			return fmt.Errorf("tcp: accepting connections: %w", err)
		}
	}
}

// passing reports whether an error of Accept is worth another try: a client
// that gave up first, or a machine short of something that may come back.
func passing(err error) bool {
	for _, e := range []error{
		syscall.ECONNABORTED, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EINTR,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (s *Server) sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.stopping:
	}
}

func (s *Server) draining() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}

// admit serves a connection in a goroutine of its own, if there is room.
func (s *Server) admit(nc net.Conn) {
	s.mu.Lock()
	room := s.served < s.limits.MaxConns
	told := !room && s.refused < maxRefusing
	switch {
	case room:
		s.served++
	case told:
		s.refused++
	}
	if room || told {
		s.conns[nc] = struct{}{}
	}
	s.mu.Unlock()

	switch {
	case room:
		s.traffic.Accepted.Add(1)
		s.traffic.Open.Add(1)
		go s.serve(nc)
	case told:
		s.traffic.Refused.Add(1)
		go s.refuse(nc)
	default:
		s.traffic.Refused.Add(1)
		// Nothing was said to it, so nothing can be lost.
		_ = nc.Close()
	}
}

// forget closes a connection and takes it off the books.
func (s *Server) forget(nc net.Conn, counter *int) {
	// All that was to be said has been written; a failure to close changes nothing.
	_ = nc.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, nc)
	*counter--
	if s.draining() {
		s.checkEmpty()
	}
}

// checkEmpty ends the drain when nothing is left. Called with mu held, and only
// when no connection can come in any more or one has just gone.
func (s *Server) checkEmpty() {
	if len(s.conns) > 0 {
		return
	}
	select {
	case <-s.empty: // an earlier drain has found so
	default:
		close(s.empty)
	}
}

// Drain accepts no more connections, answers the lines that were received, and
// closes. When ctx ends first, what is left is cut off and the error says so.
func (s *Server) Drain(ctx context.Context) error {
	s.mu.Lock()
	if !s.draining() {
		close(s.stopping)
	}
	if s.listener != nil {
		// Serve closes it as well; whoever is second gets an error that tells nothing.
		_ = s.listener.Close()
	}
	s.mu.Unlock()
	s.accepting.Wait()

	s.mu.Lock()
	for nc := range s.conns {
		// Wakes it up, so that it sees the drain. A connection that has failed
		// wakes up by itself.
		_ = nc.SetReadDeadline(past)
	}
	s.checkEmpty()
	s.mu.Unlock()

	defer s.cut()
	select {
	case <-s.empty:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for nc := range s.conns {
		_ = nc.Close() // its goroutine finds out, and forgets it
	}
	if len(s.conns) == 0 {
		return nil
	}
	return fmt.Errorf("tcp: %d connections cut off: %w", len(s.conns), ctx.Err())
}
