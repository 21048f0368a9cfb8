package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/wire/text"
)

// malformed is the whole answer to a query that cannot be read. The original's
// words, in every language.
const malformed = "consulta mal formulada"

// statuses is the one table from refusals to HTTP.
var statuses = [cuenta.NumCodes]int{
	cuenta.OK:          http.StatusOK,
	cuenta.Syntax:      http.StatusBadRequest,
	cuenta.TooLarge:    http.StatusRequestEntityTooLarge,
	cuenta.Unsupported: http.StatusNotImplemented,
	cuenta.Overflow:    http.StatusConflict,
	cuenta.Unmet:       http.StatusPreconditionFailed,
	cuenta.Busy:        http.StatusServiceUnavailable,
	cuenta.Full:        http.StatusServiceUnavailable,
	cuenta.TooMany:     http.StatusInsufficientStorage,
	cuenta.Canceled:    http.StatusServiceUnavailable,
	cuenta.Stopping:    http.StatusServiceUnavailable,
	cuenta.Failed:      http.StatusInternalServerError,
	cuenta.Unknown:     http.StatusInternalServerError,
	cuenta.Forbidden:   http.StatusForbidden,
	cuenta.NotFound:    http.StatusNotFound,
	cuenta.Conflict:    http.StatusUnprocessableEntity, // as the draft of the Idempotency-Key header has it
	cuenta.TooOld:      http.StatusGone,
	cuenta.TooNew:      http.StatusBadRequest,
	cuenta.NoSession:   http.StatusNotFound,
	cuenta.Absent:      http.StatusNotFound,
	cuenta.Aborted:     http.StatusFailedDependency,
	cuenta.Limited:     http.StatusConflict, // as an overflow
	cuenta.Past:        http.StatusBadRequest,
	cuenta.Throttled:   http.StatusTooManyRequests,
	cuenta.NoHold:      http.StatusNotFound,
}

// retryAfter is the advice, in seconds, that goes with status 503.
const retryAfter = "1"

const (
	plainText = "text/plain; charset=utf-8"
	jsonText  = "application/json"
)

// reply is one answer.
type reply struct {
	status   int
	kind     string // media type; empty means plainText
	allow    string // methods, for status 405
	retry    string // after how many seconds, empty for not told
	replayed bool   // the answer to an earlier request
	body     []byte
	why      *cuenta.Error // of a refusal, for the API to say in its own way
}

func (a reply) write(w http.ResponseWriter) {
	h := w.Header()
	if a.kind == "" {
		a.kind = plainText
	}
	h.Set("Content-Type", a.kind)
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if a.allow != "" {
		h.Set("Allow", a.allow)
	}
	if a.status == http.StatusServiceUnavailable {
		a.retry = retryAfter
	}
	if a.retry != "" {
		h.Set("Retry-After", a.retry)
	}
	if a.replayed {
		h.Set(replayedHeader, "true")
	}
	w.WriteHeader(a.status)
	// An error means that the client is gone. (net/http itself leaves the body
	// away where the method is HEAD.)
	_, _ = w.Write(a.body)
}

// refusal is an error as every front tells it: its code, then a sentence.
func refusal(status int, code cuenta.Code, sentence string) reply {
	return reply{
		status: status, body: []byte("error " + code.String() + " " + sentence),
		why: &cuenta.Error{Code: code, Text: sentence},
	}
}

// refused is the reply to a refusal of the service.
func refused(code cuenta.Code, sentence string) reply {
	if code == cuenta.Syntax {
		return badQuery()
	}
	return refusal(statuses[code], code, sentence)
}

func badQuery() reply {
	return reply{status: http.StatusBadRequest, body: []byte(malformed)}
}

func notAllowed(allow string) reply {
	a := refusal(http.StatusMethodNotAllowed, cuenta.Unsupported, "the method must be "+allow)
	a.allow = allow
	return a
}

// change answers /cambiar: one command of the text protocol, which may have its
// idempotency key in the header.
func (s *Server) change(r *http.Request) reply {
	command, ok := onlyParameter(r.URL.RawQuery, "counter")
	if !ok {
		return badQuery()
	}
	var decoder text.Decoder
	requests, line := decoder.Decode([]byte(command), nil)
	if len(requests) == 0 {
		return badQuery()
	}
	if wrong := identify(&requests[0], r); wrong != "" {
		return refusal(http.StatusBadRequest, cuenta.Syntax, wrong)
	}
	batch := cuenta.Batch{
		Origin:   cuenta.Origin{Front: cuenta.FrontWeb, Peer: r.RemoteAddr},
		Class:    cuenta.ClassConsole,
		Requests: requests,
	}
	s.config.Service.Do(s.http.Context(), &batch)
	result := line.Result(batch.Results)
	answer := reply{status: http.StatusOK, body: strconv.AppendInt([]byte("Valor del Contador, "), result.Value, 10)}
	if result.Code != cuenta.OK {
		answer = refused(result.Code, result.Text())
	}
	if result.Code == cuenta.Throttled && result.Amount > 0 {
		seconds := (result.Amount-1)/int64(time.Second) + 1
		answer.retry = strconv.FormatInt(seconds, 10)
	}
	answer.replayed = result.Replayed
	return answer
}

// onlyParameter returns the value of a query that is the named parameter once,
// and nothing else.
func onlyParameter(query, name string) (string, bool) {
	if strings.Contains(query, "&") {
		return "", false
	}
	key, value, _ := strings.Cut(query, "=")
	if key, err := url.QueryUnescape(key); err != nil || key != name {
		return "", false
	}
	value, err := url.QueryUnescape(value)
	return value, err == nil
}

// info answers /info: the same report that the consoles show.
func (s *Server) info(r *http.Request) reply {
	asJSON := false
	if r.URL.RawQuery != "" {
		format, ok := onlyParameter(r.URL.RawQuery, "format")
		if !ok || format != "json" {
			return badQuery()
		}
		asJSON = true
	}
	report, err := s.config.Operator.Info(s.http.Context(), asJSON)
	if err != nil {
		if e, ok := errors.AsType[*cuenta.Error](err); ok {
			return refused(e.Code, e.Text)
		}
		return refused(cuenta.Failed, err.Error())
	}
	if asJSON {
		return reply{status: http.StatusOK, kind: jsonText, body: report}
	}
	return reply{status: http.StatusOK, body: report}
}
