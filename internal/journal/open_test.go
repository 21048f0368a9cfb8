package journal

import (
	"io"
	"testing"

	"github.com/cuenta-server/cuenta/internal/disk"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
)

// heldFor is a file system whose lock is held by somebody else for a while.
type heldFor struct {
	*disktest.FS
	tries int
}

func (h *heldFor) Lock(name string) (io.Closer, error) {
	if h.tries--; h.tries >= 0 {
		return nil, disk.ErrLocked
	}
	return h.FS.Lock(name)
}

// TestALockHeldForAMoment: what a killed server leaves behind for a moment does not
// keep the next one from starting.
func TestALockHeldForAMoment(t *testing.T) {
	fs := disktest.New()
	if err := fs.MkdirAll("/data"); err != nil {
		t.Fatal(err)
	}
	held := &heldFor{FS: fs, tries: 3}
	lock, err := lockDir(held, "/data")
	if err != nil {
		t.Fatal(err)
	}
	if held.tries >= 0 {
		t.Error("the lock was taken while it was held")
	}
	if err := lock.Close(); err != nil {
		t.Error(err)
	}
}
