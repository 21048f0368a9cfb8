package journal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cuenta-server/cuenta/internal/disk"
	"github.com/cuenta-server/cuenta/internal/lang"
)

const (
	segmentMagic = "CUENTALG"
	headSize     = 64 // of segments and snapshots

	defaultSegment = 16 << 20
	minSegment     = 1 << 10
	maxSegment     = 1 << 30

	lockName       = "LOCK"
	unfinishedName = "UNFINISHED"
	segmentPrefix  = "log-"
	snapshotPrefix = "snapshot-"
	tmpSuffix      = ".tmp"
)

func segmentName(number uint64) string    { return fmt.Sprintf("%s%016x", segmentPrefix, number) }
func snapshotName(sequence uint64) string { return fmt.Sprintf("%s%016x", snapshotPrefix, sequence) }

// parseName returns the number in a name of that prefix.
func parseName(name, prefix string) (uint64, bool) {
	digits, ok := strings.CutPrefix(name, prefix)
	if !ok || len(digits) != 16 || digits != strings.ToLower(digits) {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 16, 64)
	return n, err == nil
}

// head is the header of a segment or snapshot. All versions of the format have
// it: magic, checksum of everything behind it, version, and fields of 8 bytes.
//
//	segment:  history, number, size of the file, 0, 0
//	snapshot: history, begin, segment, time, counters
type head struct {
	magic   string // 8 bytes
	version uint32
	fields  [5]uint64
}

func (h head) append(b []byte) []byte {
	start := len(b)
	b = append(b, h.magic...)
	b = byteOrder.AppendUint32(b, 0)
	b = byteOrder.AppendUint32(b, h.version)
	for _, f := range h.fields {
		b = byteOrder.AppendUint64(b, f)
	}
	b = byteOrder.AppendUint64(b, 0) // epoch
	byteOrder.PutUint32(b[start+8:], crc32.Checksum(b[start+12:], castagnoli))
	return b
}

// readHead reads the header in b, which belongs to the named file.
func readHead(b []byte, file, magic string) (head, error) {
	switch {
	case len(b) < headSize:
		return head{}, &DamageError{file, 0, lang.Text{ES: "la cabecera está incompleta", EN: "the header is incomplete"}}
	case string(b[:8]) != magic:
		return head{}, &DamageError{file, 0, lang.Text{ES: "la cabecera no empieza por %s", EN: "the header does not begin with %s"}.Fill(magic)}
	case byteOrder.Uint32(b[8:]) != crc32.Checksum(b[12:headSize], castagnoli):
		return head{}, &DamageError{file, 8, lang.Text{ES: "la suma de control de la cabecera no concuerda", EN: "the header's checksum does not fit"}}
	}
	h := head{magic: magic, version: byteOrder.Uint32(b[12:])}
	if h.version != version {
		return head{}, &VersionError{file, h.version}
	}
	for i := range h.fields {
		h.fields[i] = byteOrder.Uint64(b[16+8*i:])
	}
	if epoch := byteOrder.Uint64(b[56:]); epoch != 0 {
		return head{}, &DamageError{file, 56, lang.Text{ES: "la época %d no es 0", EN: "epoch %d is not 0"}.Fill(epoch)}
	}
	return h, nil
}

// makeSegment makes a segment without records, durably and under its own name,
// and opens it. An empty segment that was there before is replaced.
func makeSegment(fs disk.FS, dir string, number, history uint64, size int64) (disk.File, error) {
	name := filepath.Join(dir, segmentName(number))
	h := head{segmentMagic, version, [5]uint64{history, number, uint64(size)}}
	if err := writeZeros(fs, name+tmpSuffix, h.append(nil), size); err != nil {
		// What was written must not keep the space it took; the next start
		// removes it too.
		_ = fs.Remove(name + tmpSuffix)
		return nil, err
	}
	if err := fs.Rename(name+tmpSuffix, name); err != nil {
		return nil, err
	}
	if err := fs.SyncDir(dir); err != nil {
		return nil, err
	}
	return fs.Open(name)
}

var zeros [256 << 10]byte

// writeZeros makes a file that begins with begin and goes on with zeros.
func writeZeros(fs disk.FS, name string, begin []byte, size int64) error {
	f, err := fs.Create(name)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(begin, 0)
	if err == nil {
		err = zero(f, int64(len(begin)), size)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// zero fills a file with zeros.
func zero(f disk.File, from, to int64) error {
	for from < to {
		n, err := f.WriteAt(zeros[:min(to-from, int64(len(zeros)))], from)
		if err != nil {
			return err
		}
		from += int64(n)
	}
	return nil
}

// lastNonZero returns the index behind the last byte that is not zero.
func lastNonZero(b []byte) int64 {
	for len(b) >= 8 && byteOrder.Uint64(b[len(b)-8:]) == 0 {
		b = b[:len(b)-8]
	}
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return int64(len(b))
}

// segmentBytes checks the size of segments that options ask for.
func segmentBytes(size int64) (int64, error) {
	if size == 0 {
		return defaultSegment, nil
	}
	if size < minSegment || size > maxSegment {
		return 0, fmt.Errorf("journal: segments of %d bytes: must be %d to %d", size, minSegment, maxSegment)
	}
	return size, nil
}
