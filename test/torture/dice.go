//go:build linux

package main

import (
	"hash/fnv"
	"io"
	"math/rand/v2"
	"time"
)

// dice returns the stream of random numbers that a seed gives under a name. Every
// user has a stream of its own, so what one draws changes nothing for others.
func dice(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	_, _ = io.WriteString(h, name) // it cannot fail
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// oneIn reports true once in n times.
func oneIn(d *rand.Rand, n int) bool { return d.IntN(n) == 0 }

// between draws a time.
func between(d *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(d.Int64N(int64(high-low)+1))
}

// ending is how a connection is lost.
type ending uint8

const (
	closed   ending = iota // both sides see its end
	reset                  // both sides see it break
	silenced               // nothing passes any more, and nobody is told
	endings
)

// meanChunks is how many pieces of data pass in a direction, on average, before
// the connection is lost there.
const meanChunks = 60

// cut is how and when a connection is lost. Going by pieces of data and not by
// time, it falls where it hurts: in the middle of a request, or between the change
// and its answer.
type cut struct {
	up    bool    // on the way to the server, else on the way back
	chunk int     // in which piece of data, from 0
	share float64 // how much of that piece still passes
	end   ending
}

func planCut(d *rand.Rand) cut {
	c := cut{up: oneIn(d, 2), chunk: int(d.ExpFloat64() * meanChunks), end: ending(d.IntN(int(endings)))}
	// Mostly all of it or nothing: the request arrives and its answer does not.
	switch d.IntN(4) {
	case 0:
		c.share = d.Float64()
	case 1:
		c.share = 1
	}
	return c
}

// fate is what happens to a datagram.
type fate uint8

const (
	passed fate = iota
	dropped
	doubled
	delayed
)

const maxDelay = 30 * time.Millisecond

// weather draws a datagram's fate: of a hundred, six are dropped, six doubled, six
// delayed.
func weather(d *rand.Rand) (fate, time.Duration) {
	switch n := d.IntN(100); {
	case n < 6:
		return dropped, 0
	case n < 12:
		return doubled, 0
	case n < 18:
		return delayed, between(d, 0, maxDelay)
	}
	return passed, 0
}
