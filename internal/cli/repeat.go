package cli

import (
	"errors"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/lang"
)

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
func withFate(err error, o *order, command string, open bool) error {
	if err == nil || o.reads() {
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
