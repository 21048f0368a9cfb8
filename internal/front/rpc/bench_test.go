package rpc

import (
	"net/rpc"
	"testing"
)

// BenchmarkInc makes calls on one connection, 64 under way.
func BenchmarkInc(b *testing.B) {
	s := start(b, Config{})
	c := s.dial()
	done := make(chan *rpc.Call, 64)
	b.ReportAllocs()
	waiting := 0
	for b.Loop() {
		if waiting == cap(done) {
			<-done
			waiting--
		}
		c.Go("Cuenta.Inc", int64(1), new(int64), done)
		waiting++
	}
	for range waiting {
		<-done
	}
}
