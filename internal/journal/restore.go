package journal

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"

	"github.com/cuenta-server/cuenta/internal/disk"
	"github.com/cuenta-server/cuenta/internal/lang"
)

// Restore checks a backup, or any data directory that is not in use, and makes a
// data directory of it in one that is empty or missing: with the same counters and
// keys, in a new history, without sessions. Report is told how many bytes of how
// many are written, and tell what there is in the end. After an error there is
// nothing; after a crash there may be a part, which nobody opens.
func Restore(ctx context.Context, fsys disk.FS, backup, dir string, report func(done, total int64), tell lang.Teller) error {
	from, err := readDir(fsys, backup)
	if err != nil {
		return err
	}
	if from.locked {
		lock, err := lockDir(fsys, backup)
		if err != nil {
			return err
		}
		defer lock.Close() // nothing is written there
	}
	r, err := from.check(unheard)
	if err != nil {
		return err
	}
	if len(r.segments) == 0 {
		return &EmptyError{backup}
	}
	c, err := beginCopy(ctx, fsys, dir, report)
	if err != nil {
		return err
	}
	err = (&rewriting{copying: c, from: from, replay: r, history: newHistory()}).run()
	if err == nil {
		err = c.finish(tell)
	}
	if err != nil {
		c.abandon()
		return fmt.Errorf("nothing was restored: %w", err)
	}
	return nil
}

// rewriting is the writing of a data directory under another history.
type rewriting struct {
	*copying
	from    *contents
	replay  *replay // what is in it
	history uint64
}

func (r *rewriting) run() error {
	segments := r.replay.segments[:max(r.replay.last(), 0)+1]
	for i := range segments {
		r.total += segments[i].size
	}
	if s := r.replay.snapshot; s != nil {
		r.total += s.size
		if err := r.snapshot(filepath.Base(s.name)); err != nil {
			return err
		}
	}
	for i := range segments {
		if err := r.rewriteSegment(&segments[i], i+1 == len(segments)); err != nil {
			return err
		}
	}
	return nil
}

// snapshot rewrites the snapshot: as it is, but for the header, the checksums that
// hang on it, and the sessions.
func (r *rewriting) snapshot(name string) error {
	path := r.from.path(name)
	f, err := r.fs.OpenRead(path)
	if err != nil {
		return err
	}
	to, err := r.create(name)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	from := &snapshotReader{name: path, r: f, size: r.replay.snapshot.size}
	err = r.blocks(from, to)
	if err == nil {
		err = to.Sync()
	}
	return errors.Join(err, to.Close(), f.Close())
}

func (r *rewriting) blocks(from *snapshotReader, to disk.File) error {
	if err := from.readHeader(); err != nil {
		return err
	}
	head := from.head
	head.history = r.history
	b := head.head().append(nil)
	seed := crc32.Checksum(b, castagnoli)
	foot := r.replay.snapshot.foot
	foot.counts[ofSessions] = 0
	for at, written := int64(headSize), int64(0); ; {
		if _, err := to.WriteAt(b, written); err != nil {
			return err
		}
		written += int64(len(b))
		block, err := from.block(at)
		if err != nil {
			return err
		}
		at += int64(len(block))
		if err := r.advance(int64(len(block))); err != nil {
			return err
		}
		switch from.kind {
		case ofEnd:
			_, err := to.WriteAt(foot.bytes(seed), written)
			return err
		case ofSessions:
			foot.blocks--
			b = nil
		default:
			b = block
			sealBlock(b, blockMagics[from.kind], byteOrder.Uint32(b[12:]), seed)
		}
	}
}

// rewriteSegment rewrites the records of a segment. The last is sealed as a clean
// stop does it.
func (r *rewriting) rewriteSegment(s *segment, last bool) error {
	data, err := readAll(r.fs, s.name, nil)
	if err != nil {
		return err
	}
	out := head{segmentMagic, version, [5]uint64{r.history, s.number, uint64(s.size)}}.append(make([]byte, 0, s.end+sealSize))
	seal := stamp{history: r.history, sequence: r.replay.sequence + 1, time: r.replay.time}
	for at := int64(headSize); at < s.end; {
		g, ok := readGroup(data[at:s.end])
		if !ok {
			return &DamageError{s.name, at, lang.Text{ES: "el registro de esa posición ha cambiado desde que se verificó", EN: "the record there has changed since it was checked"}}
		}
		at += g.size
		g.history = r.history
		if last && s.sealed && at == s.end {
			seal = g.stamp
			break
		}
		if out, err = appendRestored(out, s, &g); err != nil {
			return err
		}
	}
	if last {
		out = append(out, sealRecord(seal, 0)...)
	}
	return r.segment(s.number, out, s.size)
}

// appendRestored appends a record of the new history without what it says of
// sessions.
func appendRestored(out []byte, s *segment, g *group) ([]byte, error) {
	var record Record
	record.Reset(g.time)
	for e := (entries{rest: g.entries}); len(e.rest) > 0; {
		entry := e.rest
		if reason := e.read(); reason != sound {
			return nil, s.damage(s.end, reason)
		}
		switch e.kind {
		case entrySession, entryAnswer, entryNext, entryShift:
		default:
			record.buf = append(record.buf, entry[:len(entry)-len(e.rest)]...)
		}
	}
	return append(out, record.finish(g.stamp)...), nil
}
