package udp

import (
	"encoding/binary"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// Flags for ReadBatch.
const (
	wait     = 0
	dontWait = unix.MSG_DONTWAIT
)

// controlSize is room for the control message that carries the count of drops,
// and for one more. It is that of the largest word size.
const controlSize = 64

// countDrops has the kernel tell with each datagram how many it has dropped
// so far for want of room.
func countDrops(conn net.PacketConn) error {
	return control(conn, func(fd int) error {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1)
	})
}

// granted returns the size of the receive buffer as the kernel counts it, which
// includes its own bookkeeping; 0 if unknown.
func granted(conn net.PacketConn) (size int) {
	err := control(conn, func(fd int) (err error) {
		size, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		return err
	})
	if err != nil {
		return 0
	}
	return size
}

// control calls f with the socket's descriptor, if it has one.
func control(conn net.PacketConn, f func(fd int) error) error {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = f(int(fd)) }); err != nil {
		return err
	}
	return failed
}

// drops follows the kernel's count of dropped datagrams, which is a u32 that
// wraps.
type drops struct{ last uint32 }

// since reads a datagram's control messages and returns how many datagrams were
// dropped since the one before.
func (d *drops) since(oob []byte) int64 {
	for len(oob) > 0 {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return 0 // cut off: the next datagram tells the same and more
		}
		if h.Level == unix.SOL_SOCKET && h.Type == unix.SO_RXQ_OVFL && len(data) >= 4 {
			now := binary.NativeEndian.Uint32(data)
			n := now - d.last
			d.last = now
			return int64(n)
		}
		oob = rest
	}
	return 0
}
