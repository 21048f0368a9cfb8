// Package udp is the way in over UDP: one command per datagram, one datagram
// per answer.
//
// One goroutine takes everything that has arrived, up to 256 datagrams with one
// system call, has it done as one batch, which is one commit, and sends all
// answers with one system call. While it waits for the commit, the kernel's
// buffer collects the next batch: the busier the socket, the larger the batches.
//
// UDP may lose a datagram on either way, so a client that hears nothing cannot
// know whether its command counted. If it had a key (id=), the client sends it
// again and hears what the first was answered. What the server can do, it does: when the
// message queue is full the sender is told to try again, and datagrams that the
// kernel had to drop before they were read are counted, where it tells (Linux).
//
// An answer is at most 64 bytes, so that a forged sender gains little by having
// answers sent to a victim, and an error is never answered, so that two servers
// cannot be set on each other.
package udp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/cuenta-server/cuenta"
)

// Config is what a server needs. A zero limit stands for its default.
type Config struct {
	Service cuenta.Service
	Traffic *cuenta.Traffic
	Log     *slog.Logger // nil logs nothing

	// ReadBuffer is the size asked for the kernel's receive buffer, in bytes;
	// the system may grant less. Default 4 MiB.
	ReadBuffer int
}

// Server serves the text protocol on one socket.
type Server struct {
	service  cuenta.Service
	traffic  *cuenta.Traffic
	log      *slog.Logger
	limits   Config
	ctx      context.Context // ends with the drain
	cut      context.CancelFunc
	stopping chan struct{} // closed when a drain begins

	mu     sync.Mutex
	conn   net.PacketConn // nil before Serve
	served chan struct{}  // closed when Serve returns; nil before
}

// past is a deadline that ends every wait at once.
var past = time.Unix(1, 0)

// New returns a server that is yet to be given its socket.
func New(c Config) *Server {
	c.ReadBuffer = cmp.Or(c.ReadBuffer, 4<<20)
	s := &Server{service: c.Service, traffic: c.Traffic, log: c.Log, limits: c, stopping: make(chan struct{})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.ctx, s.cut = context.WithCancel(context.Background())
	return s
}

// Serve answers datagrams until the socket fails, which is an error, or
// [Server.Drain] is called, which is none. It is called once, and closes conn.
func (s *Server) Serve(conn net.PacketConn) error {
	// An error of the last close tells nothing: every answer has been handed over.
	defer func() { _ = conn.Close() }()
	s.mu.Lock()
	if s.draining() {
		s.mu.Unlock()
		return nil
	}
	s.conn, s.served = conn, make(chan struct{})
	s.mu.Unlock()
	defer close(s.served)

	s.enlarge(conn)
	x := s.newExchange(conn)
	for pause := time.Duration(0); ; {
		err := x.turn(wait)
		switch {
		case err == nil:
			pause = 0
		case s.draining():
			x.conclude()
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("udp: reading: %w", err)
		default:
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.log.Warn("cannot read datagrams, will try again", "front", cuenta.FrontUDP, "error", err, "pause", pause)
			s.sleep(pause)
		}
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

func (s *Server) sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.stopping:
	}
}

// enlarge asks the kernel for a larger receive buffer: it has to hold what
// arrives during a commit.
func (s *Server) enlarge(conn net.PacketConn) {
	c, ok := conn.(interface{ SetReadBuffer(bytes int) error })
	if !ok {
		return
	}
	if err := c.SetReadBuffer(s.limits.ReadBuffer); err != nil {
		s.log.Warn("cannot set the size of the receive buffer", "front", cuenta.FrontUDP, "error", err)
	}
	s.log.Debug("receive buffer", "front", cuenta.FrontUDP, "asked", s.limits.ReadBuffer, "granted", granted(conn))
}

// Drain answers the datagrams that have been received and closes the socket.
// When ctx ends first, the socket is closed with them unanswered and the error
// says so.
func (s *Server) Drain(ctx context.Context) error {
	s.mu.Lock()
	if !s.draining() {
		close(s.stopping)
	}
	conn, served := s.conn, s.served
	s.mu.Unlock()
	defer s.cut()
	if conn == nil {
		return nil
	}
	// It fails when the socket is closed already, and then nobody waits.
	_ = conn.SetReadDeadline(past)
	select {
	case <-served:
		return nil
	case <-ctx.Done():
	}
	_ = conn.Close() // Serve closes it too
	return fmt.Errorf("udp: the last datagrams are unanswered: %w", ctx.Err())
}
