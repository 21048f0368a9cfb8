package api

import (
	"io"
	"net/http"
	"testing"

	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

// BenchmarkAdd is what the protocols cost: the service only counts in a map, and
// the clients share the processors.
func BenchmarkAdd(b *testing.B) {
	b.Run("rest", func(b *testing.B) {
		s := start(b)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				response, err := s.http1.Post(s.url+"/v1/counters/a:add", "", http.NoBody)
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, response.Body) // so that the connection is used again
				response.Body.Close()
			}
		})
	})
	for _, name := range []string{"connect", "connect json", "grpc"} {
		b.Run(name, func(b *testing.B) {
			client := protocols[name](start(b))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := client.Add(b.Context(), &cuentav1.AddRequest{Counter: "a"}); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
