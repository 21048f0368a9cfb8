package cli

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/config"
	"github.com/cuenta-server/cuenta/internal/lang"
)

func (a *app) inc() error { return a.add(1) }
func (a *app) dec() error { return a.add(-1) }

// add adds sign times the first operand to the counter that the second names.
// An amount of 0 reads, as it does in every protocol.
func (a *app) add(sign int64) error {
	n, err := strconv.ParseUint(a.operands[0], 10, 63)
	if err != nil {
		return usageError{lang.Text{
			ES: "%q no es un número de 0 a 9223372036854775807", EN: "%q is not a number from 0 to 9223372036854775807",
		}.Fill(a.operands[0])}
	}
	op := cuenta.Add
	if n == 0 {
		op = cuenta.Get
	}
	return a.ask(cuenta.Request{Op: op, N: sign * int64(n)}, a.operands[1:])
}

func (a *app) reset() error { return a.ask(cuenta.Request{Op: cuenta.Reset}, a.operands) }
func (a *app) get() error   { return a.ask(cuenta.Request{Op: cuenta.Get}, a.operands) }

// ask applies one operation to the counter named, if one is, and prints the bare value.
func (a *app) ask(r cuenta.Request, name []string) error {
	if len(name) > 0 {
		r.Counter = []byte(name[0])
		if !cuenta.ValidName(r.Counter) {
			return usageError{lang.Text{
				ES: "%q no puede ser nombre de cuenta", EN: "%q cannot name a counter"}.Fill(name[0])}
		}
	}
	if key, given := a.values.ID(); given {
		r.Identity.Key = []byte(key)
		if !cuenta.ValidKey(r.Identity.Key) {
			return usageError{lang.Text{
				ES: "--id: %q no puede ser una clave: 1 a 128 caracteres ASCII visibles",
				EN: "--id: %q cannot be a key: 1 to 128 visible ASCII bytes"}.Fill(key)}
		}
	}
	return a.withServer(func(o *operator, _ config.Client) error {
		value, err := o.apply(&r)
		if unknown, ok := errors.AsType[unknownFate](err); ok {
			unknown.again = lang.Text{
				ES: "la misma orden con --id %s", EN: "the same command with --id %s"}.Fill(string(r.Identity.Key))
			return unknown
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(a.stdout, value)
		return err
	})
}

func (a *app) list() error {
	prefix := ""
	if len(a.operands) > 0 {
		prefix = a.operands[0]
	}
	return a.withServer(func(o *operator, _ config.Client) error { return o.list(a.stdout, prefix) })
}

func (a *app) info() error {
	return a.withServer(func(o *operator, c config.Client) error { return o.info(a.stdout, c.JSON) })
}

func (a *app) services() error {
	return a.withServer(func(o *operator, _ config.Client) error { return o.services(a.stdout) })
}

func (a *app) stop() error  { return a.control((*operator).stop) }
func (a *app) start() error { return a.control((*operator).start) }

func (a *app) control(do func(*operator, io.Writer, string) error) error {
	return a.withServer(func(o *operator, _ config.Client) error { return do(o, a.stdout, a.operands[0]) })
}

func (a *app) withServer(do func(*operator, config.Client) error) error {
	o, c, err := a.connect()
	if err != nil {
		return err
	}
	defer o.close()
	return do(o, c)
}
