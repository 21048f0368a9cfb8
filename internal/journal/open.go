package journal

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cuenta-server/cuenta/internal/disk"
	"github.com/cuenta-server/cuenta/internal/lang"
)

// Options of a journal. The zero value is good.
type Options struct {
	// SegmentSize is the size of new segments in bytes, 1 KiB to 1 GiB; 0 means
	// 16 MiB. A record must fit into a segment, see [Journal.MaxRecord].
	SegmentSize int64

	// Log gets what happens in the background; nil for nothing.
	Log *slog.Logger

	// ByHand leaves the making of segments to the caller, see [Journal.MakeNext]:
	// nothing runs in the background.
	ByHand bool

	// Draw draws the id of a new history, any but 0; nil draws at random.
	Draw func() uint64
}

// Recovery tells what Open found.
type Recovery struct {
	History  uint64 // new if the directory was empty
	Sequence uint64 // of the last record
	Time     int64  // ledger time of the last record or snapshot
	Counters uint64
	Sessions uint64 // that were handed over; some may have ended since
	Keys     uint64 // the same; one that was used while the snapshot was written may count twice
	Snapshot string // name of the snapshot that was read; empty if there was none
	Segments int    // that were read
	Records  int    // that were read
	Cut      *Cut   // nil if there was nothing to cut off
	Sealed   bool   // the log was closed by a clean stop, or is new
	Elapsed  time.Duration
}

// Open recovers the state in a data directory, hands it to into, and makes the
// directory ready for more. A directory that does not exist is made. If Open
// fails on what it reads, it has changed nothing.
func Open(fsys disk.FS, dir string, into Sink, o Options) (*Journal, Recovery, error) {
	start := time.Now()
	size, err := segmentBytes(o.SegmentSize)
	if err != nil {
		return nil, Recovery{}, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := fsys.MkdirAll(dir); err != nil {
		return nil, Recovery{}, unwritable(dir, err)
	}
	lock, err := lockDir(fsys, dir)
	if err != nil {
		return nil, Recovery{}, err
	}
	if o.Draw == nil {
		o.Draw = newHistory
	}
	j, rec, err := open(fsys, dir, into, size, o.Draw)
	if err != nil {
		return nil, Recovery{}, errors.Join(err, lock.Close())
	}
	rec.Elapsed = time.Since(start)
	j.lock, j.log = lock, o.Log
	if o.ByHand {
		close(j.gone)
	} else {
		go j.makeSegments()
	}
	return j, rec, nil
}

func open(fsys disk.FS, dir string, into Sink, size int64, draw func() uint64) (*Journal, Recovery, error) {
	c, err := readDir(fsys, dir)
	if err != nil {
		return nil, Recovery{}, err
	}
	r := &replay{into: into}
	if err := c.read(r); err != nil {
		return nil, Recovery{}, err
	}
	rec := c.recovery(r)
	if r.history == 0 {
		r.history = draw()
		rec.History = r.history
	}
	j, err := c.repair(r, size)
	if err != nil {
		return nil, Recovery{}, unwritable(dir, err)
	}
	rec.Sequence = j.sequence.Load()
	return j, rec, nil
}

const (
	// lockPatience is how long the lock is waited for. A server that was killed while
	// it started another process may leave it held by that one for a moment, until it
	// has become another program.
	lockPatience = 500 * time.Millisecond
	lockPause    = 5 * time.Millisecond
)

// lockDir takes the lock that keeps out a second server.
func lockDir(fsys disk.FS, dir string) (io.Closer, error) {
	lock, err := fsys.Lock(filepath.Join(dir, lockName))
	for start := time.Now(); errors.Is(err, disk.ErrLocked) && time.Since(start) < lockPatience; {
		time.Sleep(lockPause)
		lock, err = fsys.Lock(filepath.Join(dir, lockName))
	}
	if errors.Is(err, disk.ErrLocked) {
		return nil, fmt.Errorf("journal: a server is using the data directory %s: stop it, or use another directory: %w", dir, err)
	}
	if err != nil {
		return nil, unwritable(dir, err)
	}
	return lock, nil
}

func unwritable(dir string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("journal: the data directory %s cannot be written: "+
			"give it to the user who runs the server, or use another directory: %w", dir, err)
	case disk.IsFull(err):
		return fmt.Errorf("journal: the disk of the data directory %s is full: make room and start again: %w", dir, err)
	}
	return fmt.Errorf("journal: the data directory %s cannot be made ready: %w", dir, err)
}

// newHistory never returns 0, which stands for none.
func newHistory() uint64 {
	var b [8]byte
	rand.Read(b[:]) // it never fails
	return max(binary.LittleEndian.Uint64(b[:]), 1)
}

// contents is what a data directory holds, by the names.
type contents struct {
	fs         disk.FS
	dir        string
	segments   []uint64 // ascending
	snapshots  []uint64 // ascending
	unneeded   []string // names that the next start may remove
	locked     bool     // there is a lock file
	unfinished bool     // a copy is being written there, or was given up
}

func readDir(fsys disk.FS, dir string) (*contents, error) {
	names, err := fsys.List(dir)
	if err != nil {
		return nil, fmt.Errorf("journal: cannot read the data directory %s: %w", dir, err)
	}
	c := &contents{fs: fsys, dir: dir}
	for _, name := range names {
		whole, tmp := strings.CutSuffix(name, tmpSuffix)
		segment, isSegment := parseName(whole, segmentPrefix)
		snapshot, isSnapshot := parseName(whole, snapshotPrefix)
		switch {
		case name == lockName:
			c.locked = true
		case name == unfinishedName:
			c.unfinished = true
		case tmp && (isSegment || isSnapshot):
			c.unneeded = append(c.unneeded, name)
		case isSegment:
			c.segments = append(c.segments, segment)
		case isSnapshot:
			c.snapshots = append(c.snapshots, snapshot)
		}
	}
	slices.Sort(c.segments)
	slices.Sort(c.snapshots)
	return c, nil
}

// read replays the newest snapshot and the log behind it.
func (c *contents) read(r *replay) error {
	if c.unfinished {
		return &UnfinishedError{c.dir}
	}
	needed := uint64(1)
	if n := len(c.snapshots); n > 0 {
		newest := c.snapshots[n-1]
		if err := r.readSnapshot(c.fs, c.path(snapshotName(newest)), newest); err != nil {
			return err
		}
		needed = r.snapshot.head.segment
		for _, older := range c.snapshots[:n-1] {
			c.unneeded = append(c.unneeded, snapshotName(older))
		}
	}
	// A power cut may bring back any of the files that were removed last.
	for len(c.segments) > 0 && c.segments[0] < needed {
		c.unneeded = append(c.unneeded, segmentName(c.segments[0]))
		c.segments = c.segments[1:]
	}
	if len(c.segments) == 0 && len(c.snapshots) == 0 {
		return nil
	}
	return c.readSegments(r, needed)
}

// readSegments reads the segments, of which none may be missing from needed on.
func (c *contents) readSegments(r *replay, needed uint64) error {
	if len(c.segments) == 0 {
		return &DamageError{c.path(segmentName(needed)), 0, lang.Text{ES: "el fichero falta, y la instantánea lo necesita", EN: "the file is missing, and the snapshot needs it"}}
	}
	var buf []byte
	var err error
	for i, number := range c.segments {
		if number != needed+uint64(i) {
			return &DamageError{c.path(segmentName(needed + uint64(i))), 0,
				lang.Text{ES: "el fichero falta, aunque existe el segmento %d", EN: "the file is missing, though there is segment %d"}.Fill(number)}
		}
		name := c.path(segmentName(number))
		if buf, err = readAll(c.fs, name, buf); err != nil {
			return err
		}
		if err := r.readSegment(name, number, buf); err != nil {
			return err
		}
	}
	return r.check()
}

func (c *contents) path(name string) string { return filepath.Join(c.dir, name) }

func (c *contents) recovery(r *replay) Recovery {
	rec := Recovery{
		History: r.history, Time: r.time, Counters: r.seen.n,
		Sessions: uint64(len(r.sessions)), Keys: r.keys,
		Segments: len(r.segments), Records: r.records, Sealed: true,
	}
	if r.snapshot != nil {
		rec.Snapshot = snapshotName(r.begin)
	}
	if last := r.last(); last >= 0 {
		s := &r.segments[last]
		rec.Sealed = s.sealed && s.next == 0
		if s.cut > 0 {
			rec.Cut = &Cut{s.name, s.end, s.cut}
		}
	}
	return rec
}

// repair makes the directory ready for more: it removes what is not needed, which
// may give the room for the rest, makes a fresh segment, and seals the one that
// was in use. It may be interrupted anywhere and repeated: until the seal is there
// the directory reads the same as before.
//
// All that was read may be in the memory of the operating system only, left there
// by a server that was killed or whose disk failed. It is written and synced before
// anything rests on it.
func (c *contents) repair(r *replay, size int64) (*Journal, error) {
	j := newJournal(c.fs, c.dir, r)
	number := uint64(1)
	last := r.last()
	switch {
	case last >= 0:
		number = r.segments[last].number + 1
	case len(r.segments) > 0:
		number = r.segments[0].number
	}
	if err := c.fs.SyncDir(c.dir); err != nil {
		return nil, err
	}
	if err := c.clear(number + 1); err != nil {
		return nil, err
	}
	file, err := makeSegment(c.fs, c.dir, number, r.history, size)
	if err != nil {
		return nil, err
	}
	if last >= 0 {
		if err := j.endOld(&r.segments[last], r.tail); err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	j.remember(r.segments[:last+1])
	j.use(number, file, size)
	return j, nil
}

// clear removes what is not needed, and the segments from a number on, which are
// empty: made ahead in an earlier run, perhaps of another size.
func (c *contents) clear(from uint64) error {
	names := c.unneeded
	for i := len(c.segments) - 1; i >= 0 && c.segments[i] >= from; i-- {
		names = append(names, segmentName(c.segments[i]))
	}
	for _, name := range names {
		if err := c.fs.Remove(c.path(name)); err != nil {
			return err
		}
	}
	return nil
}
