package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// TestBeyondIncrements plays totals, rates, tickets and holds against the naive
// service, in runs that are all or none as well, with deletions, restarts after a power
// cut, and time that goes on.
func TestBeyondIncrements(t *testing.T) {
	for seed := range longer(12, 1000) {
		if !beyondIncrements(t, seed, 250) {
			return
		}
	}
}

func beyondIncrements(t *testing.T, seed uint64, batches int) bool {
	b := &beyond{rng: rand.New(rand.NewPCG(seed, 22)), naive: fronttest.NewService()}
	s := openStepped(t, disktest.New(), 1_700_000_000_123_456_789)
	b.naive.Now(func() time.Time { return time.Unix(0, s.now) })
	for n := range batches {
		requests := b.batch(1 + b.rng.IntN(8))
		got := readable(requests, s.do(requests...))
		b.learn(requests, got)
		if want := readable(requests, asked(b.naive, requests)); !slices.Equal(got, want) {
			for i := range requests {
				t.Logf("%v %s %d %+v:\n\t%s\n\t%s", requests[i].Op, requests[i].Counter, requests[i].N, requests[i].Terms, got[i], want[i])
			}
			t.Errorf("seed %d, batch %d", seed, n)
			break
		}
		switch b.rng.IntN(12) {
		case 0:
			s.commit()
			s = s.crash(s.now)
		case 1:
			s.lapse()
			b.naive.Lapse()
		case 2, 3, 4:
			s.now += b.rng.Int64N(1 << b.rng.IntN(40))
		}
	}
	s.close()
	return !t.Failed()
}

// beyond makes requests at random.
type beyond struct {
	rng   *rand.Rand
	naive *fronttest.Service
	holds []uint64 // ids
}

func (b *beyond) batch(n int) (requests []cuenta.Request) {
	for len(requests) < n {
		if b.rng.IntN(5) > 0 {
			requests = append(requests, b.one())
			continue
		}
		span := b.rng.IntN(4)
		requests = append(requests, cuenta.Request{Op: cuenta.All, Span: uint16(span)})
		for range span {
			requests = append(requests, b.one())
		}
	}
	return requests
}

func (b *beyond) name() []byte {
	names := []string{"a", "a/b", "a/b/c", "a/d", "turno", "turno/#"}
	return []byte(names[b.rng.IntN(len(names))])
}

func (b *beyond) one() cuenta.Request {
	r := cuenta.Request{Counter: b.name(), N: b.rng.Int64N(40) - 12, Terms: &cuenta.Terms{Clamp: b.rng.IntN(2) == 0}}
	life := cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: 1 + b.rng.Int64N(1<<b.rng.IntN(40))}
	switch b.rng.IntN(16) {
	case 0:
		r.Op = cuenta.Delete
	case 1:
		r.Op = cuenta.Limit
		r.Terms.Total = b.rng.IntN(3) > 0
		r.Terms.Ceiling = cuenta.Bound{Set: b.rng.IntN(2) == 0, At: b.rng.Int64N(200)}
		r.Terms.Floor = cuenta.Bound{Set: b.rng.IntN(3) == 0, At: -b.rng.Int64N(50)}
	case 2:
		r.Op, r.Terms.Expiry = cuenta.Expire, life
	case 3, 4, 5:
		b.takes(&r)
	case 6, 7:
		r.Op, r.N = cuenta.Ticket, 1+b.rng.Int64N(2)
		r.Terms.Ident = fmt.Append(nil, "i", b.rng.IntN(6))
	case 8, 9:
		r.Op, r.Terms.Expiry = cuenta.Hold, life
	case 10:
		r.Op, r.Terms.Hold = cuenta.Settle, b.known()
	case 11:
		r.Op, r.Terms.Hold = cuenta.Release, b.known()
	case 12:
		r.Op, r.Terms.Hold, r.Terms.Expiry = cuenta.Extend, b.known(), life
	case 13:
		r.Op, r.Terms.Holds = cuenta.Describe, make([]cuenta.Held, 0, 100)
	default:
		r.Op = cuenta.Add
	}
	return r
}

func (b *beyond) takes(r *cuenta.Request) {
	r.Op, r.N = cuenta.Take, b.rng.Int64N(8)
	r.Terms.Rate = []cuenta.Rate{
		{Kind: cuenta.FixedWindow, Limit: 10, Period: int64(time.Second)},
		{Kind: cuenta.SlidingWindow, Limit: 10, Period: int64(time.Second)},
		{Kind: cuenta.Steady, Limit: 7, Period: int64(time.Second)},
		{Kind: cuenta.Steady, Limit: 3, Period: int64(time.Minute), Burst: 9},
	}[b.rng.IntN(4)]
	if b.rng.IntN(8) > 0 {
		r.Counter = fmt.Appendf(nil, "rate-%d-%d", r.Terms.Rate.Kind, r.Terms.Rate.Burst)
	}
}

func (b *beyond) known() uint64 {
	if len(b.holds) == 0 || b.rng.IntN(8) == 0 {
		return b.rng.Uint64N(20)
	}
	return b.holds[len(b.holds)-1-b.rng.IntN(min(len(b.holds), 12))]
}

// learn notes the ids of holds that were made.
func (b *beyond) learn(requests []cuenta.Request, got []string) {
	for i := range requests {
		var code string
		var id uint64
		if _, err := fmt.Sscanf(got[i], "%s %d", &code, &id); requests[i].Op == cuenta.Hold && err == nil && code == "ok" {
			b.holds = append(b.holds, id)
		}
	}
}

// readable returns what of results, and of what Describe filled in, may be compared:
// the order of holds may not.
func readable[R cuenta.Result | answer](requests []cuenta.Request, results []R) []string {
	texts := make([]string, len(results))
	for i := range results {
		var r cuenta.Result
		switch of := any(results[i]).(type) {
		case cuenta.Result:
			r = of
		case answer:
			r = of.Result
		}
		texts[i] = fmt.Sprint(r.Code, " ", r.Revision, " value ", r.Value, " amount ", r.Amount, " level ", r.Level, " ", r.Replayed)
		if t := requests[i].Terms; requests[i].Op == cuenta.Describe && r.Code == cuenta.OK {
			holds := slices.Clone(t.Holds)
			slices.SortFunc(holds, func(a, b cuenta.Held) int { return int(a.ID) - int(b.ID) })
			texts[i] += fmt.Sprint(t.Floor, t.Ceiling, t.Total, t.Expiry, t.Held, t.HeldDown, holds)
		}
	}
	return texts
}
