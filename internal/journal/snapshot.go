package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk"
)

// syncEvery bounds how much of a snapshot is written between two syncs, lest a
// sync of the log wait for hundreds of megabytes.
const syncEvery = 1 << 20

// Snapshot is a snapshot in the making. Its methods are called by one goroutine.
// It ends with Commit or Abort.
type Snapshot struct {
	j     *Journal
	file  disk.File
	path  string // where it will be
	head  snapshotHead
	seed  uint32
	start time.Time
	log   int64 // SinceSnapshot when this one was begun

	kind   blockKind // of the block
	block  []byte
	count  uint32 // what is in the block
	last   int64  // cell; -1 before the first
	size   int64  // bytes written
	synced int64
	foot   snapshotFoot
	err    error // why it failed, or that it is done
}

// errDone is what a snapshot says that was committed or aborted.
var errDone = errors.New("journal: the snapshot was ended before")

// BeginSnapshot begins a snapshot. Begin is the last sequence whose effects are
// all in memory when the walk over the counters begins; counters is their number,
// about; floor the highest revision of a deletion by then; time the ledger's.
// There is one snapshot at a time.
func (j *Journal) BeginSnapshot(begin, counters, floor uint64, now int64) (*Snapshot, error) {
	s := &Snapshot{j: j, start: time.Now(), last: -1, path: filepath.Join(j.dir, snapshotName(begin)),
		foot: snapshotFoot{floor: floor}}
	j.mu.Lock()
	err := j.err
	switch {
	case err != nil:
	case j.writing:
		err = errors.New("journal: another snapshot is being written")
	case j.snapshot && begin < j.stats.Snapshot.Sequence:
		err = fmt.Errorf("journal: snapshot from sequence %d, and there is one from %d", begin, j.stats.Snapshot.Sequence)
	case begin > j.sequence.Load():
		err = fmt.Errorf("journal: snapshot from sequence %d, which is yet to come", begin)
	default:
		j.writing = true
	}
	s.head = snapshotHead{j.history, begin, j.holding(begin + 1), now, counters}
	s.log = j.stats.SinceSnapshot
	j.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if err := s.create(); err != nil {
		return nil, s.fail(err)
	}
	return s, nil
}

// holding returns the number of the segment that holds a sequence, or will. The
// caller holds mu.
func (j *Journal) holding(sequence uint64) uint64 {
	for _, o := range j.old {
		if o.last >= sequence {
			return o.number
		}
	}
	return j.active.number
}

func (s *Snapshot) create() (err error) {
	if s.file, err = s.j.fs.Create(s.path + tmpSuffix); err != nil {
		return err
	}
	b := s.head.head().append(make([]byte, 0, blockHead+blockMax))
	s.seed = crc32.Checksum(b, castagnoli)
	err = s.write(b)
	s.block = b[:blockHead]
	return err
}

func (s *Snapshot) write(b []byte) error {
	n, err := s.file.WriteAt(b, s.size)
	s.size += int64(n)
	if err == nil && s.size-s.synced >= syncEvery {
		err = s.file.Sync()
		s.synced = s.size
	}
	return err
}

// Put adds a counter. Cells come in ascending order. After an error the snapshot
// is gone; the log goes on.
func (s *Snapshot) Put(cell uint32, name []byte, value int64, revision uint64) error {
	if err := s.begin(ofCounters); err != nil {
		return err
	}
	if int64(cell) <= s.last {
		return s.fail(fmt.Errorf("cell %d comes behind cell %d", cell, s.last))
	}
	if len(name) == 0 || len(name) > cuenta.MaxName {
		return s.fail(fmt.Errorf("cell %d has a name of %d bytes", cell, len(name)))
	}
	step := uint64(cell)
	if s.count > 0 {
		step -= uint64(s.last + 1)
	}
	s.last = int64(cell)
	b := binary.AppendUvarint(s.block, step)
	b = append(b, byte(len(name)))
	b = append(b, name...)
	b = binary.AppendVarint(b, value)
	return s.added(binary.AppendUvarint(b, revision))
}

// begin readies the block for something of a kind.
func (s *Snapshot) begin(kind blockKind) error {
	switch {
	case s.err != nil:
		return s.err
	case kind < s.kind:
		return s.fail(errors.New("counters come first, then terms, then holds, then sessions, then keys"))
	case kind > s.kind:
		err := s.flush()
		s.kind = kind
		return err
	}
	return nil
}

// added takes the block with one more in it.
func (s *Snapshot) added(block []byte) error {
	s.block = block
	s.count++
	if len(s.block) >= blockTarget {
		return s.flush()
	}
	return nil
}

// flush writes the block. The first cell number of one of counters is whole, each further one the
// distance behind the one before, so that blocks stand alone.
func (s *Snapshot) flush() error {
	if s.count == 0 {
		return nil
	}
	sealBlock(s.block, blockMagics[s.kind], s.count, s.seed)
	if err := s.write(s.block); err != nil {
		return s.fail(err)
	}
	s.foot.counts[s.kind] += uint64(s.count)
	s.foot.blocks++
	s.block, s.count = s.block[:blockHead], 0
	return nil
}

// fail gives the snapshot up because of err.
func (s *Snapshot) fail(err error) error {
	s.err = fmt.Errorf("journal: snapshot %s given up: %w", s.path, err)
	s.drop()
	return s.err
}

// Abort gives the snapshot up. It does nothing after Commit or a failure.
func (s *Snapshot) Abort() {
	if s.err == nil {
		s.err = errDone
		s.drop()
	}
}

// drop removes what was written, so that it does not keep the space it took.
func (s *Snapshot) drop() {
	// Both may fail where the snapshot itself did; the next start removes what is
	// left.
	if s.file != nil {
		_ = s.file.Close()
	}
	_ = s.j.fs.Remove(s.path + tmpSuffix)
	s.j.mu.Lock()
	defer s.j.mu.Unlock()
	s.j.writing = false
	s.j.stats.Snapshot.Aborted++
}

// Commit ends the snapshot, which holds effects of records through end and of
// none behind it, and removes what is no longer needed: older snapshots, and
// segments that end before this one begins. The log must be durable through end.
func (s *Snapshot) Commit(end uint64) error {
	if s.err != nil {
		return s.err
	}
	if err := s.finish(end); err != nil {
		return err
	}
	s.j.snapshotting.Lock()
	defer s.j.snapshotting.Unlock()
	if err := s.j.durableThrough(end); err != nil {
		return s.fail(err)
	}
	fs := s.j.fs
	if err := fs.Rename(s.path+tmpSuffix, s.path); err != nil {
		return s.fail(err)
	}
	if err := fs.SyncDir(s.j.dir); err != nil {
		// It may or may not be there after a power cut. Either is fine as long
		// as nothing is removed.
		return s.fail(err)
	}
	s.err = errDone
	s.j.replaced(s)
	return nil
}

// finish writes what is left and makes the file durable.
func (s *Snapshot) finish(end uint64) error {
	if end < s.head.begin {
		return s.fail(fmt.Errorf("its end %d is before its beginning %d", end, s.head.begin))
	}
	if err := s.flush(); err != nil {
		return err
	}
	s.foot.end = end
	if err := s.write(s.foot.bytes(s.seed)); err != nil {
		return s.fail(err)
	}
	if err := s.file.Sync(); err != nil {
		return s.fail(err)
	}
	err := s.file.Close()
	if s.file = nil; err != nil {
		return s.fail(err)
	}
	return nil
}

// durableThrough checks that a snapshot may count that ends at a sequence.
func (j *Journal) durableThrough(end uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.failed:
		return j.err
	case j.closed:
		return ErrClosed
	case j.durable < end:
		return fmt.Errorf("the log is durable through %d only, not through %d", j.durable, end)
	}
	return nil
}

// replaced notes that a snapshot counts, and removes what it makes superfluous.
// What cannot be removed is removed at the next start.
func (j *Journal) replaced(s *Snapshot) {
	j.mu.Lock()
	j.writing = false
	var names []string
	if n := j.stats.Snapshot.Sequence; j.snapshot && n != s.head.begin {
		names = append(names, snapshotName(n))
	}
	for len(j.old) > 0 && j.old[0].number < s.head.segment {
		names = append(names, segmentName(j.old[0].number))
		j.old = j.old[1:]
	}
	j.snapshot = true
	j.stats.SinceSnapshot -= s.log
	j.stats.Snapshot = SnapshotStats{
		Sequence: s.head.begin, Time: s.head.time, Counters: s.foot.counts[ofCounters], Bytes: s.size,
		Took:    time.Since(s.start),
		Written: j.stats.Snapshot.Written + 1, Aborted: j.stats.Snapshot.Aborted,
	}
	j.mu.Unlock()
	for _, name := range names {
		if err := j.fs.Remove(filepath.Join(j.dir, name)); err != nil {
			j.log.Warn("cannot remove what a snapshot has replaced", "file", name, "error", err)
		}
	}
}
