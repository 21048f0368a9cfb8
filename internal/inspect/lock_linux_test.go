package inspect

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

func TestHoldersInAList(t *testing.T) {
	const list = "1: FLOCK  ADVISORY  WRITE 4242 fe:00:1020 0 EOF\n" +
		"1: -> FLOCK  ADVISORY  WRITE 4243 fe:00:1020 0 EOF\n" + // waits
		"2: POSIX  ADVISORY  WRITE 4244 fe:01:1020 0 EOF\n" + // of another device
		"3: FLOCK  ADVISORY  WRITE 4245 fe:00:10200 0 EOF\n" +
		"4: FLOCK  ADVISORY  WRITE 0 fe:00:1020 0 EOF\n" + // of another container
		"5: OFDLCK ADVISORY  READ -1 fe:00:1020 0 EOF\n" +
		"6: LEASE\n" +
		"7: FLOCK  ADVISORY  READ  4246 fe:00:7 0 EOF\n"
	if got := holdersIn(list, map[string]bool{"fe:00:1020": true, "fe:00:7": true}); !slices.Equal(got, []int32{4242, 4246}) {
		t.Errorf("%v", got)
	}
}

// Where the kernel and stat do not call the device alike, as on some file systems, the
// holder is not known; but it is never another.
func TestLockHolderIsThisProcess(t *testing.T) {
	dir := t.TempDir()
	if pid, name, known := LockHolder(dir); known {
		t.Errorf("nobody holds a lock, and %s (%d) is told", name, pid)
	}
	if _, _, known := LockHolder(filepath.Join(dir, "none")); known {
		t.Error("there is no such directory")
	}
	f, err := os.Create(filepath.Join(dir, "LOCK"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	switch pid, name, known := LockHolder(dir); {
	case !known:
		t.Skip("this file system's locks are listed under another device")
	case pid != os.Getpid() || name == "":
		t.Errorf("%q with pid %d", name, pid)
	}
}
