package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/identity"
	"github.com/cuenta-server/cuenta/internal/journal"
	"github.com/cuenta-server/cuenta/internal/ledger"
	"github.com/cuenta-server/cuenta/internal/shm"
)

// BenchmarkCycle is a change through the ledger and the open group in batches of
// 64, each batch a group of its own that is sealed and landed, without I/O. The
// time is per operation.
func BenchmarkCycle(b *testing.B) {
	for _, counters := range []int{1, 1000, 100_000} {
		b.Run(fmt.Sprintf("counters=%d", counters), func(b *testing.B) {
			seg, err := shm.Create("bench-cells", counters*shm.CellSize)
			if err != nil {
				b.Fatal(err)
			}
			defer seg.Close()
			l, err := ledger.New(shm.NewCells(seg), uint32(counters), identity.Config{})
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			cycle := NewCycle(l, drawSession)
			batches := make([]*cuenta.Batch, max(1, counters/64))
			for i := range batches {
				batches[i] = &cuenta.Batch{Class: cuenta.ClassQueue}
				for j := range 64 {
					n := (i*64 + j) * 7919 % counters
					batches[i].Requests = append(batches[i].Requests, add(fmt.Sprintf("counter-%08d", n), 1))
				}
				turn(cycle, batches[i])
			}
			b.ReportAllocs()
			next := 0
			for i := 0; b.Loop(); i++ {
				if i%64 == 0 {
					turn(cycle, batches[next])
					if next++; next == len(batches) {
						next = 0
					}
				}
			}
		})
	}
}

// BenchmarkIdentities is the commit cycle with a session's number on every
// request: 50 sessions, each with a run of 16 in a group, beside the same without.
func BenchmarkIdentities(b *testing.B) {
	for _, identified := range []bool{false, true} {
		b.Run(fmt.Sprintf("identified=%v", identified), func(b *testing.B) {
			const counters, sessions, run = 100_000, 50, 16
			seg, err := shm.Create("bench-cells", counters*shm.CellSize)
			if err != nil {
				b.Fatal(err)
			}
			defer seg.Close()
			l, err := ledger.New(shm.NewCells(seg), counters, identity.Config{})
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			next := uint64(0)
			cycle := NewCycle(l, func() uint64 { next++; return next * 0x9e3779b97f4a7c15 })
			open := &cuenta.Batch{Requests: make([]cuenta.Request, sessions)}
			for i := range open.Requests {
				open.Requests[i].Op = cuenta.OpenSession
			}
			turn(cycle, open)
			batch := &cuenta.Batch{Requests: make([]cuenta.Request, sessions*run)}
			names := make([][]byte, counters)
			for i := range names {
				names[i] = fmt.Appendf(nil, "key:%012d", i*7919%counters)
			}
			b.ReportAllocs()
			for i, number := 0, uint64(0); b.Loop(); i++ {
				if i%len(batch.Requests) == 0 {
					for k := range batch.Requests {
						r := &batch.Requests[k]
						*r = cuenta.Request{Op: cuenta.Add, Counter: names[(i+k)%counters], N: 1}
						if identified {
							n := number + uint64(k%run)
							r.Identity = cuenta.Identity{Session: open.Results[k/run].Revision, Number: n + 1, Lowest: number + 1}
						}
					}
					number += run
					turn(cycle, batch)
				}
			}
		})
	}
}

func turn(c *Cycle, b *cuenta.Batch) *journal.Record {
	c.Apply(b, cuenta.OK, 0)
	r := c.Seal(0)
	c.Landed()
	return r
}

// BenchmarkDo is the whole engine on a real disk: many goroutines, each with a
// batch under way, durable.
func BenchmarkDo(b *testing.B) {
	for _, size := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			e, err := Open(Config{Dir: b.TempDir(), MaxCounters: 200_000})
			if err != nil {
				b.Fatal(err)
			}
			var goroutine atomic.Int64
			b.SetParallelism(25) // times GOMAXPROCS
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				g := goroutine.Add(1)
				batch := &cuenta.Batch{Class: cuenta.ClassQueue}
				for j := range size {
					batch.Requests = append(batch.Requests, add(fmt.Sprintf("counter-%d-%d", g, j), 1))
				}
				for pb.Next() {
					e.Do(context.Background(), batch)
				}
			})
			b.StopTimer()
			b.ReportMetric(float64(b.N)*float64(size)/b.Elapsed().Seconds(), "ops/s")
			if err := e.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkLoop is what an event loop asks of the engine: one goroutine, batches
// of many connections' commands on 100,000 random counters, durable.
func BenchmarkLoop(b *testing.B) {
	for _, size := range []int{50, 800, 4096} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			e, err := Open(Config{Dir: b.TempDir(), MaxCounters: 200_000})
			if err != nil {
				b.Fatal(err)
			}
			const counters = 100_000
			rng := rand.New(rand.NewPCG(1, 1))
			batches := make([]*cuenta.Batch, 64)
			for i := range batches {
				batches[i] = &cuenta.Batch{Class: cuenta.ClassRemote}
				for range size {
					batches[i].Requests = append(batches[i].Requests, add(fmt.Sprintf("key:%012d", rng.IntN(counters)), 1))
				}
				e.Do(context.Background(), batches[i])
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				e.Do(context.Background(), batches[i%len(batches)])
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(size), "ns/request")
			if err := e.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
