package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"path"
	"strings"
	"syscall"
	"testing"

	"github.com/cuenta-server/cuenta/internal/disk"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
)

// forgedSegment makes a segment out of records whose checksums fit.
func forgedSegment(size int, records ...[]byte) []byte {
	data := head{segmentMagic, version, [5]uint64{1, 1, uint64(size)}}.append(nil)
	for _, r := range records {
		data = append(data, r...)
	}
	return append(data, make([]byte, size-len(data))...)
}

// forged makes a record of these entries.
func forged(s stamp, entries ...byte) []byte {
	var r Record
	r.Reset(s.time)
	r.buf = append(r.buf, entries...)
	return r.finish(s)
}

// ofEpoch changes the epoch of a record, or of a header, and its checksum.
func ofEpoch(b []byte, at int, sum func([]byte)) []byte {
	byteOrder.PutUint64(b[at:], 1)
	sum(b)
	return b
}

// What no journal can have written is damage though every checksum fits, and the
// place of the record is told.
func TestForgedSegments(t *testing.T) {
	first := func(entries ...byte) []byte { return forged(stamp{history: 1, sequence: 1, time: 5}, entries...) }
	second := func(entries ...byte) []byte { return forged(stamp{history: 1, sequence: 2, time: 5}, entries...) }
	good := first(entryOpen, 1, 1, 'a', 2, 1)
	sumRecord := func(b []byte) { byteOrder.PutUint32(b[8:], checksum(b)) }
	behind := headSize + len(good)
	tests := []struct {
		reason  string
		offset  int
		records [][]byte
	}{
		{"the seal is incomplete", headSize, [][]byte{first(entrySeal, 0x80)}},
		{"an entry has no cell number", headSize, [][]byte{first(entrySet)}},
		{"an entry has no cell number", headSize, [][]byte{first(binary.AppendUvarint([]byte{entrySet}, 1<<32)...)}},
		{"an entry's name is incomplete", headSize, [][]byte{first(entryOpen, 1, 5, 'a')}},
		{"an entry's revision is incomplete", headSize, [][]byte{first(entryDrop, 1, 0x80)}},
		{"an entry's value or revision is incomplete", behind, [][]byte{good, second(entrySet, 1, 0x80)}},
		{"an entry's value or revision is incomplete", behind, [][]byte{good, second(entrySet, 1, 1, 0x80)}},
		{"a seal is not alone in its record", headSize, [][]byte{first(entrySeal, 0, entrySeal, 0)}},
		{"the seal says that the log goes on in segment 7", headSize, [][]byte{first(entrySeal, 7)}},
		{"an answer has no proper session and number", headSize, [][]byte{first(entryAnswer, 1, 2, 3)}},
		{"an answer has no proper session and number", headSize, [][]byte{first(entryAnswer, 1, 0, 0, 0, 0, 0, 0, 0, 0x80)}},
		{"belongs to history 0000000000000002", behind, [][]byte{good, forged(stamp{history: 2, sequence: 2, time: 5})}},
		{"the record's epoch 1 is not 0", behind, [][]byte{good, ofEpoch(second(), 24, sumRecord)}},
		{"the record's time is before that of the one before", behind, [][]byte{good, forged(stamp{history: 1, sequence: 2, time: 4})}},
		{"the log begins with sequence 0", headSize, [][]byte{forged(stamp{history: 1})}},
		{"cell 2 is set before it is opened", behind, [][]byte{good, second(entrySet, 2, 2, 1)}},
		{"cell 2 has terms before it is opened", behind, [][]byte{good, second(entryTerms, 2, 1, 0)}},
		{"cell 1 has terms before it is opened", behind, [][]byte{good, second(entryDrop, 1, 2, entryTerms, 1, 2, 0)}},
		{"a counter's terms are incomplete or malformed", behind, [][]byte{good, second(entryTerms, 1, 1, 0x80)}},
		{"cell 2 has a hold before it is opened", behind, [][]byte{good, second(entryHold, 2, 1, 1, 2, 1)}},
		{"cell 1 has a hold before it is opened", behind, [][]byte{good, second(entryDrop, 1, 2, entryUnhold, 1, 2, 1)}},
		{"a hold is incomplete or malformed", behind, [][]byte{good, second(entryHold, 1, 1, 1, 2, 0)}},
		{"cell 1 is opened twice", behind, [][]byte{good, second(entryOpen, 1, 1, 'a', 2, 2)}},
	}
	for _, tt := range tests {
		r := &replay{into: newBook()}
		var damage *DamageError
		err := r.readSegment("f", 1, forgedSegment(1<<10, tt.records...))
		if !errors.As(err, &damage) || !strings.Contains(damage.Reason.EN, tt.reason) || damage.Offset != int64(tt.offset) {
			t.Errorf("want %q at %d: %v", tt.reason, tt.offset, err)
		}
	}
	full := first(bytes.Repeat([]byte{entryDrop, 1, 1}, 20)...)
	r := &replay{into: newBook()}
	if err := r.readSegment("f", 1, forgedSegment(headSize+len(full)+1, full)); err == nil || !strings.Contains(err.Error(), "no room for the seal") {
		t.Errorf("a full segment: %v", err)
	}
	data := forgedSegment(1 << 10)
	ofEpoch(data[:headSize], 56, mendHead)
	if err := (&replay{into: newBook()}).readSegment("f", 1, data); err == nil || !strings.Contains(err.Error(), "epoch 1 is not 0") {
		t.Errorf("a header of another epoch: %v", err)
	}
}

// mendHead makes the checksum of a header fit.
func mendHead(b []byte) { byteOrder.PutUint32(b[8:], crc32.Checksum(b[12:headSize], castagnoli)) }

// forgedSnapshot makes a snapshot out of blocks whose checksums fit.
func forgedSnapshot(foot snapshotFoot, blocks ...func(seed uint32) []byte) []byte {
	h := snapshotHead{history: 1, begin: 3, segment: 1}
	data := h.head().append(nil)
	seed := crc32.Checksum(data, castagnoli)
	for _, block := range blocks {
		data = append(data, block(seed)...)
	}
	return append(data, foot.bytes(seed)...)
}

// block makes a block that says that it holds so many.
func block(kind blockKind, count uint32, content ...byte) func(uint32) []byte {
	return func(seed uint32) []byte {
		b := append(make([]byte, blockHead), content...)
		sealBlock(b, blockMagics[kind], count, seed)
		return b
	}
}

func TestForgedSnapshots(t *testing.T) {
	session := []byte{9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}
	outcome := []byte{1, 2, 3, 4, 0, 2, 1}
	with := func(a []byte, b ...byte) []byte { return append(bytes.Clone(a), b...) }
	empty := snapshotFoot{end: 3}
	tests := []struct {
		reason string
		data   []byte
	}{
		{"no proper cell number behind cell -1", forgedSnapshot(empty, block(ofCounters, 1, 0x80))},
		{"no proper cell number behind cell 4294967295", forgedSnapshot(empty, block(ofCounters, 2,
			with(binary.AppendUvarint(nil, 1<<32-1), 1, 'a', 2, 1, 0, 1, 'b', 2, 1)...))},
		{"the counter of cell 1 is incomplete", forgedSnapshot(empty, block(ofCounters, 1, 1, 1, 'a', 2))},
		{"holds more than it says", forgedSnapshot(empty, block(ofCounters, 1, 1, 1, 'a', 2, 1, 9))},
		{"a counter's terms are incomplete or malformed", forgedSnapshot(empty, block(ofTerms, 1, 1, 1, maskEnd, 0))},
		{"a counter's terms are incomplete or malformed", forgedSnapshot(empty, block(ofTerms, 2, 1, 1, 0))},
		{"holds more than it says", forgedSnapshot(empty, block(ofTerms, 1, 1, 1, 0, 9))},
		{"a hold is incomplete or malformed", forgedSnapshot(empty, block(ofHolds, 1, 1, 1, 1, 2, 0))},
		{"a hold is incomplete or malformed", forgedSnapshot(empty, block(ofHolds, 1, 1, 0x80))},
		{"a hold is incomplete or malformed", forgedSnapshot(empty, block(ofHolds, 2, 1, 1, 1, 2, 1))},
		{"holds more than it says", forgedSnapshot(empty, block(ofHolds, 1, 1, 1, 1, 2, 1, 9))},
		{"neither a block that may follow", forgedSnapshot(empty, block(ofHolds, 0), block(ofTerms, 0))},
		{"neither a block that may follow", forgedSnapshot(empty, block(ofSessions, 0), block(ofHolds, 0))},
		{"neither a block that may follow", forgedSnapshot(empty, block(ofTerms, 0), block(ofCounters, 0))},
		{"neither a block that may follow", forgedSnapshot(empty, block(ofSessions, 0), block(ofTerms, 0))},
		{"a session is incomplete", forgedSnapshot(empty, block(ofSessions, 1, with(session, 0x80)...))},
		{"a session is incomplete", forgedSnapshot(empty, block(ofSessions, 1, with(session, 1, 1)...))},
		{"a session is incomplete", forgedSnapshot(empty, block(ofSessions, 1, with(session, 1, 1, 0, 1)...))},
		{"has the lowest number 0", forgedSnapshot(empty, block(ofSessions, 1, with(session, 0, 0)...))},
		{"an idempotency key is incomplete, malformed", forgedSnapshot(empty, block(ofKeys, 1, with([]byte{1, 'k'}, outcome...)...))},
		{"neither a block that may follow", forgedSnapshot(empty, block(ofKeys, 0), block(ofCounters, 0))},
		{"the snapshot ends at sequence 2, before its beginning 3", forgedSnapshot(snapshotFoot{end: 2})},
		{"should be [0 0 0 0 0] in 1", forgedSnapshot(snapshotFoot{end: 3, blocks: 1})},
	}
	for _, tt := range tests {
		s := &snapshotReader{name: "f", r: bytes.NewReader(tt.data), size: int64(len(tt.data)), into: newBook(), seen: new(cells), sessions: new(sessions)}
		var damage *DamageError
		if err := s.read(); !errors.As(err, &damage) || !strings.Contains(damage.Reason.EN, tt.reason) {
			t.Errorf("want %q: %v", tt.reason, err)
		}
	}
}

// What a sink refuses is told with the place in the snapshot.
func TestSinkRefusesTheSnapshot(t *testing.T) {
	session := append([]byte{9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}, 1, 0)
	for name, b := range map[string]func(uint32) []byte{
		"a counter": block(ofCounters, 1, 1, 1, 'a', 2, 1),
		"a session": block(ofSessions, 1, session...),
		"a key":     block(ofKeys, 1, 1, 'k', 1, 2, 3, 4, 0, 2, 1, 2, 2),
	} {
		data := forgedSnapshot(snapshotFoot{end: 3}, b)
		s := &snapshotReader{name: "f", r: bytes.NewReader(data), size: int64(len(data)), into: refusing{}, seen: new(cells), sessions: new(sessions)}
		if err := s.read(); !errors.Is(err, fs.ErrInvalid) || !strings.Contains(err.Error(), "f, block at offset 64") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A snapshot under another one's name is refused.
func TestSnapshotUnderAnotherName(t *testing.T) {
	mem, _, name := sampleSnapshot(t)
	other := name[:len(name)-1] + "0"
	if other == name {
		other = name[:len(name)-1] + "1"
	}
	must(t, mem.Rename(name, other))
	var damage *DamageError
	if _, _, _, err := read(mem); !errors.As(err, &damage) || damage.Offset != 24 || !strings.Contains(damage.Reason.EN, "its name says") {
		t.Errorf("%v", err)
	}
}

// failing is a disk of which one call that reads fails.
type failing struct {
	disk.FS
	left int // calls until then
}

var errRead = errors.New("the disk cannot be read")

func (f *failing) fails() bool { f.left--; return f.left == 0 }

func (f *failing) OpenRead(name string) (disk.File, error) {
	if f.fails() {
		return nil, errRead
	}
	file, err := f.FS.OpenRead(name)
	return &failingFile{file, f}, err
}

func (f *failing) List(dir string) ([]string, error) {
	if f.fails() {
		return nil, errRead
	}
	return f.FS.List(dir)
}

type failingFile struct {
	disk.File
	fs *failing
}

func (f *failingFile) ReadAt(p []byte, off int64) (int, error) {
	if f.fs.fails() {
		n, _ := f.File.ReadAt(p[:len(p)/2], off) // the half that can be read
		return n, errRead
	}
	return f.File.ReadAt(p, off)
}

func (f *failingFile) Size() (int64, error) {
	if f.fs.fails() {
		return 0, errRead
	}
	return f.File.Size()
}

// TestReadErrors fails every read of a start, one after the other: the start is
// refused and changes nothing, and is no more than refused: what was not read is
// not taken for damage.
func TestReadErrors(t *testing.T) {
	mem, b, _ := sampleSnapshot(t)
	for n := 1; ; n++ {
		var calls int
		mem.OnCall(func(c disktest.Call) error {
			if c.Op != disktest.Lock && c.Op != disktest.Mkdir {
				calls++
			}
			return nil
		})
		f := &failing{FS: mem, left: n}
		j, _, err := Open(f, dir, newBook(), Options{SegmentSize: small})
		if err == nil {
			if f.left == 0 {
				t.Fatalf("read %d failed, and the start did not", n)
			}
			must(t, j.Close())
			if n < 8 {
				t.Errorf("a start reads %d times only", n-1)
			}
			break
		}
		var damage *DamageError
		if !errors.Is(err, errRead) || errors.As(err, &damage) || calls > 0 || !strings.Contains(err.Error(), dir) {
			t.Errorf("read %d: %v, after %d changes", n, err, calls)
		}
	}
	mem.OnCall(nil)
	expect(t, mem, b)
}

// TestStartFailsAnywhere fails every call by which a start changes something, one
// after the other: the start is refused, and the next one finds everything.
func TestStartFailsAnywhere(t *testing.T) {
	mem, _, want := sampleLog(t, false)
	must(t, disktest.WriteFile(mem, path.Join(dir, segmentName(9)+tmpSuffix), []byte("x")))
	for n := 1; ; n++ {
		left := mem.Crash(100, 1)
		left.FailNth(n, func(c disktest.Call) bool { return c.Op != disktest.Lock }, syscall.EIO)
		j, _, err := Open(left, dir, newBook(), Options{SegmentSize: minSegment, ByHand: true})
		if !errors.Is(err, syscall.EIO) {
			must(t, err)
			must(t, j.Close())
			if n < 8 {
				t.Errorf("a start makes %d calls only", n-1)
			}
			return
		}
		left.OnCall(nil)
		expect(t, left, want)
	}
}

// A snapshot that is ready when the journal is closed does not count.
func TestSnapshotAfterTheEnd(t *testing.T) {
	mem := disktest.New()
	j, b, _ := mustOpen(t, mem)
	s, err := j.BeginSnapshot(j.Sequence(), 0, 0, 1)
	must(t, err)
	must(t, j.Close())
	if err := s.Commit(j.Sequence()); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
	if rec := expect(t, mem, b); rec.Snapshot != "" {
		t.Errorf("recovered from %s", rec.Snapshot)
	}
}

// No segment is read that is longer than any can be.
func TestHugeSegment(t *testing.T) {
	mem, _, _ := sampleLog(t, true)
	var damage *DamageError
	_, _, err := Open(&huge{mem}, dir, newBook(), Options{})
	if !errors.As(err, &damage) || damage.File != segmentFiles(t, mem)[0] || !strings.Contains(damage.Reason.EN, "no segment has") {
		t.Errorf("%v", err)
	}
}

// huge is a disk whose files are longer than a segment can be.
type huge struct{ disk.FS }

func (h *huge) OpenRead(name string) (disk.File, error) {
	f, err := h.FS.OpenRead(name)
	return hugeFile{f}, err
}

type hugeFile struct{ disk.File }

func (hugeFile) Size() (int64, error) { return maxSegment + 1, nil }
