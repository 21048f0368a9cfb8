// Package disk is the seam between the journal and a file system, so that tests
// can put a crashable file system in memory there and fail any call.
package disk

import (
	"errors"
	"io"
)

// ErrLocked says that another process, or another part of this one, holds the lock.
var ErrLocked = errors.New("locked by another process")

// FS is the part of a file system that the journal needs. Names are paths in
// the operating system's form. Errors of the operating system are passed on
// unwrapped enough for errors.Is with fs.ErrNotExist, fs.ErrExist,
// fs.ErrPermission and [IsFull].
type FS interface {
	// Create creates the file, or empties an existing one, for reading and writing.
	Create(name string) (File, error)
	// Open opens an existing file for reading and writing.
	Open(name string) (File, error)
	// OpenRead opens an existing file for reading only.
	OpenRead(name string) (File, error)
	Remove(name string) error
	// Rename replaces newname if it exists. Both must be closed.
	Rename(oldname, newname string) error
	// List returns the names in a directory, sorted, without the directory.
	List(dir string) ([]string, error)
	// MkdirAll makes a directory (mode 0700) and its parents, durably; an
	// existing one is no error.
	MkdirAll(dir string) error
	// SyncDir makes creations, renames and removals in dir durable.
	SyncDir(dir string) error
	// Lock takes an exclusive lock on the file, which it creates if need be. The
	// lock ends with the process at the latest; ErrLocked if another holds it.
	Lock(name string) (io.Closer, error)
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	// Sync makes the written data durable, and the size if it grew
	// (fdatasync where there is one).
	Sync() error
}
