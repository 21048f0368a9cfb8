//go:build !linux

package stream

import "net"

func (s *Server) newShell(l net.Listener) (shell, error) { return newGoroutines(s, l), nil }
