package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/lang"
)

// object is what a line of JSON is: a counter, in the words of the API, or a page of
// them as the API lists counters.
type object struct {
	Name     *string         `json:"name"`
	Value    json.RawMessage `json:"value"`
	Revision json.RawMessage `json:"revision"` // where it comes from; it has another one where it goes

	Floor   json.RawMessage `json:"floor"`
	Ceiling json.RawMessage `json:"ceiling"`
	Total   *bool           `json:"total"`
	Ends    *string         `json:"expires_at"`

	// Sums of holds. These stay where they were made: who made them knows them by
	// the numbers that they have there.
	Held     json.RawMessage `json:"held"`
	HeldDown json.RawMessage `json:"held_down"`

	Counters  []json.RawMessage `json:"counters"`
	Next      json.RawMessage   `json:"next_page_token"`
	NextCamel json.RawMessage   `json:"nextPageToken"`
}

var (
	errObject = lang.Text{
		ES: `se espera {"name":"visitas","value":13}`, EN: `want {"name":"visitas","value":13}`}
	errUTF8    = lang.Text{ES: "no es UTF-8", EN: "it is no UTF-8"}
	errUnknown = lang.Text{ES: "%s: no existe ese campo", EN: "%s: there is no such field"}
	errKind    = lang.Text{ES: "%s: no es de su tipo", EN: "%s: it is not of its type"}
	errField   = lang.Text{ES: "%s: %v", EN: "%s: %v"}
	errAbove   = lang.Text{ES: "%s: %d está por encima de %s, %d", EN: "%s: %d is above the %s, %d"}
	errTime    = lang.Text{
		ES: "expires_at: %q no es una hora como 2026-12-31T23:59:59Z", EN: "expires_at: %q is no time such as 2026-12-31T23:59:59Z"}
	errOver = lang.Text{ES: "expires_at: %s ya ha pasado", EN: "expires_at: %s is over already"}
)

// parseJSON reads an object. Its numbers are numbers, or strings as in the API, which
// so spares JavaScript's. A field that there is not is wrong: it may be a limit that
// is misspelt.
func parseJSON(line []byte, entries []Entry) []Entry {
	if !utf8.Valid(line) {
		return append(entries, Entry{Wrong: errUTF8}) // the decoder would make another name of it
	}
	o, err := objectOf(line)
	if err != nil || o.Counters == nil {
		return append(entries, o.entry(err))
	}
	for _, one := range o.Counters {
		o, err := objectOf(one)
		entries = append(entries, o.entry(err))
	}
	return entries
}

func objectOf(text []byte) (o object, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err = d.Decode(&o)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			return o, errObject
		}
		return o, nil
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && kind.Field != "" && kind.Field != "name" {
		return o, errKind.Fill(kind.Field)
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return o, errUnknown.Fill(shorten(field))
	}
	return o, errObject
}

// entry is the counter that the object is, unless err says that it is none.
func (o *object) entry(err error) Entry {
	if text, ok := err.(lang.Text); ok {
		return Entry{Wrong: text}
	}
	if o.Name == nil || len(o.Value) == 0 {
		return Entry{Wrong: errObject}
	}
	e := entryOf(*o.Name, unquoted(o.Value))
	for _, read := range []func(*Entry){o.readLimits, o.readEnd, o.readHeld} {
		if e.Wrong == (lang.Text{}) {
			read(&e)
		}
	}
	return e
}

func unquoted(number json.RawMessage) string { return string(bytes.Trim(number, `"`)) }

// readLimits reads the limits. Where one is said, or that the counter is a total, the
// others are said not to be.
func (o *object) readLimits(e *Entry) {
	e.Floor, e.Ceiling = bound(o.Floor, "floor", e), bound(o.Ceiling, "ceiling", e)
	e.Total = o.Total != nil && *o.Total
	e.Limited = e.Floor.Set || e.Ceiling.Set || o.Total != nil
	switch {
	case e.Wrong != (lang.Text{}):
	case e.Floor.Set && e.Ceiling.Set && e.Floor.At > e.Ceiling.At:
		e.Wrong = errAbove.Fill("floor", e.Floor.At, "ceiling", e.Ceiling.At)
	case e.Floor.Set && e.Floor.At > e.Value:
		e.Wrong = errAbove.Fill("floor", e.Floor.At, "value", e.Value)
	case e.Ceiling.Set && e.Value > e.Ceiling.At:
		e.Wrong = errAbove.Fill("value", e.Value, "ceiling", e.Ceiling.At)
	}
}

// bound reads a limit, which is not there where it is null.
func bound(number json.RawMessage, field string, e *Entry) (b cuenta.Bound) {
	if len(number) == 0 || string(number) == "null" {
		return b
	}
	limit := entryOf("", unquoted(number))
	if limit.Wrong != (lang.Text{}) {
		e.Wrong = errField.Fill(field, limit.Wrong)
	}
	return cuenta.Bound{Set: true, At: limit.Value}
}

// readEnd reads when the counter ends. A part of a millisecond counts as one: it must
// not end early.
func (o *object) readEnd(e *Entry) {
	if o.Ends == nil {
		return
	}
	at, err := time.Parse(time.RFC3339, *o.Ends)
	switch {
	case err != nil:
		e.Wrong = errTime.Fill(shorten(*o.Ends))
	case !at.After(time.Now()):
		e.Wrong = errOver.Fill(*o.Ends)
	default:
		e.Ends = at.Add(time.Millisecond - time.Nanosecond).UnixMilli()
	}
}

func (o *object) readHeld(e *Entry) {
	held, down := bound(o.Held, "held", e), bound(o.HeldDown, "held_down", e)
	e.Held = held.At != 0 || down.At != 0
}
