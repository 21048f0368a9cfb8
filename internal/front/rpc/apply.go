package rpc

import (
	"github.com/cuenta-server/cuenta"
)

var (
	errIf    = &cuenta.Error{Code: cuenta.Syntax, Text: `the condition is empty, "absent", "present", "value" or "revision"`}
	errTerms = &cuenta.Error{Code: cuenta.Syntax, Text: "terms are needed to limit and to expire, and an expected value or revision for that condition"}
	errSpan  = &cuenta.Error{Code: cuenta.Syntax, Text: "the floor is above the ceiling"}
	errTime  = &cuenta.Error{Code: cuenta.Syntax, Text: "an expiry has a kind, a condition, and a time of at least 1 ns"}
)

// operations are what Apply does.
var operations = map[string]cuenta.Op{
	"get": cuenta.Get, "add": cuenta.Add, "reset": cuenta.Reset, "set": cuenta.Set, "delete": cuenta.Delete,
	"limit": cuenta.Limit, "expire": cuenta.Expire, "describe": cuenta.Describe,
}

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
		request.Terms = new(cuenta.Terms)
	}
	if err := check(&request); err != nil {
		return err
	}
	return m.reply(request, reply)
}

// check says what is wrong with a request, where the service would only say that
// something is.
func check(r *cuenta.Request) error {
	needsTerms := r.Op == cuenta.Limit || r.Op == cuenta.Expire || r.If == cuenta.IfValue || r.If == cuenta.IfRevision
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
	return nil
}

// Limitar gives a counter limits of its own.
func (m *methods) Limitar(r cuenta.RPCLimits, reply *cuenta.RPCReply) error {
	return m.Apply(cuenta.RPCRequest{
		Op: "limit", Counter: r.Counter, Terms: &cuenta.Terms{Floor: r.Floor, Ceiling: r.Ceiling},
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

// Describir tells a counter's value and terms.
func (m *methods) Describir(r cuenta.RPCRequest, reply *cuenta.RPCReply) error {
	return m.Apply(cuenta.RPCRequest{Op: "describe", Counter: r.Counter}, reply)
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
