package system

import (
	"net"
	"testing"

	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// TestTextConformance runs the suite of the text protocol against the real
// thing: every byte goes to the disk, the workers are processes.
func TestTextConformance(t *testing.T) {
	for _, workers := range []string{"connection", "2"} {
		s := serve(t, "--workers", workers, "--log-level", "error")
		for _, front := range []string{"tcp", "proc"} {
			t.Run(front+"/workers="+workers, func(t *testing.T) {
				fronttest.Text(t, func(t testing.TB) net.Conn {
					conn, err := net.Dial("tcp", s.fronts[front])
					if err != nil {
						t.Fatal(err)
					}
					return conn
				})
			})
		}
	}
}
