package engine

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// player makes random batches out of everything that a front may ask. In its
// requests a session's id is the number of its opening, as the naive service
// hands them out; see translate.
//
// It makes nothing that fronts never ask (names that are not valid, runs that are
// not well-formed), and passes by what the naive service is more lenient in: it
// forgets answers for the sake of Lowest only when it remembers another, so every
// number keeps the Lowest that it was first used with, and nonsense has no identity;
// and it carries out a run again whose requests have identities of their own, so of
// these each is new. The ledger's own tests look at these.
type player struct {
	rng    *rand.Rand
	now    func() int64 // what time it is
	end    func() int64 // a random time for a counter to end, in the future
	naive  *fronttest.Service
	high   []uint64             // of each session, the highest number used
	lowest map[[2]uint64]uint64 // by session and number
	keys   int
	past   [][]cuenta.Request // with identities: single requests, and an All with its span
}

// newPlayer returns a player whose counters end at whole eras of the process's time,
// and that plays between them; see sleep.
func newPlayer(seed uint64) *player {
	p := &player{
		rng: rand.New(rand.NewPCG(seed, 21)), naive: fronttest.NewService(), lowest: map[[2]uint64]uint64{},
		now: func() int64 { return time.Now().UnixNano() },
	}
	p.end = func() int64 { return p.now() - p.now()%era + era*(1+p.rng.Int64N(1<<p.rng.IntN(8))) }
	return p
}

// batch makes a batch of at least so many requests, or a few more.
func (p *player) batch(least int) (requests []cuenta.Request) {
	for len(requests) < least {
		requests = append(requests, p.next()...)
		if p.rng.IntN(4) == 0 {
			requests = append(requests, p.row(requests[len(requests)-1].Counter)...)
		}
	}
	return requests
}

// row makes additions to one counter, one behind the other.
func (p *player) row(counter []byte) (requests []cuenta.Request) {
	for range 1 + p.rng.IntN(4) {
		r := cuenta.Request{Op: cuenta.Add, Counter: counter, N: p.rng.Int64N(9) - 4}
		if p.rng.IntN(8) == 0 {
			r.N = math.MaxInt64 - p.rng.Int64N(4)
		}
		requests = append(requests, r)
	}
	return requests
}

// next makes a request, or an All and what it spans.
func (p *player) next() []cuenta.Request {
	switch n := p.rng.IntN(20); {
	case n == 0 && len(p.high) < 6:
		return []cuenta.Request{{Op: cuenta.OpenSession}}
	case n < 3:
		return []cuenta.Request{{Op: cuenta.Outcome, Identity: p.known()}}
	case n < 6 && len(p.past) > 0:
		return p.past[len(p.past)-1-p.rng.IntN(min(len(p.past), 40))]
	case n < 9:
		return p.run()
	}
	r := p.operation()
	if p.rng.IntN(2) == 0 && !nonsense(&r) {
		r.Identity = p.identity()
	}
	one := []cuenta.Request{r}
	if r.Identity.Given() {
		p.past = append(p.past, one)
	}
	return one
}

// run makes an All: without an identity, with one, or with one for each.
func (p *player) run() []cuenta.Request {
	all := []cuenta.Request{{Op: cuenta.All}}
	kind := p.rng.IntN(3)
	session := uint64(0)
	if n := len(p.high); kind == 2 && n > 0 && p.rng.IntN(2) == 0 {
		session = 1 + p.rng.Uint64N(uint64(n))
	}
	for range p.rng.IntN(5) {
		r := p.operation()
		for kind > 0 && nonsense(&r) {
			r = p.operation()
		}
		r.Span = 0
		if kind == 2 && p.rng.IntN(4) > 0 {
			r.Identity = p.fresh(session)
		}
		all = append(all, r)
	}
	all[0].Span = uint16(len(all) - 1)
	if kind == 1 {
		all[0].Identity = p.identity()
		p.past = append(p.past, all)
	}
	return all
}

// operation makes a request without an identity.
func (p *player) operation() cuenta.Request {
	name := fmt.Sprint("n", p.rng.IntN(10))
	switch p.rng.IntN(6) {
	case 0:
		name += strings.Repeat("-long", 9)
	case 1:
		name = ""
	}
	r := cuenta.Request{Op: cuenta.Add, Counter: []byte(name), N: p.rng.Int64N(200) - 100}
	switch p.rng.IntN(18) {
	case 0:
		r.N = math.MaxInt64 - p.rng.Int64N(2)
	case 1:
		r.N = math.MinInt64 + p.rng.Int64N(2)
	case 2:
		r.Op = cuenta.Reset
	case 3:
		r.Op = cuenta.Delete
	case 4, 5:
		r.Op = cuenta.Set
	case 6, 7:
		r.Op = cuenta.Get
	case 8:
		r.Op, r.Span = cuenta.Check, uint16(p.rng.IntN(4))
	case 9:
		r.N = 0
	case 10, 11:
		r.Op = cuenta.Limit
	case 12:
		r.Op = cuenta.Expire
	case 13:
		r.Op = cuenta.Describe
	}
	p.dress(&r)
	return r
}

func counterOf(r *cuenta.Request) string {
	if len(r.Counter) == 0 {
		return cuenta.DefaultCounter
	}
	return string(r.Counter)
}

// identity makes one that may be new, used, too old, too new or nonsense.
func (p *player) identity() cuenta.Identity {
	switch n := p.rng.IntN(24); {
	case n == 0:
		return cuenta.Identity{Session: 1 << 40, Number: 1} // never granted
	case n == 1:
		return cuenta.Identity{Session: 1, Number: 0, Lowest: 1}
	case n == 2:
		return cuenta.Identity{Key: []byte("both"), Session: 1, Number: 1}
	case n == 3:
		return cuenta.Identity{Key: p.dated(time.Unix(0, p.now()).Add([]time.Duration{-48 * time.Hour, 0, 2 * time.Hour}[p.rng.IntN(3)]))}
	case n < 8:
		return cuenta.Identity{Key: fmt.Append(nil, "k", p.rng.IntN(100))}
	case n < 10 || len(p.high) == 0:
		return p.fresh(0)
	}
	id := 1 + p.rng.Uint64N(uint64(len(p.high)))
	high := p.high[id-1]
	switch p.rng.IntN(6) {
	case 0:
		return p.numbered(id, max(1, high-min(high, p.rng.Uint64N(2*cuenta.SessionWindow))))
	case 1:
		return p.numbered(id, high+1+p.rng.Uint64N(1<<p.rng.UintN(8)))
	}
	return p.fresh(id)
}

// fresh makes an identity that was never used: of a session, or a key.
func (p *player) fresh(session uint64) cuenta.Identity {
	if session != 0 {
		return p.numbered(session, p.high[session-1]+1)
	}
	p.keys++
	return cuenta.Identity{Key: fmt.Append(nil, "fresh-", p.keys)}
}

// numbered makes an identity of a session, with the Lowest that goes with it.
func (p *player) numbered(session, number uint64) cuenta.Identity {
	p.high[session-1] = max(p.high[session-1], number)
	at := [2]uint64{session, number}
	if _, used := p.lowest[at]; !used {
		p.lowest[at] = 0
		if p.rng.IntN(3) == 0 {
			p.lowest[at] = number - min(number-1, 8+p.rng.Uint64N(60))
		}
	}
	return cuenta.Identity{Session: session, Number: number, Lowest: p.lowest[at]}
}

// dated makes a UUID of version 7, which says when it was made.
func (p *player) dated(at time.Time) []byte {
	ms := fmt.Sprintf("%012x", at.UnixMilli())
	return fmt.Appendf(nil, "%s-%s-7%03x-a%03x-%012x", ms[:8], ms[8:], p.rng.IntN(1<<12), p.rng.IntN(1<<12), p.rng.Uint64N(1<<48))
}

// known returns an identity that was used, or might have been.
func (p *player) known() cuenta.Identity {
	if len(p.past) == 0 || p.rng.IntN(4) == 0 {
		return p.identity()
	}
	return p.past[p.rng.IntN(len(p.past))][0].Identity
}

// asked has the naive service do the requests.
func asked(s *fronttest.Service, requests []cuenta.Request) []answer {
	requests = translate(requests, nil)
	b := cuenta.Batch{Requests: requests}
	s.Do(context.Background(), &b)
	for i := range b.Results {
		r := &b.Results[i]
		r.Cell, r.Generation = 0, 0
		if requests[i].Op == cuenta.Outcome && r.Code == cuenta.TooNew {
			r.Code = cuenta.Absent // it does not tell that such a key was never let in
		}
	}
	return answers(requests, b.Results)
}

// translate returns the requests with the ids of sessions that the engine gave, and
// with terms of their own.
func translate(requests []cuenta.Request, ids []uint64) []cuenta.Request {
	translated := append([]cuenta.Request(nil), requests...)
	for i := range translated {
		r := &translated[i]
		if r.Terms != nil {
			terms := *r.Terms
			r.Terms = &terms
		}
		if id := &r.Identity.Session; *id > 0 && *id <= uint64(len(ids)) {
			*id = ids[*id-1]
		}
	}
	return translated
}

// compare makes an engine's answers comparable with those of the naive service:
// without the place of a counter, and with the numbers of sessions for their ids,
// which it appends.
func (p *player) compare(requests []cuenta.Request, results []cuenta.Result, ids *[]uint64) []answer {
	for i := range results {
		results[i].Cell, results[i].Generation = 0, 0
		if requests[i].Op == cuenta.OpenSession && results[i].Code == cuenta.OK {
			*ids = append(*ids, results[i].Revision)
			results[i].Revision = uint64(len(*ids))
			p.high = append(p.high, 0)
		}
	}
	return answers(requests, results)
}
