package inspect

import (
	"fmt"
	"testing"
)

// The report with many connections on the server's ports. Both ends live in this
// process, so n connections are 2n descriptors.
func BenchmarkReadSystem(b *testing.B) {
	for _, n := range []int{10, 5000} {
		b.Run(fmt.Sprintf("connections=%d", n), func(b *testing.B) {
			l := listen(b, "127.0.0.1:0")
			for range n {
				connect(b, l)
			}
			for b.Loop() {
				s, err := ReadSystem(b.Context(), []Port{tcpPort(l)})
				if err != nil || s.Summary[Established] != n {
					b.Fatal(err, s.Summary)
				}
			}
		})
	}
}
