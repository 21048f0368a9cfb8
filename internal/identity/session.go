package identity

import (
	"unsafe"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/offheap"
)

// session is one session. Its answers stand in a run of the slab of answers: that
// of number n in place n modulo the run's length, which is at least as large as
// the distance from the lowest number to the highest one kept.
type session struct {
	id      uint64
	lowest  uint64 // numbers below are too old
	group   uint64 // that changed it last
	answers uint32 // first of the run, if there is one
	next    uint32 // of the schedule
	used    uint32 // minute of the last change
	client  uint16 // on whose account it is
	log     uint8  // of the length of the run; noRun if there is none
	slack   uint8  // numbers in a row for which a fourth of the run would have done
}

const (
	noRun = 0xff

	// A run gets shorter only after so many numbers for which it was too long: else it
	// would change its length with every pipeline that a client sends.
	maxSlack = 64
)

// kept is an answer in a run, in no more room than it takes.
type kept struct {
	fingerprint uint32
	code        cuenta.Code
	there       bool
	value       int64
	revision    uint64
	amount      int64
}

func (k *kept) keep(a *Answer) {
	k.fingerprint, k.code, k.there, k.value, k.revision, k.amount = a.Fingerprint, a.Code, true, a.Value, a.Revision, a.Amount
}

func (k *kept) answer() Answer {
	return Answer{k.fingerprint, k.code, k.value, k.revision, k.amount}
}

const (
	indexBytes   = 28 // a slot of an index, and the empty ones that go with it at most
	sessionBytes = uint64(unsafe.Sizeof(session{})) + indexBytes
	answerBytes  = uint64(unsafe.Sizeof(kept{}))
)

// Open begins a session with an id drawn at random. It is refused as busy at the
// bound, and where the id is taken.
func (m *Memory) Open(id uint64, client uint32, group uint64, now int64) cuenta.Code {
	m.Sweep(now, sweepPerUse)
	if id == 0 || m.session(id) != nil {
		return cuenta.Busy
	}
	if code := m.admit(client, sessionBytes, now); code != cuenta.OK {
		return code
	}
	if err := m.open(id, client, group, minuteOf(now)); err != nil {
		return cuenta.Busy
	}
	return cuenta.OK
}

func (m *Memory) open(id uint64, client uint32, group uint64, minute uint32) error {
	item, err := m.sessions.Take(0)
	if err != nil {
		return err
	}
	if err := m.byID.Insert(hashOf(id), item); err != nil {
		m.sessions.Give(item, 0)
		return err
	}
	account := m.shares.take(client, sessionBytes)
	*m.sessions.At(item) = session{id: id, lowest: 1, group: group, used: minute, client: account, log: noRun}
	m.idle.add(m.idleEnd(minute), item, &m.sessions.At(item).next)
	return nil
}

// hashOf needs no mixing: ids are random.
func hashOf(id uint64) uint32 { return uint32(id ^ id>>32) }

// idleEnd returns the minute in which a session ends that was used in one.
func (m *Memory) idleEnd(used uint32) uint32 {
	return used + endOf(int64(m.config.Idle))
}

// session finds a session, nil if there is none.
func (m *Memory) session(id uint64) *session {
	if m.recent.id == id && id != 0 { // one that has ended has no id
		return m.recent
	}
	return m.lookUp(id)
}

func (m *Memory) lookUp(id uint64) *session {
	for p := m.byID.Probe(hashOf(id)); ; {
		item, ok := p.Next()
		if !ok {
			return nil
		}
		if s := m.sessions.At(item); s.id == id {
			return s
		}
	}
}

func (m *Memory) findNumber(id *cuenta.Identity, now int64, slot *Slot) cuenta.Code {
	s := m.session(id.Session)
	if s == nil || m.idleEnd(s.used) <= minuteOf(now) {
		return cuenta.NoSession
	}
	slot.session, slot.number, slot.lowest, slot.Group = s, id.Number, id.Lowest, s.group
	if id.Number < s.lowest {
		return cuenta.TooOld
	}
	if a := m.answer(s, id.Number); a != nil && a.there {
		slot.Known = true
		slot.Answer = a.answer()
	}
	return cuenta.OK
}

// answer returns the place of a number, nil if the run does not reach it.
func (m *Memory) answer(s *session, number uint64) *kept {
	if s.log == noRun || number-s.lowest >= 1<<s.log {
		return nil
	}
	return m.place(s, number)
}

// place returns the place of a number that the run reaches.
func (m *Memory) place(s *session, number uint64) *kept {
	return &m.answers.Run(s.answers, s.log)[number&(1<<s.log-1)]
}

// lowestWith returns the lowest number that is still remembered once a new number was
// used, with the lowest that it was said to need, 0 if it was not said.
func lowestWith(number, lowest uint64) uint64 {
	if number >= cuenta.SessionWindow {
		return max(lowest, number-cuenta.SessionWindow+1)
	}
	return lowest
}

// raise forgets the answers below a number.
func (m *Memory) raise(s *session, lowest uint64) {
	if lowest <= s.lowest {
		return
	}
	m.row.left = 0
	if s.log != noRun {
		run := m.answers.Run(s.answers, s.log)
		for n := range min(lowest-s.lowest, uint64(len(run))) {
			run[(s.lowest+n)&uint64(len(run)-1)].there = false
		}
	}
	s.lowest = lowest
}

// makeRoom readies the place of a new number: what falls out of the window is
// forgotten, and the run is made longer, or much shorter, where that fits.
func (m *Memory) makeRoom(slot *Slot, now int64) cuenta.Code {
	s := slot.session
	m.raise(s, lowestWith(slot.number, slot.lowest))
	span := slot.number - s.lowest + 1
	if s.log == noRun || span > 1<<s.log {
		return m.lengthen(s, offheap.RunLog(int(span)), now)
	}
	if s.tooLong(span) {
		s.slack = 0
		if !m.crowded(s) {
			_ = m.move(s, s.log-2) // where there is no memory for it, the long one does
		}
	}
	return cuenta.OK
}

// tooLong reports whether the run has been too long for a number that spans so much of it,
// and for all of maxSlack before it. It says so until the slack is taken back.
func (s *session) tooLong(span uint64) bool {
	s.slack++
	if span > 1<<s.log/4 {
		s.slack = 0
	}
	return s.slack >= maxSlack
}

// crowded reports whether a run that is long for its lowest number and the next
// holds others far above, or is not worth the copying.
func (m *Memory) crowded(s *session) bool {
	if s.log < 3 {
		return true
	}
	run := m.answers.Run(s.answers, s.log)
	for n := uint64(len(run)) / 4; n < uint64(len(run)); n++ {
		if run[(s.lowest+n)&uint64(len(run)-1)].there {
			return true
		}
	}
	return false
}

// lengthen moves the answers into a longer run, if its client may have it.
func (m *Memory) lengthen(s *session, log uint8, now int64) cuenta.Code {
	bytes, before := answerBytes<<log, uint64(0)
	if s.log != noRun {
		before = answerBytes << s.log
	}
	if code := m.admitTo(s.client, bytes-before, now); code != cuenta.OK {
		return code
	}
	if err := m.move(s, log); err != nil {
		return cuenta.Busy
	}
	return cuenta.OK
}

// move moves the answers into a run of another length, which must hold them.
func (m *Memory) move(s *session, log uint8) error {
	first, err := m.answers.Take(log)
	if err != nil {
		return err
	}
	m.row.left = 0
	m.shares.add(s.client, answerBytes<<log)
	if s.log != noRun {
		old, run := m.answers.Run(s.answers, s.log), m.answers.Run(first, log)
		for n := range uint64(len(old)) {
			if a := old[(s.lowest+n)&uint64(len(old)-1)]; a.there {
				run[(s.lowest+n)&uint64(len(run)-1)] = a
			}
		}
		m.answers.Give(s.answers, s.log)
		m.shares.sub(s.client, answerBytes<<s.log)
	}
	s.answers, s.log = first, log
	return nil
}

func (m *Memory) keepNumber(slot *Slot, a *Answer, group uint64, now int64) {
	Place{slot.session, m.place(slot.session, slot.number)}.Keep(a, group, now)
}

// Lowest returns the lowest number that the session of a slot remembers.
func (m *Memory) Lowest(slot *Slot) uint64 { return slot.session.lowest }

// endSession forgets a session whose time is over.
func (m *Memory) endSession(item, minute uint32) {
	s := m.sessions.At(item)
	if end := m.idleEnd(s.used); end > minute {
		m.idle.add(end, item, &s.next)
		return
	}
	if s.log != noRun {
		m.answers.Give(s.answers, s.log)
		m.shares.sub(s.client, answerBytes<<s.log)
	}
	m.shares.sub(s.client, sessionBytes)
	m.byID.Remove(hashOf(s.id), item)
	m.sessions.Give(item, 0)
}
