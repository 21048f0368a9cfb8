package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/inspect"
)

func listenTCP(front, address string) (*net.TCPListener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, listenError(front, "tcp", address, err)
	}
	return l.(*net.TCPListener), nil
}

func listenUDP(front, address string) (*net.UDPConn, error) {
	p, err := net.ListenPacket("udp", address)
	if err != nil {
		return nil, listenError(front, "udp", address, err)
	}
	return p.(*net.UDPConn), nil
}

// listenError says what an operator needs to know of an address that cannot be
// had: which, for which front, who holds it, what to do.
func listenError(front, network, address string, err error) error {
	_, service, _ := net.SplitHostPort(address)
	port, numErr := strconv.Atoi(service)
	if !errors.Is(err, syscall.EADDRINUSE) || numErr != nil {
		return fmt.Errorf("the front %s cannot listen on %s %s: %w", front, network, address, err)
	}
	holder := "another process"
	if name, known := inspect.Holder(network, port); known {
		holder = name
	}
	text := fmt.Sprintf("port %d (%s) of the front %s is busy: %s holds it; end that, or choose another address with --%s",
		port, network, front, holder, front)
	return &cuenta.Error{Code: cuenta.Busy, Text: text}
}

// listenUnix binds a front's socket for its owner alone. A socket file that nobody
// listens on was left by a server that was killed, and is replaced.
func listenUnix(front, path string) (*net.UnixListener, error) {
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&os.ModeSocket == 0 {
			return nil, fmt.Errorf("%s exists and is not a socket; move it away, or choose another path with --%s", path, front)
		}
		if conn, err := net.Dial("unix", path); err == nil {
			return nil, errors.Join(fmt.Errorf("another server listens on the socket %s; end it, or choose another path with --%s", path, front), conn.Close())
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("replacing the socket %s: %w", path, err)
		}
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("the front %s cannot listen on %s: %w", front, path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("closing the socket %s to others: %w", path, err), l.Close())
	}
	return l, nil
}
