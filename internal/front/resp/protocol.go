// Package resp makes a counter server answer as Redis does, so that Redis'
// clients and tools count with it unchanged. It is the protocol of a connection
// as a step machine, a [Session]; who reads and writes the connection is not its
// business.
//
// One table says all about every command: how it is called, which of its
// arguments are names, which requests it asks of the service, how their results
// are told. COMMAND and the documents are made from it.
//
// Counters are Redis' strings that hold integers. What else a Redis may hold is
// refused, and changes nothing.
package resp

import (
	"sync"
	"time"

	"github.com/cuenta-server/cuenta"
)

// redisVersion is what HELLO and INFO tell clients that look for features by the
// version of Redis: the one whose replies these are.
const redisVersion = "7.4.0"

// Config is what the protocol needs to know.
type Config struct {
	// Directory tells which counters there are, for SCAN, KEYS and DBSIZE.
	Directory cuenta.Directory

	// Facts tells what INFO and CONFIG report; nil for nothing.
	Facts func() Facts

	// Now is the clock of TIME and CLIENT LIST; nil means time.Now.
	Now func() time.Time
}

// Facts are what INFO and CONFIG report of the server around the protocol.
type Facts struct {
	Version    string // of Cuenta
	Executable string
	PID        int
	Port       int
	Started    time.Time

	MemoryUsed int64 // bytes held for counters and buffers
	MemoryRSS  int64 // resident, the whole process
	MemoryPeak int64 // the most that was ever resident

	CPUUser   time.Duration
	CPUSystem time.Duration

	MaxClients  int
	IdleTimeout time.Duration // 0: none

	Accepted int64 // connections of this front
	Refused  int64
	Requests int64
	Errors   int64
	BytesIn  int64
	BytesOut int64

	Expiring *int64 // counters that have an end; nil: not known

	JournalBytes  int64  // of the log on disk
	JournalErr    string // why the journal takes no changes; empty if it does
	Syncs         int64
	Snapshotting  bool
	LastSnapshot  time.Time // zero: none yet
	SnapshotErr   string    // why the last one failed; empty if it did not
	SinceSnapshot int64     // changes since
}

// Protocol is what the sessions of one server share. It is safe for concurrent use.
type Protocol struct {
	directory cuenta.Directory
	facts     func() Facts
	now       func() time.Time
	commands  *table

	mu      sync.Mutex
	lastID  uint64
	clients map[uint64]*client
}

// New returns the protocol of a server.
func New(c Config) *Protocol {
	p := &Protocol{
		directory: c.Directory,
		facts:     c.Facts,
		now:       c.Now,
		commands:  newTable(),
		clients:   make(map[uint64]*client),
	}
	if p.facts == nil {
		p.facts = func() Facts { return Facts{} }
	}
	if p.now == nil {
		p.now = time.Now
	}
	return p
}
