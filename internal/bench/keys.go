package bench

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
)

// keyDigits is the length of the number in a counter's name; with "key:" before
// it a name has 16 bytes, the same as redis-benchmark's.
const keyDigits = 12

// anyDigits is as long as the number of a counter.
const anyDigits = "000000000000"

// appendDigits appends the number of a counter.
func appendDigits(dst []byte, key uint64) []byte {
	at := len(dst)
	dst = append(dst, anyDigits...)
	putDigits((*[keyDigits]byte)(dst[at:]), key)
	return dst
}

// putDigits writes the number of a counter in place of another, two digits at a time.
func putDigits(digits *[keyDigits]byte, key uint64) {
	for i := keyDigits - 2; i >= 0; i -= 2 {
		pair := key % 100
		key /= 100
		digits[i], digits[i+1] = byte('0'+pair/10), byte('0'+pair%10)
	}
}

// chooser makes the sources of keys of one run, one for each connection.
type chooser struct {
	keys     uint64
	kind     Distribution
	seed     uint64
	zipf     zipf
	sequence atomic.Uint64
}

func newChooser(kind Distribution, keys int64, seed uint64) *chooser {
	c := &chooser{keys: uint64(keys), kind: kind, seed: seed}
	if kind == Zipf {
		c.zipf = newZipf(c.keys)
	}
	return c
}

// source returns the keys of the connection with that number.
func (c *chooser) source(connection int) func() uint64 {
	random := rand.New(rand.NewPCG(c.seed, uint64(connection)))
	switch c.kind {
	case Uniform:
		return func() uint64 { return random.Uint64N(c.keys) }
	case Zipf:
		return func() uint64 { return c.zipf.rank(random.Float64()) }
	case Sequence:
		return func() uint64 { return (c.sequence.Add(1) - 1) % c.keys }
	}
	return func() uint64 { return 0 }
}

// zipf draws ranks by Zipf's law with an exponent below one, which
// [rand.NewZipf] does not do, by inverting an approximation of the distribution:
// Gray and others, "Quickly Generating Billion-Record Synthetic Databases",
// SIGMOD 1994, the generator that YCSB uses too.
type zipf struct {
	n                float64
	zeta, alpha, eta float64
}

const zipfExponent = 0.99

func newZipf(n uint64) zipf {
	z := zipf{n: float64(n), zeta: zeta(float64(n)), alpha: 1 / (1 - zipfExponent)}
	z.eta = (1 - math.Pow(2/z.n, 1-zipfExponent)) / (1 - zeta(2)/z.zeta)
	return z
}

// rank returns the rank, from 0, at u of the distribution; u is in [0, 1).
func (z *zipf) rank(u float64) uint64 {
	uz := u * z.zeta
	switch {
	case uz < 1:
		return 0
	case uz < 1+math.Pow(0.5, zipfExponent):
		return uint64(min(1, z.n-1))
	}
	return uint64(min(z.n-1, z.n*math.Pow(z.eta*u-z.eta+1, z.alpha)))
}

// zeta is the sum of 1/i^zipfExponent for i from 1 to n: the head exactly, the tail
// as an integral, which is off by less than one part in a million.
func zeta(n float64) float64 {
	const head = 10_000
	sum := 0.0
	for i := 1.0; i <= min(n, head); i++ {
		sum += math.Pow(i, -zipfExponent)
	}
	if n > head {
		sum += (math.Pow(n, 1-zipfExponent) - math.Pow(head, 1-zipfExponent)) / (1 - zipfExponent)
		sum += (math.Pow(n, -zipfExponent) - math.Pow(head, -zipfExponent)) / 2
	}
	return sum
}
