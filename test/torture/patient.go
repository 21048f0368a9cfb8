//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/client"
	"github.com/cuenta-server/cuenta/internal/history"
	"github.com/cuenta-server/cuenta/internal/uuid"
)

// scheme is a way of the public client package: it makes identities and repeats by
// itself, so that a call here may last over several lives of the server.
type scheme struct {
	name    string
	clients int
	ops     []cuenta.Op
	told    bool // results tell revisions
	batches bool // DoAtomic is there
	terms   bool // rates and tickets are there; where revisions are told, so is the rest
	asks    bool // Outcome is there
	address func(e *entrances) string
}

var schemes = []scheme{
	{"client cuenta", 3, all, true, true, true, true, func(e *entrances) string { return "cuenta://" + e.address[cuenta.FrontWeb] }},
	{"client redis", 2, setting, false, false, true, true, func(e *entrances) string { return "redis://" + e.address[cuenta.FrontRESP] }},
	{"client udp", 2, counting, false, false, false, false, func(e *entrances) string { return "udp://" + e.address[cuenta.FrontUDP] }},
	{"client shm", 2, all, true, true, true, true, func(e *entrances) string { return "shm://" + e.rings }},
}

// patient is a user of the public client package.
type patient struct {
	scheme
	dice  *rand.Rand
	draw  drawer
	c     *client.Client
	log   *history.Log
	round *round
	tally *wayTally

	open  []doubt
	calls int
}

// doubt is a change of which the client said that it does not know its fate.
type doubt struct {
	question
	id client.Identity
}

// run calls until the round's clients are to end.
func (p *patient) run(ctx context.Context) {
	options := client.Options{
		AttemptTimeout: 150 * time.Millisecond, Timeout: patience,
		Budget: client.Budget{PerSecond: 1e6, Burst: 1e6},
	}
	c, err := options.Open(ctx, p.address(p.round.entrances))
	if err != nil {
		if ctx.Err() == nil {
			p.round.wrong(fmt.Sprintf("%s: opening: %v", p.name, err))
		}
		return
	}
	p.c = c
	defer c.Close() // it does not fail
	for !p.round.over() && ctx.Err() == nil {
		if p.calls++; p.round.forgetful && p.calls%forgetAfter == 0 {
			p.log, p.open = history.NewRecorder(nil).Client(p.name), nil
		}
		p.call(ctx)
		p.resolve(ctx, false)
		sleep(ctx, between(p.dice, 0, pause))
	}
	p.resolve(ctx, false)
}

// call makes one call. Some are given little time, so that their fate is open.
func (p *patient) call(ctx context.Context) {
	if oneIn(p.dice, 6) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, between(p.dice, time.Millisecond, 100*time.Millisecond))
		defer cancel()
	}
	if p.batches && oneIn(p.dice, 5) {
		p.atomic(ctx)
		return
	}
	if p.terms && oneIn(p.dice, 3) {
		p.beyond(ctx)
		return
	}
	r := p.draw.request(false)
	counter := p.c.Counter(string(r.Counter))
	if r.Op != cuenta.Get && oneIn(p.dice, 3) {
		key := uuid.NewV7().String()
		r.Identity.Key = []byte(key)
		counter = counter.Once(key)
	}
	index := p.log.Begin(&r)
	result, err := perform(ctx, counter, &r)
	p.end(index, 1, []client.Result{result}, err)
}

func perform(ctx context.Context, n client.Counter, r *cuenta.Request) (client.Result, error) {
	switch r.Op {
	case cuenta.Add:
		return n.Add(ctx, r.N)
	case cuenta.Set:
		return n.Set(ctx, r.N)
	case cuenta.Reset:
		return n.Reset(ctx)
	case cuenta.Delete:
		return n.Delete(ctx)
	}
	return n.Get(ctx)
}

// atomic makes a call that is carried out as a whole. What could be refused is left
// out: the client does not tell which of its operations was.
func (p *patient) atomic(ctx context.Context) {
	b := p.c.Batch()
	requests := make([]cuenta.Request, 2+p.dice.IntN(len(joint)-1))
	for i, place := range p.dice.Perm(len(joint))[:len(requests)] {
		r := cuenta.Request{Op: cuenta.Add, Counter: []byte(joint[place]), N: amount(p.dice, cuenta.Add, false)}
		b.Add(string(r.Counter), r.N)
		requests[i] = r
	}
	first := p.log.BeginBatch(true, requests)
	results, err := b.DoAtomic(ctx)
	p.end(first, len(requests), results, err)
}

// end notes what came of a call of n operations.
func (p *patient) end(first, n int, results []client.Result, err error) {
	life := p.round.life.Load()
	failed, _ := errors.AsType[*client.Error](err)
	switch {
	case err == nil:
		p.tally.answered.Add(int64(n))
		for i, r := range results {
			told := history.WithValue
			if p.told {
				told |= history.WithRevision
			}
			if n > 1 && r.Replayed {
				told = 0 // nothing more is known of it
			}
			p.log.End(first+i, &cuenta.Result{Value: r.Value, Revision: r.Revision}, told)
		}
	case failed == nil:
		p.round.wrong(fmt.Sprintf("%s: an error of another kind: %v", p.name, err))
	case failed.Fate == cuenta.NotApplied:
		p.tally.refused.Add(int64(n))
		p.expected(failed)
		for i := range n {
			p.log.End(first+i, &cuenta.Result{Code: failed.Code}, 0)
		}
	default:
		p.tally.unknown.Add(int64(n))
		p.expected(failed)
		for i := range n {
			p.open = append(p.open, doubt{question{first + i, life}, failed.Identity})
		}
		if n > 1 { // what became of each of several, an Outcome does not tell
			for i := len(p.open) - n; i < len(p.open); i++ {
				p.open[i].id = client.Identity{}
			}
		}
	}
}

// expected reports a refusal that nothing here can have caused.
func (p *patient) expected(failed *client.Error) {
	switch failed.Code {
	case cuenta.Overflow, cuenta.Limited, cuenta.Past, cuenta.NoHold, cuenta.Unknown, cuenta.Canceled, cuenta.Busy, cuenta.Full, cuenta.Stopping:
		return
	}
	p.round.wrong(fmt.Sprintf("%s: %v", p.name, failed))
}

// resolve asks what became of the changes in doubt whose server is dead: no copy of
// them is on its way any more. At the end of all nobody can be asked.
func (p *patient) resolve(ctx context.Context, end bool) {
	life := p.round.life.Load()
	kept := p.open[:0]
	for _, d := range p.open {
		switch {
		case d.life >= life:
			kept = append(kept, d)
		case end || !p.asks || d.id == (client.Identity{}) || !p.ask(ctx, d):
			p.log.Lost(d.index)
		}
	}
	p.open = kept
}

// ask settles a doubt by Outcome, if that knows.
func (p *patient) ask(ctx context.Context, d doubt) bool {
	r, err := p.c.Outcome(ctx, d.id)
	failed, _ := errors.AsType[*client.Error](err)
	switch {
	case err == nil:
		told := history.WithValue
		if p.told {
			told |= history.WithRevision
		}
		p.log.End(d.index, &cuenta.Result{Value: r.Value, Revision: r.Revision}, told)
	case failed != nil && failed.Code == cuenta.Absent:
		p.log.End(d.index, &cuenta.Result{Code: cuenta.Canceled}, 0)
	case failed != nil && failed.Code == cuenta.Overflow:
		p.log.End(d.index, &cuenta.Result{Code: cuenta.Overflow}, 0)
	default:
		return false
	}
	return true
}
