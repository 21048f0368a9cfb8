// Package disktest is a file system in memory for tests. It forgets at a crash
// what was not synced, and any call that changes something can be watched, made
// to fail, to land in part, or to run out of space.
//
// The crashable memory is Pebble's; this package fits it to [disk.FS] and adds
// the faults. Only tests may import it.
package disktest

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"path"
	"sort"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/cuenta-server/cuenta/internal/disk"
)

// Op is a kind of call that changes the file system.
type Op string

const (
	Create  Op = "create"
	Write   Op = "write"
	Sync    Op = "sync"
	Rename  Op = "rename"
	Remove  Op = "remove"
	Mkdir   Op = "mkdir"
	SyncDir Op = "syncdir"
	Lock    Op = "lock"
)

// Call is one call that changes the file system, about to be made.
type Call struct {
	Op     Op
	Name   string // path; the old one of a rename
	Offset int64  // of a write
	Data   []byte // of a write; borrowed
}

// Torn makes a write land its first Keep bytes only, and then fail with Err.
type Torn struct {
	Keep int
	Err  error
}

func (t *Torn) Error() string { return t.Err.Error() }
func (t *Torn) Unwrap() error { return t.Err }

// FS is a file system in memory. It is safe for concurrent use.
type FS struct {
	mem *vfs.MemFS

	mu    sync.Mutex
	hook  func(Call) error
	limit int64 // bytes all files may have together; negative: no limit
	sizes map[string]int64
}

// New returns an empty file system: a root directory and nothing in it.
func New() *FS {
	return &FS{mem: vfs.NewCrashableMem(), limit: -1, sizes: map[string]int64{}}
}

// OnCall has hook called before every call that changes something. If it
// returns an error the call is not made and fails with it, but see [Torn]. It
// may be called from several goroutines at once. nil for none.
func (f *FS) OnCall(hook func(Call) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hook = hook
}

// FailNth makes the n-th next call (from 1) that fits fail with err, once.
func (f *FS) FailNth(n int, fits func(Call) bool, err error) {
	var mu sync.Mutex
	f.OnCall(func(c Call) error {
		mu.Lock()
		defer mu.Unlock()
		if n > 0 && fits(c) {
			if n--; n == 0 {
				return err
			}
		}
		return nil
	})
}

// SetSpace bounds the bytes of all files together; a write that would pass the
// bound fails with ENOSPC. Negative: no bound.
func (f *FS) SetSpace(limit int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limit = limit
}

// Used returns the bytes of all files together.
func (f *FS) Used() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.used()
}

func (f *FS) used() int64 {
	var sum int64
	for _, n := range f.sizes {
		sum += n
	}
	return sum
}

// Crash returns the file system as it may be found after a power cut now:
// everything that was synced, and of the rest each directory entry and each
// block of 4096 bytes with a probability of keep percent. The same seed gives
// the same choice. The copy has no hook and no bound; f itself goes on.
func (f *FS) Crash(keep int, seed uint64) *FS {
	c := New()
	c.mem = f.mem.CrashClone(vfs.CrashCloneCfg{
		UnsyncedDataPercent: keep,
		RNG:                 rand.New(rand.NewPCG(seed, 0)),
	})
	c.measure("/")
	return c
}

// measure fills in the sizes of the files below dir.
func (f *FS) measure(dir string) {
	names, err := f.mem.List(dir)
	if err != nil {
		panic("disktest: listing memory failed: " + err.Error())
	}
	for _, name := range names {
		name = path.Join(dir, name)
		info, err := f.mem.Stat(name)
		if err != nil {
			panic("disktest: stat of memory failed: " + err.Error())
		}
		if info.IsDir() {
			f.measure(name)
		} else {
			f.sizes[name] = info.Size()
		}
	}
}

// call runs the hook.
func (f *FS) call(c Call) error {
	f.mu.Lock()
	hook := f.hook
	f.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(c)
}

func (f *FS) Create(name string) (disk.File, error) {
	if err := f.call(Call{Op: Create, Name: name}); err != nil {
		return nil, err
	}
	file, err := f.mem.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.sizes[path.Clean(name)] = 0
	f.mu.Unlock()
	return &memFile{fs: f, file: file, name: name}, nil
}

func (f *FS) Open(name string) (disk.File, error) {
	// Pebble's OpenReadWrite would create a file that does not exist.
	if _, err := f.mem.Stat(name); err != nil {
		return nil, err
	}
	file, err := f.mem.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	return &memFile{fs: f, file: file, name: name}, nil
}

func (f *FS) OpenRead(name string) (disk.File, error) {
	file, err := f.mem.Open(name)
	if err != nil {
		return nil, err
	}
	return &memFile{fs: f, file: file, name: name}, nil
}

func (f *FS) Remove(name string) error {
	if err := f.call(Call{Op: Remove, Name: name}); err != nil {
		return err
	}
	if err := f.mem.Remove(name); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.sizes, path.Clean(name))
	return nil
}

func (f *FS) Rename(oldname, newname string) error {
	if err := f.call(Call{Op: Rename, Name: oldname}); err != nil {
		return err
	}
	if err := f.mem.Rename(oldname, newname); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sizes[path.Clean(newname)] = f.sizes[path.Clean(oldname)]
	delete(f.sizes, path.Clean(oldname))
	return nil
}

func (f *FS) List(dir string) ([]string, error) {
	names, err := f.mem.List(dir)
	sort.Strings(names)
	return names, err
}

func (f *FS) MkdirAll(dir string) error {
	if err := f.call(Call{Op: Mkdir, Name: dir}); err != nil {
		return err
	}
	if err := f.mem.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for d := path.Clean(dir); d != "/" && d != "."; {
		d = path.Dir(d)
		if err := f.syncDir(d); err != nil {
			return err
		}
	}
	return nil
}

func (f *FS) SyncDir(dir string) error {
	if err := f.call(Call{Op: SyncDir, Name: dir}); err != nil {
		return err
	}
	return f.syncDir(dir)
}

func (f *FS) syncDir(dir string) error {
	d, err := f.mem.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (f *FS) Lock(name string) (io.Closer, error) {
	if err := f.call(Call{Op: Lock, Name: name}); err != nil {
		return nil, err
	}
	l, err := f.mem.Lock(name)
	if errors.Is(err, syscall.EAGAIN) {
		return nil, disk.ErrLocked
	}
	return l, err
}

// memFile is an open file of an FS.
type memFile struct {
	fs   *FS
	file vfs.File
	name string
}

func (m *memFile) ReadAt(p []byte, off int64) (int, error) { return m.file.ReadAt(p, off) }
func (m *memFile) Close() error                            { return m.file.Close() }

func (m *memFile) Size() (int64, error) {
	info, err := m.file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (m *memFile) WriteAt(p []byte, off int64) (int, error) {
	err := m.fs.call(Call{Op: Write, Name: m.name, Offset: off, Data: p})
	var torn *Torn
	if errors.As(err, &torn) {
		n, werr := m.write(p[:min(torn.Keep, len(p))], off)
		return n, errors.Join(torn, werr)
	}
	if err != nil {
		return 0, err
	}
	return m.write(p, off)
}

func (m *memFile) write(p []byte, off int64) (int, error) {
	if err := m.grow(off + int64(len(p))); err != nil {
		return 0, err
	}
	return m.file.WriteAt(p, off)
}

// grow reserves the bytes up to end.
func (m *memFile) grow(end int64) error {
	size, err := m.Size()
	if err != nil {
		return err
	}
	if end <= size {
		return nil
	}
	m.fs.mu.Lock()
	defer m.fs.mu.Unlock()
	if m.fs.limit >= 0 && m.fs.used()+end-size > m.fs.limit {
		return &fs.PathError{Op: "write", Path: m.name, Err: syscall.ENOSPC}
	}
	m.fs.sizes[path.Clean(m.name)] = end
	return nil
}

func (m *memFile) Sync() error {
	if err := m.fs.call(Call{Op: Sync, Name: m.name}); err != nil {
		return err
	}
	return m.file.Sync()
}
