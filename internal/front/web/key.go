package web

import (
	"net/http"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/wire/idempotency"
)

// replayedHeader marks the answer to an earlier request with the same key.
const replayedHeader = "Idempotency-Replayed"

const (
	badKey    = "the Idempotency-Key is given once: 1 to 128 visible ASCII bytes, in quotes or bare"
	otherKeys = "the Idempotency-Key and the id= of the command are two different keys"
)

// identify gives a request the key of its header and the number of the host that
// has sent it. It returns what is wrong with them, if anything is.
func identify(request *cuenta.Request, r *http.Request) (wrong string) {
	key, err := idempotency.Parse(r.Header[idempotency.Header])
	switch given := string(request.Identity.Key); {
	case err != nil:
		return badKey
	case key == "":
	case given != "" && given != key:
		return otherKeys
	default:
		request.Identity.Key = []byte(key)
	}
	request.Client = cuenta.ClientAt(r.RemoteAddr)
	return ""
}
