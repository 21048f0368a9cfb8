package udp

import (
	"net"
	"sync"
	"testing"

	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// BenchmarkUDP is the front's own cost: 16 sockets with 16 datagrams under way
// each, and a service that syncs nothing. An operation is one command answered.
func BenchmarkUDP(b *testing.B) {
	const sockets, flight = 16, 16
	_, address := start(b, Config{Service: fronttest.NewService()}, "udp4", "127.0.0.1:0")
	var all sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for i := range sockets {
		conn, err := net.Dial("udp", address)
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		n := b.N / sockets
		if i == 0 {
			n += b.N % sockets
		}
		all.Go(func() {
			command, answer := []byte("inc.1"), make([]byte, 64)
			for sent, heard := 0, 0; heard < n; heard++ {
				for ; sent < n && sent-heard < flight; sent++ {
					if _, err := conn.Write(command); err != nil {
						b.Error(err)
						return
					}
				}
				if _, err := conn.Read(answer); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}
