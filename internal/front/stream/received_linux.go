package stream

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// received returns how many bytes have arrived on a socket and were not read
// yet.
func received(fd int) int {
	n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	if err != nil {
		return 0 // it has failed
	}
	return n
}

// receivedOn is received for a connection of the runtime's, or a bound on it
// where it cannot be known.
func receivedOn(nc net.Conn) int {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return maxUnheard
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0 // it is closed
	}
	n := 0
	if err := raw.Control(func(fd uintptr) { n = received(int(fd)) }); err != nil {
		return 0 // it is closed
	}
	return n
}
