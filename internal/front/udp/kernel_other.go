//go:build !linux

package udp

import "net"

// Flags for ReadBatch. Reading cannot be told not to wait here, so a drain ends
// with the batch that was read.
const (
	wait     = 0
	dontWait = wait
)

const controlSize = 0

func countDrops(net.PacketConn) error { return nil }

func granted(net.PacketConn) int { return 0 }

// drops has nothing to follow: only Linux tells with each datagram how many
// were dropped.
type drops struct{}

func (drops) since([]byte) int64 { return 0 }
