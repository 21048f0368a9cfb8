package tcp

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// received returns how many bytes have arrived on a connection and were not
// read yet, or a bound on them where that cannot be known.
func received(nc net.Conn) int {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return maxUnheard
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0 // it is closed
	}
	n := 0
	if err := raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }); err != nil {
		return 0 // it is closed
	}
	if err != nil {
		return maxUnheard
	}
	return n
}
