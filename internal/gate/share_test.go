package gate

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cuenta-server/cuenta"
)

// saturated returns the order in which a full gate serves that many waiters of
// each class.
func saturated(t *testing.T, consoles, remotes, queued int) (order string) {
	synctest.Test(t, func(t *testing.T) {
		g := New(1)
		p := passers{t: t, g: g}
		acquire(t, g, console, 1)
		for range queued {
			p.join(t.Context(), "q", queue, 1, false)
		}
		for range remotes {
			p.join(t.Context(), "r", remote, 1, false)
		}
		for range consoles {
			p.join(t.Context(), "c", console, 1, false)
		}
		g.Release(1)
		synctest.Wait()
		order = strings.Join(p.order, "")
	})
	return order
}

func TestEveryWaitingClassGetsItsShareExactly(t *testing.T) {
	c := func(n int) string { return strings.Repeat("c", n) }
	r := func(n int) string { return strings.Repeat("r", n) }
	tests := map[string]struct {
		consoles, remotes, queued int
		want                      string
	}{
		"two classes":    {45, 0, 4, c(15) + "q" + c(15) + "q" + c(15) + "qq"},
		"lower two":      {0, 30, 3, r(15) + "q" + r(15) + "qq"},
		"neighbours":     {30, 3, 0, c(15) + "r" + c(15) + "rr"},
		"three classes":  {42, 4, 4, c(14) + "rq" + c(14) + "rq" + c(14) + "rqrq"},
		"nobody is late": {5, 5, 5, c(5) + r(5) + "qqqqq"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := saturated(t, test.consoles, test.remotes, test.queued); got != test.want {
				t.Errorf("served\n%s, want\n%s", got, test.want)
			}
		})
	}
}

// Whatever arrives and leaves, no class that has waiters is passed by more than
// Share-1 times in a row, and nobody but a late class goes before a higher one.
func TestNoClassStarvesWhateverComes(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 2))
		g := New(1)
		var model [cuenta.NumClasses]int // grants since the class was served, while it waits
		var last [cuenta.NumClasses]*waiter
		appetite := [cuenta.NumClasses]int{rng.IntN(8), rng.IntN(8), rng.IntN(8)}
		for range 500 {
			for class := range g.lines {
				l := &g.lines[class]
				for range rng.IntN(appetite[class] + 1) {
					last[class] = &waiter{weight: 1, ready: make(chan struct{}, 1)}
					l.push(last[class])
				}
				if w := last[class]; w != nil && !w.granted && rng.IntN(20) == 0 {
					l.remove(w) // gives up
					last[class] = nil
				}
				if l.first() == nil {
					model[class] = 0
				}
			}
			chosen := g.next()
			if chosen == nil {
				continue
			}
			g.grant(chosen)
			for class := range g.lines {
				l := &g.lines[class]
				if l == chosen || l.first() == nil {
					model[class] = 0
				} else if model[class]++; model[class] >= Share {
					t.Fatalf("seed %d: %v starves", seed, cuenta.Class(class))
				}
			}
		}
	}
}

func TestShareStartsAnewWhenALineEmpties(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(1)
		p := passers{t: t, g: g}
		acquire(t, g, console, 1)
		ctx, cancel := context.WithCancel(t.Context())
		p.join(ctx, "q", queue, 1, false)
		for range Share - 1 {
			p.join(t.Context(), "c", console, 1, true)
		}
		for range Share - 2 {
			g.Release(1)
			synctest.Wait()
		}
		cancel()
		synctest.Wait()
		p.order = nil
		p.join(t.Context(), "q", queue, 1, false)
		p.join(t.Context(), "c", console, 1, false)
		g.Release(1) // to the last of the first consoles
		p.want("c")
		g.Release(1)
		p.want("c, q")
	})
}
