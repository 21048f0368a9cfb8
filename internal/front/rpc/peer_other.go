//go:build !linux

package rpc

import "net"

// peerOf names the far side of a connection. Who connected to a Unix socket is
// not known here.
func peerOf(conn net.Conn) string {
	if _, ok := conn.(*net.UnixConn); ok {
		return "unix"
	}
	return conn.RemoteAddr().String()
}
