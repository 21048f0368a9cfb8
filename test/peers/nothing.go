//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// The server "nothing" answers :1 to whatever it is asked, and keeps nothing. What it
// reaches is what the load, the kernel and loopback leave to any server at all: beside
// it one sees how much of a figure is the server's own.
//
// So that it is a bound it does as little as can be done: one loop in one thread, one
// read and one write for all that a connection has sent, and requests are counted, not
// read. A request begins with '*', and nothing else in these loads has one in it.

// startNothing starts it as another process of this program, as the other servers are.
func (w *workshop) startNothing(ctx context.Context) (*contestant, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	c := &contestant{
		name: "nothing", note: "answers `:1` to whatever is asked and counts nothing; it shows what this load allows",
		redis: true, bound: true, address: "127.0.0.1:" + port,
	}
	if c.process, err = w.start("nothing", nil, program, "nothing", c.address); err != nil {
		return nil, err
	}
	return c, c.process.await(ctx, func() error {
		_, err := ask(c.address, "*1\r\n$4\r\nPING")
		return err
	})
}

// nothing is the server.
type nothing struct {
	door, poll int
	in         []byte         // what was just read, behind what was left of it before
	out        []byte         // what is said to that
	rests      map[int][]byte // by connection: the beginning of a request whose end has not come
}

// runNothing is that process.
func runNothing(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return errors.Join(serveNothing(l.(*net.TCPListener)), l.Close())
}

// serveNothing serves until the listener is shut down.
func serveNothing(l *net.TCPListener) (err error) {
	// The descriptor is used as it is, without Go's own polling.
	file, err := l.File()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	s := &nothing{door: int(file.Fd()), in: make([]byte, 64<<10), rests: make(map[int][]byte)}
	if s.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Close(s.poll)) }()
	if err := s.watch(s.door); err != nil {
		return err
	}
	events := make([]unix.EpollEvent, 1024)
	for {
		n, err := unix.EpollWait(s.poll, events, -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		for _, e := range events[:max(0, n)] {
			switch fd := int(e.Fd); {
			case fd != s.door:
				err = s.serve(fd)
			case e.Events&unix.EPOLLHUP != 0:
				return nil
			default:
				err = s.accept()
			}
			if err != nil {
				return err
			}
		}
	}
}

func (s *nothing) watch(fd int) error {
	return unix.EpollCtl(s.poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

func (s *nothing) accept() error {
	fd, _, err := unix.Accept4(s.door, unix.SOCK_CLOEXEC)
	if err != nil {
		return fmt.Errorf("accept: %w", err)
	}
	return errors.Join(unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1), s.watch(fd))
}

// serve answers what has come over a connection. Writing may wait for who does not read:
// a load that sends no more than it has answers for never lets it.
func (s *nothing) serve(fd int) error {
	held := copy(s.in, s.rests[fd])
	n, err := unix.Read(fd, s.in[held:])
	if err != nil || n == 0 {
		delete(s.rests, fd)
		return unix.Close(fd)
	}
	came := s.in[:held+n]
	out, used := appendAnswers(s.out[:0], came)
	s.out = out
	if used < len(came) {
		s.rests[fd] = slices.Clone(came[used:])
	} else if held > 0 {
		delete(s.rests, fd)
	}
	for len(out) > 0 {
		n, err := unix.Write(fd, out)
		if err != nil {
			delete(s.rests, fd)
			return unix.Close(fd)
		}
		out = out[n:]
	}
	return nil
}

var (
	star      = []byte("*")
	one       = []byte(":1\r\n")
	ones      = bytes.Repeat(one, 4096)
	increment = []byte("*2\r\n$4\r\nINCR\r\n")
)

// appendAnswers says something to each whole request at the front of in, and returns how
// many bytes these are. Where an INCR begins, all that follow are taken for some.
func appendAnswers(out, in []byte) ([]byte, int) {
	used := 0
	for !bytes.HasPrefix(in[used:], increment) {
		size := sizeOfRequest(in[used:])
		if size == 0 {
			return out, used
		}
		out = appendGreeting(out, in[used:used+size])
		used += size
	}
	// They may all be whole but the last.
	last := used + bytes.LastIndexByte(in[used:], '*')
	end := last + sizeOfRequest(in[last:])
	for n := bytes.Count(in[used:end], star); n > 0; n -= len(ones) / len(one) {
		out = append(out, ones[:min(n*len(one), len(ones))]...)
	}
	return out, end
}

// appendGreeting answers what clients say before they count.
func appendGreeting(out, request []byte) []byte {
	words := bytes.Fields(request) // each second one is a length
	if len(words) < 3 {
		return append(out, "-ERR no command\r\n"...)
	}
	switch name := string(bytes.ToUpper(words[2])); {
	case name == "PING":
		return append(out, "+PONG\r\n"...)
	case name == "HELLO":
		return append(out, "-NOPROTO unsupported protocol version\r\n"...)
	case name == "CONFIG" && len(words) == 7:
		return fmt.Appendf(out, "*2\r\n$%d\r\n%s\r\n$0\r\n\r\n", len(words[6]), words[6])
	}
	return append(out, one...)
}

// sizeOfRequest returns how long the request is that in begins with, 0 if its end has not come.
func sizeOfRequest(in []byte) int {
	words, at := number(in, 0, '*')
	for ; words > 0 && at > 0; words-- {
		var length int
		if length, at = number(in, at, '$'); at > 0 {
			at += length + len("\r\n")
		}
	}
	if at > len(in) {
		return 0
	}
	return at
}

// number reads a line of a mark and a number, and returns where the next line begins,
// 0 if this one is not all there, or not of that kind.
func number(in []byte, at int, mark byte) (n, next int) {
	if at >= len(in) || in[at] != mark {
		return 0, 0
	}
	length := bytes.IndexByte(in[at:], '\n')
	if length < 2 {
		return 0, 0
	}
	for _, digit := range in[at+1 : at+length-1] {
		if digit < '0' || digit > '9' || n > 1<<20 {
			return 0, 0
		}
		n = n*10 + int(digit-'0')
	}
	return n, at + length + 1
}
