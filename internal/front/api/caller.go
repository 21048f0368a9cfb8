package api

import (
	"context"
	"net/http"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/wire/idempotency"
)

// caller is what is known of a request besides its message.
type caller struct {
	origin cuenta.Origin
	client uint32 // see cuenta.Request.Client

	key    string   // of the header Idempotency-Key, empty for none
	badKey *refusal // why it cannot be read

	lasting context.Context // of answers that last as long as their client wants

	refused bool // the call was; an RPC may say so with status 200
}

type callerKey struct{}

// withCaller returns the request's context with its caller.
func withCaller(r *http.Request) context.Context {
	c := &caller{origin: cuenta.Origin{Front: cuenta.FrontWeb, Peer: r.RemoteAddr}, client: cuenta.ClientAt(r.RemoteAddr)}
	key, err := idempotency.Parse(r.Header.Values(idempotency.Header))
	if c.key = key; err != nil {
		c.badKey = refuse(cuenta.Syntax, "%s", err)
	}
	return context.WithValue(r.Context(), callerKey{}, c)
}

func callerOf(ctx context.Context) *caller {
	c, ok := ctx.Value(callerKey{}).(*caller)
	if !ok {
		panic("api: a call without a caller")
	}
	return c
}
