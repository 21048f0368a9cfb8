package stream

import "net"

// newShell picks the loop for plain TCP, and goroutines for whatever else there
// may be behind a listener.
func (s *Server) newShell(l net.Listener) (shell, error) {
	tcp, ok := l.(*net.TCPListener)
	if !ok || s.conf.Goroutines {
		return newGoroutines(s, l), nil
	}
	loop, err := newLoop(s)
	if err != nil {
		return nil, err
	}
	return loop, loop.serve(tcp)
}
