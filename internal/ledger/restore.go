package ledger

import "fmt"

// A restart puts the cells back first, in whatever order the journal gives them,
// and makes the index of names in one go at the end. Inserting name by name
// would miss the caches with every single one; ordered by their homes, a run at a
// time, the entries go into the table from its one end to the other.

const (
	buildRun  = 1 << 20 // entries ordered at a time (8 MiB of them)
	buildBits = 11      // they are ordered by so many upper bits: 2048 parts of the table
)

// Restore puts back what the journal kept: a value and revision of a cell, with
// the counter's name where it may be new there. An older revision than the
// cell's is passed over, so effects may be given in part twice: revisions grow
// through all counters that live in a cell. What is restored is durable and
// published at once. The counter is found by its name only after Restored.
func (l *Ledger) Restore(cell uint32, name []byte, value int64, revision uint64) error {
	if cell >= l.limit {
		return fmt.Errorf("counter number %d is over the limit of %d counters", cell, l.limit)
	}
	c := l.cells.At(cell)
	if revision < c.Revision {
		return nil
	}
	switch {
	case !c.Alive() && name == nil:
		return fmt.Errorf("counter number %d changes before it was named", cell)
	case !c.Alive():
		l.names.release(c)
		l.putName(cell, name)
		c.Generation++
		c.Flags = named
		l.alive++
		l.used = max(l.used, cell+1)
	case name != nil && string(l.Name(cell)) != string(name):
		return fmt.Errorf("counter number %d is named %q and %q", cell, l.Name(cell), name)
	}
	c.Value, c.Revision = value, revision
	c.Publish(c.Generation, value, revision)
	return nil
}

// RestoreDrop puts back that the counter of a cell was deleted at a revision.
func (l *Ledger) RestoreDrop(cell uint32, revision uint64) error {
	if cell >= l.limit {
		return fmt.Errorf("counter number %d is over the limit of %d counters", cell, l.limit)
	}
	l.RestoreFloor(revision)
	c := l.cells.At(cell)
	if revision <= c.Revision {
		return nil
	}
	if c.Alive() {
		c.Generation++
		c.Flags = 0
		l.alive--
	}
	c.Value, c.Revision = 0, revision
	c.Publish(c.Generation, 0, revision)
	l.used = max(l.used, cell+1)
	return nil
}

// RestoreFloor puts back the highest revision of a deletion.
func (l *Ledger) RestoreFloor(revision uint64) { l.floor = max(l.floor, revision) }

// Restored ends the restoring and makes the counters known by their names.
func (l *Ledger) Restored() error {
	if err := l.index.reserve(l.used); err != nil {
		return err
	}
	run := make([]uint64, 0, min(l.used, buildRun))
	ordered := make([]uint64, cap(run))
	for cell := range l.used {
		if c := l.cells.At(cell); c.Alive() {
			run = append(run, slot(l.hash(l.Name(cell)), cell))
		} else {
			l.names.release(c)
			c.NameLen = 0
			l.free = append(l.free, cell)
		}
		if len(run) == cap(run) || cell == l.used-1 {
			order(ordered, run)
			l.index.load(ordered[:len(run)])
			run = run[:0]
		}
	}
	l.durable.Store(int64(l.alive))
	return nil
}

// order copies slots to dst by the upper bits of their hashes (a counting sort).
func order(dst, slots []uint64) {
	var next [1 << buildBits]int // where the next slot of each part goes
	for _, s := range slots {
		next[s>>(64-buildBits)]++
	}
	at := 0
	for part, n := range next {
		next[part] = at
		at += n
	}
	for _, s := range slots {
		part := s >> (64 - buildBits)
		dst[next[part]] = s
		next[part]++
	}
}
