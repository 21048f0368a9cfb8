package proc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/spawn"
)

const front = cuenta.FrontProc

// lookPause is how far the front's traffic may be behind its workers.
const lookPause = time.Second

// rhythm is how a worker of a pool that died is replaced: after a first pause,
// twice as long each time, up to a longest; from the beginning again after a
// worker that lived long.
type rhythm struct{ first, longest, long time.Duration }

var defaultRhythm = rhythm{first: 20 * time.Millisecond, longest: time.Second, long: time.Second}

// Server serves the text protocol on one TCP listener.
type Server struct {
	conf        Config
	settings    settings
	environment []string // of the workers
	rhythm      rhythm
	cells       *os.File // for reading only; nil if there are none

	ctx      context.Context // ends when a drain runs out of time
	cut      context.CancelFunc
	stopping chan struct{} // closed when a drain begins
	mother   *spawn.Mother

	mu       sync.Mutex
	listener *net.TCPListener
	living   map[*process]struct{}
	refusing int
	tasks    sync.WaitGroup // workers, and clients that are being refused
}

// New returns a server that is yet to be given its listener.
func New(c Config) (*Server, error) {
	c = c.withDefaults()
	c.Executable = cmp.Or(c.Executable, "/proc/self/exe")
	s := &Server{
		conf: c,
		settings: settings{
			Pool: c.Workers > 0, Cells: c.Cells != nil, MaxConns: c.MaxConns,
			IdleTimeout: c.IdleTimeout, LineTimeout: c.LineTimeout, WriteTimeout: c.WriteTimeout,
		},
		rhythm:   defaultRhythm,
		stopping: make(chan struct{}),
		living:   make(map[*process]struct{}),
	}
	setting, err := s.settings.environment()
	if err != nil {
		return nil, err
	}
	s.environment = []string{setting}
	if c.Cells != nil {
		if s.cells, err = c.Cells.ForReading(); err != nil {
			return nil, fmt.Errorf("proc: %w", err)
		}
	}
	s.ctx, s.cut = context.WithCancel(context.Background())
	s.mother = spawn.New()
	return s, nil
}

// Serve serves the listener, which must be a TCP listener, until it fails, which
// is an error, or [Server.Drain] is called, which is none. It is called once,
// and closes l.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close() // Drain closes it too; whoever is second has nothing to tell
	tl, ok := l.(*net.TCPListener)
	if !ok {
		return fmt.Errorf("proc: needs a TCP listener, not a %T", l)
	}
	s.mu.Lock()
	s.listener = tl
	if s.draining() {
		s.mu.Unlock()
		return nil
	}
	s.tasks.Add(1) // a drain waits for Serve as well
	s.mu.Unlock()
	defer s.tasks.Done()
	s.tasks.Go(s.lookAround)
	if s.settings.Pool {
		return s.servePool(tl)
	}
	return s.serveEach(tl)
}

func (s *Server) draining() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}

// cutting reports whether a drain has run out of time.
func (s *Server) cutting() bool { return s.ctx.Err() != nil }

// Drain stops accepting, lets the workers answer what has arrived and end, and
// returns when all is gone. When ctx ends, what is left is killed. It is called
// once.
func (s *Server) Drain(ctx context.Context) error {
	s.mu.Lock()
	close(s.stopping)
	if s.listener != nil {
		s.closeListener()
	}
	for p := range s.living {
		p.drain()
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
		err = fmt.Errorf("proc: workers were cut off: %w", ctx.Err())
		s.cut()
		s.mu.Lock()
		for p := range s.living {
			p.kill()
		}
		s.mu.Unlock()
		<-gone
	}
	s.cut()
	s.mother.Retire()
	if s.cells != nil {
		err = errors.Join(err, s.cells.Close())
	}
	return err
}

// closeListener ends accepting. A pool's workers hold the listener open as well,
// perhaps one that is stopped, so closing it here would not be enough.
func (s *Server) closeListener() {
	if raw, err := s.listener.SyscallConn(); err == nil && s.settings.Pool {
		// Both fail only if it is closed already.
		_ = raw.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_RDWR) })
	}
	s.listener.Close() // Serve closes it too; whoever is second has nothing to tell
}

// lookAround brings the front's traffic up to date now and then: what workers do
// without asking the service shows there only when they are looked at.
func (s *Server) lookAround() {
	for s.sleep(lookPause) {
		s.Workers()
	}
}

// Workers returns the living workers by process id, and brings the front's
// traffic up to date, which otherwise is up to a second behind.
func (s *Server) Workers() []Worker {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Worker, 0, len(s.living))
	for p := range s.living {
		all = append(all, p.figures())
	}
	slices.SortFunc(all, func(a, b Worker) int { return cmp.Compare(a.PID, b.PID) })
	return all
}

// enlist takes a worker among the living, unless the server drains: then it is
// told at once.
func (s *Server) enlist(p *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.living[p] = struct{}{}
	if s.draining() {
		p.drain()
	}
}

func (s *Server) strike(p *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.living, p)
}

// sleep reports whether the time passed before a drain began.
func (s *Server) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.stopping:
		return false
	}
}
