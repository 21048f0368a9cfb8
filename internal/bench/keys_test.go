package bench

import (
	"math"
	"testing"
)

func TestDistributionsStayInBounds(t *testing.T) {
	for _, kind := range Distributions {
		for _, keys := range []int64{1, 2, 3, 100, 20_000, MaxKeys} {
			next := newChooser(kind, keys, 1).source(0)
			for range 10_000 {
				if key := next(); key >= uint64(keys) {
					t.Fatalf("%s of %d: %d", kind, keys, key)
				}
			}
		}
	}
}

func TestZipfFollowsItsLaw(t *testing.T) {
	const keys, draws = 1000, 300_000
	next := newChooser(Zipf, keys, 1).source(0)
	var seen [keys]int
	for range draws {
		seen[next()]++
	}
	// The first ranks are exact, the others approximated by the method.
	for rank, tolerance := range map[int]float64{0: 0.02, 1: 0.02, 10: 0.25, 100: 0.25, 500: 0.25} {
		want := draws / (math.Pow(float64(rank+1), zipfExponent) * zeta(keys))
		if got := float64(seen[rank]); math.Abs(got-want) > tolerance*want {
			t.Errorf("rank %d was drawn %v times, want about %.0f", rank, got, want)
		}
	}
}

func TestZeta(t *testing.T) {
	for _, n := range []float64{1, 2, 10_000, 10_001, 200_000} {
		want := 0.0
		for i := n; i >= 1; i-- {
			want += math.Pow(i, -zipfExponent)
		}
		if got := zeta(n); math.Abs(got-want) > 1e-6*want {
			t.Errorf("zeta(%v) is %v, want %v", n, got, want)
		}
	}
}

func TestUniformReachesEveryKey(t *testing.T) {
	next := newChooser(Uniform, 100, 1).source(3)
	seen := map[uint64]int{}
	for range 10_000 {
		seen[next()]++
	}
	if len(seen) != 100 {
		t.Errorf("%d keys of 100", len(seen))
	}
}

func TestSequenceGoesOverAllConnections(t *testing.T) {
	c := newChooser(Sequence, 6, 1)
	a, b := c.source(0), c.source(1)
	for i := range uint64(9) {
		next := a
		if i%2 == 1 {
			next = b
		}
		if got := next(); got != i%6 {
			t.Errorf("%d, want %d", got, i%6)
		}
	}
}

func TestConnectionsDifferAndRepeat(t *testing.T) {
	draw := func(seed uint64, connection int) (keys [8]uint64) {
		next := newChooser(Uniform, 1<<40, seed).source(connection)
		for i := range keys {
			keys[i] = next()
		}
		return keys
	}
	first, again := draw(1, 0), draw(1, 0)
	if first != again || first == draw(1, 1) || first == draw(2, 0) {
		t.Error("the choice does not depend on seed and connection alone")
	}
}

func TestDigits(t *testing.T) {
	for key, want := range map[uint64]string{0: "000000000000", 42: "000000000042", MaxKeys - 1: "999999999999"} {
		if got := string(appendDigits([]byte("x"), key)); got != "x"+want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
