package stream

import "net"

// newShell picks the loop for plain TCP, and goroutines for whatever else there
// may be behind a listener.
func (s *Server) newShell(l net.Listener) (shell, error) {
	if tcp, ok := l.(*net.TCPListener); ok && !s.conf.Goroutines {
		return newLoop(s, tcp)
	}
	return newGoroutines(s, l), nil
}
