package client

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/local"
)

func init() {
	ways = append(ways, way{
		scheme: "shm", serve: serveRings,
		sets: true, batches: true, atomic: true, outcome: true, revisions: true,
	})
}

// serveRings hands out rings at a socket and returns its path.
func serveRings(t testing.TB, service cuenta.Service) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cuenta") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := local.New(local.Config{Service: service, Traffic: new(cuenta.Traffic)})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s, l)
	return path
}
