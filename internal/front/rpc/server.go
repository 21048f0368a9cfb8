// Package rpc is the front that speaks Go's net/rpc over HTTP: on TCP for remote
// consoles and programs, and on a Unix socket for the local console. Both speak
// the same, so that one client serves for both, and plain rpc.DialHTTP works.
//
// net/rpc's own server bounds nothing: neither what a message may claim to
// hold, nor the types that a client defines, nor the calls under way. So each
// connection gets a codec that does (see codec.go). A client that lies to it
// loses its own connection.
package rpc

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/rpc"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/limit"
)

// Config says what a [Server] serves. A zero limit means its default.
type Config struct {
	Service  cuenta.Service
	Operator cuenta.Operator
	Traffic  *cuenta.Traffic
	Log      *slog.Logger

	Front string       // name in origins: [cuenta.FrontRPC] or [cuenta.FrontSocket]
	Class cuenta.Class // priority of its requests

	MaxConns       int           // connections at a time; default 1024
	MaxInFlight    int           // calls under way per connection, at least 16; default 64
	MaxMessage     int           // bytes of one gob message; default 64 KiB
	IdleTimeout    time.Duration // without a call; default 1 h
	MessageTimeout time.Duration // from the first byte of a call to its last; default 30 s
	WriteTimeout   time.Duration // to take an answer; default 10 s
}

func (c *Config) setDefaults() {
	setDefault(&c.MaxConns, 1024)
	setDefault(&c.MaxInFlight, 64)
	c.MaxInFlight = max(c.MaxInFlight, operatorWeight)
	setDefault(&c.MaxMessage, 64<<10)
	setDefault(&c.IdleTimeout, time.Hour)
	setDefault(&c.MessageTimeout, 30*time.Second)
	setDefault(&c.WriteTimeout, 10*time.Second)
	if c.Traffic == nil {
		c.Traffic = new(cuenta.Traffic)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

func setDefault[T int | time.Duration](v *T, standard T) {
	if *v == 0 {
		*v = standard
	}
}

// Server serves net/rpc on one listener.
type Server struct {
	config Config
	http   *limit.Server
}

// New returns a server that has nothing to serve yet.
func New(c Config) *Server {
	c.setDefaults()
	s := &Server{config: c}
	s.http = limit.NewServer(limit.Config{
		Handler:  http.HandlerFunc(s.greet),
		MaxConns: c.MaxConns,
		Traffic:  c.Traffic,
		Log:      c.Log,
	})
	return s
}

// Serve serves l until it fails, or until Drain; then it returns nil.
func (s *Server) Serve(l net.Listener) error { return s.http.Serve(l) }

// Drain stops accepting and reading, answers the calls that were read, and
// closes. When ctx ends first it closes what is left and returns the error of
// ctx.
func (s *Server) Drain(ctx context.Context) error { return s.http.Drain(ctx) }

// greet answers the HTTP request with which a connection begins. A browser can
// be made to send many requests, but never CONNECT.
func (s *Server) greet(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		w.Header().Set("Allow", http.MethodConnect)
		s.turnAway(w, "405 must CONNECT\n", http.StatusMethodNotAllowed)
		return
	}
	if r.URL.Path != rpc.DefaultRPCPath {
		s.turnAway(w, "404 the path is "+rpc.DefaultRPCPath+"\n", http.StatusNotFound)
		return
	}
	hijacked, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		s.config.Log.Debug("cannot take over the connection", "front", s.config.Front, "peer", r.RemoteAddr, "error", err)
		return
	}
	conn, ok := hijacked.(*limit.Conn)
	if !ok {
		panic("rpc: the connection is not the listener's")
	}
	s.serve(conn, buffered.Reader)
}

func (s *Server) turnAway(w http.ResponseWriter, text string, status int) {
	s.config.Traffic.Requests.Add(1)
	s.config.Traffic.Errors.Add(1)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Connection", "close")
	w.WriteHeader(status)
	// An error means that the client is gone.
	_, _ = io.WriteString(w, text)
}

// serve serves the calls of one connection until its end.
func (s *Server) serve(conn *limit.Conn, buffered *bufio.Reader) {
	far := conn.NetConn()
	peer := peerOf(far)
	log := s.config.Log.With("front", s.config.Front, "peer", peer)
	log.Info("new connection")
	ctx, cancel := context.WithCancel(s.http.Context())
	defer cancel()
	codec := newCodec(conn, buffered, &s.config, cancel)
	if !codec.greet() {
		return
	}
	// A server per connection, because a method learns who calls from its
	// receiver only.
	calls := rpc.NewServer()
	receiver := &methods{
		server: s, ctx: ctx,
		origin: cuenta.Origin{Front: s.config.Front, Peer: peer},
		client: cuenta.ClientAt(peer),
	}
	if err := calls.RegisterName(cuenta.RPCService, receiver); err != nil {
		panic("rpc: the methods cannot be registered: " + err.Error())
	}
	calls.ServeCodec(codec)
	log.Debug("connection closed")
}
