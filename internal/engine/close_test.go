package engine

import (
	"errors"
	"sync"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
)

// TestClosedAgain closes an engine several times, at the same time and afterwards: the
// first does it, the others wait for it, and what was counted is there.
func TestClosedAgain(t *testing.T) {
	fs := disktest.New()
	e := open(t, fs)
	do(e, cuenta.ClassRemote, add("a", 5))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
			if e.segment.Bytes() != nil {
				t.Error("one has returned before it was closed")
			}
		})
	}
	all.Wait()
	closeEngine(t, e)
	e = open(t, fs)
	defer closeEngine(t, e)
	mustGet(t, e, "a", 5, 1)
}

// TestClosedAgainTellsTheSame: why it was poisoned.
func TestClosedAgainTellsTheSame(t *testing.T) {
	fs := disktest.New()
	e := open(t, fs)
	broken := errors.New("broken")
	fs.OnCall(func(c disktest.Call) error {
		if c.Op == disktest.Sync {
			return broken
		}
		return nil
	})
	do(e, cuenta.ClassRemote, add("a", 5))
	first := e.Close()
	if again := e.Close(); !errors.Is(first, broken) || again != first {
		t.Errorf("first %v, then %v", first, again)
	}
}
