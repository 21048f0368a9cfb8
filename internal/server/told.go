package server

import (
	"errors"

	"github.com/cuenta-server/cuenta/internal/lang"
	"github.com/cuenta-server/cuenta/internal/shm"
)

// told is an error as it is told to a person: what happened, to what, and what to do.
type told struct {
	lang.Text
	err error
}

func (e *told) Unwrap() []error { return []error{e.Text, e.err} }

// explainFront tells why a front does not start, unless it says so itself.
func explainFront(name string, err error) error {
	if _, known := errors.AsType[lang.Text](err); known || err == nil {
		return err
	}
	if errors.Is(err, shm.ErrUnsupported) {
		return &told{lang.Text{
			ES: "el servicio %s necesita Linux; en otros sistemas se arranca sin él, con --%s off",
			EN: "the front %s needs Linux; on other systems start without it, with --%s off",
		}.Fill(name, name), err}
	}
	return &told{lang.Text{
		ES: "el servicio %s no puede arrancar: %s; véanse los límites del proceso, que dice «ulimit -a», o arranque sin él, con --%s off",
		EN: "the front %s cannot start: %s; see the limits of the process, which `ulimit -a` tells, or start without it, with --%s off",
	}.Fill(name, lang.System(err), name), err}
}

// explainEngine tells why the engine does not start on the data directory.
func explainEngine(err error, data string) error {
	err = ExplainData(err, data)
	if _, known := errors.AsType[lang.Text](err); known {
		return err
	}
	return &told{lang.Text{
		ES: "el servidor no puede arrancar: %s; véanse los límites del proceso, que dice «ulimit -a»",
		EN: "the server cannot start: %s; see the limits of the process, which `ulimit -a` tells",
	}.Fill(lang.Text{ES: lang.System(err).ES, EN: err.Error()}), err}
}
