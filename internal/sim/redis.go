package sim

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/history"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// appendRESP appends a request as a command of the Redis protocol; false if there
// is none for it.
func appendRESP(dst []byte, r *cuenta.Request) ([]byte, bool) {
	var command []string
	id := &r.Identity
	forever := r.Terms != nil && r.Terms.Expiry == cuenta.Expiry{Kind: cuenta.NoExpiry} && !r.Terms.Floor.Set && !r.Terms.Ceiling.Set && !r.Terms.Clamp
	if r.Terms != nil && !(r.Op == cuenta.Set && forever) || r.If > cuenta.IfPresent || r.Op == cuenta.Delete && r.If != cuenta.Always {
		return dst, false
	}
	switch {
	case r.Op == cuenta.Set && r.If == cuenta.IfAbsent && r.Terms != nil:
		return dst, false // what is not there has no end to take away
	case r.Op == cuenta.Add && r.If == cuenta.Always:
		command = []string{"INCRBY", string(r.Counter), strconv.FormatInt(r.N, 10)}
	case r.Op == cuenta.Set:
		command = append([]string{"SET", string(r.Counter), strconv.FormatInt(r.N, 10)}, condition(r.If)...)
		if !forever { // Redis takes the end away
			command = append(command, "KEEPTTL")
		}
	case r.Op == cuenta.Delete:
		command = []string{"GETDEL", string(r.Counter)}
	case r.Op == cuenta.Get && !id.Given():
		command = []string{"GET", string(r.Counter)}
	case r.Op == cuenta.OpenSession:
		command = []string{"CUENTA.SESSION"}
	case r.Op == cuenta.Outcome:
		command = []string{"CUENTA.OUTCOME"}
	default:
		return dst, false
	}
	number := []string{string(cuenta.AppendSession(nil, id.Session)), strconv.FormatUint(id.Number, 10)}
	switch {
	case r.Op == cuenta.Outcome && id.Session != 0:
		command = append(command, number...)
	case r.Op == cuenta.Outcome:
		command = append(command, string(id.Key))
	case id.Session != 0 && id.Lowest != 0:
		number = append(append([]string{"CUENTA.SEQ"}, number...), "LOWEST", strconv.FormatUint(id.Lowest, 10))
		command = append(number, command...)
	case id.Session != 0:
		command = append(append([]string{"CUENTA.SEQ"}, number...), command...)
	case len(id.Key) > 0:
		command = append([]string{"CUENTA.ONCE", string(id.Key)}, command...)
	}
	dst = wire.AppendArray(dst, len(command))
	for _, word := range command {
		dst = wire.AppendBulk(dst, word)
	}
	return dst, true
}

func condition(c cuenta.Condition) []string {
	switch c {
	case cuenta.IfAbsent:
		return []string{"NX"}
	case cuenta.IfPresent:
		return []string{"XX"}
	}
	return nil
}

// reply is a reply of the Redis protocol.
type reply struct {
	kind  byte
	null  bool
	text  string
	parts []reply
}

// parseRESP reads a reply and returns its length, 0 if it is not all there.
func parseRESP(data []byte) (r reply, size int) {
	i := bytes.Index(data, []byte("\r\n"))
	if i < 1 {
		return r, 0
	}
	r.kind, r.text, size = data[0], string(data[1:i]), i+2
	if r.kind != '$' && r.kind != '*' {
		return r, size
	}
	n, err := strconv.Atoi(r.text)
	switch {
	case err != nil:
		return r, size // whoever reads it will find that it makes no sense
	case n < 0:
		r.null, r.text = true, ""
		return r, size
	case r.kind == '$':
		if len(data) < size+n+2 {
			return r, 0
		}
		r.text = string(data[size : size+n])
		return r, size + n + 2
	}
	for range n {
		part, more := parseRESP(data[size:])
		if more == 0 {
			return r, 0
		}
		r.parts, size = append(r.parts, part), size+more
	}
	return r, size
}

func readInt[T []byte | string](s T, to *int64) bool {
	n, err := strconv.ParseInt(string(s), 10, 64)
	*to = n
	return err == nil
}

// refusals are the errors that the simulation meets with, by how they begin.
var refusals = []struct {
	begin string
	code  cuenta.Code
}{
	{"TRYAGAIN the server is stopping", cuenta.Stopping},
	{"TRYAGAIN", cuenta.Busy},
	{"MISCONF the disk is full", cuenta.Full},
	{"MISCONF", cuenta.Failed},
	{"OOM", cuenta.TooMany},
	{"UNKNOWN", cuenta.Unknown},
	{"CONFLICT", cuenta.Conflict},
	{"TOOOLD", cuenta.TooOld},
	{"TOONEW", cuenta.TooNew},
	{"NOSESSION", cuenta.NoSession},
	{"LIMIT", cuenta.Limited},
	{"PAST", cuenta.Past},
	{"ERR increment or decrement would overflow", cuenta.Overflow},
	{"ERR the condition does not hold", cuenta.Unmet},
	{"ERR another request of its batch was refused", cuenta.Aborted},
}

// readRESP takes in a reply.
func (c *client) readRESP(a *attempt, r reply) {
	result, told, ok := r.result(a.c.head())
	if !ok {
		c.w.judge.complain("the reply %+v to %s", r, a.c)
		return
	}
	c.answered(a, a.asked, []cuenta.Result{result}, []history.Told{told})
}

// result makes an answer of a reply, and how much it tells.
func (r *reply) result(to *cuenta.Request) (result cuenta.Result, told history.Told, ok bool) {
	if r.kind == '-' {
		for _, refused := range refusals {
			if strings.HasPrefix(r.text, refused.begin) {
				return cuenta.Result{Code: refused.code}, 0, true
			}
		}
		return result, 0, false
	}
	switch {
	case to.Op == cuenta.Add:
		return result, history.WithValue, r.kind == ':' && readInt(r.text, &result.Value)
	case to.Op == cuenta.Set && r.null:
		return cuenta.Result{Code: cuenta.Unmet}, 0, to.If != cuenta.Always
	case to.Op == cuenta.Set:
		return result, 0, r.kind == '+'
	case to.Op == cuenta.Get && r.null, to.Op == cuenta.Delete && r.null:
		return result, history.WithValue | history.WithRevision, true
	case to.Op == cuenta.Get, to.Op == cuenta.Delete:
		return result, history.WithValue, readInt(r.text, &result.Value)
	case to.Op == cuenta.OpenSession:
		result.Revision, ok = cuenta.ParseSession([]byte(r.text))
		return result, history.WithRevision, ok
	case to.Op == cuenta.Outcome:
		return r.outcome()
	}
	return result, 0, false
}

// outcome reads CUENTA.OUTCOME's map.
func (r *reply) outcome() (result cuenta.Result, told history.Told, ok bool) {
	fields := map[string]string{}
	for i := 0; i+1 < len(r.parts); i += 2 {
		fields[r.parts[i].text] = r.parts[i+1].text
	}
	switch fields["state"] {
	case "applied":
		var revision int64
		ok = readInt(fields["value"], &result.Value) && readInt(fields["revision"], &revision)
		result.Revision = uint64(revision)
		return result, history.WithValue | history.WithRevision, ok
	case "refused":
		e, ok := cuenta.ParseError(fields["error"] + ": ")
		if ok {
			result.Code = e.Code
		}
		return result, 0, ok
	case "absent":
		return cuenta.Result{Code: cuenta.Absent}, 0, true
	case "forgotten": // too old, or of no session: it does not say
		return cuenta.Result{Code: cuenta.TooOld}, vague, true
	}
	return result, 0, false
}
