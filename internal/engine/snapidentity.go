package engine

import (
	"context"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/identity"
	"github.com/cuenta-server/cuenta/internal/journal"
)

// sliceIdentities is how many identities are copied in one hold of the gate: a
// session may have many answers.
const sliceIdentities = 256

// walkIdentities writes sessions and keys, in slices like the cells.
func (e *Engine) walkIdentities(ctx context.Context, s *journal.Snapshot) error {
	sessions := &sessionSlice{to: s}
	if err := e.slices(ctx, (*identity.Memory).Sessions, sessions); err != nil {
		return err
	}
	if err := e.slices(ctx, (*identity.Memory).Keys, &keySlice{to: s}); err != nil {
		return err
	}
	// What was forgotten before the walk came to it is within the horizon of now.
	return e.held(ctx, func(m *identity.Memory) { s.Horizon(m.Horizon()) })
}

// slice copies a few items under the gate and writes them outside it.
type slice interface {
	copy(m *identity.Memory, from, to uint32)
	write() error
}

// slices walks over all items below count, which may grow meanwhile: what is added
// is in the log behind the snapshot's beginning.
func (e *Engine) slices(ctx context.Context, count func(*identity.Memory) uint32, s slice) error {
	for from, more := uint32(0), true; more; from += sliceIdentities {
		began := time.Now()
		err := e.held(ctx, func(m *identity.Memory) {
			n := count(m)
			s.copy(m, from, min(from+sliceIdentities, n))
			more = from+sliceIdentities < n
		})
		if err != nil {
			return err
		}
		if err := s.write(); err != nil {
			return err
		}
		if err := rest(ctx, began); err != nil {
			return err
		}
	}
	return nil
}

// held looks at the memory of identities in one hold of the gate.
func (e *Engine) held(ctx context.Context, look func(*identity.Memory)) error {
	if err := e.gate.Acquire(ctx, cuenta.ClassQueue, 1); err != nil {
		return err
	}
	defer e.gate.Release(1)
	look(e.ledger.Identities())
	return nil
}

// sessionSlice is a slice of the sessions.
type sessionSlice struct {
	to       *journal.Snapshot
	sessions []journal.SessionState // Answers not set
	ends     []int                  // of their answers in the list of all
	answers  []identity.NumberedAnswer
	state    []journal.Answer
}

func (s *sessionSlice) copy(m *identity.Memory, from, to uint32) {
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

func (s *sessionSlice) write() error {
	start := 0
	for i, state := range s.sessions {
		s.state = s.state[:0]
		for _, a := range s.answers[start:s.ends[i]] {
			k := keptOf(a.Answer)
			s.state = append(s.state, journal.Answer{Number: a.Number, Fingerprint: k.Fingerprint, Code: k.Code, Value: k.Value, Revision: k.Revision})
		}
		start, state.Answers = s.ends[i], s.state
		if err := s.to.PutSession(state); err != nil {
			return err
		}
	}
	return nil
}

// keySlice is a slice of the keys.
type keySlice struct {
	to    *journal.Snapshot
	keys  []keyRow
	names []byte
}

type keyRow struct {
	kept  journal.Kept
	until int64
	end   int // of the name in the list of all
}

func (s *keySlice) copy(m *identity.Memory, from, to uint32) {
	s.keys, s.names = s.keys[:0], s.names[:0]
	for item := from; item < to; item++ {
		if name, a, until := m.Key(item); name != nil {
			s.names = append(s.names, name...)
			s.keys = append(s.keys, keyRow{keptOf(a), until, len(s.names)})
		}
	}
}

func (s *keySlice) write() error {
	start := 0
	for _, k := range s.keys {
		// When it was first used is in its end already.
		if err := s.to.PutKey(s.names[start:k.end], k.kept, k.until, k.until); err != nil {
			return err
		}
		start = k.end
	}
	return nil
}
