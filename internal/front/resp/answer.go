package resp

import (
	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/resp"
)

// answerer appends the answer to one command from its requests' results.
type answerer func(s *Session, dst []byte, results []cuenta.Result, d *due) []byte

// due is an answer to be given. Most are of counting, and need no detail.
type due struct {
	answer   answerer
	requests int32 // how many results belong to it
	detail   int32 // which of the session's details is its own
}

// detail is what some answers need.
type detail struct {
	text string // the error of answerError, the reply of answerText

	terms *cuenta.Terms // of the request
	n     int64         // that was asked for

	run  runner // of answerRun
	args extent // of answerRun and answerWatch

	queue int // of answerExec: how many commands the transaction has,
	body  int // and how many of the answers that follow are theirs
}

// extent is a run of a session's kept arguments.
type extent struct{ from, to int32 }

func (s *Session) arguments(e extent) [][]byte { return s.kept[e.from:e.to] }

// await says how the last requests are to be answered.
func (s *Session) await(answer answerer, requests int) {
	s.due = append(s.due, due{answer: answer, requests: int32(requests)})
}

// detailed is await with a detail.
func (s *Session) detailed(answer answerer, requests int, d detail) {
	s.due = append(s.due, due{answer, int32(requests), int32(len(s.details))})
	s.details = append(s.details, d)
}

// refuse answers with an error, and asks nothing of the service.
func (s *Session) refuse(text string) {
	s.malformed++
	s.detailed(answerError, 0, detail{text: text})
}

// reply answers with a text that is known beforehand.
func (s *Session) reply(text string) { s.detailed(answerText, 0, detail{text: text}) }

// later carries out a command when it is its turn to be answered.
func (s *Session) later(run runner, args [][]byte) {
	s.detailed(answerRun, 0, detail{run: run, args: s.keep(args)})
}

// refused appends the error of the first result that was refused, and reports
// whether there is one.
func (s *Session) refused(dst []byte, results []cuenta.Result) ([]byte, bool) {
	for i := range results {
		if results[i].Code != cuenta.OK {
			return wire.AppendError(dst, told(&results[i])), true
		}
	}
	return dst, false
}

const ok = "+OK\r\n"

func answerError(s *Session, dst []byte, _ []cuenta.Result, d *due) []byte {
	return wire.AppendError(dst, s.details[d.detail].text)
}

func answerText(s *Session, dst []byte, _ []cuenta.Result, d *due) []byte {
	return append(dst, s.details[d.detail].text...)
}

func answerRun(s *Session, dst []byte, _ []cuenta.Result, d *due) []byte {
	if len(dst)-s.replies > maxReplies {
		return wire.AppendError(dst, errReplies)
	}
	how := &s.details[d.detail]
	return how.run(s, dst, s.arguments(how.args))
}

// answerInteger: the counter's value after the change.
func answerInteger(s *Session, dst []byte, results []cuenta.Result, _ *due) []byte {
	r := &results[0]
	if r.Code != cuenta.OK {
		return wire.AppendError(dst, told(r))
	}
	return wire.AppendInt(dst, r.Value)
}

// answerValue: the counter's value as a string, or null.
func answerValue(s *Session, dst []byte, results []cuenta.Result, _ *due) []byte {
	r := &results[0]
	if r.Code != cuenta.OK {
		return wire.AppendError(dst, told(r))
	}
	return s.appendValue(dst, r)
}

func (s *Session) appendValue(dst []byte, r *cuenta.Result) []byte {
	if !exists(r) {
		return wire.AppendNull(dst, s.version)
	}
	return wire.AppendBulkInt(dst, r.Value)
}

// exists reports whether the counter that was read, or deleted, existed.
func exists(r *cuenta.Result) bool { return r.Revision != 0 }

// answerValues: all values, null where there is none.
func answerValues(s *Session, dst []byte, results []cuenta.Result, _ *due) []byte {
	dst, failed := s.refused(dst, results)
	if failed {
		return dst
	}
	dst = wire.AppendArray(dst, len(results))
	for i := range results {
		dst = s.appendValue(dst, &results[i])
	}
	return dst
}

// answerOK: the counters are set.
func answerOK(s *Session, dst []byte, results []cuenta.Result, _ *due) []byte {
	dst, failed := s.refused(dst, results)
	if failed {
		return dst
	}
	return append(dst, ok...)
}

// answerSet: the counter is set, or null if the condition did not hold.
func answerSet(s *Session, dst []byte, results []cuenta.Result, _ *due) []byte {
	switch r := &results[0]; r.Code {
	case cuenta.OK:
		return append(dst, ok...)
	case cuenta.Unmet:
		return wire.AppendNull(dst, s.version)
	default:
		return wire.AppendError(dst, told(r))
	}
}

// answerWhether: whether the counter was changed, or its condition did not hold.
func answerWhether(s *Session, dst []byte, results []cuenta.Result, _ *due) []byte {
	switch r := &results[0]; r.Code {
	case cuenta.OK:
		return append(dst, ":1\r\n"...)
	case cuenta.Unmet:
		return append(dst, ":0\r\n"...)
	default:
		return wire.AppendError(dst, told(r))
	}
}

// answerOld: what the counter held before it was changed, whether or not the
// condition held.
func answerOld(s *Session, dst []byte, results []cuenta.Result, _ *due) []byte {
	if r := &results[1]; r.Code != cuenta.OK && r.Code != cuenta.Unmet {
		return wire.AppendError(dst, told(r))
	}
	return answerValue(s, dst, results[:1], nil)
}

// answerHindrance: what kept a counter that had to be absent from being set, or
// null.
func answerHindrance(s *Session, dst []byte, results []cuenta.Result, _ *due) []byte {
	r := &results[0]
	switch r.Code {
	case cuenta.OK:
		return wire.AppendNull(dst, s.version)
	case cuenta.Unmet:
		return s.appendValue(dst, r)
	}
	return wire.AppendError(dst, told(r))
}

// answerCount: how many of the counters exist, or did before they were deleted.
func answerCount(s *Session, dst []byte, results []cuenta.Result, _ *due) []byte {
	dst, failed := s.refused(dst, results)
	if failed {
		return dst
	}
	n := int64(0)
	for i := range results {
		if exists(&results[i]) {
			n++
		}
	}
	return wire.AppendInt(dst, n)
}

func answerType(s *Session, dst []byte, results []cuenta.Result, _ *due) []byte {
	dst, failed := s.refused(dst, results)
	switch {
	case failed:
		return dst
	case exists(&results[0]):
		return append(dst, "+string\r\n"...)
	}
	return append(dst, "+none\r\n"...)
}

// answerLength: how many characters the value has in decimal.
func answerLength(s *Session, dst []byte, results []cuenta.Result, _ *due) []byte {
	dst, failed := s.refused(dst, results)
	switch {
	case failed:
		return dst
	case !exists(&results[0]):
		return append(dst, ":0\r\n"...)
	}
	return wire.AppendInt(dst, decimals(results[0].Value))
}

func decimals(n int64) int64 {
	length := int64(1)
	if n < 0 {
		length++
	}
	for n /= 10; n != 0; n /= 10 {
		length++
	}
	return length
}
