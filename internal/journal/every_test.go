package journal

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta/internal/disk/disktest"
)

// reference is a data directory and all that a replay of it may give.
type reference struct {
	*disktest.FS
	after  *book // all of it
	before *book // without the last group
	sealed bool
}

// references are a log of some segments, with a snapshot or none, sealed and as a
// crash leaves it. Its counters, sessions, answers and keys come from a seed.
func references(t *testing.T, seed uint64, each func(name string, r reference)) {
	t.Helper()
	for _, snapshot := range []bool{false, true} {
		for _, sealed := range []bool{true, false} {
			r := reference{FS: disktest.New(), after: newBook(), sealed: sealed}
			j, _, err := Open(r, dir, r.after, Options{SegmentSize: minSegment})
			must(t, err)
			rnd := rng(seed)
			fill(t, j, r.after, rnd, 3)
			if snapshot {
				must(t, r.after.snapshot(j, 9))
				fill(t, j, r.after, rnd, 5)
			}
			var record Record
			r.before = r.after.clone()
			r.after.group(&record, rnd, 1<<40, 3, 40)
			must(t, appendWhenRoom(j, &record))
			must(t, j.AwaitRoom(t.Context()))
			if sealed {
				must(t, j.Seal())
			}
			must(t, j.Close())
			each(fmt.Sprintf("seed %d, snapshot %v, sealed %v", seed, snapshot, sealed), r)
		}
	}
}

// files returns the files that hold the state, and which of them is the segment
// in use at the end.
func (r reference) files(t *testing.T) (names []string, inUse string) {
	t.Helper()
	all, err := r.List(dir)
	must(t, err)
	for _, n := range all {
		if n == "LOCK" {
			continue
		}
		n = path.Join(dir, n)
		names = append(names, n)
		if strings.Contains(n, segmentPrefix) && len(records(load(t, r.FS, n))) > 1 {
			inUse = n
		}
	}
	return names, inUse
}

// refused demands that a replay is refused because of this file, at a place not
// behind the damage.
func (r reference) refused(t *testing.T, name string, off int, what string) {
	t.Helper()
	_, _, _, err := read(r.FS)
	var damage *DamageError
	if !errors.As(err, &damage) || damage.File != name || damage.Offset > int64(off) ||
		!strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), fmt.Sprint("offset ", damage.Offset)) {
		t.Fatalf("%s, %s at %d: %v", name, what, off, err)
	}
}

// cut demands that a replay reports that the end of the log was cut off, around
// off, and gives this state.
func (r reference) cut(t *testing.T, name string, off int, want *book, what string) {
	t.Helper()
	got, replayed, c, err := read(r.FS)
	if err != nil {
		t.Fatalf("%s, %s at %d: refused: %v", name, what, off, err)
	}
	cut := c.recovery(replayed).Cut
	if cut == nil || cut.File != name || cut.Offset > int64(off) || cut.Offset+cut.Bytes < int64(off) {
		t.Fatalf("%s, %s at %d: cut %+v", name, what, off, cut)
	}
	if !got.equal(want) {
		t.Fatalf("%s, %s at %d: another state: %v", name, what, off, got.cells)
	}
}

// flips flips bits of a byte, one after the other.
func (r reference) flips(name string, off int, b byte, t *testing.T, then func()) {
	t.Helper()
	for bit := range 8 {
		if long() || bit == off%8 {
			patch(t, r.FS, name, off, b^1<<bit)
			then()
		}
	}
	patch(t, r.FS, name, off, b)
}

// long reports whether the long forms of tests are wanted.
func long() bool { return os.Getenv("CUENTA_TEST_LONG") != "" }

func seeds() (all []uint64) {
	if all = []uint64{11}; long() {
		all = append(all, 12, 13, 14)
	}
	return all
}

// TestEveryBit flips every bit of a data directory, one at a time; in its short
// form one of every byte. Either the start is refused, or what was flipped is in
// the last record of a log that no seal ends, the seal itself, or the zeros
// behind: then the log ends there, and that is said.
func TestEveryBit(t *testing.T) {
	t.Parallel()
	for _, seed := range seeds() {
		references(t, seed, func(when string, r reference) {
			names, inUse := r.files(t)
			for _, name := range names {
				data := load(t, r.FS, name)
				last, end := len(data), len(data) // of the last record: its beginning, its end
				if name == inUse {
					at := records(data)
					last, end = at[len(at)-2], at[len(at)-1]
				}
				for off, b := range data {
					r.flips(name, off, b, t, func() {
						switch {
						case off < last || r.sealed && off >= end:
							r.refused(t, name, off, when+": flipped")
						case r.sealed || off >= end:
							r.cut(t, name, off, r.after, when+": flipped")
						default:
							r.cut(t, name, off, r.before, when+": flipped")
						}
					})
				}
			}
			r.whole(t)
		})
	}
}

// whole demands that nothing is wrong with what the tests have put right again.
func (r reference) whole(t *testing.T) {
	t.Helper()
	if got, _, _, err := read(r.FS); err != nil || !got.equal(r.after) {
		t.Fatalf("in the end: %v", err)
	}
}

// TestEveryLength cuts every file of a data directory short at every length, and
// makes it longer. A segment has its whole length before it is used, so no crash
// leaves it shorter: all of that is refused.
func TestEveryLength(t *testing.T) {
	t.Parallel()
	for _, seed := range seeds() {
		references(t, seed, func(when string, r reference) {
			names, _ := r.files(t)
			for _, name := range names {
				data := load(t, r.FS, name)
				for n := range data {
					must(t, disktest.WriteFile(r.FS, name, data[:n]))
					r.refused(t, name, max(n, headSize), when+": cut short")
				}
				must(t, disktest.WriteFile(r.FS, name, append(slices.Clone(data), 0)))
				r.refused(t, name, len(data), when+": made longer")
				must(t, disktest.WriteFile(r.FS, name, data))
			}
			r.whole(t)
		})
	}
}
