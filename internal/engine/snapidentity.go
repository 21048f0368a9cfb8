package engine

import (
	"github.com/cuenta-server/cuenta/internal/identity"
	"github.com/cuenta-server/cuenta/internal/journal"
	"github.com/cuenta-server/cuenta/internal/ledger"
)

// sliceIdentities is how many identities are copied in one hold of the gate: a
// session may have many answers.
const sliceIdentities = 256

// sessionSlice is a slice of the sessions.
type sessionSlice struct {
	sessions []journal.SessionState // Answers not set
	ends     []int                  // of their answers in the list of all
	answers  []identity.NumberedAnswer
	state    []journal.Answer
}

func (s *sessionSlice) most() uint32                  { return sliceIdentities }
func (s *sessionSlice) count(l *ledger.Ledger) uint32 { return l.Identities().Sessions() }

func (s *sessionSlice) copy(l *ledger.Ledger, from, to uint32) {
	m := l.Identities()
	s.sessions, s.ends, s.answers = s.sessions[:0], s.ends[:0], s.answers[:0]
	for item := from; item < to; item++ {
		id, lowest, used, answers := m.Session(item, s.answers)
		if id == 0 {
			continue
		}
		s.answers = answers
		s.sessions = append(s.sessions, journal.SessionState{ID: id, Used: used, Lowest: lowest})
		s.ends = append(s.ends, len(answers))
	}
}

func (s *sessionSlice) write(to *journal.Snapshot) error {
	start := 0
	for i, state := range s.sessions {
		s.state = s.state[:0]
		for _, a := range s.answers[start:s.ends[i]] {
			s.state = append(s.state, journal.Answer{Number: a.Number, Kept: journal.Kept(a.Answer)})
		}
		start, state.Answers = s.ends[i], s.state
		if err := to.PutSession(state); err != nil {
			return err
		}
	}
	return nil
}

// keySlice is a slice of the keys.
type keySlice struct {
	keys  []keyRow
	names []byte
}

type keyRow struct {
	kept  journal.Kept
	until int64
	end   int // of the name in the list of all
}

func (s *keySlice) most() uint32                  { return sliceIdentities }
func (s *keySlice) count(l *ledger.Ledger) uint32 { return l.Identities().Keys() }

func (s *keySlice) copy(l *ledger.Ledger, from, to uint32) {
	m := l.Identities()
	s.keys, s.names = s.keys[:0], s.names[:0]
	for item := from; item < to; item++ {
		if name, a, until := m.Key(item); name != nil {
			s.names = append(s.names, name...)
			s.keys = append(s.keys, keyRow{journal.Kept(a), until, len(s.names)})
		}
	}
}

func (s *keySlice) write(to *journal.Snapshot) error {
	start := 0
	for _, k := range s.keys {
		// When it was first used is in its end already.
		if err := to.PutKey(s.names[start:k.end], k.kept, k.until, k.until); err != nil {
			return err
		}
		start = k.end
	}
	return nil
}
