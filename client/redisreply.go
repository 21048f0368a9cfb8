package client

import (
	"bufio"
	"errors"
	"fmt"
	"strings"

	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// reply is one reply of the server.
type reply wire.Reply

// maxReply bounds a reply, in bytes. No command that the client sends has a longer one.
const maxReply = 16 << 10

// readReply reads one reply from a buffer that has room for one. What it holds is good
// until the next is read.
func readReply(in *bufio.Reader) (reply, error) {
	for more := 0; ; more = 1 {
		if _, err := in.Peek(max(1, in.Buffered()+more)); errors.Is(err, bufio.ErrBufferFull) {
			return reply{}, wire.ErrReply
		} else if err != nil {
			return reply{}, err
		}
		there, err := in.Peek(in.Buffered())
		if err != nil {
			return reply{}, err
		}
		r, size, err := wire.DecodeReply(there)
		if err != nil {
			return reply{}, err
		}
		if size > 0 {
			_, err = in.Discard(size)
			return reply(r), err
		}
	}
}

// result makes the answer to a request of its reply.
func (r *reply) result(to expectation) (cuenta.Result, error) {
	if r.Kind == '-' {
		return refusal(codeOf(r.Text), r.Text, to.n), nil
	}
	switch to.op {
	case cuenta.Set, cuenta.Reset:
		switch {
		case r.Kind == '+':
			return cuenta.Result{Value: to.n}, nil
		case r.Null:
			return cuenta.Result{Code: cuenta.Unmet}, nil
		}
	case cuenta.Get, cuenta.Delete:
		if r.Kind != '$' {
			break
		}
		if value, ok := wire.ParseInt(r.Text); ok || r.Null {
			return cuenta.Result{Value: value}, nil
		}
	case cuenta.OpenSession:
		if id, ok := cuenta.ParseSession(r.Text); ok && r.Kind == '$' {
			return cuenta.Result{Revision: id}, nil
		}
	case cuenta.Outcome:
		return r.outcome()
	case cuenta.Add:
		if r.Kind == ':' && to.terms == nil {
			return cuenta.Result{Value: r.N}, nil
		}
	}
	if result, ok := r.termResult(to); ok {
		return result, nil
	}
	return cuenta.Result{}, fmt.Errorf("%w: reply of type %q to %v", wire.ErrReply, r.Kind, to.op)
}

// outcome reads the fields of CUENTA.OUTCOME's reply.
func (r *reply) outcome() (result cuenta.Result, err error) {
	state, why := "", ""
	for fields := r.Parts; len(fields) >= 2; fields = fields[2:] {
		switch value := &fields[1]; string(fields[0].Text) {
		case "state":
			state = string(value.Text)
		case "value":
			result.Value = value.N
		case "revision":
			result.Revision = uint64(value.N)
		case "error":
			why = string(value.Text)
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
	return result, fmt.Errorf("%w: an outcome of state %q", wire.ErrReply, state)
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
