package queue

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
)

// Many producers, one taker: nothing lost, nothing doubled, and each producer's
// messages in its order.
func TestNothingIsLostDoubledOrReorderedUnderStress(t *testing.T) {
	const producers, each, capacity = 8, 1500, 12
	type message struct{ from, number, weight int }
	q := New[message](capacity)
	var accepted [producers][]int // numbers, in the order of acceptance
	var wg sync.WaitGroup
	for from := range producers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(from), 3))
			for number := range each {
				m := message{from, number, rng.IntN(4) + 1}
				if rng.IntN(50) == 0 {
					m.weight = capacity
				}
				if rng.IntN(3) == 0 {
					if q.TryPut(m, m.weight) {
						accepted[from] = append(accepted[from], number)
					}
					continue
				}
				ctx, cancel := context.WithCancel(context.Background())
				if rng.IntN(4) == 0 {
					go cancel()
				}
				if q.Put(ctx, m, m.weight) == nil {
					accepted[from] = append(accepted[from], number)
				}
				cancel()
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()

	var taken [producers][]int
	var buffer []message
	weight := uint64(0)
	for open := true; open; {
		select {
		case <-done:
			open = false // once more, for what is left
		default:
		}
		buffer = q.Take(buffer[:0], 7)
		for ; !open && q.Len() > 0; buffer = q.Take(buffer, 7) {
		}
		for _, m := range buffer {
			taken[m.from] = append(taken[m.from], m.number)
			weight += uint64(m.weight)
		}
		runtime.Gosched()
	}
	for from := range producers {
		if !slices.Equal(taken[from], accepted[from]) {
			t.Errorf("producer %d: %d accepted, %d taken", from, len(accepted[from]), len(taken[from]))
		}
	}
	s := q.Stats()
	if s.Accepted != s.Taken || s.TakenWeight != weight || s.AcceptedWeight != weight || s.Depth != 0 || s.Waiting != 0 || s.HighWater > capacity {
		t.Errorf("%+v, weight taken %d", s, weight)
	}
}

func TestWarmQueueAllocatesNothing(t *testing.T) {
	q := New[*int](64)
	v := new(int)
	var buffer []*int
	ctx := t.Context()
	allocs := testing.AllocsPerRun(100, func() {
		for range 32 {
			if q.Put(ctx, v, 1) != nil || !q.TryPut(v, 1) {
				t.Error("no room")
			}
		}
		buffer = q.Take(buffer[:0], 64)
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkPutTake(b *testing.B) {
	q := New[*int](1024)
	v := new(int)
	ctx := context.Background()
	buffer := make([]*int, 0, 64)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if q.Put(ctx, v, 16) != nil {
			b.Fatal("no room")
		}
		if i%64 == 63 {
			buffer = q.Take(buffer[:0], 1024)
		}
	}
}

// Producers that mostly wait for room, and a taker that takes what there is.
func BenchmarkBackPressure(b *testing.B) {
	q := New[int](64)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			for q.Put(ctx, 1, 16) == nil {
			}
		})
	}
	b.ReportAllocs()
	var buffer []int
	taken := 0
	for taken < b.N {
		buffer = q.Take(buffer[:0], 1024)
		taken += len(buffer)
		if len(buffer) == 0 {
			runtime.Gosched()
		}
	}
	b.StopTimer()
	cancel()
	wg.Wait()
}
