package badnet

import (
	"math/rand/v2"
	"sync"
	"time"
)

// fate is what happens to a datagram.
type fate uint8

const (
	passed fate = iota
	dropped
	doubled
	delayed
)

// Of a hundred datagrams so many have that fate; the rest pass.
const (
	dropPercent   = 6
	doublePercent = 4
	delayPercent  = 4

	maxDelay = 40 * time.Millisecond
)

// weather decides about the datagrams of one direction, one after the other.
type weather struct {
	mu   sync.Mutex
	dice *rand.Rand
	calm bool // everything passes
}

func (w *weather) next() (fate, time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.calm {
		return passed, 0
	}
	switch n := w.dice.IntN(100); {
	case n < dropPercent:
		return dropped, 0
	case n < dropPercent+doublePercent:
		return doubled, 0
	case n < dropPercent+doublePercent+delayPercent:
		return delayed, time.Duration(w.dice.Int64N(int64(maxDelay)))
	}
	return passed, 0
}

func (w *weather) settle() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calm = true
}

// ending is how a connection is lost.
type ending uint8

const (
	closed   ending = iota // both sides see its end
	reset                  // both sides see it break
	silenced               // nothing passes any more, and nobody is told
	endings
)

// cut is how and when a connection is lost. Going by pieces of data and not by
// time, it falls where it hurts: in the middle of a request, or between the change
// and its answer.
type cut struct {
	up    bool    // on the way to the server, else on the way back
	piece int     // in which piece of data, from 0
	share float64 // how much of that piece still passes
	end   ending
}

func planCut(d *rand.Rand, meanPieces int) cut {
	c := cut{
		up:    d.IntN(2) == 0,
		piece: int(d.ExpFloat64() * float64(meanPieces)),
		end:   ending(d.IntN(int(endings))),
	}
	// Mostly all of it or nothing: the request arrives and its answer does not.
	switch d.IntN(4) {
	case 0:
		c.share = d.Float64()
	case 1:
		c.share = 1
	}
	return c
}
