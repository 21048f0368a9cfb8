package resp

import (
	"fmt"
	"strings"

	"github.com/cuenta-server/cuenta"
)

const (
	errInteger  = "ERR value is not an integer or out of range"
	errOverflow = "ERR increment or decrement would overflow"
	errSyntax   = "ERR syntax error"
	errName     = "ERR invalid counter name: it must be 1 to 255 bytes of UTF-8 without spaces or control characters"
	errKeys     = "ERR too many keys: at most 4096 in one command"
	errKeysAll  = "ERR too many keys: at most 4095 in one MSET, or in one command with an identity"
	errReplies  = "ERR the replies of one transaction are over their bound"

	errKey       = "ERR invalid idempotency key: it must be 1 to 128 visible ASCII characters"
	errSession   = "ERR invalid session id: it must be 16 hexadecimal digits, as CUENTA.SESSION answers them"
	errNumber    = "ERR invalid request number: it must be from 1 to 18446744073709551615"
	errLowest    = "ERR invalid LOWEST: it must be from 1 to the request's own number"
	errNested    = "ERR a command cannot be given two identities"
	errNoCommand = "ERR a command must follow the identity"
	errProducer  = "ERR invalid IDMP: the producer and its number make an idempotency key together, of at most 128 visible ASCII characters"

	errBounds    = "ERR FLOOR is above CEILING"
	errWrongType = "WRONGTYPE Operation against a key holding the wrong kind of value"
	errRate      = "ERR invalid rate: the limit is at least 1 (SLIDING: at most 2147483647), PER is at least 1 ms and at most 100 years, and a BURST comes in as much"
	errIdent     = "ERR invalid ident: it must be 1 to 128 bytes of UTF-8 without spaces or control characters"
	errHold      = "ERR invalid hold id: it must be a number, as CUENTA.HOLD answers it"
)

// maxReplies is how much may be said in answer to one Decode before it is cut
// short. It bounds what many commands with long answers in one transaction cost.
const maxReplies = 4 << 20

// refusals is the one table of the service's codes. The first word tells clients
// what to do: they ask again by themselves after TRYAGAIN, which promises that
// nothing was changed. MISCONF is what Redis says when it cannot write its log,
// OOM when it may hold no more. UNKNOWN has no counterpart: the change may have
// survived, so to repeat it may count twice. Those of identities are words of
// their own; TOOOLD and NOSESSION cannot tell what became of the change.
var refusals = [cuenta.NumCodes]string{
	cuenta.OK:          "",
	cuenta.Syntax:      errName, // the one thing that a session leaves unread
	cuenta.TooLarge:    "ERR over a size limit: the command's, the name's, or that of the levels in a name",
	cuenta.Unsupported: "ERR understood, but not possible here",
	cuenta.Overflow:    errOverflow,
	cuenta.Unmet:       "ERR the condition does not hold",
	cuenta.Busy:        "TRYAGAIN the server is at its limit",
	cuenta.Full:        "MISCONF the disk is full, changes wait for room",
	cuenta.TooMany:     "OOM the table of counters is full",
	cuenta.Canceled:    "TRYAGAIN given up before it was applied",
	cuenta.Stopping:    "TRYAGAIN the server is stopping",
	cuenta.Failed:      "MISCONF the journal failed, restart the server",
	cuenta.Unknown:     "UNKNOWN the journal failed, the change may or may not survive",
	cuenta.Forbidden:   "NOPERM this sender may not ask that",
	cuenta.NotFound:    "ERR no service of that name",
	cuenta.Conflict:    "CONFLICT the identity was used for another operation",
	cuenta.TooOld:      "TOOOLD the identity is too old to be remembered, its fate is unknown",
	cuenta.TooNew:      "TOONEW the key's own time is more than a minute ahead",
	cuenta.NoSession:   "NOSESSION no such session: never granted, or ended; the fate of its requests is unknown",
	cuenta.Absent:      "ABSENT nothing was done under that identity",
	cuenta.Aborted:     "ERR another request of its batch was refused",
	cuenta.Limited:     "LIMIT the counter would pass its limit",
	cuenta.Past:        "PAST the time given is over already",
	cuenta.Throttled:   "THROTTLED more than the rate allows, try again later",
	cuenta.NoHold:      "NOHOLD no such hold: settled, released or over",
}

// told returns the error for a result: that for its code, with the figures where
// there are some.
func told(r *cuenta.Result) string {
	text := refusal(r.Code)
	if r.Code != cuenta.Limited && r.Code != cuenta.Throttled {
		return text
	}
	word, _, _ := strings.Cut(text, " ")
	text = word + " " + r.Text()
	if r.Level > 0 {
		text += fmt.Sprintf(", levels above: %d", r.Level)
	}
	return text
}

// refusal returns the error for a code.
func refusal(code cuenta.Code) string {
	if code >= cuenta.NumCodes {
		return "ERR invalid code"
	}
	return refusals[code]
}
