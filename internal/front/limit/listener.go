package limit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/cuenta-server/cuenta"
)

const (
	// maxRefusing bounds the connections that are being turned away with an
	// answer; beyond it they are closed without one.
	maxRefusing = 16

	// lingering is how long a closed connection waits for its peer to have read
	// the last answer; see [Conn.Close].
	lingering = 250 * time.Millisecond
)

// refusal is what a connection hears for which there is no room.
var refusal = func() []byte {
	said := "error " + cuenta.Busy.String() + " " + cuenta.Busy.Text()
	return fmt.Appendf(nil, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"+
		"Content-Length: %d\r\nRetry-After: 1\r\nConnection: close\r\n\r\n%s", len(said), said)
}()

// Listener is a listener whose connections are bounded in number, counted, and
// can be drained.
type Listener struct {
	net.Listener
	max      int
	traffic  *cuenta.Traffic
	refusing chan struct{} // one place per connection being turned away

	mu       sync.Mutex
	open     map[*Conn]struct{}
	draining bool
	empty    chan struct{} // closed once draining with nothing open
}

// Listen wraps l. It lets in max connections at a time; those beyond are told to
// try again, and closed.
func Listen(l net.Listener, max int, traffic *cuenta.Traffic) *Listener {
	return &Listener{
		Listener: l,
		max:      max,
		traffic:  traffic,
		refusing: make(chan struct{}, maxRefusing),
		open:     make(map[*Conn]struct{}),
		empty:    make(chan struct{}),
	}
}

// Accept returns the next connection for which there is room.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		conn, err := l.admit(c)
		if err == nil {
			return conn, nil
		}
		if errors.Is(err, net.ErrClosed) {
			c.Close()
			return nil, err
		}
		l.traffic.Refused.Add(1)
		l.turnAway(c)
	}
}

var errNoRoom = errors.New("limit: at the limit of connections")

func (l *Listener) admit(c net.Conn) (*Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.draining:
		return nil, net.ErrClosed
	case len(l.open) >= l.max:
		return nil, errNoRoom
	}
	conn := &Conn{Conn: c, listener: l}
	l.open[conn] = struct{}{}
	l.traffic.Accepted.Add(1)
	l.traffic.Open.Add(1)
	return conn, nil
}

// turnAway answers and closes c beside the accepting, for it waits a moment
// until the answer was read.
func (l *Listener) turnAway(c net.Conn) {
	select {
	case l.refusing <- struct{}{}:
	default:
		c.Close()
		return
	}
	go func() {
		defer func() { <-l.refusing }()
		c.SetWriteDeadline(time.Now().Add(lingering))
		if _, err := c.Write(refusal); err == nil {
			linger(c)
		}
		c.Close()
	}()
}

// forget ends the account of a connection.
func (l *Listener) forget(c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.open[c]; !ok {
		return
	}
	delete(l.open, c)
	l.traffic.Open.Add(-1)
	if l.draining && len(l.open) == 0 {
		close(l.empty)
	}
}

// Drain stops accepting and reading, and waits until every connection has been
// answered and closed by those who serve it. When ctx ends first, it closes what
// is left and returns the error of ctx.
func (l *Listener) Drain(ctx context.Context) error {
	open := l.letIn() // before the close, so that who accepts knows why it ends
	err := l.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil // the accepting side was first
	}
	for _, c := range open {
		c.StopReading()
	}
	select {
	case <-l.empty:
		return err
	case <-ctx.Done():
		l.cut()
		return ctx.Err()
	}
}

// letIn lets nothing in any more, and returns what was let in and is open.
func (l *Listener) letIn() []*Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.draining {
		l.draining = true
		if len(l.open) == 0 {
			close(l.empty)
		}
	}
	return l.conns()
}

// cut closes every connection at once.
func (l *Listener) cut() {
	l.mu.Lock()
	open := l.conns()
	l.mu.Unlock()
	for _, c := range open {
		c.Cut()
	}
}

func (l *Listener) conns() []*Conn {
	all := make([]*Conn, 0, len(l.open))
	for c := range l.open {
		all = append(all, c)
	}
	return all
}

// Draining reports whether a drain has begun.
func (l *Listener) Draining() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.draining
}
