package proc

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/cuenta-server/cuenta/internal/front/accept"
)

// serveEach starts a worker for each connection.
func (s *Server) serveEach(l *net.TCPListener) error {
	err := accept.Until(s.stopping, func() error {
		conn, err := l.AcceptTCP()
		if err == nil {
			s.admit(conn)
		}
		return err
	}, func(err error, pause time.Duration) {
		s.conf.Log.Warn("cannot accept a connection, will try again", "front", front, "error", err, "pause", pause)
	})
	if err != nil {
		return fmt.Errorf("proc: accepting connections: %w", err)
	}
	return nil
}

// admit hands a connection over to a worker of its own, if there is room.
func (s *Server) admit(conn *net.TCPConn) {
	peer := conn.RemoteAddr().String()
	s.mu.Lock()
	full := len(s.living) >= s.conf.MaxWorkers
	s.mu.Unlock()
	if full {
		s.refuse(conn, peer, "at the limit")
		return
	}
	socket, err := duplicateSocket(conn, "connection")
	if err != nil {
		s.refuse(conn, peer, err.Error())
		return
	}
	p, err := s.start(socket, peer)
	socket.Close() // the worker has its own, or there is none
	if err != nil {
		s.conf.Log.Error("cannot start a worker", "front", front, "peer", peer, "error", err)
		s.refuse(conn, peer, "no worker")
		return
	}
	conn.Close() // likewise
	s.conf.Log.Info("new connection", "front", front, "peer", peer, "worker", p.told.PID)
	s.conf.Traffic.Accepted.Add(1)
	s.conf.Traffic.Open.Add(1)
	p.told.Open, p.told.Accepted = 1, 1
	s.enlist(p)
	s.tasks.Go(func() {
		p.serve()
		s.strike(p)
	})
}

// refuse tells a client that there is no room for it, without making anyone
// wait; when too many are being told already, the next are just closed.
func (s *Server) refuse(conn *net.TCPConn, peer, reason string) {
	s.conf.Traffic.Refused.Add(1)
	s.conf.Log.Debug("connection refused", "front", front, "peer", peer, "reason", reason)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusing >= maxRefusing || s.draining() {
		conn.Close() // there is nobody to tell
		return
	}
	s.refusing++
	s.tasks.Go(func() {
		s.sayBusy(conn)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.refusing--
	})
}

func (s *Server) sayBusy(conn *net.TCPConn) {
	defer conn.Close()
	if conn.SetDeadline(time.Now().Add(lingering/4)) != nil {
		return // it is gone
	}
	n, err := conn.Write(busy)
	s.conf.Traffic.BytesOut.Add(int64(n))
	if err != nil || conn.CloseWrite() != nil {
		return
	}
	// Nothing the client says now counts, nor how it ends; but it must not be
	// answered with a reset, which may overtake the refusal.
	_, _ = io.CopyN(io.Discard, conn, maxUnheard)
}

// servePool keeps the pool's workers alive. They accept for themselves, so a
// worker that is stopped or busy leaves new connections to the others.
func (s *Server) servePool(l *net.TCPListener) error {
	socket, err := duplicateSocket(l, "listener")
	if err != nil {
		return fmt.Errorf("proc: %w", err)
	}
	defer socket.Close() // when no more workers are born
	first := make([]*process, 0, s.conf.Workers)
	for range s.conf.Workers {
		p, err := s.start(socket, "")
		if err != nil {
			for _, p := range first {
				p.kill()
				p.serve()
			}
			return fmt.Errorf("proc: %w", err)
		}
		first = append(first, p)
	}
	var places sync.WaitGroup
	for _, p := range first {
		s.enlist(p)
		places.Go(func() { s.keep(p, socket) })
	}
	places.Wait()
	return nil
}

// keep serves one place of the pool: a worker, and whoever comes after it.
func (s *Server) keep(p *process, socket *os.File) {
	pause := s.rhythm.first
	for {
		if p != nil {
			s.conf.Log.Debug("worker started", "front", front, "worker", p.told.PID)
			p.serve()
			s.strike(p)
			if time.Since(p.started) > s.rhythm.long {
				pause = s.rhythm.first
			}
		}
		if s.draining() || !s.sleep(pause) {
			return
		}
		pause = min(2*pause, s.rhythm.longest)
		var err error
		if p, err = s.start(socket, ""); err != nil {
			s.conf.Log.Error("cannot start a worker, will try again", "front", front, "error", err, "pause", pause)
			p = nil
			continue
		}
		s.enlist(p)
	}
}
