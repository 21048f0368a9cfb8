package api

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/cuenta-server/cuenta"
)

// problem is a refusal at a route: problem details (RFC 9457), with members of
// our own from code on.
type problem struct {
	Type   string `json:"type"` // where /docs explains it
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`

	Code     string  `json:"code"`
	Fate     string  `json:"fate"`
	Value    *int64  `json:"value,omitempty,string"` // with unmet, overflow, limit and throttled
	Revision *uint64 `json:"revision,omitempty,string"`
	Replayed bool    `json:"replayed,omitempty"`

	// As in ErrorInfo.
	Bound      *string `json:"bound,omitempty"`
	Room       *int64  `json:"room,omitempty,string"`
	Counter    *string `json:"counter,omitempty"`
	Level      *uint32 `json:"level,omitempty"`
	RetryAfter string  `json:"retry_after,omitempty"` // as 1.5s

	Results json.RawMessage `json:"results,omitempty"` // of an atomic batch
}

const (
	problemText = "application/problem+json"

	// retryAfter is the advice, in seconds, that goes with status 503.
	retryAfter = "1"
)

// writeProblem answers a refusal.
func writeProblem(w http.ResponseWriter, r *refusal) {
	p := problem{
		Type:     "/docs#" + r.info.Code,
		Title:    r.code.Text(),
		Status:   r.status,
		Detail:   r.info.Text,
		Code:     r.info.Code,
		Fate:     r.info.Fate,
		Replayed: r.info.Replayed,
		Bound:    r.info.Bound,
		Room:     r.info.Room,
		Counter:  r.info.Counter,
		Level:    r.info.Level,
	}
	if p.Status == 0 {
		p.Status = told[r.code].status
	}
	switch r.code {
	case cuenta.Unmet, cuenta.Overflow, cuenta.Limited:
		p.Value, p.Revision = &r.info.Value, &r.info.Revision
	case cuenta.Throttled:
		p.Value = &r.info.Value
	}
	if after := r.info.RetryAfter; after != nil {
		p.RetryAfter = strconv.FormatFloat(after.AsDuration().Seconds(), 'f', -1, 64) + "s"
	}
	if r.batch != nil {
		p.Results = resultsJSON(r)
	}
	body, err := json.Marshal(p)
	if err != nil {
		panic("api: a problem cannot be written: " + err.Error())
	}
	h := w.Header()
	for name, value := range r.header {
		h.Set(name, value)
	}
	if p.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", retryAfter)
	}
	if p.Replayed {
		h.Set("Idempotency-Replayed", strconv.FormatBool(true))
	}
	write(w, p.Status, problemText, nil, append(body, '\n'))
}

// resultsJSON is the member results of the batch's own answer.
func resultsJSON(r *refusal) json.RawMessage {
	text, err := encodeJSON(restForm, r.batch)
	var members map[string]json.RawMessage
	if err == nil {
		err = json.Unmarshal(text, &members)
	}
	if err != nil {
		panic("api: results cannot be written: " + err.Error())
	}
	return members["results"]
}
