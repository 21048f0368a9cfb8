package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
)

// BenchmarkBesideSnapshots is BenchmarkLoop over two million counters, without
// and with snapshots being written one after the other: what they cost in
// throughput, and in the time of the slowest batches.
func BenchmarkBesideSnapshots(b *testing.B) {
	const counters, size = 2_000_000, 400
	e, err := Open(Config{Dir: b.TempDir(), SnapshotAfter: 1 << 40})
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	batch := &cuenta.Batch{Class: cuenta.ClassRemote}
	fill := func(number func(i int) int) {
		batch.Requests = batch.Requests[:0]
		for i := range size {
			batch.Requests = append(batch.Requests, add(fmt.Sprintf("counter-%08d", number(i)), 1))
		}
	}
	for from := 0; from < counters; from += size {
		fill(func(i int) int { return from + i })
		e.Do(context.Background(), batch)
	}
	fill(func(int) int { return rng.IntN(counters) })
	for _, name := range []string{"without", "with"} {
		b.Run(name, func(b *testing.B) {
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan int)
			go func() {
				n := 0
				for name == "with" && e.Snapshot(ctx) == nil {
					n++
				}
				done <- n
			}()
			var times []time.Duration
			for b.Loop() {
				began := time.Now()
				e.Do(context.Background(), batch)
				times = append(times, time.Since(began))
			}
			cancel()
			b.ReportMetric(float64(<-done), "snapshots")
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "µs-p99")
			b.ReportMetric(float64(times[len(times)-1].Microseconds()), "µs-longest")
		})
	}
	if err := e.Close(); err != nil {
		b.Fatal(err)
	}
}
