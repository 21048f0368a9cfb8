package watch

import (
	"sort"
	"sync"
)

// Group is the changes of one durable group. It may be used again.
type Group struct {
	changes []entry
	names   []byte
}

// entry is one change.
type entry struct {
	group    uint64 // the group's number
	value    int64
	since    uint64
	revision uint64
	nameEnd  int // in the names
	cell     uint32
	deleted  bool
}

// Reset empties the group.
func (g *Group) Reset() { g.changes, g.names = g.changes[:0], g.names[:0] }

// Name adds a cell that changes, and the name of its counter, which is copied.
func (g *Group) Name(cell uint32, name []byte) {
	g.names = append(g.names, name...)
	g.changes = append(g.changes, entry{cell: cell, nameEnd: len(g.names)})
}

// Change says what became of the i-th counter that was added.
func (g *Group) Change(i int, value int64, since, revision uint64, deleted bool) {
	e := &g.changes[i]
	e.value, e.since, e.revision, e.deleted = value, since, revision, deleted
}

// ring keeps the latest changes. It is made of parts, the oldest of which is
// dropped as a whole for a new one.
type ring struct {
	mu    sync.Mutex
	parts []*part // the oldest first
	spare *part

	size  int    // changes in a part at most
	begin uint64 // index of the oldest change kept; changes are counted from 0
	end   uint64 // that of the next one
	floor uint64 // the last group of which something was dropped, or that was before the ring began
	head  uint64 // the last group
}

type part struct {
	changes []entry
	names   []byte
}

const (
	ringParts = 16

	// nameRoom is how many bytes a part has for names, for each of its changes: the
	// ring is as large as it says while they are not longer.
	nameRoom = 64

	// leastPart is so large that any name fits in.
	leastPart = 16
)

func newRing(changes int) ring { return ring{size: max(changes/ringParts, leastPart)} }

// quarter is a quarter of the ring.
func (r *ring) quarter() uint64 { return uint64(r.size * ringParts / 4) }

// restart empties the ring, which then has everything behind a group.
func (r *ring) restart(group uint64) {
	r.parts, r.spare = nil, nil
	r.begin, r.floor, r.head = r.end, group, group
}

// put adds a group.
func (r *ring) put(number uint64, g *Group) {
	start := 0
	for i := range g.changes {
		e := g.changes[i]
		name := g.names[start:e.nameEnd]
		start = e.nameEnd
		p := r.room(len(name))
		p.names = append(p.names, name...)
		e.group, e.nameEnd = number, len(p.names)
		p.changes = append(p.changes, e)
		r.end++
	}
	r.head = number
}

// room returns the part that the next change goes into.
func (r *ring) room(name int) *part {
	if n := len(r.parts); n > 0 {
		if p := r.parts[n-1]; len(p.changes) < r.size && len(p.names)+name <= r.size*nameRoom {
			return p
		}
	}
	if len(r.parts) == ringParts {
		r.spare = r.parts[0]
		r.begin += uint64(len(r.spare.changes))
		r.floor = r.spare.changes[len(r.spare.changes)-1].group
		r.parts = append(r.parts[:0], r.parts[1:]...)
	}
	p := r.spare
	if r.spare = nil; p == nil {
		p = new(part)
	}
	p.changes, p.names = p.changes[:0], p.names[:0]
	r.parts = append(r.parts, p)
	return p
}

// copied is changes that were copied out of the ring, with their names.
type copied struct {
	changes []entry
	names   []byte
}

// each calls do for each change.
func (c *copied) each(do func(e *entry, name []byte)) {
	start := 0
	for i := range c.changes {
		e := &c.changes[i]
		do(e, c.names[start:e.nameEnd])
		start = e.nameEnd
	}
}

// copyChanges is how many changes are copied in one hold of the ring: some
// microseconds, for which the leader of the commit cycle may have to wait.
const copyChanges = 1024

// copy copies changes from an index on, up to another one, and returns the index
// to go on with. It reports false if some of them were dropped.
func (r *ring) copy(c *copied, from, to uint64) (next uint64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.changes, c.names = c.changes[:0], c.names[:0]
	if from < r.begin {
		return from, false
	}
	to = min(to, from+copyChanges)
	first := r.begin
	for _, p := range r.parts {
		n := uint64(len(p.changes))
		if from < first+n && from < to {
			i, k := from-first, min(to-first, n)
			c.add(p, int(i), int(k))
			from = first + k
		}
		first += n
	}
	return from, true
}

// add copies the changes i to k-1 of a part.
func (c *copied) add(p *part, i, k int) {
	start := 0
	if i > 0 {
		start = p.changes[i-1].nameEnd
	}
	moved := len(c.names) - start
	c.names = append(c.names, p.names[start:p.changes[k-1].nameEnd]...)
	for _, e := range p.changes[i:k] {
		e.nameEnd += moved
		c.changes = append(c.changes, e)
	}
}

// span returns the indices of the changes behind a group and through another one.
// It reports false if not all of them are kept.
func (r *ring) span(behind, through uint64) (from, to uint64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if behind < r.floor {
		return 0, 0, false
	}
	return r.above(behind), r.above(through), true
}

// above returns the index of the first change of a group above the given one.
func (r *ring) above(group uint64) uint64 {
	first := r.begin
	for _, p := range r.parts {
		if n := len(p.changes); p.changes[n-1].group <= group {
			first += uint64(n)
			continue
		}
		return first + uint64(sort.Search(len(p.changes), func(i int) bool { return p.changes[i].group > group }))
	}
	return first
}
