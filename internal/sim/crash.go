package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// tearing is what became of the writes that were not durable when the power was
// cut.
type tearing struct {
	kept, lost, torn int
	names            int // changes of names that were lost
}

func (t tearing) String() string {
	return fmt.Sprintf("of the writes not synced %d kept, %d lost, %d torn; of the changes of names %d lost", t.kept, t.lost, t.torn, t.names)
}

// cut leaves what a power cut may leave: all that is durable, and of the rest any
// part, in any order: a later write may be there and an earlier one not, and of one
// write some sectors or its first bytes.
func (s *storage) cut(d dice) (t tearing) {
	keep := some(d, []float64{0, 0, 30, 50, 80, 100})
	for _, f := range s.files() {
		for _, w := range f.pending {
			t.survive(d, f, w, keep)
		}
		f.pending, f.fooled = nil, false
		f.data = slices.Clone(f.durable)
	}
	for _, r := range s.renamed {
		if d.percent(keep) {
			r.apply(s.durable)
		} else {
			t.names++
		}
	}
	s.names, s.renamed = maps.Clone(s.durable), nil
	clear(s.locked)
	return t
}

// files returns all files that have a name, or had one that is durable still.
func (s *storage) files() []*inode {
	var all []*inode
	add := func(names map[string]*inode) {
		for _, f := range names {
			all = append(all, f)
		}
	}
	add(s.names)
	add(s.durable)
	for _, r := range s.renamed {
		if r.file != nil {
			all = append(all, r.file)
		}
	}
	slices.SortFunc(all, func(a, b *inode) int { return a.number - b.number })
	return slices.Compact(all)
}

// survive decides what is left of a write.
func (t *tearing) survive(d dice, f *inode, w write, keep float64) {
	switch {
	case d.percent(keep):
		f.durable = written(f.durable, w.data, w.at)
		t.kept++
	case keep == 0 && d.percent(50) || d.percent(30):
		t.lost++
	case d.percent(50):
		n := d.IntN(len(w.data) + 1)
		f.durable = written(f.durable, w.data[:n], w.at)
		t.torn++
	default:
		for from := 0; from < len(w.data); {
			end := min(len(w.data), from+page-int(w.at+int64(from))%page)
			if d.percent(50) {
				f.durable = written(f.durable, w.data[from:end], w.at+int64(from))
			}
			from = end
		}
		t.torn++
	}
}

// failSync is what may become of a file whose sync has failed: the system drops
// what it could not write, or takes it for written, and believes in it until the
// power is cut; some of it may have been written, or all stays to be written.
func (f *inode) failSync(d dice) string {
	if d.percent(30) {
		return "all is still to be written"
	}
	for _, w := range f.pending {
		if d.percent(40) {
			f.durable = written(f.durable, w.data, w.at)
		}
	}
	f.pending, f.fooled = nil, true
	return "what was not written is taken for written"
}

// copied returns the disk as the running system sees it, with everything durable.
func (s *storage) copied() *storage {
	c := newStorage()
	for name, f := range s.names {
		data := slices.Clone(f.data)
		c.names[name] = &inode{number: f.number, data: data, durable: slices.Clone(data)}
	}
	c.durable = maps.Clone(c.names)
	c.inodes = s.inodes
	return c
}

// flip flips one bit somewhere in the files of the journal, and returns where: ok is
// false if there are none.
func (s *storage) flip(d dice) (name string, at int64, ok bool) {
	var names []string
	for n, f := range s.names {
		if len(f.data) > 0 && !strings.HasSuffix(n, ".tmp") {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return "", 0, false
	}
	slices.Sort(names)
	name = some(d, names)
	f := s.names[name]
	// Most of a segment is zeros; what was written is worth more flips.
	end := len(f.data)
	if used := lastUsed(f.data); used > 0 && d.percent(80) {
		end = used
	}
	at = int64(d.IntN(end))
	f.data[at] ^= 1 << d.IntN(8)
	f.durable = slices.Clone(f.data)
	return name, at, true
}

// lastUsed returns the length of data without the zeros at its end.
func lastUsed(data []byte) int {
	n := len(data)
	for n > 0 && data[n-1] == 0 {
		n--
	}
	return n
}
