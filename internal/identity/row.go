package identity

import "github.com/cuenta-server/cuenta"

// Place is where the answer to a new number of a session is to be kept.
type Place struct {
	session *session
	answer  *kept
}

// Keep remembers the answer.
func (p Place) Keep(a *Answer, group uint64, now int64) {
	p.answer.keep(a)
	p.session.group, p.session.used = group, minuteOf(now)
}

// Lowest returns the lowest number that the session remembers.
func (p Place) Lowest() uint64 { return p.session.lowest }

// row is the numbers that a session most likely uses next, which all have a place in its
// run: so little is left to be looked at. Whatever else befalls the session leaves none,
// but for its end, which is not before the first of all.
type row struct {
	id      uint64
	session *session
	run     []kept
	next    uint64 // the number
	left    uint64 // how many numbers from there on the run reaches
	until   int64  // when the first session may be over
}

// Next is Find for what nearly every request in a session has: a number that is new and
// has a place in the run already, in the session that was asked for last. It reports false
// for any other, and then it has changed nothing that Find would not. Nothing need be given
// up where the answer is not kept.
func (m *Memory) Next(id *cuenta.Identity, now int64) (p Place, ok bool) {
	r := &m.row
	if r.left == 0 || id.Number != r.next || id.Session != r.id || id.Lowest > r.session.lowest || now >= r.until {
		if !m.beginRow(id, now) {
			return p, false
		}
	}
	r.next++
	r.left--
	p = Place{r.session, &r.run[id.Number&uint64(len(r.run)-1)]}
	return p, !p.answer.there && !r.session.tooLong(id.Number-r.session.lowest+1)
}

// beginRow readies the row that begins with a number.
func (m *Memory) beginRow(id *cuenta.Identity, now int64) bool {
	s := m.recent
	if id.Session == 0 || id.Session != s.id || m.due(now) { // one whose time is over is due
		return false
	}
	m.raise(s, lowestWith(id.Number, id.Lowest))
	above := id.Number - s.lowest // of a number below the lowest: more than any run reaches
	if s.log == noRun || above >= 1<<s.log {
		return false
	}
	run := m.answers.Run(s.answers, s.log)
	m.row = row{s.id, s, run, id.Number, uint64(len(run)) - above, m.idle.begins()}
	return true
}
