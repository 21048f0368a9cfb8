package bench

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/cuenta-server/cuenta"
)

// Fronts are the ways in that load can be put on. A real Redis is one more
// server of the resp front.
var Fronts = []string{cuenta.FrontRESP, cuenta.FrontUDP, cuenta.FrontTCP, cuenta.FrontProc, cuenta.FrontRPC, cuenta.FrontWeb, cuenta.FrontSHM}

// Distribution says which counters the operations go to.
type Distribution string

const (
	Uniform  Distribution = "uniform"  // every counter alike
	Zipf     Distribution = "zipf"     // few often, most seldom: exponent 0.99
	Hot      Distribution = "hot"      // one counter
	Sequence Distribution = "sequence" // one after the other, to fill a server
)

// Distributions are all there are.
var Distributions = []Distribution{Uniform, Zipf, Hot, Sequence}

// Bounds of a Config.
const (
	MaxConnections = 65_536
	MaxPipeline    = 1024              // the answers to all of them fit in a socket's buffers
	MaxKeys        = 1_000_000_000_000 // a name has twelve digits
)

// Config is one run.
type Config struct {
	Front        string // one of Fronts
	Op           Op     // empty means Increment
	Address      string // HOST:PORT; of the front shm the path of its socket
	Connections  int    // 1 to MaxConnections
	Pipeline     int    // operations in flight on each connection, 1 to MaxPipeline
	Keys         int64  // counters, 1 to MaxKeys
	Distribution Distribution
	Identity     Identity // empty means NoIdentity

	// Rate is the operations per second to offer over all connections, whether or
	// not the server keeps up: an open loop. 0 means a closed loop, in which every
	// connection sends again when it has been answered.
	Rate float64

	// WarmUp is load before anything is measured.
	WarmUp time.Duration

	// The run ends after Duration or after Operations, whichever comes first; 0
	// means no such bound, and one of them must be there.
	Duration   time.Duration
	Operations int64

	// Seed makes the choice of counters repeatable.
	Seed uint64

	// Dial connects; nil means as net.Dialer does. The front shm does not use it.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func (c *Config) check() error {
	switch {
	case !slices.Contains(Fronts, c.Front):
		return fmt.Errorf("no load can be put on a front %q", c.Front)
	case !slices.Contains(Distributions, c.Distribution):
		return fmt.Errorf("no distribution is named %q", c.Distribution)
	case c.Op != "" && !slices.Contains(Ops, c.Op):
		return fmt.Errorf("no operation is named %q", c.Op)
	case !c.Op.CanGo(c.Front):
		return fmt.Errorf("the operation %s cannot be asked of the front %s", c.Op, c.Front)
	case c.Identity != "" && !slices.Contains(Identities, c.Identity):
		return fmt.Errorf("no identity is named %q", c.Identity)
	case !c.Identity.CanCarry(c.Front):
		return fmt.Errorf("the front %s does not know sessions", c.Front)
	case c.Connections < 1 || c.Connections > MaxConnections:
		return fmt.Errorf("%d connections are not 1 to %d", c.Connections, MaxConnections)
	case c.Pipeline < 1 || c.Pipeline > MaxPipeline:
		return fmt.Errorf("a pipeline of %d is not 1 to %d", c.Pipeline, MaxPipeline)
	case c.Keys < 1 || c.Keys > MaxKeys:
		return fmt.Errorf("%d counters are not 1 to %d", c.Keys, MaxKeys)
	case c.Op == Transfer && c.Keys < 2:
		return fmt.Errorf("a transfer needs two counters")
	case c.Rate < 0 || c.WarmUp < 0 || c.Duration < 0 || c.Operations < 0:
		return fmt.Errorf("a rate, a time and a number of operations cannot be negative")
	case c.Duration == 0 && c.Operations == 0:
		return fmt.Errorf("the run has no end: neither a duration nor a number of operations")
	}
	return nil
}
