package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/cuenta-server/cuenta/internal/disk"
	"github.com/cuenta-server/cuenta/internal/lang"
)

const (
	snapshotMagic = "CUENTASN"

	blockHead   = 16        // magic, length, checksum, count
	blockTarget = 256 << 10 // a block is written once it has so many bytes
	blockMax    = blockTarget + maxSessionState

	footSize = blockHead + 9*8
)

// blockKind is what a block holds. Those of one kind stand together, in this order.
type blockKind int

const (
	ofCounters blockKind = iota
	ofTerms
	ofHolds
	ofSessions
	ofKeys
	ofEnd // the footer
)

var blockMagics = [...]string{"CBLK", "CTRM", "CHLD", "CSES", "CKEY", "CEND"}

// snapshotHead is what the header of a snapshot says.
type snapshotHead struct {
	history, begin, segment uint64
	time                    int64
	counters                uint64 // when it was begun
}

func (h snapshotHead) head() head {
	return head{snapshotMagic, version, [5]uint64{h.history, h.begin, h.segment, uint64(h.time), h.counters}}
}

// snapshotFoot is what the end of a snapshot says.
type snapshotFoot struct {
	end, blocks, floor uint64
	counts             [ofEnd]uint64 // by kind
	horizon            int64
}

// Block and footer have the same first 16 bytes, and their checksums begin with
// that of the header, so that they fit this one snapshot only.
func sealBlock(b []byte, magic string, count, seed uint32) {
	copy(b, magic)
	byteOrder.PutUint32(b[4:], uint32(len(b)-blockHead))
	byteOrder.PutUint32(b[12:], count)
	byteOrder.PutUint32(b[8:], blockSum(b, seed))
}

func blockSum(b []byte, seed uint32) uint32 {
	return crc32.Update(crc32.Update(seed, castagnoli, b[:8]), castagnoli, b[12:])
}

func (f snapshotFoot) bytes(seed uint32) []byte {
	b := make([]byte, footSize)
	byteOrder.PutUint64(b[16:], f.end)
	byteOrder.PutUint64(b[24:], f.blocks)
	for i, n := range f.counts {
		byteOrder.PutUint64(b[32+8*i:], n)
	}
	byteOrder.PutUint64(b[footSize-16:], f.floor)
	byteOrder.PutUint64(b[footSize-8:], uint64(f.horizon))
	sealBlock(b, blockMagics[ofEnd], 0, seed)
	return b
}

// readFoot reads the footer's numbers.
func readFoot(b []byte) (f snapshotFoot) {
	f.end, f.blocks = byteOrder.Uint64(b[16:]), byteOrder.Uint64(b[24:])
	for i := range f.counts {
		f.counts[i] = byteOrder.Uint64(b[32+8*i:])
	}
	f.floor, f.horizon = byteOrder.Uint64(b[footSize-16:]), int64(byteOrder.Uint64(b[footSize-8:]))
	return f
}

// snapshotReader reads one snapshot from front to end.
type snapshotReader struct {
	name string
	r    io.ReaderAt
	size int64
	into Sink

	seen     *cells
	sessions *sessions

	head    snapshotHead
	foot    snapshotFoot
	seed    uint32
	kind    blockKind // of the last block
	last    int64     // cell; -1 before the first
	session SessionState
	buf     []byte
}

func (r *snapshotReader) damage(offset int64, reason lang.Text, args ...any) error {
	return &DamageError{r.name, offset, reason.Fill(args...)}
}

// refused tells where the sink's error comes from.
func (r *snapshotReader) refused(at int64, err error) error {
	return &RefusedError{r.name, at, lang.Text{ES: "bloque", EN: "block"}, err}
}

// behind checks that nothing is left at the end of a block.
func (r *snapshotReader) behind(rest []byte, at int64) error {
	if len(rest) != 0 {
		return r.damage(at, lang.Text{ES: "el bloque contiene más de lo que dice", EN: "the block holds more than it says"})
	}
	return nil
}

// read hands all that is in the snapshot to the sink.
func (r *snapshotReader) read() error {
	if err := r.readHeader(); err != nil {
		return err
	}
	r.last = -1
	for at := int64(headSize); ; {
		b, err := r.block(at)
		if err != nil {
			return err
		}
		switch r.kind {
		case ofCounters:
			err = r.readCounters(b, at)
		case ofTerms:
			err = r.readTerms(b, at)
		case ofHolds:
			err = r.readHolds(b, at)
		case ofSessions:
			err = r.readSessions(b, at)
		case ofKeys:
			err = r.readKeys(b, at)
		case ofEnd:
			return r.readFooter(b, at)
		}
		if err != nil {
			return err
		}
		r.foot.counts[r.kind] += uint64(byteOrder.Uint32(b[12:]))
		r.foot.blocks++
		at += int64(len(b))
	}
}

func (r *snapshotReader) readHeader() error {
	b, err := r.bytes(0, min(headSize, r.size))
	if err != nil {
		return err
	}
	h, err := readHead(b, r.name, snapshotMagic)
	if err != nil {
		return err
	}
	f := h.fields
	r.head = snapshotHead{f[0], f[1], f[2], int64(f[3]), f[4]}
	r.seed = crc32.Checksum(b, castagnoli)
	return nil
}

// bytes returns a part of the file, in memory that the next call uses again.
func (r *snapshotReader) bytes(at, n int64) ([]byte, error) {
	if at+n > r.size {
		return nil, r.damage(r.size, lang.Text{ES: "el fichero termina demasiado pronto", EN: "the file ends too early"})
	}
	if int64(cap(r.buf)) < n {
		r.buf = make([]byte, max(n, min(blockHead+blockMax, r.size)))
	}
	b := r.buf[:n]
	if got, err := r.r.ReadAt(b, at); int64(got) < n {
		return nil, fmt.Errorf("journal: cannot read %s at offset %d: %w", r.name, at+int64(got), err)
	}
	return b, nil
}

// block reads and checks the block or footer at an offset, and notes its kind.
func (r *snapshotReader) block(at int64) ([]byte, error) {
	// One read takes what is probably needed: a whole block.
	n := min(blockHead+blockMax, r.size-at)
	b, err := r.bytes(at, max(n, blockHead))
	if err != nil {
		return nil, err
	}
	kind, length := slices.Index(blockMagics[:], string(b[:4])), int64(byteOrder.Uint32(b[4:]))
	if kind < int(r.kind) || length > blockMax {
		return nil, r.damage(at, lang.Text{ES: "no hay ni un bloque que pueda seguir ni el final de la instantánea", EN: "there is neither a block that may follow nor the end of the snapshot"})
	}
	if blockHead+length > int64(len(b)) {
		return nil, r.damage(at, lang.Text{ES: "el fichero termina dentro del bloque", EN: "the file ends within the block"})
	}
	b = b[:blockHead+length]
	if byteOrder.Uint32(b[8:]) != blockSum(b, r.seed) {
		return nil, r.damage(at, lang.Text{ES: "la suma de control del bloque no concuerda", EN: "the block's checksum does not fit"})
	}
	r.kind = blockKind(kind)
	return b, nil
}

// readCounters hands over the counters of one block.
func (r *snapshotReader) readCounters(b []byte, at int64) error {
	rest := b[blockHead:]
	first := true
	for range byteOrder.Uint32(b[12:]) {
		step, n := binary.Uvarint(rest)
		cell := int64(step)
		if !first {
			cell += r.last + 1
		}
		if n <= 0 || step > 1<<32-1 || cell <= r.last || cell > 1<<32-1 {
			return r.damage(at, lang.Text{ES: "el bloque no tiene un número de celda correcto detrás de la celda %d", EN: "the block has no proper cell number behind cell %d"}, r.last)
		}
		name, behind := readName(rest[n:])
		value, revision, behind, ok := readState(behind)
		if name == nil || !ok {
			return r.damage(at, lang.Text{ES: "el contador de la celda %d está incompleto", EN: "the counter of cell %d is incomplete"}, cell)
		}
		if err := r.into.Put(uint32(cell), name, value, revision); err != nil {
			return r.refused(at, err)
		}
		r.seen.add(uint32(cell))
		rest, r.last, first = behind, cell, false
	}
	return r.behind(rest, at)
}

// readFooter compares the totals with what was read.
func (r *snapshotReader) readFooter(b []byte, at int64) error {
	if len(b) != footSize || at+footSize != r.size {
		return r.damage(at, lang.Text{ES: "el final de la instantánea no es el final del fichero", EN: "the end of the snapshot is not the end of the file"})
	}
	foot := readFoot(b)
	if foot.counts != r.foot.counts || foot.blocks != r.foot.blocks {
		return r.damage(at, lang.Text{ES: "hay %d contadores, condiciones, reservas, sesiones y claves en %d bloques, y deberían ser %d en %d", EN: "there are %d counters, terms, holds, sessions and keys in %d blocks, and should be %d in %d"},
			r.foot.counts, r.foot.blocks, foot.counts, foot.blocks)
	}
	if r.foot = foot; foot.end < r.head.begin {
		return r.damage(at, lang.Text{ES: "la instantánea termina en la secuencia %d, antes de su comienzo %d", EN: "the snapshot ends at sequence %d, before its beginning %d"}, foot.end, r.head.begin)
	}
	r.into.Floor(foot.floor)
	r.into.Horizon(foot.horizon)
	return nil
}

// readSnapshot reads a snapshot as the first step of a replay.
func (r *replay) readSnapshot(fs disk.FS, name string, begin uint64) error {
	f, err := fs.OpenRead(name)
	if err != nil {
		return fmt.Errorf("journal: cannot read %s: %w", name, err)
	}
	size, err := f.Size()
	if err != nil {
		return errors.Join(fmt.Errorf("journal: cannot read %s: %w", name, err), f.Close())
	}
	s := &snapshotReader{name: name, r: f, size: size, into: r.into, seen: &r.seen, sessions: &r.sessions}
	if err := errors.Join(s.read(), f.Close()); err != nil {
		return err
	}
	s.buf, s.session = nil, SessionState{}
	if s.head.begin != begin {
		return s.damage(24, lang.Text{ES: "empieza en la secuencia %d, y su nombre dice %d", EN: "it begins at sequence %d, and its name says %d"}, s.head.begin, begin)
	}
	r.history, r.sequence, r.time = s.head.history, begin, s.head.time
	r.snapshot, r.begin, r.end = s, begin, s.foot.end
	r.keys = s.foot.counts[ofKeys]
	return nil
}
