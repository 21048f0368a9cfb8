package client

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// No command that the client sends has a longer reply.
const (
	maxReplyText  = 4096
	maxReplyParts = 128
)

var errReply = errors.New("the server does not answer as the Redis protocol has it")

// reply is one reply of the server, in version 2 of the protocol.
type reply struct {
	kind  byte // '+', '-', ':', '$' or '*'
	null  bool
	text  []byte // of a '+', '-' or '$'
	n     int64  // of a ':'
	parts []reply
}

// readReply reads one reply. It takes no more memory than the bounds above.
func readReply(in *bufio.Reader) (reply, error) { return readNested(in, 2) }

func readNested(in *bufio.Reader, depth int) (reply, error) {
	line, err := in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return reply{}, errReply
	case err != nil:
		return reply{}, err
	case len(line) < 3 || line[len(line)-2] != '\r' || len(line) > maxReplyText:
		return reply{}, errReply
	}
	r, rest := reply{kind: line[0]}, line[1:len(line)-2]
	if r.kind == '+' || r.kind == '-' {
		r.text = bytes.Clone(rest)
		return r, nil
	}
	n, ok := wire.ParseInt(rest)
	switch {
	case !ok:
		return reply{}, errReply
	case r.kind == ':':
		r.n = n
		return r, nil
	case n == -1 && (r.kind == '$' || r.kind == '*'):
		r.null = true
		return r, nil
	case r.kind == '$' && 0 <= n && n <= maxReplyText:
		return readBulk(in, r, int(n))
	case r.kind == '*' && 0 <= n && n <= maxReplyParts && depth > 0:
		r.parts = make([]reply, n)
		for i := range r.parts {
			if r.parts[i], err = readNested(in, depth-1); err != nil {
				return reply{}, err
			}
		}
		return r, nil
	}
	return reply{}, errReply
}

func readBulk(in *bufio.Reader, r reply, size int) (reply, error) {
	r.text = make([]byte, size+2)
	if _, err := io.ReadFull(in, r.text); err != nil {
		return reply{}, err
	}
	if !bytes.HasSuffix(r.text, []byte("\r\n")) {
		return reply{}, errReply
	}
	r.text = r.text[:size]
	return r, nil
}

// result makes the answer to a request of its reply.
func (r *reply) result(to expectation) (cuenta.Result, error) {
	if r.kind == '-' {
		return refusal(codeOf(r.text), r.text, to.n), nil
	}
	switch to.op {
	case cuenta.Set, cuenta.Reset:
		switch {
		case r.kind == '+':
			return cuenta.Result{Value: to.n}, nil
		case r.null:
			return cuenta.Result{Code: cuenta.Unmet}, nil
		}
	case cuenta.Get, cuenta.Delete:
		if r.kind != '$' {
			break
		}
		if value, ok := wire.ParseInt(r.text); ok || r.null {
			return cuenta.Result{Value: value}, nil
		}
	case cuenta.OpenSession:
		if id, ok := cuenta.ParseSession(r.text); ok && r.kind == '$' {
			return cuenta.Result{Revision: id}, nil
		}
	case cuenta.Outcome:
		return r.outcome()
	case cuenta.Add:
		if r.kind == ':' && to.terms == nil {
			return cuenta.Result{Value: r.n}, nil
		}
	}
	if result, ok := r.termResult(to); ok {
		return result, nil
	}
	return cuenta.Result{}, fmt.Errorf("%w: reply of type %q to %v", errReply, r.kind, to.op)
}

// outcome reads the fields of CUENTA.OUTCOME's reply.
func (r *reply) outcome() (result cuenta.Result, err error) {
	state, why := "", ""
	for fields := r.parts; len(fields) >= 2; fields = fields[2:] {
		switch value := &fields[1]; string(fields[0].text) {
		case "state":
			state = string(value.text)
		case "value":
			result.Value = value.n
		case "revision":
			result.Revision = uint64(value.n)
		case "error":
			why = string(value.text)
		}
	}
	switch state {
	case "applied":
		result.Replayed = true
		return result, nil
	case "refused":
		if refused, ok := cuenta.ParseError(why + ": "); ok {
			return cuenta.Result{Code: refused.Code, Replayed: true}, nil
		}
	case "absent":
		return cuenta.Result{Code: cuenta.Absent}, nil
	case "forgotten":
		return cuenta.Result{Code: cuenta.TooOld}, nil
	}
	return result, fmt.Errorf("%w: an outcome of state %q", errReply, state)
}

// refusals are the errors of the server, by how they begin. A line is for all
// that begins so, unless an earlier one is.
var refusals = []struct {
	begin string
	code  cuenta.Code
}{
	{"TRYAGAIN given up", cuenta.Canceled},
	{"TRYAGAIN the server is stopping", cuenta.Stopping},
	{"TRYAGAIN", cuenta.Busy},
	{"MISCONF the disk is full", cuenta.Full},
	{"MISCONF", cuenta.Failed},
	{"OOM", cuenta.TooMany},
	{"UNKNOWN", cuenta.Unknown},
	{"NOPERM", cuenta.Forbidden},
	{"NOAUTH", cuenta.Forbidden},
	{"CONFLICT", cuenta.Conflict},
	{"TOOOLD", cuenta.TooOld},
	{"TOONEW", cuenta.TooNew},
	{"LIMIT", cuenta.Limited},
	{"PAST", cuenta.Past},
	{"THROTTLED", cuenta.Throttled},
	{"WRONGTYPE", cuenta.Unmet}, // the counter is used for something else than taking
	{"NOHOLD", cuenta.NoHold},
	{"NOSESSION", cuenta.NoSession},
	{"ABSENT", cuenta.Absent},
	{"ERR max number of clients", cuenta.Busy},
	{"ERR increment or decrement would overflow", cuenta.Overflow},
	{"ERR the condition does not hold", cuenta.Unmet},
	{"ERR the command is over its size limit", cuenta.TooLarge},
	{"ERR over a size limit", cuenta.TooLarge},
	{"ERR understood, but not possible here", cuenta.Unsupported},
	{"ERR unknown command", cuenta.Unsupported}, // a Redis that is no Cuenta
	{"ERR no service of that name", cuenta.NotFound},
	{"ERR another request of its batch was refused", cuenta.Aborted},
	{"ERR", cuenta.Syntax},
}

// codeOf returns the code of an error of the server. Whatever it may mean besides,
// an unknown one does not tell what became of the change.
func codeOf(text []byte) cuenta.Code {
	for _, r := range refusals {
		if strings.HasPrefix(string(text), r.begin) {
			return r.code
		}
	}
	return cuenta.Unknown
}
