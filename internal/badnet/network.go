// Package badnet is a network that does its worst, for clients that must bear it: proxies
// before servers that cut connections, and lose, double and delay datagrams. What they do
// comes from a seed; when it happens is up to the machine.
//
// A proxy lets nobody through until it is opened, and serves one life of a server after
// the other. The files in reading order: network.go, faults.go (what may happen), tcp.go,
// udp.go.
package badnet

import (
	"hash/fnv"
	"io"
	"math/rand/v2"
	"sync/atomic"
)

// Network is what its proxies have in common. It is not changed once there is one.
type Network struct {
	Seed   uint64
	Counts *Counts // of what is done; networks may share it

	// MeanPieces is how many pieces of data pass in a direction of a connection, on
	// average, before it is lost there.
	MeanPieces int

	// Single, if not nil, reports which requests in datagrams must not arrive twice.
	Single func(request []byte) bool

	// Answer, if not nil, is called with each answer in a datagram as the server has
	// sent it, also at the same time. The bytes are borrowed.
	Answer func(answer []byte)
}

// Counts is what was done to connections and datagrams.
type Counts struct {
	Cuts                   atomic.Int64 // connections
	Lost, Doubled, Delayed atomic.Int64 // datagrams
}

// Proxy stands before a server, on a port of loopback.
type Proxy interface {
	Address() string

	// Open lets through to a server from now on.
	Open(network, server string)

	// Shut lets nothing new through. Datagrams on their way are lost; connections end
	// with their server.
	Shut()

	// Settle ends the faults. Connections are lost a last time: some have fallen silent,
	// and their clients need not find that out by waiting.
	Settle()

	// Close ends the proxy. It may be called again.
	Close()
}

// Dice returns the stream of random numbers that a seed gives under a name. Every
// user has a stream of its own, so what one draws changes nothing for others.
func Dice(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	_, _ = io.WriteString(h, name) // it cannot fail
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}
