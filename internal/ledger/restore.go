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
// the counter's name where the journal has it. An older revision than the
// cell's is passed over, so effects may be given in part twice. What is
// restored is durable and is published at once. The counter is found by its name
// only after Restored.
func (l *Ledger) Restore(cell uint32, name []byte, value int64, revision uint64) error {
	if cell >= l.limit {
		return fmt.Errorf("counter number %d is over the limit of %d counters", cell, l.limit)
	}
	c := l.cells.At(cell)
	switch {
	case c.Generation() == 0 && name == nil:
		return fmt.Errorf("counter number %d changes before it was named", cell)
	case c.Generation() == 0:
		l.occupy(cell, name)
	case name != nil && string(l.Name(cell)) != string(name):
		return fmt.Errorf("counter number %d is named %q and %q", cell, l.Name(cell), name)
	}
	if revision >= c.Revision {
		c.Value, c.Revision = value, revision
		c.Publish(value, revision)
	}
	return nil
}

// Restored ends the restoring and makes the counters known by their names. It
// fails if one is missing among those that were numbered.
func (l *Ledger) Restored() error {
	if err := l.index.reserve(l.used); err != nil {
		return err
	}
	run := make([]uint64, 0, min(l.used, buildRun))
	ordered := make([]uint64, cap(run))
	for cell := range l.used {
		if l.cells.At(cell).Generation() == 0 {
			return fmt.Errorf("the journal numbers counters up to %d and does not name number %d", l.used-1, cell)
		}
		run = append(run, slot(l.hash(l.Name(cell)), cell))
		if len(run) == cap(run) || cell == l.used-1 {
			order(ordered, run)
			l.index.load(ordered[:len(run)])
			run = run[:0]
		}
	}
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
