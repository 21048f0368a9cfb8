package stream

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"sync"
	"testing"
)

// BenchmarkStream is the front's own cost: 50 connections with so many commands
// under way each, and a service that syncs nothing. An operation is one command
// answered.
func BenchmarkStream(b *testing.B) {
	for _, shell := range []string{"loop", "goroutines"} {
		for _, flight := range []int{1, 16, 128} {
			b.Run(fmt.Sprintf("%s/flight=%d", shell, flight), func(b *testing.B) {
				benchmark(b, Config{Goroutines: shell == "goroutines"}, 50, flight)
			})
		}
	}
}

func benchmark(b *testing.B, conf Config, conns, flight int) {
	_, dial := start(b, conf)
	commands := bytes.Repeat([]byte("inc.1\n"), flight)
	var all sync.WaitGroup
	open := make([]net.Conn, conns)
	for i := range open {
		open[i] = dial(b)
		defer open[i].Close()
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i, conn := range open {
		left := b.N / conns
		if i == 0 {
			left += b.N % conns
		}
		all.Go(func() {
			answers := bufio.NewReader(conn)
			for ; left > 0; left -= flight {
				n := min(flight, left)
				if _, err := conn.Write(commands[:6*n]); err != nil {
					b.Error(err)
					return
				}
				for range n {
					if _, err := answers.ReadSlice('\n'); err != nil {
						b.Error(err)
						return
					}
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}
