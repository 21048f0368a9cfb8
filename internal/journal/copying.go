package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/cuenta-server/cuenta/internal/disk"
	"github.com/cuenta-server/cuenta/internal/lang"
)

// copying is a directory that is being filled by a backup or a restoration. Until
// all of it is there and was checked it has a file named UNFINISHED, with which
// nobody opens it; so whatever a crash leaves there is taken for nothing else.
type copying struct {
	ctx    context.Context
	fs     disk.FS
	dir    string
	marker io.Closer
	names  []string // of what was made, the marker not included
	gentle bool     // a server may be using the disk

	report      func(done, total int64)
	done, total int64 // bytes
}

// mustBeEmpty refuses a directory that holds anything but the mark of a copy of
// which nothing was written.
func mustBeEmpty(fs disk.FS, dir string) error {
	names, err := fs.List(dir)
	switch {
	case err != nil:
		return unwritable(dir, err)
	case len(names) > 1, len(names) == 1 && names[0] != unfinishedName:
		return &NotEmptyError{dir}
	}
	return nil
}

// beginCopy makes a directory ready to be filled. It must be empty or missing.
func beginCopy(ctx context.Context, fs disk.FS, dir string, report func(done, total int64)) (*copying, error) {
	if err := fs.MkdirAll(dir); err != nil {
		return nil, unwritable(dir, err)
	}
	if err := mustBeEmpty(fs, dir); err != nil {
		return nil, err
	}
	marker, err := fs.Lock(filepath.Join(dir, unfinishedName))
	if errors.Is(err, disk.ErrLocked) {
		return nil, &NotEmptyError{dir}
	}
	if err == nil {
		err = fs.SyncDir(dir)
	}
	if err != nil {
		return nil, unwritable(dir, err)
	}
	// Somebody may have filled it meanwhile, and be done.
	if err := mustBeEmpty(fs, dir); err != nil {
		return nil, errors.Join(err, marker.Close(), fs.Remove(filepath.Join(dir, unfinishedName)))
	}
	return &copying{ctx: ctx, fs: fs, dir: dir, marker: marker, report: report}, nil
}

// create makes a file of the directory.
func (c *copying) create(name string) (disk.File, error) {
	f, err := c.fs.Create(filepath.Join(c.dir, name))
	if err == nil {
		c.names = append(c.names, name)
	}
	return f, err
}

// advance counts bytes, and tells whether to go on.
func (c *copying) advance(bytes int64) error {
	c.done += bytes
	c.report(c.done, c.total)
	return c.ctx.Err()
}

// segment writes one segment: its beginning, which ends with a seal, and zeros up
// to its size, as a hole where the file system has them: nobody writes there.
func (c *copying) segment(number uint64, begin []byte, size int64) error {
	f, err := c.create(segmentName(number))
	if err != nil {
		return err
	}
	err = c.write(f, begin, 0)
	if err == nil && int64(len(begin)) < size {
		_, err = f.WriteAt(zeros[:1], size-1)
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return c.advance(size - int64(len(begin)))
}

// write writes to a file little by little, lest a sync of the server's log wait for
// all of it, and rests as long as it works, so as not to take the disk from it.
func (c *copying) write(f disk.File, b []byte, at int64) error {
	for len(b) > 0 {
		began := time.Now()
		part := b[:min(len(b), syncEvery)]
		if _, err := f.WriteAt(part, at); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		if err := c.advance(int64(len(part))); err != nil {
			return err
		}
		b, at = b[len(part):], at+int64(len(part))
		if c.gentle {
			time.Sleep(time.Since(began))
		}
	}
	return nil
}

// finish checks what is there, tells what that is, and makes it count.
func (c *copying) finish(tell lang.Teller) error {
	if err := c.fs.SyncDir(c.dir); err != nil {
		return err
	}
	made, err := readDir(c.fs, c.dir)
	if err != nil {
		return err
	}
	made.unfinished = false
	if _, err := made.check(tell); err != nil {
		return fmt.Errorf("the copy was written and does not check out: %w", err)
	}
	if err := c.ctx.Err(); err != nil {
		return err
	}
	if err := errors.Join(c.marker.Close(), c.fs.Remove(filepath.Join(c.dir, unfinishedName))); err != nil {
		return err
	}
	return c.fs.SyncDir(c.dir)
}

// abandon removes what was made. What cannot be removed stays unfinished.
func (c *copying) abandon() {
	_ = c.marker.Close() // the lock is all it holds
	for _, name := range c.names {
		if c.fs.Remove(filepath.Join(c.dir, name)) != nil {
			return
		}
	}
	_ = c.fs.Remove(filepath.Join(c.dir, unfinishedName))
}
