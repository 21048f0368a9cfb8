package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/accept"
)

const (
	front = cuenta.FrontSHM

	// maxRefusing is how many programs are told at a time that there is no room
	// for them; what comes beyond is closed without a word.
	maxRefusing = 32
)

// Server hands out rings on one Unix listener.
type Server struct {
	conf  Config
	cells *os.File // for reading only; nil if there are none

	ctx      context.Context // ends when a drain runs out of time
	cut      context.CancelFunc
	stopping chan struct{} // closed when a drain begins

	mu       sync.Mutex
	listener *net.UnixListener
	living   map[*client]struct{}
	refusing map[*client]struct{}
	tasks    sync.WaitGroup // Serve and the clients
}

// New returns a server that is yet to be given its listener.
func New(c Config) (*Server, error) {
	s := &Server{
		conf:     c.withDefaults(),
		stopping: make(chan struct{}),
		living:   make(map[*client]struct{}),
		refusing: make(map[*client]struct{}),
	}
	if c.Cells != nil {
		// The programs are not ours to trust, so this does not rely on whoever
		// made the cells to have done it.
		err := c.Cells.OnlyReaders()
		if err == nil {
			s.cells, err = c.Cells.ForReading()
		}
		if err != nil {
			return nil, fmt.Errorf("shm: %w", err)
		}
	}
	s.ctx, s.cut = context.WithCancel(context.Background())
	return s, nil
}

// Serve serves the listener, which must be one of Unix stream sockets, until it
// fails, which is an error, or [Server.Drain] is called, which is none. It is
// called once, and closes l.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close() // Drain closes it too; whoever is second has nothing to tell
	ul, ok := l.(*net.UnixListener)
	if !ok {
		return fmt.Errorf("shm: needs a Unix listener, not a %T", l)
	}
	s.mu.Lock()
	s.listener = ul
	if s.draining() {
		s.mu.Unlock()
		return nil
	}
	s.tasks.Add(1) // a drain waits for Serve as well
	s.mu.Unlock()
	defer s.tasks.Done()
	err := accept.Until(s.stopping, func() error {
		conn, err := ul.AcceptUnix()
		if err == nil {
			s.admit(conn)
		}
		return err
	}, func(err error, pause time.Duration) {
		s.conf.Log.Warn("cannot accept a program, will try again", "front", front, "error", err, "pause", pause)
	})
	if err != nil {
		return fmt.Errorf("shm: accepting programs: %w", err)
	}
	return nil
}

// admit begins to serve a program, or to tell it that there is no room.
func (s *Server) admit(conn *net.UnixConn) {
	c := &client{s: s, conn: conn}
	s.mu.Lock()
	defer s.mu.Unlock()
	room := len(s.living) < s.conf.MaxClients
	switch {
	case s.draining():
		conn.Close() // there is nobody to tell
	case room:
		s.living[c] = struct{}{}
		s.tasks.Go(func() { c.serve(cuenta.OK) })
	default:
		if len(s.refusing) >= maxRefusing {
			s.conf.Traffic.Refused.Add(1)
			conn.Close() // likewise
			return
		}
		s.refusing[c] = struct{}{}
		s.tasks.Go(func() { c.serve(cuenta.Busy) })
	}
}

func (s *Server) strike(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.living, c)
	delete(s.refusing, c)
}

func (s *Server) draining() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}

// Drain stops accepting, answers what is on the rings, ends them, and returns
// when all is gone. When ctx ends, what still waits for its turn is given up. It
// is called once.
func (s *Server) Drain(ctx context.Context) error {
	s.mu.Lock()
	close(s.stopping)
	if s.listener != nil {
		s.listener.Close() // Serve closes it too; whoever is second has nothing to tell
	}
	for c := range s.living {
		c.stop()
	}
	for c := range s.refusing {
		c.stop()
	}
	s.mu.Unlock()

	gone := make(chan struct{})
	go func() {
		s.tasks.Wait()
		close(gone)
	}()
	var err error
	select {
	case <-gone:
	case <-ctx.Done():
		err = fmt.Errorf("shm: programs were cut off: %w", ctx.Err())
		s.cut()
		<-gone
	}
	s.cut()
	if s.cells != nil {
		err = errors.Join(err, s.cells.Close())
	}
	return err
}
