package stream

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// keepAliveAfter is how many seconds of silence let the kernel ask whether the
// peer is still there.
const keepAliveAfter = 60

// The kernel keeps megabytes for a connection that neither reads nor is read, and
// has a bound on those of all together: beyond it everybody's packets are dropped,
// and it takes seconds to connect. So a connection may have no more than this.
const (
	maxUnsent = 256 << 10 // of answers, beside what is on its way
	maxWindow = 128 << 10 // of commands that were not read yet
)

// acceptor takes in connections for a loop. What comes in is never made known
// to the runtime's poller, which would wake up for every packet. The listener
// itself is waited for by the runtime, through a file of its own, since package
// net lends a listener's descriptor only for a moment.
type acceptor struct {
	*loop
	file     *os.File // referenced, or its finalizer would close it
	listener syscall.RawConn
}

// arrival is a connection that was accepted and is not yet the loop's.
type arrival struct {
	fd    int
	place place
	peer  string
	local string
}

// newAcceptor takes the listener over.
func newAcceptor(l *loop, listener *net.TCPListener) (acceptor, error) {
	file, err := listener.File()
	if err != nil {
		return acceptor{}, fmt.Errorf("taking over the listener: %w", err)
	}
	_ = listener.Close() // the file keeps the socket open
	raw, err := file.SyscallConn()
	if err != nil {
		_ = file.Close() // the first error tells more
	}
	return acceptor{l, file, raw}, err
}

// accept hands over all connections that have come in, waiting for the first.
func (a acceptor) accept() (err error) {
	closed := a.listener.Read(func(fd uintptr) bool {
		for !a.draining() {
			var conn int
			var from unix.Sockaddr
			conn, from, err = unix.Accept4(int(fd), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
			switch err {
			case nil:
				a.takeIn(conn, from)
			case unix.EAGAIN:
				err = nil
				return false
			case unix.EINTR, unix.ECONNABORTED: // a signal, or a client that gave up first
			default:
				return true
			}
		}
		return true
	})
	if closed != nil {
		return closed
	}
	return err
}

// takeIn hands over one connection. Only here is it logged: the log may block,
// and the loop must not.
func (a acceptor) takeIn(fd int, from unix.Sockaddr) {
	peer := address(from)
	p := a.enter()
	switch p {
	case served:
		a.conf.Log.Info("new connection", "peer", peer)
	case refused, nothing:
		a.conf.Log.Debug("connection refused", "peer", peer, "reason", "at the limit")
	}
	if p == nothing {
		// Nothing was said to it, so nothing can be lost.
		_ = unix.Close(fd)
		return
	}
	setOptions(fd)
	local := ""
	if to, err := unix.Getsockname(fd); err == nil {
		local = address(to)
	}
	a.hand(arrival{fd, p, peer, local})
}

// setOptions has answers leave at once, dead peers be noticed, and the kernel keep
// little for those that do not read. It can fail only on a connection that has
// failed, which shows when it is read.
func setOptions(fd int) {
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, keepAliveAfter)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxUnsent)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_WINDOW_CLAMP, maxWindow)
}

// address writes a socket's address as package net does.
func address(sa unix.Sockaddr) string {
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)).String()
	case *unix.SockaddrInet6:
		ip := netip.AddrFrom16(a.Addr).Unmap()
		if a.ZoneId != 0 {
			ip = ip.WithZone(fmt.Sprint(a.ZoneId))
		}
		return netip.AddrPortFrom(ip, uint16(a.Port)).String()
	}
	return ""
}
