package journal

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/cuenta-server/cuenta"
)

// session is what is known of one, but for its answers.
type session struct {
	used    int64
	lowest  uint64
	highest uint64
}

// number is one of a session.
type number struct{ session, number uint64 }

// key is what is known of an idempotency key.
type key struct {
	Kept
	used, until int64
}

// retention is how long keys are remembered where the log does not say.
const retention = 1000

// clients is the part of a Sink that keeps identities. It forgets answers below
// the lowest, and nothing else.
type clients struct {
	sessions map[uint64]session
	answers  map[number]Kept
	keys     map[string]key
	horizon  int64
	now      int64 // time of the last group that was made
}

func newClients() clients {
	return clients{sessions: map[uint64]session{}, answers: map[number]Kept{}, keys: map[string]key{}}
}

func (c *clients) clone() clients {
	return clients{maps.Clone(c.sessions), maps.Clone(c.answers), maps.Clone(c.keys), c.horizon, c.now}
}

func (c *clients) equal(o *clients) bool {
	return maps.Equal(c.sessions, o.sessions) && maps.Equal(c.answers, o.answers) &&
		maps.Equal(c.keys, o.keys) && c.horizon == o.horizon
}

func (c *clients) Horizon(time int64) { c.horizon = time }

func (c *clients) Session(id, lowest uint64, used int64) error {
	if _, known := c.sessions[id]; known {
		return fmt.Errorf("session %x comes twice", id)
	}
	c.sessions[id] = session{used: used, lowest: lowest}
	return nil
}

func (c *clients) Answer(a Answer, used int64) error {
	s, known := c.sessions[a.Session]
	if !known {
		return fmt.Errorf("session %x is not known", a.Session)
	}
	s.used = max(s.used, used)
	for ; s.lowest < a.Lowest; s.lowest++ {
		delete(c.answers, number{a.Session, s.lowest})
	}
	s.highest = max(s.highest, a.Number)
	c.sessions[a.Session] = s
	if a.Number < s.lowest {
		return nil
	}
	kept := a.Kept
	if old, known := c.answers[number{a.Session, a.Number}]; known && old != kept {
		return fmt.Errorf("answer %+v was %+v before", a, old)
	}
	c.answers[number{a.Session, a.Number}] = kept
	return nil
}

func (c *clients) Key(name []byte, k Kept, used, until int64) error {
	if until == 0 {
		until = used + retention
	}
	got := key{k, used, until}
	if old, known := c.keys[string(name)]; known && old != got {
		return fmt.Errorf("key %q is %+v and was %+v", name, got, old)
	}
	c.keys[string(name)] = got
	return nil
}

// sessionID returns the id of the n-th session.
func sessionID(n int) uint64 { return uint64(n) * 0x9e3779b97f4a7c15 }

// kept makes an answer.
func kept(rng *rand.Rand) Kept {
	k := Kept{rng.Uint32(), cuenta.Code(rng.IntN(8)), rng.Int64N(1<<20) - 1<<19, rng.Uint64N(1 << 16), 0}
	if rng.IntN(4) == 0 {
		k.Amount = rng.Int64N(1000) - 500
	}
	return k
}

// change makes a change of identities, in the record too.
func (c *clients) change(r *Record, rng *rand.Rand) {
	switch n := len(c.sessions); {
	case rng.IntN(4) == 0:
		name := fmt.Appendf(nil, "key-%d", len(c.keys))
		k := kept(rng)
		r.Key(name, k)
		c.keys[string(name)] = key{k, c.now, c.now + retention}
	case n == 0 || rng.IntN(4) == 0:
		id := sessionID(n + 1)
		r.Session(id)
		c.sessions[id] = session{used: c.now, lowest: 1}
	default:
		id := sessionID(1 + rng.IntN(n))
		for range 1 + rng.IntN(4) {
			c.answer(r, rng, id)
		}
	}
}

// answer makes one answer: to the next number, one further on, or one left out.
func (c *clients) answer(r *Record, rng *rand.Rand, id uint64) {
	s, k := c.sessions[id], kept(rng)
	n := max(s.highest+1, s.lowest)
	if rng.IntN(4) == 0 {
		n += rng.Uint64N(3)
	}
	for at := s.lowest; at < s.highest; at++ {
		if _, used := c.answers[number{id, at}]; !used && rng.IntN(4) == 0 {
			n = at
		}
	}
	lowest := s.lowest
	switch rng.IntN(6) {
	case 0, 1:
		lowest = min(lowest+1, n)
	case 2:
		lowest = n
	}
	if n >= cuenta.SessionWindow {
		lowest = max(lowest, n-cuenta.SessionWindow+1)
	}
	a := Answer{id, n, lowest, k}
	r.Answer(a.Session, a.Number, a.Lowest, &a.Kept)
	if err := c.Answer(a, c.now); err != nil {
		panic(err) // the test is wrong
	}
}

// state is a session as a snapshot has it.
func (c *clients) state(id uint64) SessionState {
	s := c.sessions[id]
	state := SessionState{ID: id, Used: s.used, Lowest: s.lowest}
	for n := s.lowest; n <= s.highest; n++ {
		if k, ok := c.answers[number{id, n}]; ok {
			state.Answers = append(state.Answers, Answer{id, n, s.lowest, k})
		}
	}
	return state
}

// put puts all into a snapshot, and calls between in the middle of each kind.
func (c *clients) put(s *Snapshot, between func() error) error {
	ids := slices.Sorted(maps.Keys(c.sessions))
	for i, id := range ids {
		if i == len(ids)/2 {
			if err := between(); err != nil {
				return err
			}
		}
		if err := s.PutSession(c.state(id)); err != nil {
			return err
		}
	}
	names := slices.Sorted(maps.Keys(c.keys))
	for i, name := range names {
		if i == len(names)/2 {
			if err := between(); err != nil {
				return err
			}
		}
		k := c.keys[name]
		if err := s.PutKey([]byte(name), k.Kept, k.used, k.until); err != nil {
			return err
		}
	}
	s.Horizon(c.horizon)
	return nil
}

func nothing() error { return nil }
