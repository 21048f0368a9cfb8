package cli

import (
	"errors"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/lang"
	"github.com/cuenta-server/cuenta/internal/uuid"
	"github.com/cuenta-server/cuenta/internal/wire/text"
)

// identify gives a change that has no identity a key of its own, so that it
// counts once however often it is sent: by the program itself, or by the person
// who is told the key when its fate is unknown. It returns the command that says
// the request.
func identify(r *cuenta.Request) string {
	if r.Op != cuenta.Get && !r.Identity.Given() {
		r.Identity.Key = []byte(uuid.NewV7().String())
	}
	command, sayable := text.AppendCommand(nil, r)
	if !sayable {
		panic("cli: a request that no command says")
	}
	return string(command)
}

// unknownFate is a change that may or may not have been made.
type unknownFate struct {
	cause error
	again lang.Text // what repeats it
}

func (e unknownFate) Error() string { return e.cause.Error() }
func (e unknownFate) Unwrap() error { return e.cause }

// withFate marks the failure of a change whose fate it leaves unknown. Such is
// every failure that is no refusal, unless nobody heard the change; and if the
// change was sent before without an answer (open), every refusal that says
// nothing of what was done under the same identity.
func withFate(err error, r *cuenta.Request, command string, open bool) error {
	if err == nil || r.Op == cuenta.Get {
		return err
	}
	refusal, refused := errors.AsType[*cuenta.Error](err)
	switch {
	case refused && settles(refusal.Code):
		return err
	case !open && !(refused && refusal.Code.Fate() == cuenta.FateUnknown):
		return err
	}
	return unknownFate{err, lang.Text{ES: "«%s»", EN: "`%s`"}.Fill(command)}
}

func isRefusal(err error) bool {
	_, ok := errors.AsType[*cuenta.Error](err)
	return ok
}

// settles reports whether a refusal holds for every request with its identity,
// earlier ones as well, or will not be another for a repeat.
func settles(code cuenta.Code) bool {
	switch code {
	case cuenta.Busy, cuenta.Full, cuenta.Canceled, cuenta.Stopping, cuenta.Failed, cuenta.Unknown:
		return false
	}
	return true
}
