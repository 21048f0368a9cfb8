//go:build linux

package main

import (
	"context"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/client"
	"github.com/cuenta-server/cuenta/internal/history"
)

// beyond makes one call that is about more than counting. Where no revisions are told
// it is a rate or a ticket, of which the order need not be known.
func (p *patient) beyond(ctx context.Context) {
	r := p.draw.termed()
	for !p.sayable(&r) {
		r = p.draw.termed()
	}
	counter := p.c.Counter(string(r.Counter))
	terms := client.Option(func(to *cuenta.Request) {
		if r.Terms != nil {
			said := *r.Terms
			to.Terms = &said
		}
	})
	index := p.log.Begin(&r)
	switch r.Op {
	case cuenta.Take:
		p.take(ctx, counter, &r, index)
	case cuenta.Ticket:
		t, err := counter.Tickets(ctx, string(r.Terms.Ident), r.N)
		if err != nil {
			p.end(index, 1, nil, err)
			return
		}
		p.tally.answered.Add(1)
		answer, told := cuenta.Result{Value: t.Last, Amount: t.Last - t.First + 1}, history.WithValue
		if t.First != 0 {
			told |= history.WithAmount
		}
		p.log.End(index, &answer, told)
	case cuenta.Hold:
		h, err := counter.Hold(ctx, r.N, terms)
		if err == nil {
			p.draw.learn(&r, &cuenta.Result{Revision: h.ID})
		}
		p.end(index, 1, []client.Result{{Value: h.Value, Revision: h.ID}}, err)
	case cuenta.Settle:
		result, err := counter.Settle(ctx, r.Terms.Hold, r.N, terms)
		p.end(index, 1, []client.Result{result}, err)
	default:
		result, err := counter.Add(ctx, r.N, terms)
		p.end(index, 1, []client.Result{result}, err)
	}
}

// sayable reports whether the call tells enough to be judged.
func (p *patient) sayable(r *cuenta.Request) bool {
	switch r.Op {
	case cuenta.Take, cuenta.Ticket:
		return true
	case cuenta.Hold, cuenta.Settle, cuenta.Add:
		return p.told
	}
	return false
}

// take takes from a rate. That it does not allow it is no error.
func (p *patient) take(ctx context.Context, counter client.Counter, r *cuenta.Request, index int) {
	taken, err := counter.Take(ctx, r.Terms.Rate, r.N)
	if err != nil {
		p.end(index, 1, nil, err)
		return
	}
	p.tally.answered.Add(1)
	answer, told := cuenta.Result{Value: taken.Remaining}, history.Told(0)
	if taken.Remaining >= 0 {
		told = history.WithValue
	}
	if !taken.Allowed {
		answer.Code = cuenta.Throttled
	}
	p.log.End(index, &answer, told)
}
