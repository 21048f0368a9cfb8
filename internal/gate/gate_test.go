package gate

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/cuenta-server/cuenta"
)

const (
	console = cuenta.ClassConsole
	remote  = cuenta.ClassRemote
	queue   = cuenta.ClassQueue
)

func acquire(t *testing.T, g *Gate, class cuenta.Class, n int64) {
	t.Helper()
	if err := g.Acquire(t.Context(), class, n); err != nil {
		t.Fatal(err)
	}
}

// passers writes down who passes a gate, in which order. Each waits until the
// one before it waits too.
type passers struct {
	t     *testing.T
	g     *Gate
	mu    sync.Mutex
	order []string
}

// join makes one more waiter; it releases what it was granted unless told to keep it.
func (p *passers) join(ctx context.Context, name string, class cuenta.Class, n int64, keep bool) {
	go func() {
		if err := p.g.Acquire(ctx, class, n); err != nil {
			p.pass(name + " gave up")
			return
		}
		p.pass(name)
		if !keep {
			p.g.Release(n)
		}
	}()
	synctest.Wait()
}

func (p *passers) pass(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.order = append(p.order, name)
}

// want checks who has passed since the last want.
func (p *passers) want(names string) {
	p.t.Helper()
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if got := strings.Join(p.order, ", "); got != names {
		p.t.Errorf("passed: %q, want %q", got, names)
	}
	p.order = nil
}

func TestPriorityAndOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(8)
		p := passers{t: t, g: g}
		acquire(t, g, queue, 8)
		for _, name := range []string{"q1", "r1", "q2", "c1", "r2", "c2", "q3", "c3"} {
			class := map[byte]cuenta.Class{'c': console, 'r': remote, 'q': queue}[name[0]]
			p.join(t.Context(), name, class, 8, false)
		}
		p.want("")
		g.Release(8)
		p.want("c1, c2, c3, r1, r2, q1, q2, q3")
	})
}

func TestHeavyWaiterBlocksTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(4)
		p := passers{t: t, g: g}
		acquire(t, g, queue, 1)
		acquire(t, g, queue, 1)
		p.join(t.Context(), "heavy", remote, 4, true)
		p.join(t.Context(), "light", remote, 1, false)
		p.join(t.Context(), "lower", queue, 1, false)
		if g.TryAcquire(1) {
			t.Error("somebody slipped past the waiters")
		}
		g.Release(1)
		p.want("")
		g.Release(1)
		p.want("heavy")
		if g.TryAcquire(1) {
			t.Error("the heavy one is not alone")
		}
		g.Release(4)
		synctest.Wait()
		slices.Sort(p.order) // both fit at once, so they may run in any order
		p.want("light, lower")
		if !g.TryAcquire(4) {
			t.Error("the gate is not free again")
		}
	})
}

func TestLightUnitsShareTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(4)
		p := passers{t: t, g: g}
		acquire(t, g, queue, 4)
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			p.join(t.Context(), name, queue, 1, true)
		}
		g.Release(4)
		synctest.Wait()
		if s := g.Stats(); len(p.order) != 4 || s.InUse != 4 || s.Classes[queue].Waiting != 1 {
			t.Fatalf("passed %v, %d in use", p.order, s.InUse)
		}
		g.Release(1)
		synctest.Wait()
		if len(p.order) != 5 || !slices.Contains(p.order, "e") {
			t.Errorf("passed %v", p.order)
		}
	})
}

// A heavy waiter of a low class that is ready to start at the next free moment
// is overtaken by higher ones, but no more than the share allows.
func TestHeavyWaiterOfALowClassIsOvertakenABoundedNumberOfTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(4)
		p := passers{t: t, g: g}
		acquire(t, g, console, 3)
		p.join(t.Context(), "heavy", queue, 4, true)
		for range Share - 1 {
			p.join(t.Context(), "c", console, 1, false)
		}
		p.want(strings.TrimSuffix(strings.Repeat("c, ", Share-1), ", "))
		p.join(t.Context(), "late", console, 1, false)
		p.want("")
		g.Release(3)
		p.want("heavy")
		g.Release(4)
		p.want("late")
	})
}

func TestCanceledWaiterLeavesNoTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(4)
		p := passers{t: t, g: g}
		acquire(t, g, queue, 2)
		ctx, cancel := context.WithCancel(t.Context())
		p.join(ctx, "heavy", console, 4, true)
		p.join(t.Context(), "light1", console, 1, false)
		p.join(t.Context(), "light2", queue, 1, false)
		middle, cancelMiddle := context.WithCancel(t.Context())
		p.join(middle, "middle", console, 4, false)
		p.join(t.Context(), "light3", console, 1, false)
		p.want("")
		cancelMiddle()
		p.want("middle gave up")
		cancel()
		synctest.Wait()
		slices.Sort(p.order) // they share the gate, so they may run in any order
		p.want("heavy gave up, light1, light2, light3")
		s := g.Stats()
		if s.InUse != 2 || s.Classes[console].Canceled != 2 || s.Classes[console].Waiting != 0 {
			t.Errorf("%+v", s)
		}
		if !g.TryAcquire(2) {
			t.Error("the fast way is still shut")
		}
	})
}

func TestEndedContextAcquiresNothing(t *testing.T) {
	g := New(1)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("some cause"))
	if err := g.Acquire(ctx, console, 1); err != context.Canceled {
		t.Errorf("got %v", err)
	}
	if !g.TryAcquire(1) {
		t.Error("a unit is gone")
	}
}

// Grant and cancellation in the same moment: either the units are held, or an
// error is returned and the next in line has them.
func TestGrantRacesWithCancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(2)
		for round := range 2000 {
			acquire(t, g, queue, 2)
			ctx, cancel := context.WithCancel(t.Context())
			first, second := make(chan error, 1), make(chan error, 1)
			go func() { first <- g.Acquire(ctx, console, 2) }()
			go func() { second <- g.Acquire(t.Context(), queue, 2) }()
			synctest.Wait()
			switch round % 3 {
			case 0:
				go cancel()
				g.Release(2)
			case 1: // mostly, the waiter wakes up to find that it was granted
				cancel()
				g.Release(2)
			case 2:
				g.Release(2)
				cancel()
			}
			err := <-first
			cancel()
			synctest.Wait()
			switch {
			case err == nil:
				if len(second) != 0 {
					t.Fatal("granted twice")
				}
				g.Release(2)
			case err != context.Canceled || len(second) != 1:
				t.Fatalf("%v, and the next in line has nothing", err)
			}
			if err := <-second; err != nil || g.Stats().InUse != 2 {
				t.Fatalf("%v, %d units in use", err, g.Stats().InUse)
			}
			g.Release(2)
		}
	})
}

func TestExclusionUnderStress(t *testing.T) {
	const capacity, rounds = 5, 400
	g := New(capacity)
	guarded := 0 // written alone, read shared: the race detector judges

	tokens := make(chan struct{}, capacity) // counts the units once more
	for range capacity {

		tokens <- struct{}{}
	}
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 1))
			for range rounds {
				n := []int64{1, 1, 2, capacity}[rng.IntN(4)]
				ctx, cancel := context.WithCancel(context.Background())
				if rng.IntN(4) == 0 {
					go cancel()
				}
				if g.Acquire(ctx, cuenta.Class(rng.IntN(int(cuenta.NumClasses))), n) == nil {
					for range n {
						select {
						case <-tokens:
						default:
							t.Error("more units granted than there are")
						}
					}
					if n == capacity {
						guarded++
					} else if guarded < 0 {
						t.Error("impossible")
					}
					for range n {
						tokens <- struct{}{}
					}
					g.Release(n)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	s := g.Stats()
	if s.InUse != 0 || !g.TryAcquire(capacity) {
		t.Errorf("%d units in use at the end", s.InUse)
	}
	for _, c := range s.Classes {
		if c.Waiting != 0 {
			t.Errorf("%s: %d still in line", c.Class, c.Waiting)
		}
	}
}

func TestImpossibleWeights(t *testing.T) {
	g := New(4)
	for _, n := range []int64{5, 0, -1, math.MaxInt64, math.MinInt64} {
		if err := g.Acquire(t.Context(), console, n); err != ErrWeight {
			t.Errorf("%d units: %v", n, err)
		}
		if g.TryAcquire(n) {
			t.Errorf("%d units granted", n)
		}
	}
	if s := g.Stats(); s.InUse != 0 {
		t.Errorf("%d units in use", s.InUse)
	}
}

func TestLargestCapacity(t *testing.T) {
	g := New(math.MaxInt64 / 2)
	acquire(t, g, console, math.MaxInt64/2)
	if g.TryAcquire(1) || g.TryAcquire(math.MaxInt64/2) {
		t.Error("the word overflowed")
	}
	g.Release(math.MaxInt64 / 2)
	acquire(t, g, console, 1)
}

func TestBrokenInvariantsPanic(t *testing.T) {
	held := New(2)
	held.TryAcquire(1)
	for name, f := range map[string]func(){
		"release without acquire": func() { New(1).Release(1) },
		"release too much":        func() { held.Release(2) },
		"release nothing":         func() { New(1).Release(0) },
		"release a negative":      func() { New(1).Release(-1) },
		"no capacity":             func() { New(0) },
		"too much capacity":       func() { New(math.MaxInt64) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
