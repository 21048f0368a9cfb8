package rpc

import (
	"github.com/cuenta-server/cuenta"
)

var (
	errAmount   = &cuenta.Error{Code: cuenta.Syntax, Text: "the amount is 0 or more"}
	errTransfer = &cuenta.Error{Code: cuenta.Syntax, Text: "a transfer moves 1 or more from one counter to another one"}
)

// Ingresar pays into the default counter; 0 reads it.
func (m *methods) Ingresar(n int64, value *int64) error {
	if n < 0 {
		return errAmount
	}
	return m.Inc(n, value)
}

// Retirar pays out of the default counter what there is; 0 reads it.
func (m *methods) Retirar(n int64, value *int64) error {
	if n <= 0 {
		return m.Ingresar(n, value)
	}
	result := m.do(cuenta.Request{Op: cuenta.Add, N: -n, Terms: &cuenta.Terms{Floor: cuenta.Bound{Set: true}}})
	*value = result.Value
	return result.Err()
}

// Balance reads the default counter.
func (m *methods) Balance(_ int64, value *int64) error { return m.Get(0, value) }

// Transferir moves an amount from one counter to another.
func (m *methods) Transferir(r cuenta.RPCTransfer, reply *cuenta.RPCReply) error {
	floor := r.Floor
	if !floor.Set {
		floor = cuenta.Bound{Set: true}
	}
	from, to := []byte(nameOf(r.From)), []byte(nameOf(r.To))
	id := identity(r.Identity, r.Session, r.Number, r.Lowest)
	switch {
	case !cuenta.ValidName(from) || !cuenta.ValidName(to):
		return errName
	case !id.Valid():
		return errIdentity
	case r.N < 1 || string(from) == string(to):
		return errTransfer
	}
	// Of an all-or-none that is repeated, the value of the first is remembered if it
	// is a read.
	results := m.doAll(
		cuenta.Request{Op: cuenta.All, Span: 3, Identity: id, Client: m.client},
		cuenta.Request{Op: cuenta.Get, Counter: from},
		cuenta.Request{Op: cuenta.Add, N: -r.N, Counter: from, Terms: &cuenta.Terms{Floor: floor}},
		cuenta.Request{Op: cuenta.Add, N: r.N, Counter: to})
	all := results[0]
	if all.Code != cuenta.OK {
		return refusalOf(results)
	}
	*reply = cuenta.RPCReply{Value: all.Value - r.N, Replayed: all.Replayed}
	if all.Revision > 0 {
		reply.Revision = all.Revision + 1
	}
	return nil
}

func nameOf(counter string) string {
	if counter == "" {
		return cuenta.DefaultCounter
	}
	return counter
}

// refusalOf returns why an all-or-none was given up.
func refusalOf(results []cuenta.Result) error {
	for i := range results {
		if code := results[i].Code; code != cuenta.OK && code != cuenta.Aborted {
			return results[i].Err()
		}
	}
	return results[0].Err()
}
