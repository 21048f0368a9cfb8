package api

import (
	"context"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

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
