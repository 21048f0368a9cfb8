package disktest

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/cuenta-server/cuenta/internal/disk"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, f *FS, name, data string) disk.File {
	t.Helper()
	file, err := f.Create(name)
	must(t, err)
	_, err = file.WriteAt([]byte(data), 0)
	must(t, err)
	return file
}

func holds(t *testing.T, f *FS, name, want string) {
	t.Helper()
	data, err := ReadFile(f, name)
	if err != nil || string(data) != want {
		t.Errorf("%s holds %q, want %q; %v", name, data, want, err)
	}
}

func TestCrashForgetsWhatWasNotSynced(t *testing.T) {
	f := New()
	must(t, f.MkdirAll("/d/e"))
	a := create(t, f, "/d/e/a", "one")
	must(t, a.Sync())
	if _, err := ReadFile(f.Crash(0, 0), "/d/e/a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a name that was not synced: %v", err)
	}
	must(t, f.SyncDir("/d/e"))
	_, err := a.WriteAt([]byte("two"), 0)
	must(t, err)
	holds(t, f.Crash(0, 0), "/d/e/a", "one")
	holds(t, f.Crash(100, 0), "/d/e/a", "two")
	must(t, f.Rename("/d/e/a", "/d/e/b"))
	holds(t, f.Crash(0, 0), "/d/e/a", "one")
	must(t, f.SyncDir("/d/e"))
	must(t, a.Sync())
	holds(t, f.Crash(0, 0), "/d/e/b", "two")
	must(t, f.Remove("/d/e/b"))
	holds(t, f.Crash(0, 0), "/d/e/b", "two")
	must(t, f.SyncDir("/d/e"))
	if names, err := f.Crash(0, 0).List("/d/e"); err != nil || len(names) != 0 {
		t.Errorf("left: %v, %v", names, err)
	}
}

func TestFaults(t *testing.T) {
	f := New()
	a := create(t, f, "/a", "12345")
	writes := func(c Call) bool { return c.Op == Write }
	f.FailNth(2, writes, &Torn{Keep: 2, Err: syscall.EIO})
	_, err := a.WriteAt([]byte("ab"), 0)
	must(t, err)
	n, err := a.WriteAt([]byte("vwxyz"), 0)
	if n != 2 || !errors.Is(err, syscall.EIO) {
		t.Errorf("torn write: %d, %v", n, err)
	}
	holds(t, f, "/a", "vw345")
	_, err = a.WriteAt([]byte("!"), 0)
	must(t, err)
	for _, op := range []Op{Create, Write, Sync, Rename, Remove, Mkdir, SyncDir, Lock} {
		f.FailNth(1, func(c Call) bool { return c.Op == op }, syscall.EIO)
		_, created := f.Create("/b")
		_, written := a.WriteAt([]byte("?"), 0)
		_, locked := f.Lock("/l")
		errs := map[Op]error{
			Create: created, Write: written, Sync: a.Sync(), Lock: locked, Mkdir: f.MkdirAll("/m"),
			SyncDir: f.SyncDir("/"), Rename: f.Rename("/a", "/a"), Remove: f.Remove("/a"),
		}
		if !errors.Is(errs[op], syscall.EIO) {
			t.Errorf("%s: %v", op, errs[op])
		}
		f = New()
		a = create(t, f, "/a", "")
	}
}

func TestSpace(t *testing.T) {
	f := New()
	f.SetSpace(10)
	a := create(t, f, "/a", "12345678")
	if _, err := a.WriteAt([]byte("abc"), 8); !disk.IsFull(err) {
		t.Errorf("11 bytes of 10: %v", err)
	}
	_, err := a.WriteAt([]byte("ab"), 8)
	must(t, err)
	_, err = a.WriteAt([]byte(strings.Repeat("x", 10)), 0)
	must(t, err) // takes no more room
	if f.Used() != 10 || f.Crash(100, 0).Used() != 10 {
		t.Errorf("%d used", f.Used())
	}
	must(t, f.Rename("/a", "/b"))
	must(t, f.Remove("/b"))
	if f.Used() != 0 {
		t.Errorf("%d used by nothing", f.Used())
	}
}

func TestLock(t *testing.T) {
	f := New()
	l, err := f.Lock("/L")
	must(t, err)
	if _, err := f.Lock("/L"); !errors.Is(err, disk.ErrLocked) {
		t.Errorf("second lock: %v", err)
	}
	must(t, l.Close())
	l, err = f.Lock("/L")
	must(t, err)
	must(t, l.Close())
	if _, err := f.Open("/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open of nothing: %v", err)
	}
}
