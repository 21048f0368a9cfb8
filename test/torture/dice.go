//go:build linux

package main

import (
	"math/rand/v2"
	"time"
)

// oneIn reports true once in n times.
func oneIn(d *rand.Rand, n int) bool { return d.IntN(n) == 0 }

// between draws a time.
func between(d *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(d.Int64N(int64(high-low)+1))
}
