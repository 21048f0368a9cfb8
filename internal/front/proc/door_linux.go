package proc

import (
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/wire/text"
)

const (
	// maxRefusing is how many connections are told at a time that there is no
	// room for them; what comes beyond is closed without a word.
	maxRefusing = 64

	// acceptPause is how long a worker that cannot accept waits.
	acceptPause = 100 * time.Millisecond
)

// busy is what a connection hears for which there is no room.
var busy = text.AppendAnswer(nil, &cuenta.Result{Code: cuenta.Busy})

// accept takes one connection; where there are more, the next turn does, and so
// may the other workers.
func (l *loop) accept() {
	fd, from, err := unix.Accept4(l.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	switch err {
	case nil:
	case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
		l.pauseAccepting()
		return
	default: // another worker was first, or the client has gone
		return
	}
	full := l.open-l.refusing >= l.set.MaxConns
	if full && l.refusing >= maxRefusing {
		l.stats.Refused.Add(1)
		unix.Close(fd) // there is nobody to tell
		return
	}
	c, err := l.add(fd, addressOf(from))
	if err != nil {
		unix.Close(fd) // the connection is lost, like one that could not be accepted
		return
	}
	if full {
		l.stats.Refused.Add(1)
		l.refusing++
		c.refused, c.ending = true, true
		c.out = busy
		c.deadline = l.now.Add(lingering)
		l.flush(c)
		return
	}
	l.stats.Open.Add(1)
	l.stats.Accepted.Add(1)
	c.announce = !l.announce(c)
}

// addressOf returns the peer's address; the zero one if it is of no kind that
// the listener is of.
func addressOf(from unix.Sockaddr) netip.AddrPort {
	switch a := from.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port))
	}
	return netip.AddrPort{}
}

// add begins to serve a connection.
func (l *loop) add(fd int, peer netip.AddrPort) (*conn, error) {
	slot := uint32(len(l.conns))
	if n := len(l.vacant); n > 0 {
		slot = l.vacant[n-1]
	}
	// Edge-triggered, so that a connection costs no system call to say what is
	// waited for; the loop remembers what it may read and write.
	const interest = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET
	e := unix.EpollEvent{Events: interest, Fd: int32(slot)}
	if err := unix.EpollCtl(l.poll, unix.EPOLL_CTL_ADD, fd, &e); err != nil {
		return nil, fmt.Errorf("watching a connection: %w", err)
	}
	// Answers are written whole; there is nothing to gain by holding them back.
	// A failure shows again, and matters, at the first write.
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	c := &conn{slot: slot, fd: fd, peer: "unknown", writable: true, lastRead: -1}
	if peer.IsValid() {
		c.peer, c.client = peer.String(), cuenta.ClientOf(peer.Addr())
	}
	if n := len(l.vacant); n > 0 {
		l.vacant = l.vacant[:n-1]
		l.conns[slot] = c
	} else {
		l.conns = append(l.conns, c)
	}
	l.open++
	l.setDeadline(c)
	return c, nil
}

// close ends a connection that has no batch under way.
func (l *loop) close(c *conn) {
	unix.Close(c.fd) // whatever it says, the descriptor is gone
	c.fd = -1
	l.giveWork(c)
	l.conns[c.slot] = nil
	l.vacant = append(l.vacant, c.slot)
	l.open--
	if c.refused {
		l.refusing--
	} else if l.set.Pool {
		l.stats.Open.Add(-1)
	}
}

func (l *loop) watchListener() error {
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: aboutListener}
	if err := unix.EpollCtl(l.poll, unix.EPOLL_CTL_ADD, l.listener, &e); err != nil {
		return fmt.Errorf("watching the listener: %w", err)
	}
	l.accepting = true
	return nil
}

// ignoreListener ends the watch. Others hold the listener open, so closing it
// would not be enough.
func (l *loop) ignoreListener() {
	if l.accepting {
		// Fails only for what is not watched.
		_ = unix.EpollCtl(l.poll, unix.EPOLL_CTL_DEL, l.listener, nil)
		l.accepting = false
	}
}

// pauseAccepting waits for better times.
func (l *loop) pauseAccepting() {
	l.ignoreListener()
	l.acceptAgain = l.now.Add(acceptPause)
	l.sweepBy(l.acceptAgain)
}

// resumeAccepting ends the pause when it is over.
func (l *loop) resumeAccepting() {
	switch {
	case l.accepting || l.listener < 0:
	case l.acceptAgain.After(l.now):
		l.sweepBy(l.acceptAgain)
	case l.watchListener() != nil: // times are no better yet
		l.pauseAccepting()
	}
}

// drain stops accepting, and gives each connection the end that its client has
// deserved: what has arrived by now is answered, what comes later is not heard.
func (l *loop) drain() {
	l.draining = true
	if l.listener >= 0 {
		l.ignoreListener()
		unix.Close(l.listener)
		l.listener = -1
	}
	for _, c := range l.conns {
		switch {
		case c == nil:
		case c.lingers:
			l.close(c)
		default:
			c.lastRead = arrived(c.fd)
			c.readable = true
			l.enqueue(c)
		}
	}
}

// arrived returns how many bytes a connection holds that were not read yet.
func arrived(fd int) int {
	n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	if err != nil {
		return 0 // it is broken
	}
	return n
}
