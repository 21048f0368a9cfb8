// Package text is the text protocol of the udp, tcp and proc fronts, as a pure
// codec and a step machine: bytes in, requests and answers out, no I/O.
//
// A command is one line or one datagram, an answer is one line:
//
//	command = verb "." number *( SP option )     inc.4    dec.3    res.0    inc.0 (reads)    con.0 (reads)
//	option  = "@" counter | "id=" key            inc.4 @visitas id=7f3a-19
//	        | "min=" integer | "max=" integer    dec.3 min=0
//	        | "sat" | "ttl=" number | "if=" condition
//	also      ayuda   ayuda verb   salir
//	answer  = the new value                      13
//	refusal = "error" SP code SP text            error syntax unknown verb, send ayuda for help
//
// The number is ASCII digits, 0 to 9223372036854775807; leading zeros are fine.
// Options come in any order, each at most once, after exactly one space each; which
// of them a verb takes, the table in verbs.go says. The protocol is read to the
// letter: what is not a command by this grammar is answered "error syntax …" and
// changes nothing, because a guess at what a sender meant would be a guess at a
// count.
//
// A change with a key counts once, however often it is sent: a repeat gets the
// answer of the first. Reads need none, and one that they carry means nothing.
//
// Every answer, its line end included, fits in [MaxAnswer] bytes, so that an
// answer to a datagram is never much larger than the datagram.
//
// [Decoder] reads commands, and [Line] answers them; [AppendCommand] writes one.
// [Session] is the protocol on one stream.
package text

import (
	"strconv"

	"github.com/cuenta-server/cuenta"
)

const (
	// MaxLine is the longest command, in bytes, its line end not counted.
	MaxLine = 512

	// MaxAnswer is the longest answer, in bytes, its line end counted.
	MaxAnswer = 64

	// MaxRequests is the most requests that one command is.
	MaxRequests = transferRequests
)

// Verdict is what a line is: a command, a request for help, [Quit], or one of the
// ways to be malformed, for which [Verdict.Bad] holds.
type Verdict uint8

const (
	Command  Verdict = iota // one request, which is answered with its value
	Remains                 // ttl: one request, which is answered with the time that remains
	Transfer                // tra: an all-or-none and what it spans

	Help       // ayuda
	Quit       // salir: answer, then close
	helpOfVerb // ayuda and the verb after the first, and so on
	lastHelp   = helpOfVerb + Verdict(numVerbs) - 1
)

const (
	TooLong Verdict = iota + lastHelp + 1 // the line is over MaxLine
	badHTTP                               // the request line of HTTP

	badEmpty
	badVerb
	badNoNumber
	badNumber
	badRange
	badResAmount
	badConAmount
	badZeroAmount
	badFar
	badSpacing
	badOption
	badMisplaced
	badRepeat
	badName
	badKey
	badBound
	badSpan
	badTTL
	badIf
	badMoves
	badFromTo
	badSame
	badExtra
	numVerdicts
)

// answers holds what each verdict answers by itself; see also verbs.
var answers = [numVerdicts]string{
	Help: "inc.N dec.N con.0 res.0 ing ret bal tra lim exp ttl; ayuda inc\n",
	Quit: "adios\n",

	TooLong: "error too-large a command is at most 512 bytes\n",

	badHTTP: "error syntax this port does not speak HTTP\n",

	badEmpty:      "error syntax the command is empty\n",
	badVerb:       "error syntax unknown verb, send ayuda for help\n",
	badNoNumber:   "error syntax the verb takes a number, as in inc.4\n",
	badNumber:     "error syntax the number must be digits only, as in inc.4\n",
	badRange:      "error syntax the number is over 9223372036854775807\n",
	badResAmount:  "error syntax res takes 0 only\n",
	badConAmount:  "error syntax con takes 0 only\n",
	badZeroAmount: "error syntax bal, lim and ttl take 0 only\n",
	badFar:        "error syntax exp takes at most 9223372036 seconds\n",
	badSpacing:    "error syntax exactly one space goes before an option\n",
	badOption:     "error syntax options are @counter id= min= max= sat ttl= if=\n",
	badMisplaced:  "error syntax this command does not take that option\n",
	badRepeat:     "error syntax an option is given twice\n",
	badName:       "error syntax bad counter name\n",
	badKey:        "error syntax a key is 1 to 128 visible ASCII bytes\n",
	badBound:      "error syntax min= and max= take an int64, as in min=-5\n",
	badSpan:       "error syntax min= is above max=\n",
	badTTL:        "error syntax ttl= takes 1 to 9223372036 seconds\n",
	badIf:         "error syntax if= takes none, any, later or sooner\n",
	badMoves:      "error syntax tra moves 1 or more, as in tra.5 @from @to\n",
	badFromTo:     "error syntax tra takes two counters, as in tra.5 @from @to\n",
	badSame:       "error syntax tra takes two different counters\n",
	badExtra:      "error syntax salir stands alone, ayuda may take a verb\n",
}

// Bad reports whether the line was malformed.
func (v Verdict) Bad() bool { return v >= TooLong }

// Answer returns the answer to a line that asks nothing of the service, its
// line end included. It is empty for one that does.
func (v Verdict) Answer() string {
	if v >= helpOfVerb && v <= lastHelp {
		return verbs[1+v-helpOfVerb].help
	}
	return answers[v]
}

// AppendAnswer appends the answer to a request, its line end included. It
// allocates nothing beyond dst, but for a refusal at a limit.
func AppendAnswer(dst []byte, r *cuenta.Result) []byte {
	if r.Code == cuenta.OK {
		dst = strconv.AppendInt(dst, r.Value, 10)
		return append(dst, '\n')
	}
	dst = append(dst, "error "...)
	dst = append(dst, r.Code.String()...)
	dst = append(dst, ' ')
	dst = append(dst, r.Text()...)
	return append(dst, '\n')
}

// TrimDatagram returns p without its trailing run of CR and LF.
func TrimDatagram(p []byte) []byte {
	n := len(p)
	for n > 0 && (p[n-1] == '\n' || p[n-1] == '\r') {
		n--
	}
	return p[:n]
}
