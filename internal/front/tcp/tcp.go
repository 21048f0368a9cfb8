// Package tcp is the way in over TCP served by threads: the text protocol, one
// command per line.
//
// The original has a thread for each connection. Here, on Linux, one thread
// serves them all: it takes what every client has sent, has it done together,
// and answers; see [stream]. Elsewhere each connection has a goroutine, which is
// as near to a thread as Go comes. What a client sees is the same: its commands
// are done in their order, and it waits for nobody who is slow.
package tcp

import (
	"log/slog"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/stream"
	"github.com/cuenta-server/cuenta/internal/wire/text"
)

// Config is what a server needs. A zero limit stands for its default.
type Config struct {
	Service cuenta.Service
	Traffic *cuenta.Traffic
	Log     *slog.Logger // nil logs nothing

	// MaxConns is how many connections are served at once; a further one is
	// told that the server is busy and closed. Default 10,000.
	MaxConns int

	// IdleTimeout closes a connection that says nothing. Default 10 minutes.
	IdleTimeout time.Duration

	// LineTimeout closes a connection that does not finish a line it has begun.
	// Default 30 seconds.
	LineTimeout time.Duration

	// WriteTimeout closes a connection that does not take its answers. Default
	// 10 seconds.
	WriteTimeout time.Duration
}

// New returns a server that is yet to be given its listener.
func New(c Config) *stream.Server {
	return stream.New(stream.Config{
		Service: c.Service, Traffic: c.Traffic, Log: c.Log,
		Front: cuenta.FrontTCP, Class: cuenta.ClassQueue,
		New:      newSession,
		BusyLine: text.AppendAnswer(nil, &cuenta.Result{Code: cuenta.Busy}),
		MaxConns: c.MaxConns, IdleTimeout: c.IdleTimeout, PartialTimeout: c.LineTimeout, WriteTimeout: c.WriteTimeout,
	})
}

func newSession(peer, _ string) stream.Conversation {
	return &text.Session{Client: cuenta.ClientAt(peer)}
}
