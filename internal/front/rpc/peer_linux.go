package rpc

import (
	"fmt"
	"net"
	"syscall"
)

// peerOf names the far side of a connection. A Unix socket's has no address, so
// it is named by the user and the process that connected.
func peerOf(conn net.Conn) string {
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		return conn.RemoteAddr().String()
	}
	raw, err := unix.SyscallConn()
	if err != nil {
		return "unix"
	}
	var peer *syscall.Ucred
	var refused error
	err = raw.Control(func(fd uintptr) {
		peer, refused = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err != nil || refused != nil {
		return "unix"
	}
	return fmt.Sprintf("uid %d pid %d", peer.Uid, peer.Pid)
}
