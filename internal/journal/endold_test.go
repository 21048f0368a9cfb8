package journal

import (
	"path"
	"slices"
	"testing"

	"github.com/cuenta-server/cuenta/internal/disk/disktest"
)

// TestTheEndIsWrittenAnew: what a start reads at the end of the log may be in the
// system's memory only, which takes it for written after a sync that failed. It is
// written anew and synced before a seal goes behind it, and a seal as well.
func TestTheEndIsWrittenAnew(t *testing.T) {
	mem := disktest.New()
	j, _, err := Open(mem, dir, newBook(), Options{SegmentSize: small, ByHand: true})
	must(t, err)
	var r Record
	var offsets []int64
	for i := range int64(3) {
		offsets = append(offsets, j.active.fill)
		r.Reset(i)
		r.Open(uint32(i), []byte{'a' + byte(i)}, i, 1)
		must(t, j.Append(&r))
	}
	end := j.active.fill
	first := segmentName(1)
	start := func() (calls []disktest.Call) {
		must(t, j.Close())
		mem.OnCall(func(c disktest.Call) error {
			if path.Base(c.Name) == first && (c.Op == disktest.Write || c.Op == disktest.Sync) {
				calls = append(calls, disktest.Call{Op: c.Op, Offset: c.Offset})
			}
			return nil
		})
		j, _, err = Open(mem, dir, newBook(), Options{SegmentSize: small, ByHand: true})
		must(t, err)
		mem.OnCall(nil)
		return calls
	}
	same := func(a, b disktest.Call) bool { return a.Op == b.Op && a.Offset == b.Offset }
	write := func(at int64) disktest.Call { return disktest.Call{Op: disktest.Write, Offset: at} }
	sync := disktest.Call{Op: disktest.Sync}
	if calls, want := start(), []disktest.Call{write(offsets[2]), sync, write(end), sync}; !slices.EqualFunc(calls, want, same) {
		t.Errorf("behind a crash: %v, want %v", calls, want)
	}
	if calls, want := start(), []disktest.Call{write(end), sync}; !slices.EqualFunc(calls, want, same) {
		t.Errorf("sealed before: %v, want %v", calls, want)
	}
	must(t, j.Close())
}
