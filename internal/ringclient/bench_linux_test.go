package ringclient

import (
	"fmt"
	"sync"
	"testing"

	"github.com/cuenta-server/cuenta"
)

// BenchmarkRoundTrip asks a server in another process that answers at once. With
// a session every operation has its identity.
func BenchmarkRoundTrip(b *testing.B) {
	for _, goroutines := range []int{1, 8} {
		for _, depth := range []int{1, 16, 64} {
			for _, identity := range []string{"none", "session", "key"} {
				b.Run(fmt.Sprintf("goroutines=%d/depth=%d/identity=%s", goroutines, depth, identity), func(b *testing.B) {
					path, _, finish := startServer(b, true)
					defer finish()
					c, err := Dial(b.Context(), path)
					if err != nil {
						b.Fatal(err)
					}
					defer c.Close()
					rounds := b.N/goroutines/depth + 1
					b.ResetTimer()
					var all sync.WaitGroup
					for g := range goroutines {
						all.Go(func() { count(b, c, uint64(g+1), rounds, depth, identity) })
					}
					all.Wait()
					b.ReportMetric(float64(rounds*goroutines*depth)/b.Elapsed().Seconds(), "ops/s")
				})
			}
		}
	}
}

func count(b *testing.B, c *Client, session uint64, rounds, depth int, identity string) {
	batch := cuenta.Batch{Requests: make([]cuenta.Request, depth)}
	for i := range batch.Requests {
		batch.Requests[i] = cuenta.Request{Op: cuenta.Add, N: 1, Counter: []byte("key:000000000000")}
	}
	number := uint64(0)
	for range rounds {
		lowest := number + 1
		for i := range batch.Requests {
			number++
			switch identity {
			case "session":
				batch.Requests[i].Identity = cuenta.Identity{Session: session, Number: number, Lowest: lowest}
			case "key":
				batch.Requests[i].Identity = cuenta.Identity{Key: []byte("0192b7c3-1c64-7d22-8b1e-7f3a19c0ffee")}
			}
		}
		if err := c.Do(b.Context(), &batch); err != nil {
			b.Error(err)
			return
		}
		if r := batch.Results[depth-1]; r.Value != 1 {
			b.Errorf("%+v", r)
			return
		}
	}
}
