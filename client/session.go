package client

import (
	"context"
	"sync"

	"github.com/cuenta-server/cuenta"
)

// session gives out the numbers of one session of the server, and knows which
// were answered. The server remembers the last [cuenta.SessionWindow] numbers, so
// a number is given out only when no unanswered one would be pushed out by it.
// Its fields belong to its pool's mutex.
type session struct {
	id     uint64
	next   uint64 // the next number to be given out
	lowest uint64 // the lowest whose answer has not been received; next if there is none
	ended  bool   // the server does not know it any more

	// Of the numbers from lowest to next, by their place in the window.
	answered  [cuenta.SessionWindow]bool
	abandoned [cuenta.SessionWindow]bool // no answer came, and none is waited for
}

// room is how many numbers may be given out now.
func (s *session) room() int { return cuenta.SessionWindow - int(s.next-s.lowest) }

// spent reports whether the window is held by a number whose answer will never
// be received. It could be let go; but then its fate could not be asked for.
func (s *session) spent() bool {
	return s.lowest < s.next && s.abandoned[s.lowest%cuenta.SessionWindow]
}

func (s *session) answer(number uint64) {
	if number < s.lowest || number >= s.next {
		return
	}
	s.answered[number%cuenta.SessionWindow] = true
	for ; s.lowest < s.next && s.answered[s.lowest%cuenta.SessionWindow]; s.lowest++ {
		place := s.lowest % cuenta.SessionWindow
		s.answered[place], s.abandoned[place] = false, false
	}
}

// pool is the sessions of a client.
type pool struct {
	max  int
	open func(context.Context) (uint64, error)

	mu       sync.Mutex
	sessions []*session    // that give out numbers
	opening  bool          // somebody opens a further one
	changed  chan struct{} // closed when there may be room; nil while nobody waits
}

// take gives out count numbers of one session, at most maxRun, and returns the
// first. It opens a session where no other has room, and waits where there are
// enough of them.
func (p *pool) take(ctx context.Context, count int) (*session, uint64, error) {
	for {
		s, first, changed := p.tryTake(count)
		switch {
		case s != nil:
			return s, first, nil
		case changed == nil:
			if err := p.add(ctx); err != nil {
				return nil, 0, err
			}
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, 0, context.Cause(ctx)
		}
	}
}

// tryTake is take as far as it goes without waiting: no session and no channel
// to wait for means that the caller is to add one.
func (p *pool) tryTake(count int) (s *session, first uint64, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := p.sessions[:0]
	for _, one := range p.sessions {
		switch full := one.room() < count; {
		case one.ended || full && one.spent():
			continue
		case !full && s == nil:
			s = one
		}
		kept = append(kept, one)
	}
	clear(p.sessions[len(kept):])
	p.sessions = kept
	if s != nil {
		first = s.next
		s.next += uint64(count)
		return s, first, nil
	}
	if !p.opening && len(p.sessions) < p.max {
		p.opening = true
		return nil, 0, nil
	}
	if p.changed == nil {
		p.changed = make(chan struct{})
	}
	return nil, 0, p.changed
}

// add opens a session.
func (p *pool) add(ctx context.Context) error {
	id, err := p.open(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opening = false
	if err == nil {
		p.sessions = append(p.sessions, &session{id: id, next: 1, lowest: 1})
	}
	p.stir()
	return err
}

// stir wakes who waits for room.
func (p *pool) stir() {
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// lowest is the lowest number of a session whose answer has not been received.
func (p *pool) lowest(s *session) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return s.lowest
}

// answered says that a number needs no answer any more.
func (p *pool) answered(s *session, number uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.answer(number)
	p.stir()
}

// abandoned says that a number's answer is not waited for any more, though the
// request may have been carried out.
func (p *pool) abandoned(s *session, number uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.abandoned[number%cuenta.SessionWindow] = true
	p.stir()
}

// ended says that the server does not know a session. It reports whether that is news.
func (p *pool) ended(s *session) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	news := !s.ended
	s.ended = true
	p.stir()
	return news
}
