package journal

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/lang"
)

const (
	version = 2 // of the format of segments, records and snapshots

	recordMagic = "CREC"
	recordHead  = 48 // bytes in front of the entries

	entrySet  = 1
	entryOpen = 2
	entrySeal = 3
	entryDrop = 4

	// MaxEntry is the most bytes of one entry, its name not counted.
	MaxEntry = 1 + binary.MaxVarintLen32 + 1 + 2*binary.MaxVarintLen64

	// sealSize is what every segment keeps free for its seal.
	sealSize = recordHead + 1 + binary.MaxVarintLen64
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	byteOrder  = binary.LittleEndian
	emptyHead  [recordHead]byte
)

// Record is one commit group in the making. [Record.Reset] comes first. The
// memory is used again, so once warm nothing is allocated.
type Record struct {
	buf  []byte // header, filled in by finish, and entries
	time int64

	session, number, lowest uint64 // of the last answer; 0 before the first
}

// Reset begins a new record. Time is the ledger's, in nanoseconds since 1970;
// where it is less than the one before, that one is used.
func (r *Record) Reset(time int64) {
	r.buf = append(r.buf[:0], emptyHead[:]...)
	r.time = time
	r.session, r.number, r.lowest = 0, 0, 0
}

// Set adds that the cell now holds the value.
func (r *Record) Set(cell uint32, value int64, revision uint64) {
	b, n := r.room(MaxEntry)
	b[n] = entrySet
	n += 1 + binary.PutUvarint(b[n+1:], uint64(cell))
	n += binary.PutVarint(b[n:], value)
	n += binary.PutUvarint(b[n:], revision)
	r.buf = b[:n]
}

// room returns the record with room for size more bytes behind its n. Of the entries that it
// is for there are so many that the room for a whole one is looked for but once.
func (r *Record) room(size int) (b []byte, n int) {
	n = len(r.buf)
	return slices.Grow(r.buf, size)[:n+size], n
}

// Open adds that the cell now belongs to the counter of that name, and its
// value. An open cell is not opened again before it was dropped. The name must be valid, see [cuenta.ValidName].
func (r *Record) Open(cell uint32, name []byte, value int64, revision uint64) {
	if len(name) == 0 || len(name) > cuenta.MaxName {
		// Its length would not fit, and the log could not be read again.
		panic("journal: a counter's name must have 1 to 255 bytes")
	}
	r.buf = append(r.buf, entryOpen)
	r.buf = binary.AppendUvarint(r.buf, uint64(cell))
	r.buf = append(r.buf, byte(len(name)))
	r.buf = append(r.buf, name...)
	r.state(value, revision)
}

// Drop adds that the cell's counter was deleted, which was its last revision.
func (r *Record) Drop(cell uint32, revision uint64) {
	r.buf = append(r.buf, entryDrop)
	r.buf = binary.AppendUvarint(r.buf, uint64(cell))
	r.buf = binary.AppendUvarint(r.buf, revision)
}

func (r *Record) state(value int64, revision uint64) {
	r.buf = binary.AppendVarint(r.buf, value)
	r.buf = binary.AppendUvarint(r.buf, revision)
}

// Append adds the entries of another record.
func (r *Record) Append(other *Record) {
	if !other.Empty() {
		r.buf = append(r.buf, other.buf[recordHead:]...)
		r.session, r.number, r.lowest = other.session, other.number, other.lowest
	}
}

// Len returns the bytes of the entries so far.
func (r *Record) Len() int { return max(0, len(r.buf)-recordHead) }

// Empty reports whether the record has no entries.
func (r *Record) Empty() bool { return r.Len() == 0 }

// stamp is what the journal adds to a record.
type stamp struct {
	history, epoch, sequence uint64
	time                     int64
}

// finish fills in the header and returns the whole record.
func (r *Record) finish(s stamp) []byte {
	b := r.buf
	copy(b, recordMagic)
	byteOrder.PutUint32(b[4:], uint32(len(b)-recordHead))
	byteOrder.PutUint32(b[12:], version)
	byteOrder.PutUint64(b[16:], s.history)
	byteOrder.PutUint64(b[24:], s.epoch)
	byteOrder.PutUint64(b[32:], s.sequence)
	byteOrder.PutUint64(b[40:], uint64(s.time))
	byteOrder.PutUint32(b[8:], checksum(b))
	return b
}

// checksum is that of a record or block: of everything but the checksum itself.
func checksum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:8], castagnoli), castagnoli, b[12:])
}

// sealRecord returns the record that ends a segment. Next is the number of the
// segment in which the log goes on, 0 after a clean stop.
func sealRecord(s stamp, next uint64) []byte {
	var r Record
	r.Reset(s.time)
	r.buf = append(r.buf, entrySeal)
	r.buf = binary.AppendUvarint(r.buf, next)
	return r.finish(s)
}

// group is a record as read.
type group struct {
	stamp
	version uint32
	entries []byte
	size    int64 // of the whole record
}

// readGroup reads the record at the beginning of data. It reports false if what
// is there is not, or not wholly, what was once written as a record.
func readGroup(data []byte) (group, bool) {
	if len(data) < recordHead || string(data[:4]) != recordMagic {
		return group{}, false
	}
	length := int64(byteOrder.Uint32(data[4:]))
	if length > int64(len(data)-recordHead) {
		return group{}, false
	}
	b := data[:recordHead+length]
	if byteOrder.Uint32(b[8:]) != checksum(b) {
		return group{}, false
	}
	return group{
		stamp: stamp{
			history:  byteOrder.Uint64(b[16:]),
			epoch:    byteOrder.Uint64(b[24:]),
			sequence: byteOrder.Uint64(b[32:]),
			time:     int64(byteOrder.Uint64(b[40:])),
		},
		version: byteOrder.Uint32(b[12:]),
		entries: b[recordHead:],
		size:    int64(len(b)),
	}, true
}

// findGroup looks in data for a record of the history with a sequence above
// after, and returns where it begins, or -1.
func findGroup(data []byte, history, after uint64) int64 {
	for at := 0; ; at++ {
		i := bytes.Index(data[at:], []byte(recordMagic))
		if i < 0 || len(data)-at-i < recordHead {
			return -1
		}
		at += i
		// The cheap comparison comes first: names may hold the magic any number
		// of times, and a checksum may run over the whole rest.
		if byteOrder.Uint64(data[at+16:]) != history {
			continue
		}
		if g, ok := readGroup(data[at:]); ok && g.sequence > after {
			return int64(at)
		}
	}
}

// entries reads the entries of a record one by one. The fields that an entry's
// type has no use for are left as they were.
type entries struct {
	rest []byte // behind the entry

	kind     byte
	cell     uint32
	name     []byte // of an opened cell, or the key
	value    int64
	revision uint64
	next     uint64 // of a seal
	terms    Terms
	hold     Hold   // of an unhold its id
	session  uint64 // that was granted
	answer   Answer // the last one read: a short one goes on from it
	kept     Kept   // of the key
}

// read reads the next entry; there must be more. The reason tells what is wrong,
// and is empty if nothing is.
func (e *entries) read() (reason lang.Text) {
	e.kind, e.rest = e.rest[0], e.rest[1:]
	switch e.kind {
	case entrySet, entryOpen, entryDrop:
		return e.readEffect()
	case entrySession:
		return e.readSession()
	case entryAnswer, entryNext, entryShift:
		return e.readAnswer()
	case entryKey:
		return e.readKey()
	case entryTerms:
		return e.readTerms()
	case entryHold, entryUnhold:
		return e.readHold()
	case entrySeal:
		n := 0
		if e.next, n = binary.Uvarint(e.rest); n <= 0 {
			return lang.Text{ES: "el sello está incompleto", EN: "the seal is incomplete"}
		}
		e.rest = e.rest[n:]
		return sound
	}
	return lang.Text{ES: "una entrada es de un tipo que este programa no conoce", EN: "an entry is of a type this program does not know"}
}

// readEffect reads what is behind the type of a cell's entry.
func (e *entries) readEffect() (reason lang.Text) {
	cell, n := binary.Uvarint(e.rest)
	if n <= 0 || cell > 1<<32-1 {
		return lang.Text{ES: "una entrada no tiene número de celda", EN: "an entry has no cell number"}
	}
	e.cell, e.rest, e.name = uint32(cell), e.rest[n:], nil
	switch e.kind {
	case entryOpen:
		if e.name, e.rest = readName(e.rest); e.name == nil {
			return lang.Text{ES: "el nombre de una entrada está incompleto", EN: "an entry's name is incomplete"}
		}
	case entryDrop:
		if e.revision, n = binary.Uvarint(e.rest); n <= 0 {
			return lang.Text{ES: "la revisión de una entrada está incompleta", EN: "an entry's revision is incomplete"}
		}
		e.rest = e.rest[n:]
		return sound
	}
	var ok bool
	if e.value, e.revision, e.rest, ok = readState(e.rest); !ok {
		return lang.Text{ES: "el valor o la revisión de una entrada están incompletos", EN: "an entry's value or revision is incomplete"}
	}
	return sound
}

// readName returns nil if there is none.
func readName(data []byte) (name, rest []byte) {
	if len(data) == 0 || data[0] == 0 || len(data) < 1+int(data[0]) {
		return nil, nil
	}
	n := 1 + int(data[0])
	return data[1:n:n], data[n:]
}

func readState(data []byte) (value int64, revision uint64, rest []byte, ok bool) {
	value, n := binary.Varint(data)
	if n <= 0 {
		return 0, 0, nil, false
	}
	revision, m := binary.Uvarint(data[n:])
	if m <= 0 {
		return 0, 0, nil, false
	}
	return value, revision, data[n+m:], true
}
