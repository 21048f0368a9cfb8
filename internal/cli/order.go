package cli

import (
	"strings"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/uuid"
	"github.com/cuenta-server/cuenta/internal/wire/text"
)

// order is what a command of the text protocol asks of a server.
type order struct {
	said     string // the command, with the key that identify gave it
	requests []cuenta.Request
	line     text.Line
}

// decode reads a command of the text protocol; one that is malformed is refused
// here in the words that the server has for it.
func decode(line string) (*order, error) {
	var decoder text.Decoder
	requests, l := decoder.Decode([]byte(line), nil)
	if len(requests) > 0 {
		return &order{line, requests, l}, nil
	}
	_, err := parseAnswer(strings.TrimSuffix(l.Answer(), "\n"))
	return nil, err
}

// helpOf returns the line of help about a verb, empty for none.
func helpOf(verb string) string {
	var r cuenta.Request
	if v := text.Decode([]byte("ayuda "+verb), &r); !v.Bad() {
		return v.Answer()
	}
	return ""
}

// reads reports whether the order changes nothing.
func (o *order) reads() bool { return o.requests[0].Op.Reads() }

// key returns the order's key.
func (o *order) key() string { return string(o.requests[0].Identity.Key) }

// identify gives a change that has no identity a key of its own, so that it
// counts once however often it is sent: by the program itself, or by the person
// who is told the key when its fate is unknown. It returns the command that says
// the order.
func (o *order) identify() string {
	id := &o.requests[0].Identity
	if o.reads() || id.Given() {
		return o.said
	}
	id.Key = []byte(uuid.NewV7().String())
	if command, sayable := text.AppendLine(nil, o.requests); sayable {
		o.said = string(command) // which may be shorter, and leave room for the key
	} else {
		o.said += " id=" + o.key()
	}
	return o.said
}
