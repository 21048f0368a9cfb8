// Package proc is the way in over TCP served by processes: the text protocol,
// with a child process per connection or a pool of them.
//
// A worker is this same executable started again. It speaks the text protocol
// with its clients in one thread with an event loop, and asks the service over
// a link: two rings in memory that it shares with the server, with a doorbell at
// each end. Reads of a counter that it knows it answers by itself, from the
// counters' cells, which it maps for reading only. So it holds nothing that
// anyone else needs: killed at any instruction, stopped, or gone mad, it takes
// its own connections with it and nothing more.
//
//	client ─TCP─► worker ──requests──► server: one goroutine per worker ─► Service
//	       ◄─────        ◄──answers───
//	                     ◄──cells (read-only)
//
// Server side: [Server] accepts, or shares the listener (server.go, accept.go),
// starts and buries processes (process.go, spawn.go), and serves each one's link
// by a pump (internal/front/pump). Worker side: [Main] (worker.go) runs the loop
// (loop.go) over connections (door.go, conn.go) and reads cells (internal/shm). Both
// agree on settings.go and on the codec in internal/wire/ring.
package proc

import (
	"cmp"
	"log/slog"
	"os"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/shm"
)

// workerEnv is the environment variable that makes a process a worker. Its
// value is the worker's settings.
const workerEnv = "CUENTA_WORKER"

// IsWorker reports whether this process was started as a worker. Its main
// function must then do nothing but exit with what [Main] returns.
func IsWorker() bool { return os.Getenv(workerEnv) != "" }

// Config is what a server needs. A zero limit stands for its default.
type Config struct {
	Service cuenta.Service
	Traffic *cuenta.Traffic
	Log     *slog.Logger // nil logs nothing

	// Cells are the counters' cells, from which workers answer reads. Without
	// them every read goes through the service.
	Cells *shm.Segment

	// Workers is how many processes share the listener; 0 starts one process
	// for each connection instead.
	Workers int

	// MaxWorkers is how many processes live at once with one per connection; a
	// further client is told that the server is busy and closed. Default 256.
	MaxWorkers int

	// MaxConns is how many connections each process of a pool serves at once, if
	// it may have that many descriptors; a further one is told that the server
	// is busy and closed. Default 10,000.
	MaxConns int

	// IdleTimeout closes a connection that says nothing. Default 10 minutes.
	IdleTimeout time.Duration

	// LineTimeout closes a connection that does not finish a line it has begun.
	// Default 30 seconds.
	LineTimeout time.Duration

	// WriteTimeout closes a connection that does not take its answers. Default
	// 10 seconds.
	WriteTimeout time.Duration

	// Executable is what a worker runs, by default the executable of this
	// process, even if its file was replaced meanwhile. It must call [Main] when
	// [IsWorker], before it looks at its arguments.
	Executable string
}

func (c Config) withDefaults() Config {
	c.MaxWorkers = cmp.Or(c.MaxWorkers, 256)
	c.MaxConns = cmp.Or(c.MaxConns, 10_000)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 10*time.Minute)
	c.LineTimeout = cmp.Or(c.LineTimeout, 30*time.Second)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, 10*time.Second)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Worker is what a server knows of one of its processes.
type Worker struct {
	PID      int       `json:"pid"`
	Peer     string    `json:"peer,omitempty"` // with a process per connection
	Started  time.Time `json:"started"`
	Open     int64     `json:"open"`
	Accepted int64     `json:"accepted"`
	Refused  int64     `json:"refused"`
	Requests int64     `json:"requests"`
	Errors   int64     `json:"errors"`
	BytesIn  int64     `json:"bytes_in"`
	BytesOut int64     `json:"bytes_out"`
}
