package client

import (
	"context"
	"errors"
	"slices"

	"github.com/cuenta-server/cuenta"
)

// Transferred is both counters after a transfer. Over redis:// and udp:// To is not
// told, nor over any way in where only the transfer as a whole is remembered.
type Transferred struct {
	From, To Result
}

// Transfer takes amount from one counter and gives it to another, both or neither.
// Where it is taken, no less than 0 may be left unless the option [Floor] says
// otherwise: Floor(math.MinInt64) for no such limit. If it is refused, [Error.Counter]
// is the counter that could not be changed, where the way in tells.
func (c *Client) Transfer(ctx context.Context, from, to string, amount int64, options ...Option) (Transferred, error) {
	return Counter{c: c}.transfer(ctx, from, to, amount, options)
}

// Transfer is [Client.Transfer] out of this counter. With [Counter.Once] it has a key
// of its own; a repeat then says only what is left where it was taken from.
func (n Counter) Transfer(ctx context.Context, to string, amount int64, options ...Option) (Transferred, error) {
	return n.transfer(ctx, n.name, to, amount, options)
}

func (n Counter) transfer(ctx context.Context, from, to string, amount int64, options []Option) (Transferred, error) {
	take := cuenta.Request{Op: cuenta.Add, Counter: []byte(from), N: -amount, Terms: new(cuenta.Terms)}
	give := cuenta.Request{Op: cuenta.Add, Counter: []byte(to), N: amount}
	Floor(0)(&take)
	for _, option := range options {
		option(&take)
	}
	if ceiling := take.Terms.Ceiling; ceiling.Set {
		take.Terms.Ceiling = cuenta.Bound{}
		Ceiling(ceiling.At)(&give)
	}
	// What is remembered of the whole is what its first request has read.
	read := cuenta.Request{Op: cuenta.Get, Counter: take.Counter}
	u := newUnit(cuenta.Request{Op: cuenta.All, Span: 3}, read, take, give)
	if n.key != "" || n.c.whole {
		u.asOne(n.key)
	}
	if amount < 1 || from == to {
		u.unanswered(&cuenta.Error{Code: cuenta.Syntax, Text: "a transfer is of at least 1, between two counters"})
	}
	n.c.run(ctx, u)
	if e, failed := errors.AsType[*Error](u.err); failed {
		e.Item = max(-1, e.Item-1) // what was read first is no operation of the caller's
		return Transferred{}, e
	}
	if whole := u.results[0]; whole.Replayed && len(u.bearers) == 1 {
		return Transferred{From: Result{Value: whole.Value - amount, Replayed: true}}, nil
	}
	return Transferred{From: u.resultAt(2), To: u.resultAt(3)}, nil
}

// isTransfer reports whether the requests are those of [Client.Transfer], without a
// ceiling.
func isTransfer(requests []cuenta.Request) bool {
	if len(requests) != 4 || requests[0].Op != cuenta.All || requests[1].Op != cuenta.Get {
		return false
	}
	take, give := requests[2], requests[3]
	if take.Op != cuenta.Add || give.Op != cuenta.Add || take.N != -give.N || give.N < 1 || take.Terms == nil || give.Terms != nil ||
		take.If != cuenta.Always || give.If != cuenta.Always || take.Identity.Given() || give.Identity.Given() {
		return false
	}
	said := take.Fingerprint()
	take.Terms = &cuenta.Terms{Floor: take.Terms.Floor}
	return take.Terms.Floor.Set && take.Fingerprint() == said && string(requests[1].Counter) == string(take.Counter)
}

// transferResults are the results of a transfer's requests, where the way in answers
// with one: the value that the counter taken from has now, or the refusal.
func transferResults(answer cuenta.Result, requests []cuenta.Request) []cuenta.Result {
	if answer.Code != cuenta.OK {
		return slices.Repeat([]cuenta.Result{answer}, len(requests))
	}
	before := cuenta.Result{Value: answer.Value - requests[2].N}
	return []cuenta.Result{before, before, answer, {}}
}
