package sim

import (
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
type reply wire.Reply

func readInt(s []byte, to *int64) bool {
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
	if r.Kind == '-' {
		for _, refused := range refusals {
			if strings.HasPrefix(string(r.Text), refused.begin) {
				return cuenta.Result{Code: refused.code}, 0, true
			}
		}
		return result, 0, false
	}
	switch {
	case to.Op == cuenta.Add:
		result.Value = r.N
		return result, history.WithValue, r.Kind == ':'
	case to.Op == cuenta.Set && r.Null:
		return cuenta.Result{Code: cuenta.Unmet}, 0, to.If != cuenta.Always
	case to.Op == cuenta.Set:
		return result, 0, r.Kind == '+'
	case to.Op == cuenta.Get && r.Null, to.Op == cuenta.Delete && r.Null:
		return result, history.WithValue | history.WithRevision, true
	case to.Op == cuenta.Get, to.Op == cuenta.Delete:
		return result, history.WithValue, readInt(r.Text, &result.Value)
	case to.Op == cuenta.OpenSession:
		result.Revision, ok = cuenta.ParseSession(r.Text)
		return result, history.WithRevision, ok
	case to.Op == cuenta.Outcome:
		return r.outcome()
	}
	return result, 0, false
}

// outcome reads CUENTA.OUTCOME's map.
func (r *reply) outcome() (result cuenta.Result, told history.Told, ok bool) {
	fields := map[string]wire.Reply{}
	for i := 0; i+1 < len(r.Parts); i += 2 {
		fields[string(r.Parts[i].Text)] = r.Parts[i+1]
	}
	switch value, revision := fields["value"], fields["revision"]; string(fields["state"].Text) {
	case "applied":
		result.Value, result.Revision = value.N, uint64(revision.N)
		return result, history.WithValue | history.WithRevision, value.Kind == ':' && revision.Kind == ':'
	case "refused":
		e, ok := cuenta.ParseError(string(fields["error"].Text) + ": ")
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
