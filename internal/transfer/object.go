package transfer

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"github.com/cuenta-server/cuenta/internal/lang"
)

// object is what a line of JSON is: a counter, or a page of them as the API lists
// counters.
type object struct {
	Name     *string         `json:"name"`
	Value    json.RawMessage `json:"value"`
	Counters []object        `json:"counters"`
}

var (
	errObject = lang.Text{
		ES: `se espera {"name":"visitas","value":13}`, EN: `want {"name":"visitas","value":13}`}
	errUTF8 = lang.Text{ES: "no es UTF-8", EN: "it is no UTF-8"}
)

// parseJSON reads an object. Its value is a number, or a string as in the API,
// which so spares JavaScript's numbers.
func parseJSON(line []byte, entries []Entry) []Entry {
	if !utf8.Valid(line) {
		return append(entries, Entry{Wrong: errUTF8}) // the decoder would make another name of it
	}
	var o object
	if err := json.Unmarshal(line, &o); err != nil || o.Name == nil && o.Counters == nil {
		return append(entries, Entry{Wrong: errObject})
	}
	if o.Counters == nil {
		return append(entries, o.entry())
	}
	for i := range o.Counters {
		entries = append(entries, o.Counters[i].entry())
	}
	return entries
}

func (o *object) entry() Entry {
	if o.Name == nil || len(o.Value) == 0 {
		return Entry{Wrong: errObject}
	}
	return entryOf(*o.Name, string(bytes.Trim(o.Value, `"`)))
}
