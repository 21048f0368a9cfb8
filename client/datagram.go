package client

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/text"
)

// The words of the text protocol, and its answers.

// unsayable is the refusal of what the text protocol has no words for. What adds
// 0 would read there, and change nothing.
var unsayable = &cuenta.Error{Code: cuenta.Unsupported, Text: "the text protocol cannot say that, use another way in"}

// datagram is the command for an operation, or for a run that one command stands for.
func datagram(requests []cuenta.Request) (command []byte, err error) {
	if len(requests) != 1 && !isTransfer(requests) && !isNewSeries(requests) {
		return nil, &cuenta.Error{Code: cuenta.Unsupported, Text: "a datagram takes one operation"}
	}
	said := false
	switch first := &requests[0]; first.Op {
	case cuenta.Describe: // would be answered with the time left, and no more
	case cuenta.Take, cuenta.Ticket, cuenta.Hold, cuenta.Settle, cuenta.Release, cuenta.Extend:
		command, said = rareCommand(first)
	default:
		command, said = wire.AppendLine(nil, requests)
	}
	if !said {
		return nil, unsayable
	}
	return command, nil
}

// rareCommand is the command for what is about rates, tickets and holds. It reports
// false where the server would read another request from it.
func rareCommand(r *cuenta.Request) (command []byte, said bool) {
	t := r.Terms
	option := func(name string, n int64) string { return " " + name + "=" + decimal(n) }
	hold, until := option("de", int64(t.Hold)), t.Expiry.Time/int64(time.Second)
	var verb, options string
	n := r.N
	down := n < 0 && (r.Op == cuenta.Hold || r.Op == cuenta.Settle)
	if down {
		n = -n
	}
	switch r.Op {
	case cuenta.Take:
		kinds := [...]string{cuenta.FixedWindow: "fija", cuenta.SlidingWindow: "deslizante", cuenta.Steady: "continua"}
		verb, options = "cup", option("max", t.Rate.Limit)+option("per", t.Rate.Period/int64(time.Second))+" tipo="+kinds[t.Rate.Kind]
		if t.Rate.Burst != 0 {
			options += option("raf", t.Rate.Burst)
		}
	case cuenta.Ticket:
		verb, options = "tic", " para="+string(t.Ident)
	case cuenta.Hold:
		verb, options = "apa", option("ttl", until)
	case cuenta.Settle:
		if verb, options = "liq", hold; t.Clamp {
			options += " sat"
		}
	case cuenta.Release:
		verb, options, n = "sol", hold, 0
	case cuenta.Extend:
		verb, options, n = "ext", hold, until
	}
	if down {
		options += " baja"
	}
	line := verb + "." + decimal(n) + " @" + string(r.Counter) + options
	if key := r.Identity.Key; len(key) > 0 {
		line += " id=" + string(key)
	}
	var read cuenta.Request
	verdict := wire.Decode([]byte(line), &read)
	said = !verdict.Bad() && read.Fingerprint() == r.Fingerprint() && r.Identity.Session == 0
	return []byte(line), said || verdict == wire.TooLong // which the server refuses as what it is
}

var errText = errors.New("the server does not answer as the text protocol has it")

// textResult reads an answer of the text protocol to a request.
func textResult(answer []byte, r *cuenta.Request) (cuenta.Result, error) {
	line, ok := bytes.CutSuffix(answer, []byte("\n"))
	if !ok {
		return cuenta.Result{}, errText
	}
	if said, ok := bytes.CutPrefix(line, []byte("error ")); ok {
		code, text, _ := bytes.Cut(said, []byte(" "))
		if refused, known := cuenta.ParseError(string(code) + ": " + string(text)); known {
			return refusal(refused.Code, text, r.N), nil
		}
		return cuenta.Result{}, errText
	}
	value, err := strconv.ParseInt(string(line), 10, 64)
	if err != nil {
		return cuenta.Result{}, errText
	}
	switch r.Op {
	case cuenta.Hold:
		return cuenta.Result{Revision: uint64(value), Amount: untold}, nil
	case cuenta.Take, cuenta.Release, cuenta.Extend:
		return cuenta.Result{Value: value, Amount: untold}, nil
	}
	return cuenta.Result{Value: value}, nil
}

// spannedResults are the results of requests that one command stands for, whose answer
// is one result.
func spannedResults(answer cuenta.Result, requests []cuenta.Request) []cuenta.Result {
	if isTransfer(requests) {
		return transferResults(answer, requests)
	}
	return slices.Repeat([]cuenta.Result{answer}, len(requests))
}

// untold stands for what is not below 0 where the way in does not tell it.
const untold = -1

// retryIn is the time that the sentence of [cuenta.Throttled] tells, or that it tells
// that there is none.
func retryIn(text []byte) int64 {
	_, after, _ := strings.Cut(string(text), "try again in ")
	if d, err := time.ParseDuration(after); err == nil {
		return int64(d)
	}
	return untold
}
