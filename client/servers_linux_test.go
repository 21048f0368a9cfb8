package client

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
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
	serveRingsAt(t, path, service)
	return path
}

func serveRingsAt(t testing.TB, path string, service cuenta.Service) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := local.New(local.Config{Service: service, Traffic: new(cuenta.Traffic)})
	if err != nil {
		t.Fatal(err)
	}
	fronttest.Serve(t, s, l)
}

// A change that meets a server which stops is carried out by the one that is
// started after it, once.
func TestRingsToTheNextServer(t *testing.T) {
	fronttest.NoLeaks(t)
	service := fronttest.NewService()
	path := filepath.Join(t.TempDir(), "s")
	link, err := newRings(path)
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(Options{Timeout: patience}, link, false)
	defer c.Close()
	n := c.Counter("a")
	for life := range int64(3) {
		between := n.AddAsync(t.Context(), 1) // when no server is there
		t.Run(fmt.Sprint(life), func(t *testing.T) {
			serveRingsAt(t, path, service)
			r, err := between.Wait(t.Context())
			if must(t, r, err).Value != 2*life+1 {
				t.Errorf("between two servers: %+v", r)
			}
			if r, err = n.Add(t.Context(), 1); must(t, r, err).Value != 2*life+2 {
				t.Errorf("got %+v", r)
			}
		})
	}
}
