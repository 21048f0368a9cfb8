// Package text is the text protocol of the udp, tcp and proc fronts, as a pure
// codec and a step machine: bytes in, requests and answers out, no I/O.
//
// A command is one line or one datagram, an answer is one line:
//
//	command = verb "." number *( SP option )     inc.4    dec.3    res.0    inc.0 (reads)    con.0 (reads)
//	option  = "@" counter | "id=" key            inc.4 @visitas id=7f3a-19
//	also      ayuda   salir
//	answer  = the new value                      13
//	refusal = "error" SP code SP text            error syntax unknown verb, send ayuda for help
//
// The number is ASCII digits, 0 to 9223372036854775807; leading zeros are fine.
// res and con take 0 only, and inc.0 and dec.0 read. Options come in either
// order, each at most once, after exactly one space each. The protocol is read
// to the letter: what is not a command by this grammar is answered "error
// syntax …" and changes nothing, because a guess at what a sender meant would
// be a guess at a count.
//
// A change with a key counts once, however often it is sent: a repeat gets the
// answer of the first. Reads need none, and one that they carry means nothing.
//
// Every answer, its line end included, fits in [MaxAnswer] bytes, so that an
// answer to a datagram is never much larger than the datagram.
//
// [Decode] reads one command, [AppendCommand] writes one. [Session] is the protocol on one stream.
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
)

// Verdict is what [Decode] made of a line: a [Command], [Help], [Quit], or one
// of the ways to be malformed, for which [Verdict.Bad] holds.
type Verdict uint8

const (
	Command Verdict = iota // a request for the service
	Help                   // ayuda
	Quit                   // salir: answer, then close

	TooLong // the line is over MaxLine
	badHTTP // the request line of HTTP

	badEmpty
	badVerb
	badNoNumber
	badNumber
	badRange
	badResAmount
	badConAmount
	badSpacing
	badOption
	badRepeat
	badName
	badKey
	badExtra
	numVerdicts
)

// answers holds what each verdict answers by itself.
var answers = [numVerdicts]string{
	Help: "inc.N dec.N con.0=lee/read res.0=cero/zero @cuenta ayuda salir\n",
	Quit: "adios\n",

	TooLong: "error too-large a command is at most 512 bytes\n",

	badHTTP: "error syntax this port does not speak HTTP\n",

	badEmpty:     "error syntax the command is empty\n",
	badVerb:      "error syntax unknown verb, send ayuda for help\n",
	badNoNumber:  "error syntax the verb takes a number, as in inc.4\n",
	badNumber:    "error syntax the number must be digits only, as in inc.4\n",
	badRange:     "error syntax the number is over 9223372036854775807\n",
	badResAmount: "error syntax res takes 0 only\n",
	badConAmount: "error syntax con takes 0 only\n",
	badSpacing:   "error syntax exactly one space goes before an option\n",
	badOption:    "error syntax an option is @counter or id=key\n",
	badRepeat:    "error syntax an option is given twice\n",
	badName:      "error syntax bad counter name\n",
	badKey:       "error syntax a key is 1 to 128 visible ASCII bytes\n",
	badExtra:     "error syntax ayuda and salir stand alone\n",
}

// Bad reports whether the line was malformed.
func (v Verdict) Bad() bool { return v >= TooLong }

// Answer returns the answer to a line that asks nothing of the service, its
// line end included. It is empty for a [Command].
func (v Verdict) Answer() string { return answers[v] }

// AppendAnswer appends the answer to a request, its line end included. It
// allocates nothing beyond dst.
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
