package shm

import (
	"fmt"
	"net"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// SocketBell is the doorbells of both ends over the Unix socket that connects
// them: a byte rings, and the socket's end tells of the other end's. It is for
// peers that are not ours. An eventfd's blocking mode, which both of its holders
// share, would let such a peer hold a thread of the other for ever; the two ends
// of a socket share nothing. It serves, like [Doorbell], a sleeper that has said
// so in shared memory.
type SocketBell struct {
	mine, peers *atomic.Uint32 // the flags of who sleeps
	conn        *net.UnixConn
	raw         syscall.RawConn
	send        func(fd uintptr) bool
	err         error // of the last send
	look        func(fd uintptr)
	there       bool      // as of the last look
	heard       [256]byte // rings that were not needed, mostly
}

// NewSocketBell makes the bell of one end: mine is the flag of this end, peers
// that of the other. The connection stays the caller's, who closes it.
func NewSocketBell(conn *net.UnixConn, mine, peers *atomic.Uint32) (*SocketBell, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("making a doorbell of a socket: %w", err)
	}
	b := &SocketBell{mine: mine, peers: peers, conn: conn, raw: raw}
	b.send = func(fd uintptr) bool {
		b.err = unix.Sendto(int(fd), []byte{1}, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil)
		switch b.err {
		case unix.EAGAIN: // the peer has not heard the rings before, which will wake it
			b.err = nil
		case unix.EPIPE, unix.ECONNRESET: // the peer is gone, as the next Wait tells
			b.err = nil
		}
		return true
	}
	b.look = func(fd uintptr) {
		for {
			n, err := unix.Read(int(fd), b.heard[:]) // never blocks: it is on the runtime's poller
			if n <= 0 || err != nil {                // 0 is the end, EAGAIN that there is nothing to hear
				b.there = err == unix.EAGAIN
				return
			}
		}
	}
	return b, nil
}

// There reports whether the other end is still there, now. Not while somebody
// waits.
func (b *SocketBell) There() bool {
	b.there = false
	return b.raw.Control(b.look) == nil && b.there
}

// Ring wakes the peer if it sleeps. One goroutine at a time.
func (b *SocketBell) Ring() error {
	if b.peers.Load() == 0 || b.peers.Swap(0) == 0 {
		return nil
	}
	err := b.raw.Write(b.send)
	if err == nil {
		err = b.err
	}
	if err != nil {
		return fmt.Errorf("ringing at the other end: %w", err)
	}
	return nil
}

// Wait returns when ready holds, or after a ring, whose reason may be gone
// already. It fails when the other end is gone, and at the connection's own close
// or deadline. One goroutine at a time.
func (b *SocketBell) Wait(ready func() bool) error {
	if Yield(ready) {
		return nil
	}
	b.mine.Store(1)
	if ready() {
		b.mine.Store(0)
		return nil
	}
	_, err := b.conn.Read(b.heard[:])
	b.mine.Store(0)
	return err
}
