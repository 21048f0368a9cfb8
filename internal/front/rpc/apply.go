package rpc

import (
	"math"

	"github.com/cuenta-server/cuenta"
)

var (
	errIf    = &cuenta.Error{Code: cuenta.Syntax, Text: `the condition is empty, "absent", "present", "value" or "revision"`}
	errTerms = &cuenta.Error{Code: cuenta.Syntax, Text: "this operation, or this condition, needs terms"}
	errSpan  = &cuenta.Error{Code: cuenta.Syntax, Text: "the floor is above the ceiling"}
	errTime  = &cuenta.Error{Code: cuenta.Syntax, Text: "an expiry has a kind, a condition, and a time of at least 1 ns"}
	errHolds = &cuenta.Error{Code: cuenta.Syntax, Text: "0 to 1000 holds are told at once"}
	errRate  = &cuenta.Error{Code: cuenta.Syntax, Text: "a rate has a kind of 1 to 3, a limit from 1 and a period of 1 ms to 100 years; a burst is of kind 3; what is taken is 0 or more"}
	errIdent = &cuenta.Error{Code: cuenta.Syntax, Text: "a ticket is for an ident of 1 to 128 bytes that a counter may be named by, and for 1 number or more"}
	errHold  = &cuenta.Error{Code: cuenta.Syntax, Text: "a hold is of an amount other than 0"}
	errEnd   = &cuenta.Error{Code: cuenta.Syntax, Text: "a hold has an end: a kind of 2 or 3, and a time of at least 1 ns"}
	errNoID  = &cuenta.Error{Code: cuenta.Syntax, Text: "the id of the hold is missing"}
)

// operations are what Apply does.
var operations = map[string]cuenta.Op{
	"get": cuenta.Get, "add": cuenta.Add, "reset": cuenta.Reset, "set": cuenta.Set, "delete": cuenta.Delete,
	"limit": cuenta.Limit, "expire": cuenta.Expire, "describe": cuenta.Describe, "take": cuenta.Take, "ticket": cuenta.Ticket,
	"hold": cuenta.Hold, "settle": cuenta.Settle, "release": cuenta.Release, "extend": cuenta.Extend,
}

// maxHolds is the most holds that one call tells.
const maxHolds = 1000

var conditions = map[string]cuenta.Condition{
	"": cuenta.Always, "absent": cuenta.IfAbsent, "present": cuenta.IfPresent, "value": cuenta.IfValue, "revision": cuenta.IfRevision,
}

// Apply applies one request to any counter.
func (m *methods) Apply(r cuenta.RPCRequest, reply *cuenta.RPCReply) error {
	op, known := operations[r.Op]
	if !known {
		return errOp
	}
	condition, known := conditions[r.If]
	if !known {
		return errIf
	}
	request := cuenta.Request{
		Op: op, Counter: []byte(r.Counter), N: r.N, If: condition, Terms: r.Terms,
		Identity: identity(r.Identity, r.Session, r.Number, r.Lowest), Client: m.client,
	}
	if op == cuenta.Describe {
		if r.Holds < 0 || r.Holds > maxHolds {
			return errHolds
		}
		request.Terms = &cuenta.Terms{Holds: make([]cuenta.Held, 0, r.Holds)}
		if r.Terms != nil {
			request.Terms.Hold = r.Terms.Hold
		}
	}
	if err := check(&request); err != nil {
		return err
	}
	return m.reply(request, reply)
}

// check says what is wrong with a request, where the service would only say that
// something is.
func check(r *cuenta.Request) error {
	needsTerms := r.Op >= cuenta.Limit || r.If == cuenta.IfValue || r.If == cuenta.IfRevision
	switch {
	case len(r.Counter) > 0 && !cuenta.ValidName(r.Counter):
		return errName
	case !r.Identity.Valid():
		return errIdentity
	case r.Terms == nil && needsTerms:
		return errTerms
	case r.Terms == nil:
		return nil
	case r.Op == cuenta.Expire && r.Terms.Expiry.Kind == cuenta.KeepExpiry:
		return errTime
	case !r.Terms.Valid():
		if t := r.Terms; t.Floor.Set && t.Ceiling.Set && t.Floor.At > t.Ceiling.At {
			return errSpan
		}
		return errTime
	}
	return checkRarity(r)
}

// checkRarity is check for what is about rates, tickets and holds.
func checkRarity(r *cuenta.Request) error {
	t := r.Terms
	switch r.Op {
	case cuenta.Take:
		if !t.Rate.Valid() || r.N < 0 {
			return errRate
		}
	case cuenta.Ticket:
		if len(t.Ident) > cuenta.MaxKey || !cuenta.ValidName(t.Ident) || r.N < 1 {
			return errIdent
		}
	case cuenta.Hold:
		if r.N == 0 || r.N == math.MinInt64 {
			return errHold
		}
	case cuenta.Settle, cuenta.Release, cuenta.Extend:
		if t.Hold == 0 {
			return errNoID
		}
	}
	if (r.Op == cuenta.Hold || r.Op == cuenta.Extend) && (t.Expiry.Kind < cuenta.ExpireAt || t.Expiry.Lapse) {
		return errEnd
	}
	return nil
}

// Limitar gives a counter limits of its own.
func (m *methods) Limitar(r cuenta.RPCLimits, reply *cuenta.RPCReply) error {
	return m.Apply(cuenta.RPCRequest{
		Op: "limit", Counter: r.Counter, Terms: &cuenta.Terms{Floor: r.Floor, Ceiling: r.Ceiling, Total: r.Total},
		Identity: r.Identity, Session: r.Session, Number: r.Number, Lowest: r.Lowest,
	}, reply)
}

// Expirar gives a counter an end.
func (m *methods) Expirar(r cuenta.RPCExpiry, reply *cuenta.RPCReply) error {
	return m.Apply(cuenta.RPCRequest{
		Op: "expire", Counter: r.Counter, Terms: &cuenta.Terms{Expiry: r.Expiry},
		Identity: r.Identity, Session: r.Session, Number: r.Number, Lowest: r.Lowest,
	}, reply)
}

// Describir tells a counter's value and terms, and its holds if asked to.
func (m *methods) Describir(r cuenta.RPCRequest, reply *cuenta.RPCReply) error {
	return m.Apply(cuenta.RPCRequest{Op: "describe", Counter: r.Counter, Terms: r.Terms, Holds: r.Holds}, reply)
}

func identity(key string, session, number, lowest uint64) cuenta.Identity {
	return cuenta.Identity{Key: []byte(key), Session: session, Number: number, Lowest: lowest}
}

func (m *methods) reply(r cuenta.Request, reply *cuenta.RPCReply) error {
	result := m.do(r)
	*reply = cuenta.RPCReply{Value: result.Value, Revision: result.Revision, Replayed: result.Replayed, Amount: result.Amount}
	if r.Op == cuenta.Describe {
		reply.Terms = r.Terms
	}
	return result.Err()
}
