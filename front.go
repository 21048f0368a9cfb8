package cuenta

import (
	"context"
	"sync/atomic"
)

// Names of the fronts: in flags, the addresses file, info and control.
const (
	FrontUDP    = "udp"
	FrontTCP    = "tcp"
	FrontProc   = "proc"
	FrontWeb    = "web"
	FrontRPC    = "rpc"
	FrontRESP   = "resp"
	FrontSHM    = "shm"    // rings in shared memory, for programs on the same machine
	FrontSocket = "socket" // the local console's Unix socket: always there, never stopped
)

// Traffic is what a front has done. The server owns it, so it outlives a stop
// and start of the front; the front adds to it.
type Traffic struct {
	Open     atomic.Int64 // connections open now
	Accepted atomic.Int64 // connections accepted
	Refused  atomic.Int64 // connections turned away at a limit
	Requests atomic.Int64 // requests decoded, malformed ones included
	Errors   atomic.Int64 // requests answered with an error
	BytesIn  atomic.Int64
	BytesOut atomic.Int64
	Dropped  atomic.Int64 // datagrams that the kernel dropped before they were read
	Workers  atomic.Int64 // worker processes alive
}

// State of a front.
type State string

const (
	Running  State = "running"
	Draining State = "draining"
	Stopped  State = "stopped"
)

// ServiceStatus is one front as the consoles list it.
type ServiceStatus struct {
	Name     string `json:"name"`
	State    State  `json:"state"`
	Address  string `json:"address"` // bound, or to be bound when started
	Open     int64  `json:"open"`
	Accepted int64  `json:"accepted"`
	Refused  int64  `json:"refused"`
	Requests int64  `json:"requests"`
	Errors   int64  `json:"errors"`
	BytesIn  int64  `json:"bytes_in"`
	BytesOut int64  `json:"bytes_out"`
	Dropped  int64  `json:"dropped"`
	Workers  int64  `json:"workers"`
}

// Directory tells which counters there are. It is safe for concurrent use.
type Directory interface {
	// List returns up to limit counters whose names begin with prefix, from
	// cursor on (0 at first), and the cursor to go on with, 0 at the end. A
	// counter that exists during the whole listing is listed exactly once.
	List(ctx context.Context, prefix string, cursor uint64, limit int) ([]Counter, uint64, error)

	// Count returns how many counters exist durably.
	Count() uint64
}

// Operator is what the two consoles may do beyond counting. It is safe for
// concurrent use.
type Operator interface {
	Directory

	// Info returns the server's report: one text for people, or the same as a
	// JSON object. It reads much of the system, so few are made at a time, and the
	// others wait; [Canceled] says that ctx ended before.
	Info(ctx context.Context, asJSON bool) ([]byte, error)

	// Services lists the fronts in a fixed order.
	Services(ctx context.Context) ([]ServiceStatus, error)

	// Start binds and serves a stopped front. A busy port is an error that
	// names the port, the front and, where it can be known, the process that
	// holds it. Starting a running front is no error.
	Start(ctx context.Context, name string) error

	// Stop drains a front while the others go on. A front that is stopped
	// through itself (from.Front == name) is drained after Stop has returned, so
	// that it answers first. Stopping a stopped front is no error.
	Stop(ctx context.Context, from Origin, name string) error
}
