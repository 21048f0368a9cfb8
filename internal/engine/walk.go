package engine

import (
	"github.com/cuenta-server/cuenta/internal/journal"
	"github.com/cuenta-server/cuenta/internal/ledger"
)

// Walk is the writing of a snapshot while changes go on, as a step machine: Begin,
// then Copy and Write in turn until Copy reports that nothing is left, then, once
// all that Copy saw is durable, Commit. NewWalk and Copy need the ledger alone.
type Walk struct {
	// Slice, if not 0, is the most items that one Copy looks at.
	Slice uint32

	ledger  *ledger.Ledger
	journal *journal.Journal
	to      *journal.Snapshot

	sequence uint64 // the effects of all records through it are in the ledger
	used     uint32
	floor    uint64

	parts  []slice // still to be walked over; of the first, from item from on
	from   uint32
	copied slice // to be written
}

// slice copies a few items and writes them later.
type slice interface {
	most() uint32 // items in one hold of the gate
	// count may grow meanwhile: what is added is in the log behind the beginning.
	count(l *ledger.Ledger) uint32
	copy(l *ledger.Ledger, from, to uint32)
	write(to *journal.Snapshot) error
}

// NewWalk notes where the ledger stands. The effects of all records so far are in
// it; what comes later is found in the log behind this point, whatever of it the
// walk sees.
func NewWalk(l *ledger.Ledger, j *journal.Journal) *Walk {
	w := &Walk{ledger: l, journal: j, sequence: j.Sequence(), used: l.Used(), floor: l.Floor()}
	w.parts = []slice{&cellSlice{used: w.used}, &termsSlice{}, &holdSlice{}, &sessionSlice{}, &keySlice{}}
	return w
}

// Begin makes the file.
func (w *Walk) Begin(now int64) (err error) {
	w.to, err = w.journal.BeginSnapshot(w.sequence, uint64(w.used), w.floor, now)
	return err
}

// Copy looks at the next slice, and reports whether there was one.
func (w *Walk) Copy() bool {
	if len(w.parts) == 0 {
		// What was forgotten before the walk came to it is within the horizon of now.
		w.to.Horizon(w.ledger.Identities().Horizon())
		return false
	}
	part := w.parts[0]
	n, most := part.count(w.ledger), part.most()
	if w.Slice > 0 {
		most = min(most, w.Slice)
	}
	part.copy(w.ledger, w.from, min(w.from+most, n))
	if w.from += most; w.from >= n {
		w.parts, w.from = w.parts[1:], 0
	}
	w.copied = part
	return true
}

// Write writes the slice that was copied. After an error the snapshot is gone.
func (w *Walk) Write() error { return w.copied.write(w.to) }

// Commit makes the snapshot count. All that Copy saw must be durable.
func (w *Walk) Commit() error { return w.to.Commit(w.journal.Stats().Sequence) }

// Abort gives the snapshot up. It does nothing after an error or Commit.
func (w *Walk) Abort() { w.to.Abort() }
