package journal

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cuenta-server/cuenta/internal/disk"
)

// Journal is an open data directory. Append and Seal are called by one
// goroutine at a time; the snapshot's methods may be called by another; the rest
// is safe for concurrent use.
type Journal struct {
	fs      disk.FS
	dir     string
	history uint64
	lock    io.Closer
	log     *slog.Logger

	sequence atomic.Uint64

	// snapshotting is held while a snapshot takes its place, so that Close waits.
	snapshotting sync.Mutex

	wanted chan struct{} // a segment is to be made
	ended  chan struct{} // closed when err is set
	quit   chan struct{} // closed by Close
	gone   chan struct{} // closed when the maker has ended

	time int64 // of the last record; for the appending goroutine only

	mu       sync.Mutex
	active   active
	old      []oldSegment // those before it that are still there, in order
	next     spare
	durable  uint64 // sequence
	err      error  // why it failed for good, or ErrClosed
	failed   bool   // err is a failure
	closed   bool
	snapshot bool // there is one, at stats.Snapshot.Sequence
	writing  bool // a snapshot is being written
	stats    Stats
}

// active is the segment in use. Only the appending goroutine changes it.
type active struct {
	file   disk.File
	number uint64
	size   int64
	fill   int64
}

// oldSegment is a sealed segment.
type oldSegment struct{ number, last uint64 }

func newJournal(fs disk.FS, dir string, r *replay) *Journal {
	j := &Journal{
		fs: fs, dir: dir, history: r.history, time: r.time, durable: r.sequence,
		wanted: make(chan struct{}, 1), ended: make(chan struct{}),
		quit: make(chan struct{}), gone: make(chan struct{}),
	}
	j.sequence.Store(r.sequence)
	j.snapshot, j.stats.Snapshot.Sequence = r.snapshot != nil, r.begin
	return j
}

// endOld makes durable what the last segment holds, and seals it if a crash has
// left it open. Tail is its last record.
//
// That is written anew: after a sync that failed, a system may take for written
// what never reached the disk. It was read from memory then, the next sync passes it
// over, and a power cut takes it back. The records before it have been synced.
func (j *Journal) endOld(s *segment, tail []byte) error {
	f, err := j.fs.Open(s.name)
	if err != nil {
		return err
	}
	if s.cut > 0 {
		err = zero(f, s.end, s.end+s.cut)
	}
	if err == nil && len(tail) > 0 {
		_, err = f.WriteAt(tail, s.end-int64(len(tail)))
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil && !s.sealed {
		// Only now, lest a power cut keep the seal and not what is before it, nor leave
		// of what was cut off what is behind it.
		s.last = j.sequence.Add(1)
		if _, err = f.WriteAt(sealRecord(j.stamp(s.last), s.number+1), s.end); err == nil {
			err = f.Sync()
		}
	}
	j.durable = j.sequence.Load()
	return errors.Join(err, f.Close())
}

// remember notes the segments that recovery found in use. They count with all the
// space they take: where a server often stops they are nearly empty, and only a
// snapshot frees them.
func (j *Journal) remember(segments []segment) {
	for _, s := range segments {
		j.stats.SinceSnapshot += s.size
		j.old = append(j.old, oldSegment{s.number, s.last})
	}
}

// use makes a fresh segment the active one and asks for the one behind it.
func (j *Journal) use(number uint64, file disk.File, size int64) {
	j.active = active{file: file, number: number, size: size, fill: headSize}
	j.next = spare{state: making, done: make(chan struct{})}
	j.wanted <- struct{}{} // does not block: nothing was wanted before
}

func (j *Journal) stamp(sequence uint64) stamp {
	return stamp{history: j.history, sequence: sequence, time: j.time}
}

// MaxRecord is the most bytes of entries for which Room surely finds room: two
// such records fit into one segment.
func (j *Journal) MaxRecord() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return capacity(j.active.size)/2 - recordHead
}

// capacity is what a segment has for records.
func capacity(size int64) int64 { return size - headSize - sealSize }

// Sequence returns the sequence of the last record handed to Append.
func (j *Journal) Sequence() uint64 { return j.sequence.Load() }

// Append makes a record durable. It is one write and one sync, but for the last
// record before a new segment, which the old one's seal precedes. After any
// failure the journal is failed for good: nothing is known of what the disk
// holds, and every further Append returns the first error.
func (j *Journal) Append(r *Record) error {
	if err := j.Err(); err != nil {
		return err
	}
	if len(r.buf) < recordHead {
		return j.fail(errors.New("journal: record without Reset"))
	}
	size := int64(len(r.buf))
	rolls := j.active.fill+size+sealSize > j.active.size
	if rolls {
		if err := j.roll(size); err != nil {
			return j.fail(err)
		}
	}
	j.time = max(j.time, r.time)
	if err := j.put(r.finish(j.stamp(j.sequence.Add(1)))); err != nil {
		return j.fail(err)
	}
	if rolls {
		// Only now, so that this record did not wait for a segment of zeros. It
		// does not block: the maker took the last wish before it made the segment
		// that is now active.
		j.wanted <- struct{}{}
	}
	return nil
}

// put writes one record and syncs it.
func (j *Journal) put(b []byte) error {
	a := &j.active
	if _, err := a.file.WriteAt(b, a.fill); err != nil {
		return fmt.Errorf("journal: cannot write %s at offset %d: %w", j.path(a.number), a.fill, err)
	}
	start := time.Now()
	if err := a.file.Sync(); err != nil {
		return fmt.Errorf("journal: cannot sync %s: %w", j.path(a.number), err)
	}
	took := time.Since(start)
	j.mu.Lock()
	defer j.mu.Unlock()
	a.fill += int64(len(b))
	j.durable = j.sequence.Load()
	j.stats.add(len(b), took)
	return nil
}

// roll seals the active segment and goes on in the next one.
func (j *Journal) roll(size int64) error {
	j.mu.Lock()
	next, ready := j.next, j.next.state == ready
	j.mu.Unlock()
	if !ready || size > capacity(next.size) {
		return errNoRoom
	}
	if err := j.put(sealRecord(j.stamp(j.sequence.Add(1)), j.active.number+1)); err != nil {
		return err
	}
	j.mu.Lock()
	full := j.active
	j.old = append(j.old, oldSegment{full.number, j.durable})
	j.active = active{file: next.file, number: full.number + 1, size: next.size, fill: headSize}
	j.next = spare{state: making, done: make(chan struct{})}
	j.mu.Unlock()
	return full.file.Close()
}

func (j *Journal) path(number uint64) string {
	return filepath.Join(j.dir, segmentName(number))
}

// Err returns why the journal takes no more records, nil if it does.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// fail notes the first failure and returns it.
func (j *Journal) fail(err error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err == nil {
		j.failed = true
		j.end(err)
		j.log.Error("the journal failed; nothing more is written", "error", err)
	}
	return j.err
}

// end makes the journal take no more records. The caller holds mu.
func (j *Journal) end(err error) {
	if j.err == nil {
		j.err = err
		close(j.ended)
	}
}

// Seal ends the log as a clean stop does. Nothing can be appended afterwards.
func (j *Journal) Seal() error {
	if err := j.Err(); err != nil {
		return err
	}
	if err := j.put(sealRecord(j.stamp(j.sequence.Add(1)), 0)); err != nil {
		return j.fail(err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.end(ErrClosed)
	return nil
}

// Close ends the background work and gives up the lock. Without Seal it leaves
// the directory as a crash would. It waits for a snapshot that takes its place;
// one that is still being written must be aborted before.
func (j *Journal) Close() error {
	j.snapshotting.Lock()
	defer j.snapshotting.Unlock()
	j.mu.Lock()
	closed := j.closed
	j.closed = true
	j.end(ErrClosed)
	j.mu.Unlock()
	if closed {
		return ErrClosed
	}
	close(j.quit)
	<-j.gone
	err := j.active.file.Close()
	if j.next.state == ready {
		err = errors.Join(err, j.next.file.Close())
		if !j.failed {
			// The next start makes its own, of the size it is told.
			err = errors.Join(err, j.fs.Remove(j.path(j.active.number+1)))
		}
	}
	return errors.Join(err, j.lock.Close())
}
