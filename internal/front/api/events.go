package api

import (
	"encoding/json"
	"strconv"

	"github.com/cuenta-server/cuenta"
)

// eventsOf is a delivery as server-sent events, which all its watchers are sent. A
// position is the id of the last one, so that a browser that was cut off before it
// is told all of them again.
func eventsOf(d *cuenta.Delivery) any {
	id := d.Position.String()
	var b []byte
	switch d.Kind {
	case cuenta.TellAnew:
		b = append(b, "event: anew\ndata: {\"reason\":"...)
		b = appendString(b, string(d.Reason))
		return append(b, "}\n\n"...)
	case cuenta.TellCurrent:
		b = appendID(append(b, "event: current\n"...), id)
		b = appendString(append(b, "data: {\"position\":"...), id)
		return append(b, "}\n\n"...)
	case cuenta.TellQuiet:
		// An event without data, which a browser does not pass on, but for its id.
		return append(appendID(append(b, ": quiet\n"...), id), '\n')
	}
	event := "event: change\n"
	if d.Kind == cuenta.TellState {
		event = "event: state\n"
	}
	for i := range d.Changes {
		b = append(b, event...)
		if i == len(d.Changes)-1 {
			b = appendID(b, id)
		}
		b = appendChange(append(b, "data: "...), &d.Changes[i])
		b = append(b, "\n\n"...)
	}
	return b
}

func appendID(b []byte, id string) []byte {
	if id == "" {
		return b
	}
	b = append(b, "id: "...)
	b = append(b, id...)
	return append(b, '\n')
}

// appendChange writes a change as JSON, with integers of 64 bits as strings, as
// everywhere in the API.
func appendChange(b []byte, c *cuenta.Change) []byte {
	b = appendString(append(b, `{"counter":`...), c.Counter)
	b = append(b, `,"value":"`...)
	b = strconv.AppendInt(b, c.Value, 10)
	b = append(b, `","revision":"`...)
	b = strconv.AppendUint(b, c.Revision, 10)
	b = append(b, `","since":"`...)
	b = strconv.AppendUint(b, c.Since, 10)
	b = append(b, `","deleted":`...)
	b = strconv.AppendBool(b, c.Deleted)
	return append(b, '}')
}

// appendString writes text without control characters, as names have none, as JSON.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

// endEvent is the last event of a watch that the server ends.
func endEvent(why *refusal) []byte {
	text, err := json.Marshal(struct {
		Code string `json:"code"`
		Text string `json:"text"`
	}{why.info.Code, why.info.Text})
	if err != nil {
		panic("api: an event cannot be written: " + err.Error())
	}
	return append(append([]byte("event: end\ndata: "), text...), "\n\n"...)
}
