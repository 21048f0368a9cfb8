//go:build !race

package stream

import (
	"bytes"
	"testing"
)

// TestNoAllocations: once warm, commands cost no memory. (The race detector has
// pools forget at random.)
func TestNoAllocations(t *testing.T) { both(t, noAllocations) }

func noAllocations(t *testing.T, conf Config) {
	_, dial := start(t, conf)
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
