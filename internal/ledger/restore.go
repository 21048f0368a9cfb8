package ledger

import (
	"fmt"

	"github.com/cuenta-server/cuenta/internal/terms"
)

// A restart puts the cells back first, in whatever order the journal gives them,
// and makes the index of names in one go at the end.

// Restore puts back what the journal kept: a value and revision of a cell, with
// the counter's name where it may be new there. An older revision than the
// cell's is passed over, so effects may be given in part twice: revisions grow
// through all counters that live in a cell. What is restored is durable and
// published at once. The counter is found by its name only after Restored.
func (l *Ledger) Restore(cell uint32, name []byte, value int64, revision uint64) error {
	if cell >= l.limit {
		return fmt.Errorf("counter number %d is over the limit of %d counters", cell, l.limit)
	}
	c, is := l.cells.At(cell), l.look(cell)
	if revision < is.revision {
		return nil
	}
	switch {
	case !is.alive() && name == nil:
		return fmt.Errorf("counter number %d changes before it was named", cell)
	case !is.alive():
		l.releaseName(c)
		if err := l.putName(cell, name); err != nil {
			return err
		}
		is.generation++
		c.Flags = 0
		l.alive++
		l.used = max(l.used, cell+1)
	case name != nil && string(l.Name(cell)) != string(name):
		return fmt.Errorf("counter number %d is named %q and %q", cell, l.Name(cell), name)
	}
	c.Publish(is.generation, value, revision)
	return nil
}

// RestoreTerms puts back what terms the counter of a cell has at a revision, which
// may be one that the cell is yet to come to.
func (l *Ledger) RestoreTerms(cell uint32, revision uint64, of terms.Terms) error {
	c, err := l.toRestore(cell, revision)
	if c == nil {
		return err
	}
	markTerms(c, &of)
	l.countTotal(l.terms.Of(cell), of)
	return l.terms.Put(cell, of)
}

// RestoreDrop puts back that the counter of a cell was deleted at a revision.
func (l *Ledger) RestoreDrop(cell uint32, revision uint64) error {
	if cell >= l.limit {
		return fmt.Errorf("counter number %d is over the limit of %d counters", cell, l.limit)
	}
	l.RestoreFloor(revision)
	c, is := l.cells.At(cell), l.look(cell)
	if revision <= is.revision {
		return nil
	}
	if is.alive() {
		l.forgetTerms(cell)
		l.dropHolds(cell, c)
		is.generation++
		c.Flags = 0
		l.alive--
	}
	c.Publish(is.generation, 0, revision)
	l.used = max(l.used, cell+1)
	return nil
}

// RestoreFloor puts back the highest revision of a deletion.
func (l *Ledger) RestoreFloor(revision uint64) { l.floor = max(l.floor, revision) }

// Restored ends the restoring at a time, and makes the counters known by their
// names.
func (l *Ledger) Restored(now int64) error {
	l.terms.Begin(now)
	l.holds.Begin(now)
	if err := l.restoredHolds(); err != nil {
		return err
	}
	build, err := l.index.Build(l.used)
	if err != nil {
		return err
	}
	for cell := range l.used {
		if l.lives(cell, true) {
			build.Add(l.hash(l.Name(cell)), cell)
		} else {
			l.releaseName(l.cells.At(cell))
			l.free = append(l.free, cell)
		}
	}
	build.Done()
	l.durable.Store(int64(l.alive))
	return nil
}
