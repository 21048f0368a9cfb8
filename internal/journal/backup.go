package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/cuenta-server/cuenta/internal/disk"
	"github.com/cuenta-server/cuenta/internal/lang"
)

// Backup copies a data directory, of a server that runs or does not, into one that
// is empty or missing, checks the copy and tells what it is. The copy holds
// every change that was acknowledged before Backup was called. Report is told how
// many bytes of how many are written. After an error there is no copy; after a
// crash there may be a part of one, which nobody opens.
func Backup(ctx context.Context, fsys disk.FS, dir, to string, report func(done, total int64), tell lang.Teller) error {
	from, err := openSource(fsys, dir)
	if err != nil {
		return err
	}
	defer from.close()
	c, err := beginCopy(ctx, fsys, to, report)
	if err != nil {
		return err
	}
	c.gentle = true
	err = from.copy(c)
	if err == nil {
		err = c.finish(tell)
	}
	if err != nil {
		c.abandon()
		return fmt.Errorf("no backup was made: %w", err)
	}
	return nil
}

// source is a data directory that may be in use, its files held open: so they stay
// even if a snapshot replaces them.
type source struct {
	snapshot disk.File // nil if there is none
	name     string    // of the snapshot
	size     int64     // of the snapshot
	head     snapshotHead
	segments []sourceSegment // those that the snapshot needs, and all that follow

	stamp stamp // of the last record copied
}

type sourceSegment struct {
	file   disk.File
	path   string
	number uint64
	data   []byte // what was read of it, if anything was
	size   int64
}

// openTries is how often files may be replaced while they are being opened. That
// takes milliseconds, and a snapshot seconds at least.
const openTries = 10

func openSource(fsys disk.FS, dir string) (*source, error) {
	for try := 1; ; try++ {
		s := &source{}
		err := s.open(fsys, dir)
		if err == nil {
			return s, nil
		}
		s.close()
		if !errors.Is(err, fs.ErrNotExist) || try == openTries {
			return nil, err
		}
	}
}

func (s *source) open(fsys disk.FS, dir string) error {
	c, err := readDir(fsys, dir)
	if err != nil {
		return err
	}
	if c.unfinished {
		return &UnfinishedError{dir}
	}
	if n := len(c.snapshots); n > 0 {
		if err := s.openSnapshot(c, snapshotName(c.snapshots[n-1])); err != nil {
			return err
		}
	}
	// Now again: the log goes on at least as far as the snapshot needs it, for it did
	// when that was there.
	if c, err = readDir(fsys, dir); err != nil {
		return err
	}
	for _, number := range c.segments {
		if number < s.head.segment {
			continue
		}
		path := c.path(segmentName(number))
		f, err := fsys.OpenRead(path)
		if err != nil {
			return err
		}
		s.segments = append(s.segments, sourceSegment{file: f, path: path, number: number})
	}
	switch needed := max(s.head.segment, 1); {
	case len(s.segments) == 0 && s.snapshot == nil:
		return &EmptyError{dir}
	case len(s.segments) == 0 || s.segments[0].number != needed:
		// A newer snapshot needs it no more, most probably.
		missing := &DamageError{c.path(segmentName(needed)), 0, lang.Text{ES: "el fichero falta, y nada lo reemplaza", EN: "the file is missing, and nothing replaces it"}}
		return fmt.Errorf("%w (%w)", missing, fs.ErrNotExist)
	}
	return nil
}

func (s *source) openSnapshot(c *contents, name string) (err error) {
	if s.snapshot, err = c.fs.OpenRead(c.path(name)); err != nil {
		return err
	}
	if s.size, err = s.snapshot.Size(); err != nil {
		return err
	}
	r := &snapshotReader{name: c.path(name), r: s.snapshot, size: s.size}
	if err := r.readHeader(); err != nil {
		return err
	}
	s.name, s.head = name, r.head
	s.stamp = stamp{history: r.head.history, sequence: r.head.begin, time: r.head.time}
	return nil
}

// close closes what was only read.
func (s *source) close() {
	if s.snapshot != nil {
		_ = s.snapshot.Close()
	}
	for _, f := range s.segments {
		_ = f.file.Close()
	}
}

func (s *source) copy(c *copying) error {
	c.total = s.size
	for i := range s.segments {
		size, err := s.segments[i].file.Size()
		if err != nil {
			return err
		}
		s.segments[i].size = size
		c.total += size
	}
	if s.snapshot != nil {
		if err := s.copySnapshot(c); err != nil {
			return err
		}
	}
	for i := range s.segments {
		ended, err := s.copySegment(c, i)
		if err != nil || ended {
			return err
		}
		s.segments[i].data = nil
	}
	return nil
}

func (s *source) copySnapshot(c *copying) error {
	to, err := c.create(s.name)
	if err != nil {
		return err
	}
	buf := make([]byte, syncEvery)
	for at := int64(0); at < s.size && err == nil; at += int64(len(buf)) {
		part := buf[:min(int64(len(buf)), s.size-at)]
		if _, err = s.snapshot.ReadAt(part, at); err != nil && err != io.EOF {
			break
		}
		err = c.write(to, part, at)
	}
	return errors.Join(err, to.Close())
}

// copySegment copies the whole records of a segment, and reports whether the copy
// ends with it: because the log does, or because there was no further segment when
// the backup was begun. The copy is sealed there.
func (s *source) copySegment(c *copying, i int) (ended bool, err error) {
	g := &s.segments[i]
	end, seal, err := s.whole(i)
	if err != nil {
		return false, err
	}
	begin, own := g.data[:end-seal], g.data[end-seal:end]
	if ended = seal == 0 || i+1 == len(s.segments); ended {
		at := s.stamp
		if seal == 0 {
			at.sequence++
		}
		own = sealRecord(at, 0)
	}
	return ended, c.segment(g.number, slices.Concat(begin, own), g.size)
}

// whole reads a segment, and returns where its whole records end, and how many
// bytes the seal has that is the last of them; 0 if there is none. What is not whole
// may be under way at this moment, or be damage: the next segment, and a second
// look, tell them apart.
func (s *source) whole(i int) (end, seal int64, err error) {
	g := &s.segments[i]
	if err := s.read(g); err != nil {
		return 0, 0, err
	}
	h, err := readHead(g.data, g.path, segmentMagic)
	if err != nil {
		return 0, 0, err
	}
	s.stamp.history = h.fields[0]
	before := s.stamp
	if end, seal = s.follow(g.data); seal > 0 {
		return end, seal, nil
	}
	begun, err := s.begun(i + 1)
	if err == nil {
		err = s.read(g)
	}
	if err != nil {
		return 0, 0, err
	}
	if begun {
		// A seal was written here before that.
		s.stamp = before
		if end, seal = s.follow(g.data); seal == 0 {
			return 0, 0, g.damage(end, noSeal, g.number+1)
		}
		return end, seal, nil
	}
	if _, ok := readGroup(g.data[end:]); !ok {
		if at := findGroup(g.data[end:], s.stamp.history, s.stamp.sequence); at >= 0 {
			return 0, 0, g.damage(end, damagedWithin, end+at)
		}
	}
	return end, 0, nil
}

// follow goes along the records and returns where they end, and the size of the seal.
func (s *source) follow(data []byte) (end, seal int64) {
	for end = headSize; ; {
		g, ok := readGroup(data[end:])
		if !ok {
			return end, 0
		}
		s.stamp = g.stamp
		end += g.size
		if len(g.entries) > 0 && g.entries[0] == entrySeal {
			return end, g.size
		}
	}
}

// begun reports whether a segment has a record, if it is there.
func (s *source) begun(i int) (bool, error) {
	if i >= len(s.segments) {
		return false, nil
	}
	var magic [len(recordMagic)]byte
	if _, err := s.segments[i].file.ReadAt(magic[:], headSize); err != nil && err != io.EOF {
		return false, err
	}
	return string(magic[:]) == recordMagic, nil
}

func (s *source) read(g *sourceSegment) error {
	if g.size > maxSegment {
		return g.damage(0, tooLarge, g.size)
	}
	if g.data == nil {
		g.data = make([]byte, g.size)
	}
	if n, err := g.file.ReadAt(g.data, 0); int64(n) < g.size {
		return fmt.Errorf("journal: cannot read %s at offset %d: %w", g.path, n, err)
	}
	return nil
}

func (g *sourceSegment) damage(offset int64, reason lang.Text, args ...any) error {
	return &DamageError{g.path, offset, reason.Fill(args...)}
}
