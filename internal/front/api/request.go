package api

import (
	"context"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

// requestOf returns the request that an operation is, and the identity that it
// was given.
func requestOf(operation *cuentav1.Operation) (request cuenta.Request, given *cuentav1.Identity, refused *refusal) {
	var counter string
	var condition cuentav1.Condition
	switch o := operation.GetOperation().(type) {
	case *cuentav1.Operation_Add:
		request.Op, request.N = cuenta.Add, 1
		if o.Add.Amount != nil {
			request.N = *o.Add.Amount
		}
		counter, condition, given = o.Add.GetCounter(), o.Add.GetCondition(), o.Add.GetIdentity()
	case *cuentav1.Operation_Reset_:
		request.Op = cuenta.Reset
		counter, condition, given = o.Reset_.GetCounter(), o.Reset_.GetCondition(), o.Reset_.GetIdentity()
	case *cuentav1.Operation_Set:
		if o.Set.Value == nil {
			return request, nil, refuse(cuenta.Syntax, "to what to set is not said: the value is missing")
		}
		request.Op, request.N = cuenta.Set, *o.Set.Value
		counter, condition, given = o.Set.GetCounter(), o.Set.GetCondition(), o.Set.GetIdentity()
	case *cuentav1.Operation_Delete:
		request.Op = cuenta.Delete
		counter, given = o.Delete.GetCounter(), o.Delete.GetIdentity()
	case *cuentav1.Operation_Get:
		request.Op = cuenta.Get
		counter = o.Get.GetCounter()
	default:
		return request, nil, refuse(cuenta.Syntax, "what to do is not said")
	}
	if request.If, refused = conditionOf(condition); refused != nil {
		return request, nil, refused
	}
	request.Counter = []byte(counter)
	if counter != "" && !cuenta.ValidName(request.Counter) {
		return request, nil, refuse(cuenta.Syntax, "a counter's name has 1 to %d bytes of UTF-8 without spaces and control characters", cuenta.MaxName)
	}
	return request, given, nil
}

func conditionOf(c cuentav1.Condition) (cuenta.Condition, *refusal) {
	switch c {
	case cuentav1.Condition_CONDITION_UNSPECIFIED:
		return cuenta.Always, nil
	case cuentav1.Condition_CONDITION_IF_ABSENT:
		return cuenta.IfAbsent, nil
	case cuentav1.Condition_CONDITION_IF_PRESENT:
		return cuenta.IfPresent, nil
	}
	return cuenta.Always, refuse(cuenta.Unsupported, "the condition %d is not known", c)
}

// identify gives a change the identity of its message or of the header
// Idempotency-Key.
func identify(ctx context.Context, request *cuenta.Request, given *cuentav1.Identity) error {
	from := callerOf(ctx)
	switch {
	case from.badKey != nil:
		return from.badKey
	case from.key != "" && given != nil:
		return refuse(cuenta.Syntax, "an identity in the message and an Idempotency-Key beside it")
	case from.key != "":
		request.Identity = cuenta.Identity{Key: []byte(from.key)}
	case given != nil:
		id, refused := identityOf(given)
		if refused != nil {
			return refused
		}
		request.Identity = id
	}
	return nil
}

// identityOf reads an identity. One that is there and empty is a mistake, which
// would count twice if it were taken for none.
func identityOf(given *cuentav1.Identity) (cuenta.Identity, *refusal) {
	id := cuenta.Identity{Number: given.GetNumber(), Lowest: given.GetLowest()}
	if key := given.GetKey(); key != "" {
		id.Key = []byte(key)
	}
	if session := given.GetSession(); session != "" {
		var ok bool
		if id.Session, ok = cuenta.ParseSession([]byte(session)); !ok {
			return id, refuse(cuenta.Syntax, "a session is 16 hexadecimal digits")
		}
	}
	switch {
	case !id.Given():
		return id, refuse(cuenta.Syntax, "the identity is empty")
	case len(id.Key) > 0 && !cuenta.ValidKey(id.Key):
		return id, refuse(cuenta.Syntax, "a key has 1 to %d visible ASCII bytes", cuenta.MaxKey)
	case !id.Valid():
		return id, refuse(cuenta.Syntax, "an identity is a key, or a session with a number from 1 and a lowest that is not above it")
	}
	return id, nil
}
