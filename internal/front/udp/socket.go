package udp

import (
	"net"
	"os"
	"runtime"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// socket reads and writes several datagrams at once, where the system can.
type socket interface {
	ReadBatch(ms []ipv4.Message, flags int) (int, error)
	WriteBatch(ms []ipv4.Message, flags int) (int, error)
	SetReadDeadline(t time.Time) error
}

func open(conn net.PacketConn) socket {
	udp, ok := conn.(*net.UDPConn)
	if !ok || runtime.GOOS == "windows" {
		return single{conn}
	}
	if local, ok := udp.LocalAddr().(*net.UDPAddr); ok && local.IP.To4() != nil {
		return ipv4.NewPacketConn(udp)
	}
	return ipv6.NewPacketConn(udp) // takes IPv4 as well where the socket does
}

// single is a socket that handles one datagram at a time.
type single struct{ net.PacketConn }

func (s single) ReadBatch(ms []ipv4.Message, flags int) (int, error) {
	if flags != wait {
		return 0, os.ErrDeadlineExceeded // it cannot be asked without waiting
	}
	m := &ms[0]
	n, addr, err := s.ReadFrom(m.Buffers[0])
	m.N, m.NN, m.Addr = n, 0, addr
	if err != nil {
		return 0, err
	}
	return 1, nil
}

func (s single) WriteBatch(ms []ipv4.Message, _ int) (int, error) {
	if _, err := s.WriteTo(ms[0].Buffers[0], ms[0].Addr); err != nil {
		return 0, err
	}
	return 1, nil
}
