package text

import (
	"bytes"
	"math"

	"github.com/cuenta-server/cuenta"
)

// Decode reads one command, given without its line end. It sets r only for a
// [Command]; the request then aliases line. It allocates nothing.
func Decode(line []byte, r *cuenta.Request) Verdict {
	verdict := decode(line, r)
	if verdict.Bad() && verdict != TooLong && bytes.Contains(line, http) {
		return badHTTP
	}
	return verdict
}

// http is in the first line of every HTTP request, and in no command. A web
// page can have a browser send a request to any port, with a body of the page's
// choice: commands, behind a header that is none. So a [Session] ends there.
var http = []byte(" HTTP/")

func decode(line []byte, r *cuenta.Request) Verdict {
	switch {
	case len(line) > MaxLine:
		return TooLong
	case len(line) == 0:
		return badEmpty
	case len(line) < 4 || line[3] != '.':
		return decodeWord(line)
	}
	n, rest, verdict := number(line[4:])
	var req cuenta.Request
	switch string(line[:3]) {
	case "inc":
		req.Op, req.N = cuenta.Add, n
	case "dec":
		req.Op, req.N = cuenta.Add, -n
	case "res":
		req.Op = cuenta.Reset
		if verdict == Command && n != 0 {
			return badResAmount
		}
	case "con":
		req.Op = cuenta.Get
		if verdict == Command && n != 0 {
			return badConAmount
		}
	default:
		return badVerb
	}
	if verdict != Command {
		return verdict
	}
	if req.Op == cuenta.Add && n == 0 {
		req.Op = cuenta.Get
	}
	if len(rest) > 0 {
		if verdict := options(rest, &req); verdict != Command {
			return verdict
		}
	}
	*r = req
	return Command
}

// decodeWord reads a line that has no verb with a number.
func decodeWord(line []byte) Verdict {
	word, _, more := bytes.Cut(line, []byte{' '})
	switch string(word) {
	case "ayuda":
		if more {
			return badExtra
		}
		return Help
	case "salir":
		if more {
			return badExtra
		}
		return Quit
	case "inc", "dec", "res", "con":
		return badNoNumber
	}
	return badVerb
}

// number reads the digits up to a space or the end, and returns what follows
// them, the space included.
func number(p []byte) (n int64, rest []byte, verdict Verdict) {
	over := false
	i := 0
	for ; i < len(p) && p[i] != ' '; i++ {
		digit := int64(p[i]) - '0'
		if digit < 0 || digit > 9 {
			return 0, nil, badNumber
		}
		if n > (math.MaxInt64-digit)/10 {
			over = true // go on: a letter further on is the better thing to tell
			n = 0
		}
		n = n*10 + digit
	}
	switch {
	case i == 0:
		return 0, nil, badNoNumber
	case over:
		return 0, nil, badRange
	}
	return n, p[i:], Command
}

// options reads a run of options, each after its space.
func options(p []byte, r *cuenta.Request) Verdict {
	for len(p) > 0 {
		p = p[1:] // the space that ended what came before
		option := p
		if i := bytes.IndexByte(p, ' '); i >= 0 {
			option = p[:i]
		}
		p = p[len(option):]
		var verdict Verdict
		switch {
		case len(option) == 0:
			verdict = badSpacing
		case option[0] == '@':
			verdict = counterOption(option[1:], r)
		case bytes.HasPrefix(option, []byte("id=")):
			verdict = keyOption(option[3:], r)
		default:
			verdict = badOption
		}
		if verdict != Command {
			return verdict
		}
	}
	return Command
}

func counterOption(name []byte, r *cuenta.Request) Verdict {
	if r.Counter != nil {
		return badRepeat
	}
	if !cuenta.ValidName(name) {
		return badName
	}
	r.Counter = name
	return Command
}

func keyOption(key []byte, r *cuenta.Request) Verdict {
	if r.Identity.Key != nil {
		return badRepeat
	}
	if !cuenta.ValidKey(key) {
		return badKey
	}
	r.Identity.Key = key
	return Command
}
