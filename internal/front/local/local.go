// Package local is the way in for programs on the same machine, the front named
// shm: its Unix socket hands over rings.
//
// A program connects and greets (internal/wire/ring, greeting.go). The server
// makes a link, memory that cannot change its size, and sends its descriptor
// over the socket, with that of the counters' cells if there are any. From then on
// requests and answers travel on the link's rings, and the socket carries only
// what wakes a sleeper; its end is the end of the link.
//
//	program ──requests──► server: a goroutine per program ─► Service
//	        ◄──answers───
//	        ◄──cells (read-only)
//
// Only programs of the server's own user, and root's, are let in: by the mode of
// the socket's file, which is the matter of whoever makes it, and by the
// credentials that the kernel tells. They see every counter's value in the cells,
// as they may ask for it anyway, and cannot change one: the descriptor was opened
// for reading, and the memory is sealed against writing.
//
// A program that dies, lies or takes no answers loses its link, and nobody else
// notices: the server only ever copies from the rings, never waits for room on
// them, and shares no open file with the program but the memory.
package local

import (
	"cmp"
	"log/slog"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/shm"
)

// Config is what a server needs. A zero limit stands for its default.
type Config struct {
	Service cuenta.Service
	Traffic *cuenta.Traffic
	Log     *slog.Logger // nil logs nothing

	// Cells are the counters' cells, from which programs may read. Without them
	// every read goes through the service.
	Cells *shm.Segment

	// MaxClients is how many programs have rings at once; a further one is told
	// that the server is busy. A client that has used all of its rings holds a
	// little over 2 MiB. Default 128.
	MaxClients int

	// GreetingTimeout cuts off who connects and does not greet. Default 5
	// seconds.
	GreetingTimeout time.Duration
}

func (c Config) withDefaults() Config {
	c.MaxClients = cmp.Or(c.MaxClients, 128)
	c.GreetingTimeout = cmp.Or(c.GreetingTimeout, 5*time.Second)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}
