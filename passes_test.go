package cuenta

import (
	"math"
	"math/big"
	"testing"
)

// Whatever a change would have made of a value is compared with the limits in numbers
// that do not wrap.
func TestPassesCeiling(t *testing.T) {
	numbers := []int64{math.MinInt64, math.MinInt64 + 1, -100, -1, 0, 1, 2, 100, math.MaxInt64 - 1, math.MaxInt64}
	passed := 0
	check := func(op Op, value, n int64, next *big.Int) {
		t.Helper()
		for _, limit := range numbers {
			over := next.Cmp(big.NewInt(limit))
			if over == 0 {
				continue // it is no limit that would be passed
			}
			passed++
			refused := Result{Code: Limited, Value: limit, Amount: limit - value}
			if got, want := refused.PassesCeiling(&Request{Op: op, N: n}), over > 0; got != want {
				t.Errorf("%v of %d at %d, limit %d: %v", op, n, value, limit, got)
			}
		}
	}
	for _, value := range numbers {
		for _, n := range numbers {
			sum := new(big.Int).Add(big.NewInt(value), big.NewInt(n))
			check(Add, value, n, sum)
			check(Settle, value, n, sum)
			check(Ticket, value, n, sum)
			check(Set, value, n, big.NewInt(n))
			check(Reset, value, n, new(big.Int))
			check(Limit, value, n, big.NewInt(value))
		}
	}
	if passed < 4000 {
		t.Errorf("only %d limits were passed", passed)
	}
	for _, n := range []int64{-1, 1} {
		refused := Result{Code: Limited, Value: 5, Amount: -n}
		if got := refused.PassesCeiling(&Request{Op: Hold, N: n}); got != (n > 0) {
			t.Errorf("a hold of %d: %v", n, got)
		}
	}
}
