package rpc

import (
	"cmp"

	"github.com/cuenta-server/cuenta"
)

// Tomar takes from what a rate allows.
func (m *methods) Tomar(r cuenta.RPCTake, reply *cuenta.RPCReply) error {
	return m.Apply(cuenta.RPCRequest{
		Op: "take", Counter: r.Counter, N: r.N, Terms: &cuenta.Terms{Rate: r.Rate},
		Identity: r.Identity, Session: r.Session, Number: r.Number, Lowest: r.Lowest,
	}, reply)
}

// GetTicket gives an ident its numbers.
func (m *methods) GetTicket(r cuenta.RPCTicket, reply *cuenta.RPCReply) error {
	return m.Apply(cuenta.RPCRequest{
		Op: "ticket", Counter: r.Counter, N: cmp.Or(r.N, 1), Terms: &cuenta.Terms{Ident: []byte(r.Ident)},
		Identity: r.Identity, Session: r.Session, Number: r.Number, Lowest: r.Lowest,
	}, reply)
}

// IsValid tells whether a number was given out since the last ResetTickets.
func (m *methods) IsValid(r cuenta.RPCNumber, valid *bool) error {
	var reply cuenta.RPCReply
	err := m.Apply(cuenta.RPCRequest{Op: "get", Counter: r.Counter}, &reply)
	*valid = 1 <= r.Number && r.Number <= reply.Value
	return err
}

// ResetTickets begins the numbers of a counter anew and forgets its idents, both or
// neither.
func (m *methods) ResetTickets(r cuenta.RPCTicket, reply *cuenta.RPCReply) error {
	name := []byte(nameOf(r.Counter))
	span := cuenta.Renumber(name)
	id := identity(r.Identity, r.Session, r.Number, r.Lowest)
	switch {
	case !cuenta.ValidName(name) || !cuenta.ValidName(span[1].Counter):
		return errName
	case !id.Valid():
		return errIdentity
	}
	results := m.doAll(
		cuenta.Request{Op: cuenta.All, Span: 2, Identity: id, Client: m.client}, span[0], span[1])
	if results[0].Code != cuenta.OK {
		return refusalOf(results)
	}
	*reply = cuenta.RPCReply{Revision: results[1].Revision, Replayed: results[0].Replayed}
	return nil
}

// Apartar holds a part of a counter's limit back.
func (m *methods) Apartar(r cuenta.RPCHold, reply *cuenta.RPCReply) error {
	return m.onHold("hold", r, cuenta.Terms{Expiry: r.Expiry}, reply)
}

// Liquidar ends a hold and adds what was used of it.
func (m *methods) Liquidar(r cuenta.RPCHold, reply *cuenta.RPCReply) error {
	return m.onHold("settle", r, cuenta.Terms{Hold: r.Hold, Clamp: r.Clamp}, reply)
}

// Soltar ends a hold.
func (m *methods) Soltar(r cuenta.RPCHold, reply *cuenta.RPCReply) error {
	return m.onHold("release", r, cuenta.Terms{Hold: r.Hold}, reply)
}

// Extender gives a hold another end.
func (m *methods) Extender(r cuenta.RPCHold, reply *cuenta.RPCReply) error {
	return m.onHold("extend", r, cuenta.Terms{Hold: r.Hold, Expiry: r.Expiry}, reply)
}

func (m *methods) onHold(op string, r cuenta.RPCHold, terms cuenta.Terms, reply *cuenta.RPCReply) error {
	return m.Apply(cuenta.RPCRequest{
		Op: op, Counter: r.Counter, N: r.N, Terms: &terms,
		Identity: r.Identity, Session: r.Session, Number: r.Number, Lowest: r.Lowest,
	}, reply)
}
