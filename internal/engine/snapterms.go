package engine

import (
	"github.com/cuenta-server/cuenta/internal/journal"
	"github.com/cuenta-server/cuenta/internal/ledger"
)

// sliceTerms is how many counters' terms are copied in one hold of the gate: each
// looks at its cell, too.
const sliceTerms = 512

// termsSlice is a slice of the terms that counters have.
type termsSlice struct{ rows []termsRow }

type termsRow struct {
	cell     uint32
	revision uint64
	terms    journal.Terms
}

func (s *termsSlice) most() uint32                  { return sliceTerms }
func (s *termsSlice) count(l *ledger.Ledger) uint32 { return l.Terms().Records() }

func (s *termsSlice) copy(l *ledger.Ledger, from, to uint32) {
	s.rows = s.rows[:0]
	for item := from; item < to; item++ {
		if cell, of, ok := l.Terms().Record(item); ok {
			_, revision, _ := l.State(cell)
			s.rows = append(s.rows, termsRow{cell, revision, journalTerms(of)})
		}
	}
}

func (s *termsSlice) write(to *journal.Snapshot) error {
	for _, r := range s.rows {
		if err := to.PutTerms(r.cell, r.revision, r.terms); err != nil {
			return err
		}
	}
	return nil
}

// holdSlice is a slice of the holds.
type holdSlice struct{ rows []holdRow }

type holdRow struct {
	cell     uint32
	revision uint64
	hold     journal.Hold
}

func (s *holdSlice) most() uint32                  { return sliceTerms }
func (s *holdSlice) count(l *ledger.Ledger) uint32 { return l.Holds().Records() }

func (s *holdSlice) copy(l *ledger.Ledger, from, to uint32) {
	s.rows = s.rows[:0]
	for item := from; item < to; item++ {
		if cell, hold, ok := l.Holds().Record(item); ok {
			_, revision, _ := l.State(cell)
			s.rows = append(s.rows, holdRow{cell, revision, journal.Hold(hold)})
		}
	}
}

func (s *holdSlice) write(to *journal.Snapshot) error {
	for _, r := range s.rows {
		if err := to.PutHold(r.cell, r.revision, r.hold); err != nil {
			return err
		}
	}
	return nil
}
