package sim

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/cuenta-server/cuenta/internal/disk"
)

// storage is a disk with a file system on it, in memory. It knows what of each
// file and of the names is durable, and what only the running system believes; see
// crash.go for what a power cut leaves of the latter.
type storage struct {
	names   map[string]*inode // as the running system sees them
	durable map[string]*inode // as they are on the disk
	renamed []renaming        // changes of names that are not durable, in order
	locked  map[string]bool
	inodes  int
	space   int64 // bytes that all files may have together; negative: any
}

// inode is a file, under whatever name.
type inode struct {
	number  int
	data    []byte // as the running system sees it
	durable []byte // as it is on the disk
	pending []write
	fooled  bool // a sync has failed: the system may take for written what is not
}

// write is one that is not durable.
type write struct {
	at   int64
	data []byte
}

// renaming is a change of a directory: a name goes, a name comes, or both.
type renaming struct {
	gone, come string
	file       *inode
}

func newStorage() *storage {
	return &storage{names: map[string]*inode{}, durable: map[string]*inode{}, locked: map[string]bool{}, space: -1}
}

func (s *storage) used() (sum int64) {
	for _, f := range s.names {
		sum += int64(len(f.data))
	}
	return sum
}

func (s *storage) change(r renaming) {
	s.renamed = append(s.renamed, r)
	r.apply(s.names)
}

func (r renaming) apply(names map[string]*inode) {
	delete(names, r.gone)
	if r.come != "" {
		names[r.come] = r.file
	}
}

// op is a kind of call.
type op string

const (
	opCreate  op = "create"
	opOpen    op = "open"
	opRead    op = "read"
	opWrite   op = "write"
	opSync    op = "sync"
	opRename  op = "rename"
	opRemove  op = "remove"
	opSyncDir op = "syncdir"
)

// mount is the file system as one life of the server has it, a [disk.FS]. Its end
// is the end of that life: all calls fail from then on.
type mount struct {
	*storage
	enter func(op op, name string) error // called with every call; its error is the call's
	skips func(name string) bool         // whether a sync is not made, though it seems so; nil: never
	over  bool
}

// errOver is what calls end with when their caller is no more.
var errOver = errors.New("the power is out")

func (m *mount) call(op op, name string) error {
	if !m.over && m.enter != nil {
		if err := m.enter(op, name); err != nil {
			return err
		}
	}
	if m.over {
		return errOver
	}
	return nil
}

func missing(op op, name string) error {
	return &fs.PathError{Op: string(op), Path: name, Err: fs.ErrNotExist}
}

func (m *mount) Create(name string) (disk.File, error) {
	if err := m.call(opCreate, name); err != nil {
		return nil, err
	}
	m.inodes++
	f := &inode{number: m.inodes}
	m.change(renaming{come: name, file: f})
	return &file{m, f, name}, nil
}

func (m *mount) Open(name string) (disk.File, error) {
	if err := m.call(opOpen, name); err != nil {
		return nil, err
	}
	f := m.names[name]
	if f == nil {
		return nil, missing(opOpen, name)
	}
	return &file{m, f, name}, nil
}

func (m *mount) OpenRead(name string) (disk.File, error) { return m.Open(name) }

func (m *mount) Remove(name string) error {
	if err := m.call(opRemove, name); err != nil {
		return err
	}
	if m.names[name] == nil {
		return missing(opRemove, name)
	}
	m.change(renaming{gone: name})
	return nil
}

func (m *mount) Rename(oldname, newname string) error {
	if err := m.call(opRename, oldname); err != nil {
		return err
	}
	f := m.names[oldname]
	if f == nil {
		return missing(opRename, oldname)
	}
	m.change(renaming{oldname, newname, f})
	return nil
}

func (m *mount) List(dir string) ([]string, error) {
	if err := m.call(opRead, dir); err != nil {
		return nil, err
	}
	var names []string
	for name := range m.names {
		if rest, within := strings.CutPrefix(name, path.Clean(dir)+"/"); within {
			names = append(names, rest)
		}
	}
	slices.Sort(names)
	return names, nil
}

// MkdirAll has nothing to do: names have no directories here but in their text.
func (m *mount) MkdirAll(string) error { return nil }

func (m *mount) SyncDir(dir string) error {
	if err := m.call(opSyncDir, dir); err != nil {
		return err
	}
	m.durable, m.renamed = maps.Clone(m.names), nil
	return nil
}

func (m *mount) Lock(name string) (io.Closer, error) {
	if m.locked[name] {
		return nil, disk.ErrLocked
	}
	m.locked[name] = true
	return lock{m, name}, nil
}

type lock struct {
	m    *mount
	name string
}

// Close gives the lock up, unless its life is over: then it was given up already,
// and another may have it.
func (l lock) Close() error {
	if !l.m.over {
		delete(l.m.locked, l.name)
	}
	return nil
}

// file is an open file.
type file struct {
	m    *mount
	f    *inode
	name string
}

func (f *file) Close() error { return nil }

func (f *file) Size() (int64, error) { return int64(len(f.f.data)), nil }

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if err := f.m.call(opRead, f.name); err != nil {
		return 0, err
	}
	if off >= int64(len(f.f.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.f.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// broken is an error of the disk. Of a write some bytes may have been taken.
type broken struct{ keep int }

func (*broken) Error() string { return "input/output error" }

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	err := f.m.call(opWrite, f.name)
	if torn, ok := errors.AsType[*broken](err); ok {
		p = p[:min(torn.keep, len(p))]
	} else if err != nil {
		return 0, err
	}
	if more := off + int64(len(p)) - int64(len(f.f.data)); more > 0 && f.m.space >= 0 && f.m.used()+more > f.m.space {
		return 0, &fs.PathError{Op: "write", Path: f.name, Err: syscall.ENOSPC}
	}
	f.f.write(p, off)
	return len(p), err
}

// page is how much a system writes at least.
const page = 512

func (f *inode) write(p []byte, off int64) {
	from, to := off, off+int64(len(p))
	f.data = written(f.data, p, off)
	if f.fooled {
		from, to = from/page*page, min((to+page-1)/page*page, int64(len(f.data)))
	}
	f.pending = append(f.pending, write{from, slices.Clone(f.data[from:to])})
}

// written returns what data is with p in it.
func written(data, p []byte, off int64) []byte {
	if end := off + int64(len(p)); end > int64(len(data)) {
		data = append(data, make([]byte, end-int64(len(data)))...)
	}
	copy(data[off:], p)
	return data
}

func (f *file) Sync() error {
	if err := f.m.call(opSync, f.name); err != nil {
		return err
	}
	if f.m.skips != nil && f.m.skips(f.name) {
		return nil
	}
	for _, w := range f.f.pending {
		f.f.durable = written(f.f.durable, w.data, w.at)
	}
	f.f.pending = nil
	return nil
}
