package limit

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// HTTP/2 without TLS begins on a connection like any other, with a preface that
// looks like the request PRI *. It is then taken over by a second http.Server,
// which alone can be shut down in net/http's own way: for HTTP/2 that loses
// nothing, because a server may say which requests it will not answer (GOAWAY)
// and go on with the others. To end the reading, as the drain does elsewhere,
// would end an HTTP/2 connection with all that is under way on it.

const (
	// maxStreams is how many requests may be under way on one connection.
	maxStreams = 100

	// maxBuffered bounds what is kept of one connection's requests that nobody has
	// read yet, in bytes, and maxStreamBuffered of one request.
	maxBuffered       = 256 << 10
	maxStreamBuffered = 64 << 10

	// writeStall is how long a connection may take nothing of what is written.
	writeStall = 10 * time.Second
)

// preface is how an HTTP/2 connection begins; net/http reads its first part as a
// request.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// newHTTP2 returns the server of connections that speak HTTP/2, bounded as the
// first one is.
func newHTTP2(first *http.Server, handler http.Handler) *http.Server {
	second := &http.Server{
		Handler:                      handler,
		ReadHeaderTimeout:            first.ReadHeaderTimeout,
		ReadTimeout:                  first.ReadTimeout,
		WriteTimeout:                 first.WriteTimeout,
		IdleTimeout:                  first.IdleTimeout,
		MaxHeaderBytes:               first.MaxHeaderBytes,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     first.ErrorLog,
		Protocols:                    new(http.Protocols),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          maxStreams,
			MaxReceiveBufferPerConnection: maxBuffered,
			MaxReceiveBufferPerStream:     maxStreamBuffered,
			WriteByteTimeout:              writeStall,
		},
	}
	second.Protocols.SetUnencryptedHTTP2(true)
	return second
}

// ServeHTTP answers a request on the first server, or hands its connection over
// to the second.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.http2 == nil || r.ProtoMajor != 2 {
		s.config.Handler.ServeHTTP(w, r)
		return
	}
	hijacked, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		s.config.Log.Debug("cannot take over the connection", "peer", r.RemoteAddr, "error", err)
		return
	}
	conn, ok := hijacked.(*Conn)
	if !ok {
		panic("limit: the connection is not the listener's")
	}
	conn.share()
	s.taken.hand(resume(conn, buffered.Reader))
}

// resumed is a connection whose first bytes have been read already.
type resumed struct {
	*Conn
	first io.Reader
}

// resume returns conn as it was before net/http read the first part of the
// preface, and what lies in buffered, from it.
func resume(conn *Conn, buffered *bufio.Reader) net.Conn {
	read, err := buffered.Peek(buffered.Buffered())
	if err != nil {
		panic("limit: what is buffered cannot be read: " + err.Error())
	}
	const parsed = len("PRI * HTTP/2.0\r\n\r\n")
	return &resumed{conn, bytes.NewReader(append([]byte(preface[:parsed]), read...))}
}

func (c *resumed) Read(p []byte) (int, error) {
	if n, err := c.first.Read(p); err == nil {
		return n, nil
	}
	return c.Conn.Read(p)
}

// handover is a listener whose connections were accepted by another.
type handover struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newHandover() *handover {
	return &handover{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (h *handover) hand(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.closed:
		// Nothing was asked on it yet, and its error would be of no use.
		_ = c.Close()
	}
}

func (h *handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

func (h *handover) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// Addr is nobody's: the connections know their own.
func (h *handover) Addr() net.Addr { return &net.TCPAddr{} }

// drainHTTP2 lets the connections that speak HTTP/2 end: what was read is
// answered, for the rest the client learns that it was not. It returns a function
// to be called when all connections are closed.
func (s *Server) drainHTTP2() (end func()) {
	if s.http2 == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// Who waits for the connections is the listener, which is also told of them
		// when this is over.
		_ = s.http2.Shutdown(ctx)
	}()
	return func() {
		cancel()
		<-ended
	}
}
