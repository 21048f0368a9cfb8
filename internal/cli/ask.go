package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/config"
	"github.com/cuenta-server/cuenta/internal/lang"
)

func (a *app) inc() error      { return a.count("inc") }
func (a *app) dec() error      { return a.count("dec") }
func (a *app) ingresar() error { return a.count("ing") }
func (a *app) retirar() error  { return a.count("ret") }
func (a *app) reset() error    { return a.ask("res.0", a.operands, 1) }
func (a *app) get() error      { return a.ask(reading, a.operands, 1) }
func (a *app) balance() error  { return a.ask(reading, a.operands, 1) }
func (a *app) limit() error    { return a.ask("lim.0", a.operands, 1) }
func (a *app) expire() error   { return a.count("exp") }
func (a *app) transfer() error { return a.countOf("tra", 2) }

const reading = "con.0"

// count says a command whose number is the first operand. An amount of 0 reads, as
// it does in every protocol.
func (a *app) count(verb string) error { return a.countOf(verb, 1) }

func (a *app) countOf(verb string, counters int) error {
	number := a.operands[0]
	if _, err := strconv.ParseUint(number, 10, 63); err != nil {
		return usageError{lang.Text{
			ES: "%q no es un número de 0 a 9223372036854775807", EN: "%q is not a number from 0 to 9223372036854775807",
		}.Fill(number)}
	}
	return a.ask(verb+"."+number, a.operands[1:], counters)
}

// ask says a command of the text protocol, about so many counters, which the first
// operands name, with options, which are the others. It prints the bare value.
func (a *app) ask(command string, operands []string, counters int) error {
	for i, operand := range operands {
		if i >= counters {
			command += " " + operand
			continue
		}
		name, err := counterName(operand)
		if err != nil {
			return err
		}
		if command != reading && isOption(operand) {
			return usageError{lang.Text{
				ES: "%q es una opción, que va tras el nombre de la cuenta; la de siempre se llama cuenta",
				EN: "%q is an option, which goes behind the counter's name; the usual one is called cuenta"}.Fill(operand)}
		}
		command += " @" + string(name)
	}
	key, given := a.values.ID()
	if given {
		if !cuenta.ValidKey([]byte(key)) {
			return usageError{lang.Text{
				ES: "--id: %q no puede ser una clave: 1 a 128 caracteres ASCII visibles",
				EN: "--id: %q cannot be a key: 1 to 128 visible ASCII bytes"}.Fill(key)}
		}
		command += " id=" + key
	}
	c, err := decode(command)
	if refusal, ok := errors.AsType[*cuenta.Error](err); ok {
		return usageError{detailOf(refusal)}
	}
	if err != nil {
		return err
	}
	return a.withServer(func(o *operator, _ config.Client) error {
		value, err := o.apply(c)
		if unknown, ok := errors.AsType[unknownFate](err); ok {
			unknown.again = lang.Text{
				ES: "la misma orden con --id %s", EN: "the same command with --id %s"}.Fill(c.key())
			return unknown
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(a.stdout, value)
		return err
	})
}

// isOption reports whether an operand in the place of a counter's name would rather
// be an option: who forgets the name shall not change a counter of that name.
func isOption(operand string) bool {
	name, _, ok := strings.Cut(operand, "=")
	return ok && slices.Contains([]string{"min", "max", "ttl", "if", "id", "per", "tipo", "raf", "para", "de"}, name)
}

func counterName(operand string) ([]byte, error) {
	name := []byte(operand)
	if !cuenta.ValidName(name) {
		return nil, usageError{lang.Text{
			ES: "%q no puede ser nombre de cuenta", EN: "%q cannot name a counter"}.Fill(operand)}
	}
	return name, nil
}

func (a *app) describe() error {
	name := cuenta.DefaultCounter
	if len(a.operands) > 0 {
		name = a.operands[0]
	}
	if _, err := counterName(name); err != nil {
		return err
	}
	return a.withServer(func(o *operator, _ config.Client) error { return o.describe(a.stdout, name) })
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
