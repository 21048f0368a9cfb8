package ledger

import "fmt"

// Reserve prepares an empty ledger for so many counters, to spare it the
// growing. It is a hint: should the memory not be there now, the index grows.
func (l *Ledger) Reserve(counters uint64) {
	_ = l.index.reserve(min(counters, uint64(l.limit)))
}

// Restore puts back what the journal kept: a value and revision of a cell, with
// the counter's name where the journal has it. An older revision than the
// cell's is passed over, so effects may be given in part twice. What is
// restored is durable and is published at once.
func (l *Ledger) Restore(cell uint32, name []byte, value int64, revision uint64) error {
	if cell >= l.limit {
		return fmt.Errorf("counter number %d is over the limit of %d counters", cell, l.limit)
	}
	c := l.cells.At(cell)
	if c.Generation() == 0 {
		if name == nil {
			return fmt.Errorf("counter number %d changes before it was named", cell)
		}
		if err := l.occupy(cell, l.hash(name), name); err != nil {
			return err
		}
	} else if name != nil && string(l.Name(cell)) != string(name) {
		return fmt.Errorf("counter number %d is named %q and %q", cell, l.Name(cell), name)
	}
	if revision >= c.Revision {
		c.Value, c.Revision = value, revision
		c.Publish(value, revision)
	}
	return nil
}

// Restored ends the restoring: it fails if a counter is missing among those
// that were numbered.
func (l *Ledger) Restored() error {
	if l.index.count != int(l.used) {
		return fmt.Errorf("the journal names %d counters but numbers them up to %d", l.index.count, l.used)
	}
	return nil
}
