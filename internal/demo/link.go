package demo

import (
	"bufio"
	"context"
	"errors"
	"net"
	"time"
)

// link is a connection that is made when needed and given up when in doubt, so
// that no answer is ever taken for another one's.
type link struct {
	network, address string

	conn net.Conn
	in   *bufio.Reader
}

// exchange sends a request and reads its answer.
func (l *link) exchange(ctx context.Context, request []byte, read func(*bufio.Reader) (int64, error)) (int64, error) {
	if err := l.open(ctx); err != nil {
		return 0, err
	}
	conn := l.conn
	unwatch := context.AfterFunc(ctx, func() {
		// It ends what is under way; it can only fail where that has ended already.
		_ = conn.SetDeadline(time.Unix(1, 0))
	})
	value, err := l.say(request, read)
	if _, answered := errors.AsType[*refusal](err); !unwatch() || err != nil && !answered {
		l.close()
	}
	return value, err
}

func (l *link) open(ctx context.Context) (err error) {
	if l.conn != nil {
		return nil
	}
	l.conn, err = new(net.Dialer).DialContext(ctx, l.network, l.address)
	if err != nil {
		l.conn = nil
		return err
	}
	l.in = bufio.NewReader(l.conn)
	return nil
}

func (l *link) say(request []byte, read func(*bufio.Reader) (int64, error)) (int64, error) {
	if _, err := l.conn.Write(request); err != nil {
		return 0, err
	}
	return read(l.in)
}

func (l *link) close() {
	if l.conn != nil {
		l.conn.Close() // nothing more is to be heard from it
		l.conn = nil
	}
}
