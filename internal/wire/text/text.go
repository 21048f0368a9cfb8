// Package text is the text protocol of the udp, tcp and proc fronts, as a pure
// codec and a step machine: bytes in, requests and answers out, no I/O.
//
// A command is one line or one datagram, an answer is one line:
//
//	command = verb "." number *( SP option )     inc.4    dec.3    res.0    inc.0 (reads)    con.0 (reads)
//	option  = "@" counter | "id=" key            inc.4 @visitas id=7f3a-19
//	        | "min=" integer | "max=" integer    dec.3 min=0
//	        | "sat" | "ttl=" number | "if=" condition | "total"
//	        | "per=" number | "tipo=" kind | "raf=" number      cup.1 @api max=100 per=60
//	        | "para=" ident | "de=" number | "baja"             tic.1 @turno para=ana
//	also      ayuda   ayuda verb   ayuda mas   salir
//	answer  = the new value, or what the verb asks for     13
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
	"math"
	"strconv"
	"time"

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
	Reserves                // apa: likewise, with the id of the hold
	Valid                   // val: likewise, with 1 if the number was given out, else 0
	Leaves                  // dis: likewise, with what is left below the ceiling, or above the floor
	Transfer                // tra: an all-or-none and what it spans
	Renumber                // ren: likewise, which is answered with 0

	Help       // ayuda
	MoreHelp   // ayuda mas
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
	badZero
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
	badPer
	badKind
	badBurst
	badRate
	badIdent
	badHold
	badNoRate
	badNoIdent
	badNoTTL
	badNoHold
	badMoves
	badFromTo
	badSame
	badExtra
	numVerdicts
)

// answers holds what each verdict answers by itself; see also verbs.
var answers = [numVerdicts]string{
	Help:     "inc.N dec.N con.0 res.0; ayuda inc; mas/more: ayuda mas\n",
	MoreHelp: "ing ret bal tra lim exp ttl cup tic val ren apa liq sol ext dis\n",
	Quit:     "adios\n",

	TooLong: "error too-large a command is at most 512 bytes\n",

	badHTTP: "error syntax this port does not speak HTTP\n",

	badEmpty:      "error syntax the command is empty\n",
	badVerb:       "error syntax unknown verb, send ayuda for help\n",
	badNoNumber:   "error syntax the verb takes a number, as in inc.4\n",
	badNumber:     "error syntax the number must be digits only, as in inc.4\n",
	badRange:      "error syntax the number is over 9223372036854775807\n",
	badResAmount:  "error syntax res takes 0 only\n",
	badConAmount:  "error syntax con takes 0 only\n",
	badZeroAmount: "error syntax bal, lim, ttl, sol, dis and ren take 0 only\n",
	badZero:       "error syntax tic, apa and ext take 1 or more\n",
	badFar:        "error syntax exp and ext take at most 9223372036 seconds\n",
	badSpacing:    "error syntax exactly one space goes before an option\n",
	badOption:     "error syntax no such option, ayuda inc tells those of inc\n",
	badMisplaced:  "error syntax this command does not take that option\n",
	badRepeat:     "error syntax an option is given twice\n",
	badName:       "error syntax bad counter name\n",
	badKey:        "error syntax a key is 1 to 128 visible ASCII bytes\n",
	badBound:      "error syntax min= and max= take an int64, as in min=-5\n",
	badSpan:       "error syntax min= is above max=\n",
	badTTL:        "error syntax ttl= takes 1 to 9223372036 seconds\n",
	badIf:         "error syntax if= takes none, any, later, sooner, any-sooner\n",
	badPer:        "error syntax per= takes 1 to 3153600000 seconds\n",
	badKind:       "error syntax tipo= takes fija, deslizante or continua\n",
	badBurst:      "error syntax raf= takes 1 or more, with tipo=continua only\n",
	badRate:       "error syntax no such rate: max= or raf= is out of range\n",
	badIdent:      "error syntax para= takes a name of 1 to 128 bytes\n",
	badHold:       "error syntax de= takes the id of a hold, as apa answered it\n",
	badNoRate:     "error syntax cup takes max= and per=, as in max=9 per=60\n",
	badNoIdent:    "error syntax tic takes para=, as in tic.1 para=ana\n",
	badNoTTL:      "error syntax apa takes ttl=, as in apa.2 ttl=600\n",
	badNoHold:     "error syntax the verb takes the id of a hold, as in de=7\n",
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
	dst = append(dst, textOf(r)...)
	return append(dst, '\n')
}

// textOf is the sentence of a refusal, for which a line has less room than others. How
// long there is to wait is rounded up: to milliseconds, from an hour on to seconds.
func textOf(r *cuenta.Result) string {
	if r.Code != cuenta.Throttled || r.Amount <= 0 {
		return r.Text()
	}
	unit := int64(time.Millisecond)
	if r.Amount >= int64(time.Hour) {
		unit = int64(time.Second)
	}
	rounded := *r
	if over := r.Amount % unit; over > 0 && r.Amount <= math.MaxInt64-unit {
		rounded.Amount += unit - over
	}
	return rounded.Text()
}

// TrimDatagram returns p without its trailing run of CR and LF.
func TrimDatagram(p []byte) []byte {
	n := len(p)
	for n > 0 && (p[n-1] == '\n' || p[n-1] == '\r') {
		n--
	}
	return p[:n]
}
