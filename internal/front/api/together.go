package api

import (
	"context"
	"fmt"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

// Calls that change two counters together, or none: each is an atomic batch.

// Transfer implements the service.
func (c *calls) Transfer(ctx context.Context, m *cuentav1.TransferRequest) (*cuentav1.TransferResponse, error) {
	take, give, refused := transferOf(m)
	if refused != nil {
		return nil, refused
	}
	// Of a repeat only the whole is remembered, and that is what the first has read.
	read := cuenta.Request{Op: cuenta.Get, Counter: take.Counter}
	results, err := c.together(ctx, m.GetIdentity(), read, take, give)
	if err != nil {
		return nil, err
	}
	response := &cuentav1.TransferResponse{Replayed: results[0].Replayed}
	if response.Replayed {
		response.From = &cuentav1.Answer{Value: results[0].Value - m.GetAmount(), Replayed: true}
	} else {
		response.From, response.To = answerOf(&take, &results[2]), answerOf(&give, &results[3])
	}
	return response, nil
}

func transferOf(m *cuentav1.TransferRequest) (take, give cuenta.Request, refused *refusal) {
	switch {
	case m.GetFrom() == "" || m.GetTo() == "":
		return take, give, refuse(cuenta.Syntax, "a transfer names both counters, from and to")
	case m.GetFrom() == m.GetTo():
		return take, give, refuse(cuenta.Syntax, "a transfer is between two counters")
	case m.GetAmount() < 1:
		return take, give, refuse(cuenta.Syntax, "the amount of a transfer is at least 1")
	}
	floor := cuenta.Bound{Set: true, At: m.GetFloor()}
	take = cuenta.Request{Op: cuenta.Add, N: -m.GetAmount(), Terms: &cuenta.Terms{Floor: floor}}
	give = cuenta.Request{Op: cuenta.Add, N: m.GetAmount()}
	if m.Ceiling != nil {
		give.Terms = &cuenta.Terms{Ceiling: cuenta.Bound{Set: true, At: *m.Ceiling}}
	}
	if take.Counter, refused = nameOf(m.GetFrom()); refused == nil {
		give.Counter, refused = nameOf(m.GetTo())
	}
	return take, give, refused
}

// ResetTickets implements the service.
func (c *calls) ResetTickets(ctx context.Context, m *cuentav1.ResetTicketsRequest) (*cuentav1.ResetTicketsResponse, error) {
	name, refused := nameOf(m.GetCounter())
	if refused != nil {
		return nil, refused
	}
	span := cuenta.Renumber(name)
	if len(span[1].Counter) > cuenta.MaxName {
		return nil, refuse(cuenta.TooLarge, "the counter's name is too long for tickets")
	}
	results, err := c.together(ctx, m.GetIdentity(), span[:]...)
	if err != nil {
		return nil, err
	}
	return &cuentav1.ResetTicketsResponse{Replayed: results[0].Replayed}, nil
}

// together carries out all of the requests or none, and returns the result of the
// whole and those of each. If one is refused, the refusal is that one's.
func (c *calls) together(ctx context.Context, given *cuentav1.Identity, each ...cuenta.Request) ([]cuenta.Result, error) {
	all := cuenta.Request{Op: cuenta.All, Span: uint16(len(each))}
	if err := identify(ctx, &all, given); err != nil {
		return nil, err
	}
	results := c.do(ctx, append([]cuenta.Request{all}, each...)...)
	switch whole := &results[0]; {
	case whole.Code == cuenta.OK:
		return results, nil
	case whole.Code != cuenta.Aborted:
		return nil, refusedResult(nil, whole)
	}
	for i := range each {
		result := &results[1+i]
		if result.Code == cuenta.Aborted {
			continue
		}
		refused := refusedResult(&each[i], result)
		counter := string(each[i].Counter)
		refused.info.Counter = &counter
		refused.info.Text = fmt.Sprintf("%s: %s", counter, refused.info.Text)
		return nil, refused
	}
	return nil, refusedResult(nil, &results[0])
}
