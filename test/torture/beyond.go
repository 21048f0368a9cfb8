//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/history"
)

// Counters with terms, all of them for those who are told revisions, but the bounded
// ones.
var (
	bounded  = []string{"bound-1", "bound-2", "bound-3", "bound-4"} // requests have limits
	held     = []string{"held-1", "held-2"}                         // have limits and holds
	accounts = []string{"account-1", "account-2", "account-3"}      // from one to another
	ending   = []string{"ends-1", "ends-2"}
	below    = []string{"sum/a", "sum/b", "sum/b/c"}
)

// total is declared before anything is added below it.
const total = "sum"

var rates = []cuenta.Rate{
	{Kind: cuenta.FixedWindow, Limit: 30, Period: int64(500 * time.Millisecond)},
	{Kind: cuenta.SlidingWindow, Limit: 30, Period: int64(500 * time.Millisecond)},
	{Kind: cuenta.Steady, Limit: 30, Period: int64(500 * time.Millisecond), Burst: 15},
}

// declare gives the total and the counters of holds their terms, before anybody asks.
func (r *round) declare(ctx context.Context) error {
	w := rings{path: r.arena.rings()}
	defer w.close()
	log := r.recorder.Client("declarer")
	requests := []cuenta.Request{{Op: cuenta.Limit, Counter: []byte(total), Terms: &cuenta.Terms{Total: true}}}
	for _, name := range held {
		requests = append(requests, cuenta.Request{Op: cuenta.Limit, Counter: []byte(name), Terms: &cuenta.Terms{
			Floor: cuenta.Bound{Set: true, At: -1000}, Ceiling: cuenta.Bound{Set: true, At: 1000},
		}})
	}
	for i := range requests {
		n := log.Begin(&requests[i])
		results, err := w.do(ctx, requests[i:i+1])
		if err == nil {
			err = results[0].Err()
		}
		if err != nil {
			return fmt.Errorf("declaring %q: %w", requests[i].Counter, err)
		}
		log.End(n, &results[0], history.WithValue|history.WithRevision)
	}
	return nil
}

// clock notes the time that the ledger of the present life has: the machine's, about.
func (r *round) clock() {
	const slack = int64(100 * time.Millisecond)
	now := time.Now().UnixNano()
	r.recorder.Clock(now-slack, now+slack)
}

// beyond draws what is beyond counting: as many as one request, or a transfer.
func (d *drawer) beyond() *bundle {
	b := &bundle{requests: []cuenta.Request{d.termed()}}
	if oneIn(d.dice, 5) {
		n := 1 + d.dice.Int64N(300)
		places := d.dice.Perm(len(accounts))
		b.together, b.whole = true, true
		b.requests = []cuenta.Request{
			{Op: cuenta.Add, Counter: []byte(accounts[places[0]]), N: -n, Terms: &cuenta.Terms{Floor: cuenta.Bound{Set: true, At: -2000}}},
			{Op: cuenta.Add, Counter: []byte(accounts[places[1]]), N: n},
		}
	}
	id := d.identities()()
	for i := range b.requests {
		if r := &b.requests[i]; !r.Op.Reads() && r.Op != cuenta.Ticket {
			r.Identity = id
		}
	}
	return b
}

func (d *drawer) termed() cuenta.Request {
	pick := func(names []string) []byte { return []byte(names[d.dice.IntN(len(names))]) }
	life := cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: int64(between(d.dice, time.Millisecond, time.Second))}
	if oneIn(d.dice, 2) {
		life = cuenta.Expiry{Kind: cuenta.ExpireAt, Time: time.Now().Add(time.Duration(life.Time)).UnixNano()}
	}
	n := d.dice.Int64N(400) - 100
	switch draw := d.dice.IntN(20); {
	case draw < 4:
		return cuenta.Request{Op: cuenta.Hold, Counter: pick(held), N: n | 1, Terms: &cuenta.Terms{Expiry: life}}
	case draw < 8 && len(d.holds) > 0:
		of := d.holds[d.dice.IntN(len(d.holds))]
		r := cuenta.Request{Op: cuenta.Settle + cuenta.Op(d.dice.IntN(3)), Counter: of.counter, N: n, Terms: &cuenta.Terms{Hold: of.id}}
		if r.Op == cuenta.Extend {
			r.Terms.Expiry = life
		}
		r.Terms.Clamp = r.Op == cuenta.Settle && oneIn(d.dice, 2)
		return r
	case draw < 9:
		return cuenta.Request{Op: cuenta.Describe, Counter: pick(held), Terms: &cuenta.Terms{Holds: make([]cuenta.Held, 0, 16)}}
	case draw < 10:
		return cuenta.Request{Op: cuenta.Add, Counter: pick(held), N: n, Terms: &cuenta.Terms{Clamp: oneIn(d.dice, 2)}}
	case draw < 13:
		return cuenta.Request{Op: cuenta.Add, Counter: pick(below), N: n}
	case draw < 14:
		return cuenta.Request{Op: cuenta.Get, Counter: []byte(total)}
	case draw < 16:
		return cuenta.Request{
			Op: cuenta.Ticket, Counter: []byte("turn"), N: 1 + d.dice.Int64N(2), Terms: &cuenta.Terms{Ident: fmt.Appendf(nil, "who-%d", d.dice.IntN(300))},
		}
	case draw < 17:
		return cuenta.Request{Op: cuenta.Add, Counter: pick(ending), N: n, Terms: &cuenta.Terms{Expiry: life}}
	default:
		i := d.dice.IntN(len(rates))
		return cuenta.Request{Op: cuenta.Take, Counter: fmt.Appendf(nil, "rate-%d", i), N: 1 + d.dice.Int64N(12), Terms: &cuenta.Terms{Rate: rates[i]}}
	}
}

// within gives an addition limits of its own.
func (d *drawer) within(r *cuenta.Request) {
	r.Counter = []byte(bounded[d.place%len(bounded)])
	r.Terms = &cuenta.Terms{
		Floor: cuenta.Bound{Set: true, At: -200_000}, Ceiling: cuenta.Bound{Set: true, At: 200_000}, Clamp: oneIn(d.dice, 2),
	}
}

// known is a hold that a client was told of.
type known struct {
	counter []byte
	id      uint64
}

// keptHolds is how many holds a client remembers.
const keptHolds = 16

// learn remembers a hold.
func (d *drawer) learn(r *cuenta.Request, result *cuenta.Result) {
	if r.Op != cuenta.Hold || result.Code != cuenta.OK || result.Revision == 0 {
		return
	}
	if len(d.holds) == keptHolds {
		d.holds = append(d.holds[:0], d.holds[1:]...)
	}
	d.holds = append(d.holds, known{r.Counter, result.Revision})
}
