// Package limit is net/http with the bounds that a front needs: on connections,
// times and sizes, with every byte counted, and with a drain that loses no
// answer. The drain of net/http itself would close an idle connection in the
// moment that a request arrives on it: executed, and never answered. Here a
// drain ends the reading only. What was read is answered, what was not read is
// not executed, and every connection then ends by itself.
package limit

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/cuenta-server/cuenta"
)

// Config says how a [Server] serves. A zero time means its default.
type Config struct {
	Handler  http.Handler
	MaxConns int
	Traffic  *cuenta.Traffic
	Log      *slog.Logger
	HTTP2    bool // speak HTTP/2 too, without TLS

	HeaderTimeout time.Duration // to send a request's header; default 5 s
	ReadTimeout   time.Duration // to send a whole request; default 10 s
	WriteTimeout  time.Duration // from a request's header to the end of its answer; default 30 s
	IdleTimeout   time.Duration // between two requests; default 2 min
}

// maxHeader is the largest header of a request, in bytes. (net/http adds a
// little of its own.)
const maxHeader = 16 << 10

// Server serves HTTP on one listener, once.
type Server struct {
	http   *http.Server
	http2  *http.Server // nil without HTTP/2; see http2.go
	taken  *handover    // its connections
	config Config
	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex
	listener *Listener // nil before Serve
	drained  bool      // Drain came before Serve
}

// NewServer returns a server that has nothing to serve yet.
func NewServer(c Config) *Server {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		config: c,
		ctx:    ctx,
		cancel: cancel,
		http: &http.Server{
			ReadHeaderTimeout:            or(c.HeaderTimeout, 5*time.Second),
			ReadTimeout:                  or(c.ReadTimeout, 10*time.Second),
			WriteTimeout:                 or(c.WriteTimeout, 30*time.Second),
			IdleTimeout:                  or(c.IdleTimeout, 2*time.Minute),
			MaxHeaderBytes:               maxHeader,
			DisableGeneralOptionsHandler: true,
			// What net/http has to tell is the doing of one client.
			ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
		},
	}
	s.http.Handler = s
	if c.HTTP2 {
		s.http2, s.taken = newHTTP2(s.http, c.Handler), newHandover()
	}
	return s
}

func or(d, standard time.Duration) time.Duration {
	if d == 0 {
		return standard
	}
	return d
}

// Context ends when a drain has ended, or was cut. It is the context for work
// that a request asks for: unlike a request's own, it outlives a client that
// closes the writing half of its connection and waits for the answer.
func (s *Server) Context() context.Context { return s.ctx }

// Serve serves l until it fails, or until Drain; then it returns nil.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.drained {
		s.mu.Unlock()
		return l.Close()
	}
	bounded := Listen(l, s.config.MaxConns, s.config.Traffic)
	s.listener = bounded
	s.mu.Unlock()
	if s.http2 != nil {
		go s.http2.Serve(s.taken) // its end is the drain's doing, and no news
	}
	err := s.http.Serve(bounded)
	if bounded.Draining() {
		return nil
	}
	return err
}

// Drain stops accepting and reading, waits until everything that was read is
// answered, and closes. When ctx ends first it closes what is left and returns
// the error of ctx.
func (s *Server) Drain(ctx context.Context) error {
	defer s.cancel()
	s.mu.Lock()
	s.drained = true
	listener := s.listener
	s.mu.Unlock()
	if listener == nil {
		return nil
	}
	defer s.drainHTTP2()()
	return listener.Drain(ctx)
}

// Patient returns the request's own context, which ends when its client goes
// away, but not with the reading of its connection in a drain: then it goes on as
// long as [Server.Context]. Call end when the request is answered.
func (s *Server) Patient(r *http.Request) (ctx context.Context, end func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	gone := context.AfterFunc(r.Context(), func() {
		if !s.draining() {
			cancel()
		}
	})
	over := context.AfterFunc(s.ctx, cancel)
	return ctx, func() {
		gone()
		over()
		cancel()
	}
}

func (s *Server) draining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listener != nil && s.listener.Draining()
}
