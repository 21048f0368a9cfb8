package limit

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// Conn is a connection whose bytes are counted, and whose reading can be ended
// for good while its writing goes on.
type Conn struct {
	net.Conn
	listener *Listener

	mu      sync.Mutex // orders deadlines
	stopped bool       // reading ends with what has arrived; its deadline stays in the past
	unheard int        // bytes that are still read once stopped
	shared  bool       // by many requests at a time, so that others end its reading
	closing sync.Once
	closed  error
}

// past is a deadline that ends every read at once.
var past = time.Unix(1, 0)

const (
	// maxUnheard is how much is still read of a connection whose reading was
	// ended, in bytes, for a client may send faster than it is served.
	maxUnheard = 64 << 10

	// lastRead is how long to wait for bytes that may have arrived, where the
	// system does not tell how many did.
	lastRead = 20 * time.Millisecond

	// unknown is the number of bytes received where the system does not tell.
	unknown = -1
)

func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		n, err = c.readReceived(p, err)
	}
	c.listener.traffic.BytesIn.Add(int64(n))
	return n, err
}

// readReceived reads what had arrived on a connection whose reading was ended;
// over says that there is no more. A read over its deadline does not look
// whether there is anything to read.
func (c *Conn) readReceived(p []byte, over error) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stopped || c.unheard == 0 {
		return 0, over
	}
	patience := lingering // ample: the bytes are there
	switch received(c.Conn) {
	case 0:
		return 0, over
	case unknown:
		patience = lastRead
	}
	if err := c.Conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p[:min(len(p), c.unheard)])
	c.unheard -= n
	if again := c.Conn.SetReadDeadline(past); err == nil {
		err = again
	}
	return n, err
}

func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.listener.traffic.BytesOut.Add(int64(n))
	return n, err
}

// SetReadDeadline sets the deadline of reads, unless reading has ended.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return nil
	}
	return c.Conn.SetReadDeadline(t)
}

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// share says that the connection carries many requests at a time, and leaves it to
// others to end its reading.
func (c *Conn) share() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shared = true
}

// StopReading ends the reading: reads get what has arrived already, and then fail
// as over their deadline.
func (c *Conn) StopReading() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped || c.shared {
		return
	}
	c.stopped = true
	c.unheard = maxUnheard
	// An error would mean that the connection is closed, and so is its reading.
	_ = c.Conn.SetReadDeadline(past)
}

// CloseWrite ends the writing, if the connection can do that by halves.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close closes the connection. Where reading was ended before, something sent
// may lie unread; a close would then reset the connection, and the peer would
// lose answers that it has not read yet. So Close first waits a moment for the
// peer's own close.
func (c *Conn) Close() error {
	c.closing.Do(func() {
		c.mu.Lock()
		stopped := c.stopped
		c.mu.Unlock()
		if stopped {
			linger(c.Conn)
		}
		c.closed = c.Conn.Close()
		c.listener.forget(c)
	})
	return c.closed
}

// Cut closes the connection without regard for what is under way on it.
func (c *Conn) Cut() {
	// Closing the inner connection also ends a Close that lingers. Its error
	// says that it was closed already, which is all that is wanted.
	_ = c.Conn.Close()
	_ = c.Close()
}

// linger ends the writing and reads away what comes, until the peer closes or a
// moment has passed.
func linger(c net.Conn) {
	half, ok := c.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || c.SetReadDeadline(time.Now().Add(lingering)) != nil {
		return
	}
	waste := make([]byte, 4096)
	for {
		if _, err := c.Read(waste); err != nil {
			return
		}
	}
}

// NetConn returns the connection that is wrapped.
func (c *Conn) NetConn() net.Conn { return c.Conn }
