package limit

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// received returns how many bytes have arrived on a connection and were not read
// yet.
func received(conn net.Conn) int {
	system, ok := conn.(syscall.Conn)
	if !ok {
		return unknown
	}
	raw, err := system.SyscallConn()
	if err != nil {
		return 0 // it is closed
	}
	n, failed := 0, error(nil)
	if err := raw.Control(func(fd uintptr) { n, failed = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }); err != nil {
		return 0 // it is closed
	}
	if failed != nil {
		return unknown
	}
	return n
}
