package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/cuenta-server/cuenta"
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
	c.key, c.badKey = idempotencyKey(r.Header.Values("Idempotency-Key"))
	return context.WithValue(r.Context(), callerKey{}, c)
}

func callerOf(ctx context.Context) *caller {
	c, ok := ctx.Value(callerKey{}).(*caller)
	if !ok {
		panic("api: a call without a caller")
	}
	return c
}

// idempotencyKey reads the header Idempotency-Key: a key as it is, or as a
// structured-field string in quotes (RFC 9651, section 3.3.3).
func idempotencyKey(values []string) (string, *refusal) {
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 {
		return "", refuse(cuenta.Syntax, "more than one Idempotency-Key")
	}
	key := strings.Trim(values[0], " \t")
	if strings.HasPrefix(key, `"`) {
		var ok bool
		if key, ok = unquote(key); !ok {
			return "", refuse(cuenta.Syntax, "the Idempotency-Key begins with a quote and is no structured-field string")
		}
	}
	if !cuenta.ValidKey([]byte(key)) {
		return "", refuse(cuenta.Syntax, "an Idempotency-Key has 1 to %d visible ASCII bytes", cuenta.MaxKey)
	}
	return key, nil
}

// unquote reads a structured-field string, in which a backslash stands before
// quotes and backslashes and nowhere else.
func unquote(s string) (string, bool) {
	var text strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return text.String(), i == len(s)-1
		case '\\':
			if i++; i == len(s) || s[i] != '"' && s[i] != '\\' {
				return "", false
			}
		}
		text.WriteByte(s[i])
	}
	return "", false
}
