//go:build !race

package tcp

import (
	"bytes"
	"testing"

	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// TestNoAllocations: once warm, commands cost no memory. (The race detector has
// pools forget at random.)
func TestNoAllocations(t *testing.T) {
	_, dial := start(t, Config{Service: fronttest.NewService()})
	conn := dial(t)
	defer conn.Close()
	commands := bytes.Repeat([]byte("inc.0 @visitas\n"), 64)
	answers := make([]byte, 64*len("0\n"))
	round := func() {
		if _, err := conn.Write(commands); err != nil {
			t.Fatal(err)
		}
		for left := answers; len(left) > 0; {
			n, err := conn.Read(left)
			if err != nil {
				t.Fatal(err)
			}
			left = left[n:]
		}
	}
	for range 20 {
		round()
	}
	if n := testing.AllocsPerRun(100, round); n > 0 {
		t.Errorf("%v allocations for 64 commands, want none", n)
	}
}
