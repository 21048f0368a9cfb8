//go:build !windows

package disk

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestOSFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for range 2 { // the second time it exists
		if err := OS.MkdirAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(dir, "f")
	if _, err := OS.Open(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open of nothing: %v", err)
	}
	f, err := OS.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("hello"), 3); err != nil {
		t.Error(err)
	}
	if err := errors.Join(f.Sync(), f.Close(), OS.SyncDir(dir)); err != nil {
		t.Error(err)
	}
	if err := OS.Rename(name, name+"2"); err != nil {
		t.Error(err)
	}
	if f, err = OS.OpenRead(name + "2"); err != nil {
		t.Fatal(err)
	}
	size, err := f.Size()
	got := make([]byte, size)
	if _, rerr := f.ReadAt(got, 0); err != nil || rerr != nil || string(got) != "\x00\x00\x00hello" {
		t.Errorf("%q, %v, %v", got, err, rerr)
	}
	if _, err := f.WriteAt([]byte("x"), 0); err == nil {
		t.Error("a file opened for reading was written")
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if f, err = OS.Create(name + "1"); err != nil || f.Close() != nil {
		t.Error(err)
	}
	if names, err := OS.List(dir); err != nil || !slices.Equal(names, []string{"f1", "f2"}) {
		t.Errorf("%v, %v", names, err)
	}
	if err := OS.Remove(name + "1"); err != nil {
		t.Error(err)
	}
	info, err := os.Stat(name + "2")
	if err != nil || info.Mode().Perm() != fileMode {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := OS.MkdirAll(name + "2"); err == nil {
		t.Error("a file passed for a directory")
	}
}

func TestOSLockInOneProcess(t *testing.T) {
	name := filepath.Join(t.TempDir(), "LOCK")
	l, err := OS.Lock(name)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // a failed attempt does not end the lock
		if _, err := OS.Lock(name); !errors.Is(err, ErrLocked) {
			t.Fatalf("second lock: %v", err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l, err = OS.Lock(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// TestMain is also the other process of TestOSLockDiesWithProcess.
func TestMain(m *testing.M) {
	if name := os.Getenv("DISK_TEST_LOCK"); name != "" {
		_, err := OS.Lock(name)
		fmt.Println("locked:", err)
		select {} // until killed
	}
	os.Exit(m.Run())
}

func TestOSLockDiesWithProcess(t *testing.T) {
	name := filepath.Join(t.TempDir(), "LOCK")
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), "DISK_TEST_LOCK="+name)
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if strings.TrimSpace(line) != "locked: <nil>" {
		t.Errorf("the other process says %q, %v", line, err)
	}
	if _, err := OS.Lock(name); !errors.Is(err, ErrLocked) {
		t.Errorf("lock that another process holds: %v", err)
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := other.Wait(); err == nil {
		t.Error("the other process ended by itself")
	}
	l, err := OS.Lock(name)
	if err != nil {
		t.Fatalf("lock of a killed process: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestIsFull(t *testing.T) {
	for err, want := range map[error]bool{
		&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}: true,
		fmt.Errorf("made ready: %w", syscall.EDQUOT):               true,
		syscall.EIO: false,
	} {
		if IsFull(err) != want {
			t.Errorf("%v: %v", err, !want)
		}
	}
	if IsFull(nil) {
		t.Error("no error means a full disk")
	}
}
