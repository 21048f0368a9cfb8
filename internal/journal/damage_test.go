package journal

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta/internal/disk/disktest"
)

// read replays the directory and changes nothing.
func read(fs *disktest.FS) (*book, *replay, *contents, error) {
	b := newBook()
	r := &replay{into: b}
	c, err := readDir(fs, dir)
	if err == nil {
		err = c.read(r)
	}
	return b, r, c, err
}

// sampleLog is a data directory with a log of three segments, and the state
// without the last group and with it.
func sampleLog(t testing.TB, sealed bool) (mem *disktest.FS, before, after *book) {
	mem = disktest.New()
	after = newBook()
	j, _, err := Open(mem, dir, after, Options{SegmentSize: minSegment})
	must(t, err)
	rnd := rng(11)
	fill(t, j, after, rnd, 3)
	var r Record
	before = after.clone()
	after.group(&r, rnd, 1<<40, 3, 40)
	must(t, appendWhenRoom(j, &r))
	must(t, j.AwaitRoom(t.Context()))
	if sealed {
		must(t, j.Seal())
	}
	must(t, j.Close())
	return mem, before, after
}

// patch changes a file in place.
func patch(t testing.TB, mem *disktest.FS, name string, off int, data ...byte) {
	t.Helper()
	f, err := mem.Open(name)
	must(t, err)
	_, err = f.WriteAt(data, int64(off))
	must(t, err)
	must(t, f.Close())
}

// flip changes a byte, whatever it is.
func flip(t testing.TB, mem *disktest.FS, name string, off int) {
	t.Helper()
	patch(t, mem, name, off, ^load(t, mem, name)[off])
}

func load(t testing.TB, mem *disktest.FS, name string) []byte {
	t.Helper()
	data, err := disktest.ReadFile(mem, name)
	must(t, err)
	return data
}

func segmentFiles(t testing.TB, mem *disktest.FS) (names []string) {
	t.Helper()
	all, err := mem.List(dir)
	must(t, err)
	for _, n := range all {
		if strings.HasPrefix(n, segmentPrefix) {
			names = append(names, path.Join(dir, n))
		}
	}
	return names
}

// records returns where the records of a segment begin and where they end.
func records(data []byte) (at []int) {
	for off := int64(headSize); ; {
		at = append(at, int(off))
		g, ok := readGroup(data[off:])
		if !ok {
			return at
		}
		off += g.size
	}
}

// A crash may leave any part of the last write.
func TestTornTail(t *testing.T) {
	mem, before, after := sampleLog(t, false)
	files := segmentFiles(t, mem)
	name := files[len(files)-1]
	data := load(t, mem, name)
	at := records(data)
	begin, end := at[len(at)-2], at[len(at)-1]
	for keep := 0; keep < end-begin; keep++ {
		for _, tail := range []bool{false, true} {
			torn := mem.Crash(100, 1)
			part := make([]byte, end-begin)
			if tail { // the end landed and the beginning did not
				copy(part[keep+1:], data[begin+keep+1:end])
			} else {
				copy(part, data[begin:begin+keep])
			}
			patch(t, torn, name, begin, part...)
			j, got, rec := mustOpen(t, torn)
			if !got.equal(before) {
				t.Fatalf("%d bytes of the last record: %v", keep, got.cells)
			}
			if left := lastNonZero(part); left > 0 && (rec.Cut == nil || *rec.Cut != Cut{name, int64(begin), left}) {
				t.Fatalf("%d bytes of the last record: cut %+v", keep, rec.Cut)
			}
			must(t, j.Close())
			if rec := expect(t, torn, before); rec.Cut != nil {
				t.Fatalf("cut again: %+v", rec.Cut)
			}
		}
	}
	expect(t, mem, after)
}

// A refused start leaves every byte as it was.
func TestRefusalChangesNothing(t *testing.T) {
	mem, _, _ := sampleLog(t, true)
	name := segmentFiles(t, mem)[1]
	must(t, disktest.WriteFile(mem, path.Join(dir, segmentName(9)+tmpSuffix), []byte("x")))
	patch(t, mem, name, headSize+recordHead, 0xff)
	names, err := mem.List(dir)
	must(t, err)
	mem.OnCall(func(c disktest.Call) error {
		if c.Op != disktest.Lock && c.Op != disktest.Mkdir {
			t.Errorf("a refused start calls %+v", c)
		}
		return nil
	})
	_, _, err = Open(mem, dir, newBook(), Options{})
	var damage *DamageError
	if !errors.As(err, &damage) || damage.Offset != headSize || !strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("start on a damaged log: %v", err)
	}
	after, err := mem.List(dir)
	must(t, err)
	if !slices.Equal(names, after) {
		t.Errorf("before %v, after %v", names, after)
	}
	mem.OnCall(nil)
	patch(t, mem, name, headSize+recordHead, 0xff)
}

// reseal makes a header of other fields, with its checksum.
func reseal(t testing.TB, mem *disktest.FS, name, magic string, change func(*head)) {
	t.Helper()
	h, err := readHead(load(t, mem, name), name, magic)
	must(t, err)
	change(&h)
	patch(t, mem, name, 0, h.append(nil)...)
}

func TestForeignAndMissing(t *testing.T) {
	tests := []struct {
		name    string
		sealed  bool
		do      func(t *testing.T, mem *disktest.FS, files []string)
		file    int // index, from 0
		message string
	}{
		{"missing first", true, func(t *testing.T, mem *disktest.FS, f []string) {
			must(t, mem.Remove(f[0]))
		}, 0, "the file is missing, though there is segment 2"},
		{"missing middle", true, func(t *testing.T, mem *disktest.FS, f []string) {
			must(t, mem.Remove(f[1]))
		}, 1, "the file is missing, though there is segment 3"},
		{"missing last", true, func(t *testing.T, mem *disktest.FS, f []string) {
			must(t, mem.Remove(f[2]))
		}, 1, "the log goes on in segment 3, and that file is missing"},
		{"foreign history", true, func(t *testing.T, mem *disktest.FS, f []string) {
			reseal(t, mem, f[2], segmentMagic, func(h *head) { h.fields[0]++ })
		}, 2, "it comes from elsewhere"},
		{"other number", true, func(t *testing.T, mem *disktest.FS, f []string) {
			must(t, disktest.WriteFile(mem, f[1], load(t, mem, f[0])))
		}, 1, "it is segment 1 under the name of segment 2"},
		{"too short", true, func(t *testing.T, mem *disktest.FS, f []string) {
			must(t, disktest.WriteFile(mem, f[0], load(t, mem, f[0])[:minSegment-1]))
		}, 0, "it has 1023 bytes and should have 1024"},
		{"no header", true, func(t *testing.T, mem *disktest.FS, f []string) {
			must(t, disktest.WriteFile(mem, f[2], nil))
		}, 2, "the header is incomplete"},
		{"text", true, func(t *testing.T, mem *disktest.FS, f []string) {
			must(t, disktest.WriteFile(mem, f[0], bytes.Repeat([]byte("hello "), 99)))
		}, 0, "the header does not begin with CUENTALG"},
		{"unsealed in the middle", true, func(t *testing.T, mem *disktest.FS, f []string) {
			data := load(t, mem, f[0])
			at := records(data)
			patch(t, mem, f[0], at[len(at)-2], make([]byte, sealSize)...)
		}, 0, "there is no seal, though the log goes on in segment 2"},
		{"record of another place", false, func(t *testing.T, mem *disktest.FS, f []string) {
			data := load(t, mem, f[2])
			at := records(data)
			patch(t, mem, f[2], at[len(at)-1], data[at[0]:at[1]]...)
		}, 2, "follows"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mem, _, _ := sampleLog(t, tt.sealed)
			files := segmentFiles(t, mem)[:3]
			tt.do(t, mem, files)
			_, _, err := Open(mem, dir, newBook(), Options{})
			var damage *DamageError
			if !errors.As(err, &damage) || damage.File != files[tt.file] || !strings.Contains(damage.Reason.EN, tt.message) {
				t.Errorf("%v", err)
			}
			if cerr := Check(mem, dir, unheard); cerr == nil || cerr.Error() != err.Error() {
				t.Errorf("check: %v", cerr)
			}
		})
	}
}

// Files and records of another format are not read, be it newer or older.
func TestOtherVersion(t *testing.T) {
	mem, _, _ := sampleLog(t, true)
	name := segmentFiles(t, mem)[0]
	original := load(t, mem, name)
	other := func(what string, found uint32, advice string) {
		t.Helper()
		var v *VersionError
		_, _, err := Open(mem, dir, newBook(), Options{})
		if !errors.As(err, &v) || v.File != name || v.Version != found || !strings.Contains(err.Error(), advice) {
			t.Errorf("%s: %v", what, err)
		}
	}
	reseal(t, mem, name, segmentMagic, func(h *head) { h.version++ })
	other("segment", version+1, "use the newer program")
	must(t, disktest.WriteFile(mem, name, original))
	reseal(t, mem, name, segmentMagic, func(h *head) { h.version-- })
	other("segment", version-1, "use the older program")

	at := records(original)
	rec := slices.Clone(original[at[0]:at[1]])
	rec[12]++
	byteOrder.PutUint32(rec[8:], checksum(rec))
	must(t, disktest.WriteFile(mem, name, original))
	patch(t, mem, name, at[0], rec...)
	other("record", version+1, "use the newer program")
	rec[12] = version - 1
	byteOrder.PutUint32(rec[8:], checksum(rec))
	patch(t, mem, name, at[0], rec...)
	other("older record", version-1, "use the older program")

	rec[12] = version
	rec[recordHead] = 200 // an entry of another type
	byteOrder.PutUint32(rec[8:], checksum(rec))
	patch(t, mem, name, at[0], rec...)
	_, _, err := Open(mem, dir, newBook(), Options{})
	var damage *DamageError
	if !errors.As(err, &damage) || !strings.Contains(err.Error(), "type this program does not know") {
		t.Errorf("entry: %v", err)
	}
}

// sampleSnapshot is a data directory with a snapshot and a log behind it.
func sampleSnapshot(t testing.TB) (mem *disktest.FS, b *book, name string) {
	mem = disktest.New()
	j, b, _ := mustOpen(t, mem)
	rnd := rng(12)
	fill(t, j, b, rnd, 3)
	must(t, b.snapshot(j, 9))
	name = path.Join(dir, snapshotName(j.Stats().Snapshot.Sequence))
	fill(t, j, b, rnd, 4)
	must(t, j.Seal())
	must(t, j.Close())
	return mem, b, name
}

// What a snapshot needs must be there, also when nothing in the log tells.
func TestSnapshotWithoutItsLog(t *testing.T) {
	mem, _, _ := sampleSnapshot(t)
	for _, f := range segmentFiles(t, mem) {
		must(t, mem.Remove(f))
	}
	var damage *DamageError
	if _, _, _, err := read(mem); !errors.As(err, &damage) || !strings.Contains(err.Error(), "the snapshot needs it") {
		t.Errorf("no segment: %v", err)
	}

	mem, _, name := sampleSnapshot(t)
	reseal(t, mem, name, snapshotMagic, func(h *head) { h.fields[0]++ })
	if _, _, _, err := read(mem); !errors.As(err, &damage) {
		t.Errorf("foreign snapshot: %v", err)
	}

	// The snapshot was written through a sequence that the log does not reach.
	mem = disktest.New()
	j, b, _ := mustOpen(t, mem)
	var r Record
	s, err := j.BeginSnapshot(0, 0, 0, 0)
	must(t, err)
	b.group(&r, rng(1), 1, 2, 4)
	must(t, j.Append(&r))
	must(t, s.Commit(1))
	must(t, j.Close())
	patch(t, mem, path.Join(dir, segmentName(1)), headSize, make([]byte, 400)...)
	if _, _, _, err := read(mem); !errors.As(err, &damage) || !strings.Contains(err.Error(), "written through 1") {
		t.Errorf("shortened log: %v", err)
	}
}

func TestSinkRefuses(t *testing.T) {
	mem, _, _ := sampleLog(t, true)
	_, _, err := Open(mem, dir, refusing{}, Options{})
	if !errors.Is(err, fs.ErrInvalid) || !strings.Contains(err.Error(), segmentName(1)+", record at offset 64") {
		t.Errorf("%v", err)
	}
}

type refusing struct{}

func (refusing) Drop(uint32, uint64) error               { return fs.ErrInvalid }
func (refusing) Floor(uint64)                            {}
func (refusing) Put(uint32, []byte, int64, uint64) error { return fs.ErrInvalid }
func (refusing) Terms(uint32, uint64, Terms) error       { return fs.ErrInvalid }
func (refusing) Hold(uint32, uint64, Hold) error         { return fs.ErrInvalid }
func (refusing) Unhold(uint32, uint64, uint64) error     { return fs.ErrInvalid }
func (refusing) Session(uint64, uint64, int64) error     { return fs.ErrInvalid }
func (refusing) Answer(Answer, int64) error              { return fs.ErrInvalid }
func (refusing) Key([]byte, Kept, int64, int64) error    { return fs.ErrInvalid }
func (refusing) Horizon(int64)                           {}
