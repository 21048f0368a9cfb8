package client

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/cuenta-server/cuenta"
)

// echo answers at once, whatever is asked: what is left is the way there and back.
type echo struct{}

func (echo) Do(_ context.Context, b *cuenta.Batch) {
	b.Results = b.Results[:0]
	for i := range b.Requests {
		b.Results = append(b.Results, cuenta.Result{Value: b.Requests[i].N, Revision: 1})
	}
}

func BenchmarkAdd(b *testing.B) {
	for _, w := range ways {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/callers=%d", w.scheme, callers), func(b *testing.B) {
				c := open(b, Options{}, w.scheme+"://"+w.serve(b, echo{}))
				b.ResetTimer()
				var all sync.WaitGroup
				for range callers {
					all.Go(func() {
						n := c.Counter("visitas")
						for range b.N/callers + 1 {
							if _, err := n.Add(b.Context(), 1); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
			})
		}
		if !w.batches {
			continue
		}
		b.Run(w.scheme+"/batch=64", func(b *testing.B) {
			c := open(b, Options{}, w.scheme+"://"+w.serve(b, echo{}))
			b.ResetTimer()
			for done := 0; done < b.N; done += 64 {
				batch := c.Batch()
				for range 64 {
					batch.Add("visitas", 1)
				}
				if _, err := batch.Do(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
		})
	}
}
