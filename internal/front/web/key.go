package web

import (
	"net/http"
	"strings"

	"github.com/cuenta-server/cuenta"
)

// keyHeader carries an idempotency key, as in the IETF draft
// draft-ietf-httpapi-idempotency-key-header, and replayedHeader marks the answer
// to an earlier request with the same one.
const (
	keyHeader      = "Idempotency-Key"
	replayedHeader = "Idempotency-Replayed"
)

const (
	badKey    = "the Idempotency-Key is given once: 1 to 128 visible ASCII bytes, in quotes or bare"
	otherKeys = "the Idempotency-Key and the id= of the command are two different keys"
)

// identify gives a request the key of its header and the number of the host that
// has sent it. It returns what is wrong with them, if anything is.
func identify(request *cuenta.Request, r *http.Request) (wrong string) {
	if values := r.Header[keyHeader]; len(values) > 0 {
		key, ok := parseKey(values[0])
		switch given := string(request.Identity.Key); {
		case !ok || len(values) > 1:
			return badKey
		case given != "" && given != key:
			return otherKeys
		}
		request.Identity.Key = []byte(key)
	}
	request.Client = cuenta.ClientAt(r.RemoteAddr)
	return ""
}

// parseKey reads the value of the header. The draft has a String of RFC 8941,
// which stands in quotes; it is accepted bare too, as clients older than the
// draft send it. No parameters are defined, so none are accepted.
func parseKey(value string) (key string, ok bool) {
	key = value
	if inner, quoted := strings.CutPrefix(value, `"`); quoted {
		if key, ok = unquote(inner); !ok {
			return "", false
		}
	}
	return key, cuenta.ValidKey([]byte(key))
}

// unquote reads a String of RFC 8941 behind its first quote: a backslash stands
// before quotes and backslashes, and the last byte is the quote that ends it.
func unquote(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), i == len(s)-1
		case '\\':
			if i++; i == len(s) || s[i] != '"' && s[i] != '\\' {
				return "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", false
}
