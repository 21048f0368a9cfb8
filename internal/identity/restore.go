package identity

import (
	"fmt"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/offheap"
)

// After a restart the journal gives back, in the order of its records, what was
// done, and before that what its snapshot holds, which may be newer. So each of
// the following may come twice and changes nothing the second time. What is
// restored is on nobody's account, may pass the bound, and has its time's end
// where it would have had it.

// RestoreSession puts back a session that was last used at a time and has
// forgotten all numbers below lowest.
func (m *Memory) RestoreSession(id, lowest uint64, used int64) error {
	s := m.session(id)
	if s == nil {
		if err := m.open(id, 0, 0, minuteOf(used)); err != nil {
			return err
		}
		s = m.session(id)
	}
	s.used = max(s.used, minuteOf(used))
	m.raise(s, lowest)
	return nil
}

// RestoreAnswer puts back the answer to a number of a session.
func (m *Memory) RestoreAnswer(id, number, lowest uint64, a Answer, used int64) error {
	s := m.session(id)
	if s == nil {
		return fmt.Errorf("session %016x has an answer before it was granted", id)
	}
	s.used = max(s.used, minuteOf(used))
	m.raise(s, lowest)
	if number < s.lowest {
		return nil
	}
	span := number - s.lowest + 1
	if span > cuenta.SessionWindow {
		return fmt.Errorf("session %016x keeps the answers to %d numbers", id, span)
	}
	if s.log == noRun || span > 1<<s.log {
		if err := m.move(s, offheap.RunLog(int(span))); err != nil {
			return err
		}
	}
	m.answer(s, number).keep(&a)
	return nil
}

// RestoreKey puts back an idempotency key that was first used at a time and is
// remembered until another; 0 if that follows from the first.
func (m *Memory) RestoreKey(name []byte, a Answer, used, until int64) error {
	end := m.keyEnd(name, used)
	if until != 0 {
		end = minuteOf(until)
	}
	hash := hashOfKey(name)
	item, known := m.key(hash, name)
	if !known {
		var err error
		if item, err = m.enter(hash, name, 0); err != nil {
			return err
		}
	}
	if end >= m.keys.At(item).until { // it may have been forgotten and used anew
		m.fill(item, a, end)
	}
	return nil
}

// RestoreHorizon puts back the latest own time that was forgotten.
func (m *Memory) RestoreHorizon(ms int64) { m.horizon = max(m.horizon, ms) }

// Horizon returns the latest own time of a key that was forgotten, in
// milliseconds since 1970.
func (m *Memory) Horizon() int64 { return m.horizon }

// Sessions and Keys return how far [Memory.Session] and [Memory.Key] reach.
func (m *Memory) Sessions() uint32 { return m.sessions.Used() }
func (m *Memory) Keys() uint32     { return m.keys.Used() }

// NumberedAnswer is an answer with its number.
type NumberedAnswer struct {
	Number uint64
	Answer
}

// Session returns the session of a number from 0 to Sessions-1, and appends its
// answers to dst. The id is 0 if there is none of that number.
func (m *Memory) Session(item uint32, dst []NumberedAnswer) (id, lowest uint64, used int64, answers []NumberedAnswer) {
	s := m.sessions.At(item)
	if s.id != 0 && s.log != noRun {
		run := m.answers.Run(s.answers, s.log)
		for n := s.lowest; n-s.lowest < uint64(len(run)); n++ {
			if a := &run[n&uint64(len(run)-1)]; a.there {
				dst = append(dst, NumberedAnswer{n, a.answer()})
			}
		}
	}
	return s.id, s.lowest, timeOf(s.used), dst
}

// Key returns the key of a number from 0 to Keys-1, its answer and until when it
// is remembered. The name is nil if there is none of that number; it must not be
// changed.
func (m *Memory) Key(item uint32) (name []byte, a Answer, until int64) {
	k := m.keys.At(item)
	if k.length == 0 {
		return nil, Answer{}, 0
	}
	return m.name(k), k.Answer, timeOf(k.until)
}
