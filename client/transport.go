package client

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/cuenta-server/cuenta"
)

// transport carries requests to the server and answers back, once: identities and
// repeats are not its business. It connects by itself, when it is first used and
// whenever a connection has ended. It is safe for concurrent use.
type transport interface {
	// do has the requests carried out in their order and returns a result for
	// each. The end of ctx ends the wait. An error says that there is no answer,
	// and so that the requests may have been carried out; unless it is an
	// [unsent], or a [cuenta.Error] for what this way in cannot carry, which is
	// found out before anything is sent. What requests point to is not used after
	// do has returned.
	do(ctx context.Context, requests []cuenta.Request) ([]cuenta.Result, error)

	// close gives everything back. Nothing is under way any more.
	close()
}

// unsent is the error of an attempt that has sent nothing.
type unsent struct{ error }

func (u unsent) Unwrap() error { return u.error }

// refusal is the result that tells a code, where the protocol tells no more than a
// sentence: which end of int64 an addition would have passed is plain from its amount,
// and a limit is in the sentence.
func refusal(code cuenta.Code, text []byte, amount int64) cuenta.Result {
	r := cuenta.Result{Code: code}
	switch code {
	case cuenta.Overflow:
		r.Value = math.MaxInt64
		if amount < 0 {
			r.Value = math.MinInt64
		}
	case cuenta.Limited:
		r.Value = notTold
		if parts := limitText.FindSubmatch(text); parts != nil {
			r.Value, r.Amount = number(parts[1]), math.MinInt64
			if len(parts[2]) > 0 {
				r.Amount = number(parts[2])
			}
			r.Level = uint8(number(parts[3]))
		}
	case cuenta.Throttled:
		r.Value, r.Amount = untold, retryIn(text)
	}
	return r
}

// notTold stands for a limit that the way in does not tell. It is none: what would pass
// the end of int64 is an overflow.
const notTold = math.MinInt64

// limitText are the sentences of [cuenta.Result.Text] that tell a limit: with the room
// to it, and without where that would be too long. The Redis protocol adds whose it is.
var limitText = regexp.MustCompile(`the (?:limit|counter would pass) (-?\d{1,19})(?: leaves room for (-?\d{1,19}))?(?:, levels above: (\d{1,2}))?$`)

// number reads digits, none as 0; what int64 does not hold is its end.
func number(digits []byte) int64 {
	n, _ := strconv.ParseInt(string(digits), 10, 64) // which returns that end with its error
	return n
}

// scheme is a kind of address.
type scheme struct {
	port  string // used where the address has none; empty for a path instead of a host
	keyed bool   // changes are told apart by keys, because there are no sessions
	whole bool   // a transfer is one command, with one identity
	dial  func(address string) (transport, error)
}

var schemes = map[string]scheme{
	"cuenta": {port: "1234", dial: newAPI},
	"redis":  {port: "6380", dial: newRedis, whole: true},
	"shm":    {dial: newRings},
	"udp":    {port: "2002", dial: newUDP, keyed: true, whole: true},
}

// parse reads an address into its scheme and what the scheme dials.
func parse(address string) (scheme, string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return scheme{}, "", fmt.Errorf("client: %w", err)
	}
	s, known := schemes[strings.ToLower(u.Scheme)]
	wrong := func(why string) (scheme, string, error) {
		return scheme{}, "", fmt.Errorf("client: address %q %s", address, why)
	}
	switch {
	case !known:
		return wrong("must begin with cuenta://, redis://, udp:// or shm://")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "":
		return wrong("has more than a host and a port")
	case s.port == "" && (u.Host != "" || u.Path == ""):
		return wrong("must be a path, as in " + u.Scheme + ":///run/cuenta.sock")
	case s.port == "":
		return s, u.Path, nil
	case u.Hostname() == "" || strings.Trim(u.Path, "/") != "":
		return wrong("must be a host and a port, as in " + u.Scheme + "://localhost:" + s.port)
	case u.Port() == "":
		return s, net.JoinHostPort(u.Hostname(), s.port), nil
	}
	return s, u.Host, nil
}
