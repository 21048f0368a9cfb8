package identity

import (
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
)

// TestAnEndedKeyStaysEnded: a UUID whose time is over is too old even where it is
// still there, as after a restart that has read the log again: somebody may have
// heard so before.
func TestAnEndedKeyStaysEnded(t *testing.T) {
	m, err := New(Config{Retention: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	start := time.Unix(1_700_000_040, 0) // the beginning of a minute
	name := []byte("018bcfe5-6800-7001-ab1d-1659bfdc13a5")
	if err := m.RestoreKey(name, Answer{Value: 7}, start.UnixNano(), 0); err != nil {
		t.Fatal(err)
	}
	id := &cuenta.Identity{Key: name}
	for _, c := range []struct {
		after time.Duration
		code  cuenta.Code
	}{{119 * time.Second, cuenta.OK}, {120 * time.Second, cuenta.TooOld}, {time.Hour, cuenta.TooOld}} {
		var slot Slot
		code := m.Recall(id, start.Add(c.after).UnixNano(), &slot)
		if code != c.code || slot.Known != (code == cuenta.OK) {
			t.Errorf("after %v: %v, known %v; want %v", c.after, code, slot.Known, c.code)
		}
	}
}
