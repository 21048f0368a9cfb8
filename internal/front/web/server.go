// Package web is the front that speaks HTTP: /cambiar changes or reads a counter
// and /info reports on the server, both for curl.
//
// A change by GET is what the assignment asks for, and what any page in a
// browser can cause with an image. So before anything is executed a request must
// show that no page but our own has caused it (see guard.go).
package web

import (
	"context"
	"log/slog"
	"net"
	"net/http"
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

	// API is served at every other path, to those whom guard lets in; it counts its
	// errors itself. If it is a [Refuser], it says to the others too why it is not.
	// Without it nothing is there.
	API http.Handler

	// AllowedHosts are the names, without port, under which the server may be
	// asked besides localhost and its own addresses.
	AllowedHosts []string

	MaxConns      int           // connections at a time; default 4096
	HeaderTimeout time.Duration // to send a request's header; default 5 s
	ReadTimeout   time.Duration // to send a whole request; default 10 s
	WriteTimeout  time.Duration // from a request's header to the end of its answer; default 30 s
	IdleTimeout   time.Duration // between two requests; default 2 min
}

// Refuser answers requests that are kept from it.
type Refuser interface {
	Refuse(w http.ResponseWriter, r *http.Request, status int, why *cuenta.Error)
}

// Server serves HTTP on one listener.
type Server struct {
	config Config
	http   *limit.Server
}

// New returns a server that has nothing to serve yet.
func New(c Config) *Server {
	if c.MaxConns == 0 {
		c.MaxConns = 4096
	}
	if c.Traffic == nil {
		c.Traffic = new(cuenta.Traffic)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{config: c}
	s.http = limit.NewServer(limit.Config{
		Handler:       http.HandlerFunc(s.answer),
		MaxConns:      c.MaxConns,
		Traffic:       c.Traffic,
		Log:           c.Log,
		HTTP2:         true,
		HeaderTimeout: c.HeaderTimeout,
		ReadTimeout:   c.ReadTimeout,
		WriteTimeout:  c.WriteTimeout,
		IdleTimeout:   c.IdleTimeout,
	})
	return s
}

// watched is an API with answers that last: they are to end before a drain can.
type watched interface{ EndWatches() }

// Serve serves l until it fails, or until Drain; then it returns nil.
func (s *Server) Serve(l net.Listener) error { return s.http.Serve(l) }

// Drain stops accepting and reading, answers the requests that were read, and
// closes. When ctx ends first it closes what is left and returns the error of
// ctx.
func (s *Server) Drain(ctx context.Context) error {
	if api, ok := s.config.API.(watched); ok {
		api.EndWatches()
	}
	return s.http.Drain(ctx)
}

// answer answers one request.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	s.config.Traffic.Requests.Add(1)
	toAPI := s.config.API != nil && r.URL.Path != "/cambiar" && r.URL.Path != "/info"
	if refused, ok := guard(r, s.config.AllowedHosts); !ok {
		if api, can := s.config.API.(Refuser); can && toAPI {
			api.Refuse(w, r, refused.status, refused.why)
		} else {
			s.reply(w, r, refused)
		}
		return
	}
	if toAPI {
		ctx, end := s.http.Patient(r)
		defer end()
		s.config.API.ServeHTTP(w, r.WithContext(ctx))
		return
	}
	s.reply(w, r, s.route(r))
}

func (s *Server) reply(w http.ResponseWriter, r *http.Request, reply reply) {
	if reply.status != http.StatusOK {
		s.config.Traffic.Errors.Add(1)
		s.config.Log.Debug("request refused", "front", cuenta.FrontWeb, "peer", r.RemoteAddr,
			"method", r.Method, "path", r.URL.Path, "status", reply.status)
	}
	reply.write(w)
}

// route finds out what is asked.
func (s *Server) route(r *http.Request) reply {
	switch r.URL.Path {
	case "/cambiar":
		if r.Method != http.MethodGet {
			return notAllowed("GET")
		}
		if refused, ok := guardChange(r); !ok {
			return refused
		}
		return s.change(r)
	case "/info":
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			return notAllowed("GET, HEAD")
		}
		return s.info(r)
	}
	return refusal(http.StatusNotFound, cuenta.NotFound, "nothing here but /cambiar and /info")
}
