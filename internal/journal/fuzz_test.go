package journal

import (
	"bytes"
	"errors"
	"testing"

	"github.com/cuenta-server/cuenta"
)

// tame is a Sink that must not be asked for much more than the input is long.
type tame struct {
	t     *testing.T
	bytes int
	puts  int
}

func (s *tame) Drop(uint32, uint64) error {
	if s.puts++; s.puts > s.bytes {
		s.t.Errorf("%d effects out of %d bytes", s.puts, s.bytes)
	}
	return nil
}

func (s *tame) Floor(uint64) {}

func (s *tame) Put(_ uint32, name []byte, _ int64, _ uint64) error {
	if s.puts++; s.puts > s.bytes || len(name) > s.bytes {
		s.t.Errorf("%d counters out of %d bytes", s.puts, s.bytes)
	}
	return nil
}

func (s *tame) Terms(_ uint32, _ uint64, t Terms) error {
	if t.Expires < 0 || !t.Floor.Set && t.Floor.At != 0 || !t.Ceiling.Set && t.Ceiling.At != 0 {
		s.t.Errorf("%+v", t)
	}
	return s.Drop(0, 0)
}

func (s *tame) Hold(_ uint32, _ uint64, h Hold) error {
	if h.ID == 0 || h.Amount == 0 || h.Ends <= 0 {
		s.t.Errorf("%+v", h)
	}
	return s.Drop(0, 0)
}

func (s *tame) Unhold(_ uint32, _ uint64, id uint64) error {
	if id == 0 {
		s.t.Error("a hold without an id ends")
	}
	return s.Drop(0, 0)
}

func (s *tame) Session(uint64, uint64, int64) error { return s.Drop(0, 0) }

func (s *tame) Answer(a Answer, _ int64) error {
	if a.Session == 0 || a.Lowest == 0 || a.Lowest > a.Number {
		s.t.Errorf("%+v", a)
	}
	return s.Drop(0, 0)
}

func (s *tame) Key(key []byte, _ Kept, used, until int64) error {
	if len(key) == 0 || len(key) > cuenta.MaxKey {
		s.t.Errorf("a key of %d bytes", len(key))
	}
	return s.Drop(0, 0)
}

func (s *tame) Horizon(int64) {}

// orderly fails if err is not one of the two that tell what to do.
func orderly(t *testing.T, err error, size int) {
	t.Helper()
	var damage *DamageError
	var newer *VersionError
	if err != nil && !errors.As(err, &newer) && (!errors.As(err, &damage) || damage.Offset > int64(size)) {
		t.Errorf("%v", err)
	}
}

// FuzzReader reads arbitrary bytes as a segment: as they are, and with all the
// checksums put right, which gets deeper.
func FuzzReader(f *testing.F) {
	mem, _, _ := sampleLog(f, true)
	for _, name := range segmentFiles(f, mem) {
		f.Add(load(f, mem, name))
	}
	var r Record
	r.Reset(1)
	r.Open(1<<32-1, []byte("ñ"), -1, 1<<64-1)
	r.Set(0, 1, 1)
	r.Terms(1<<32-1, 1<<64-1, Terms{Floor: bound(-1 << 63), Expires: 1<<63 - 1})
	r.Hold(1<<32-1, 1<<64-1, Hold{1<<64 - 1, -1 << 63, 1<<63 - 1})
	r.Unhold(0, 1, 1)
	h := head{segmentMagic, version, [5]uint64{1, 1, 400}}
	b := append(h.append(nil), r.finish(stamp{history: 1, sequence: 1})...)
	f.Add(append(b, make([]byte, 400-len(b))...))
	f.Fuzz(func(t *testing.T, data []byte) {
		for range 2 {
			r := &replay{into: &tame{t: t, bytes: len(data)}}
			err := r.readSegment("f", 1, data)
			orderly(t, err, len(data))
			if err == nil && r.segments[0].end+r.segments[0].cut > int64(len(data)) {
				t.Errorf("%+v", r.segments[0])
			}
			data = mendSegment(bytes.Clone(data))
		}
	})
}

// mendSegment makes the checksums fit as far as there is structure.
func mendSegment(data []byte) []byte {
	if len(data) < headSize {
		return data
	}
	copy(data, head{segmentMagic, version, [5]uint64{1, 1, uint64(len(data))}}.append(nil))
	for rest := data[headSize:]; len(rest) >= recordHead; {
		n := recordHead + int64(byteOrder.Uint32(rest[4:]))
		if n > int64(len(rest)) {
			break
		}
		byteOrder.PutUint64(rest[16:], 1)
		copy(rest, recordMagic)
		byteOrder.PutUint32(rest[8:], checksum(rest[:n]))
		rest = rest[n:]
	}
	return data
}

// FuzzSnapshot reads arbitrary bytes as a snapshot, in the same two ways.
func FuzzSnapshot(f *testing.F) {
	mem, _, name := sampleSnapshot(f)
	f.Add(load(f, mem, name))
	h := snapshotHead{history: 1, begin: 1, segment: 1, counters: 1 << 60}
	b := h.head().append(nil)
	f.Add(append(b, snapshotFoot{end: 1}.bytes(0)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		for range 2 {
			s := &snapshotReader{
				name: "f", r: bytes.NewReader(data), size: int64(len(data)),
				into: &tame{t: t, bytes: len(data)}, seen: new(cells), sessions: new(sessions),
			}
			orderly(t, s.read(), len(data))
			if cap(s.buf) > blockHead+blockMax {
				t.Errorf("%d bytes of memory for a block", cap(s.buf))
			}
			data = mendSnapshot(bytes.Clone(data))
		}
	})
}

func mendSnapshot(data []byte) []byte {
	if len(data) < headSize {
		return data
	}
	h := head{magic: snapshotMagic, version: version}
	for i := range h.fields {
		h.fields[i] = byteOrder.Uint64(data[16+8*i:])
	}
	copy(data, h.append(nil))
	s := snapshotReader{r: bytes.NewReader(data), size: int64(len(data))}
	if s.readHeader() != nil {
		return data
	}
	for rest := data[headSize:]; len(rest) >= blockHead; {
		n := blockHead + int64(byteOrder.Uint32(rest[4:]))
		if n > int64(len(rest)) {
			break
		}
		byteOrder.PutUint32(rest[8:], blockSum(rest[:n], s.seed))
		rest = rest[n:]
	}
	return data
}
