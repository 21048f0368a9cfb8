package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/config"
	"github.com/cuenta-server/cuenta/internal/lang"
	"github.com/cuenta-server/cuenta/internal/transfer"
)

// maxTold is how many wrong lines are told one by one.
const maxTold = 100

// importCounters brings in counters. What was wrong and how it goes on is told on
// stderr, the summary goes to stdout.
func (a *app) importCounters() error {
	c, err := a.importConfig()
	if err != nil {
		return err
	}
	ctx, stop := untilSignal()
	defer stop()
	from, unit, err := a.openSource(ctx, c.Format)
	if err != nil {
		return err
	}
	defer from.Close() // it was only read
	var to *transfer.Target
	if !c.DryRun {
		if to, err = a.openTarget(ctx); err != nil {
			return err
		}
		defer to.Close() // every command was answered or is reported
	}
	began := time.Now()
	progress := a.watch(from.Progress, unit)
	told := 0
	summary, err := transfer.Import(ctx, from, to, transfer.Options{
		Prefix: c.Prefix, Add: c.As, Strict: c.Strict,
		Wrong: func(e transfer.Entry) {
			if told++; told <= maxTold {
				progress.say(wrongLine(e).In(a.lang))
			}
		},
	})
	progress.end()
	if told > maxTold {
		a.complain("%s\n", lang.Text{ES: "y %d más", EN: "and %d more"}.Fill(told-maxTold).In(a.lang))
	}
	if summary.Left > 0 {
		a.complain("%s\n", leftBehind(c.Add).Fill(summary.Left).In(a.lang))
	}
	return a.reportImport(summary, c, time.Since(began), err)
}

// importConfig reads what is asked for. As is the identity to add under, or empty.
func (a *app) importConfig() (config.Import, error) {
	c, err := a.values.Import()
	source := a.operands[0]
	switch {
	case err != nil:
		return c, usageError{textOf(err)}
	case c.Format != "" && (transfer.IsRedis(source) || !slices.Contains(transfer.Formats, c.Format)):
		return c, badFormat(c.Format)
	case c.Add && c.As == "" && source == "-":
		return c, usageError{lang.Text{
			ES: "--add de la entrada necesita un nombre: --as NOMBRE", EN: "--add from standard input needs a name: --as NAME"}}
	case c.Add && c.As == "":
		c.As = source
		if transfer.IsRedis(source) {
			c.As = transfer.PublicName(source)
		}
	}
	return c, nil
}

func badFormat(format string) error {
	return usageError{lang.Text{ES: "--format: %q no sirve aquí", EN: "--format: %q is no use here"}.Fill(format)}
}

// openSource opens what the operand names, and says in what its progress is counted.
func (a *app) openSource(ctx context.Context, format string) (transfer.Source, unit, error) {
	source := a.operands[0]
	if transfer.IsRedis(source) {
		from, err := transfer.OpenRedis(ctx, source)
		if err != nil {
			err = lang.Text{ES: "no se puede leer %s: %v", EN: "cannot read %s: %v"}.Fill(transfer.PublicName(source), textOf(err))
		}
		return from, unitKeys, err
	}
	from, err := transfer.OpenFile(source, format, a.stdin)
	return from, unitBytes, err
}

// openTarget finds the front resp of the server that the settings name.
func (a *app) openTarget(ctx context.Context) (*transfer.Target, error) {
	o, c, err := a.connect()
	if err != nil {
		return nil, err
	}
	defer o.close()
	fronts, err := o.client.Fronts(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(fronts, func(f cuenta.ServiceStatus) bool {
		return f.Name == cuenta.FrontRESP && f.State == cuenta.Running
	})
	if at < 0 {
		return nil, lang.Text{
			ES: "el servicio resp del servidor no está activo; «cuenta start resp» lo inicia",
			EN: "the server's front resp does not run; `cuenta start resp` starts it"}
	}
	address, err := reach(fronts[at].Address, c.Remote)
	if err != nil {
		return nil, err
	}
	return transfer.Dial(ctx, address)
}

// reach is where a front is for us that is bound to an address there.
func reach(bound, remote string) (string, error) {
	host, port, err := net.SplitHostPort(bound)
	if err != nil {
		return "", fmt.Errorf("resp: %w", err)
	}
	if remote != "" {
		host, _, _ = net.SplitHostPort(remote) // it was checked when it was read
	} else if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port), nil
}

// wrongLine tells about a line, or a key, that is wrong.
func wrongLine(e transfer.Entry) lang.Text {
	if e.Line > 0 {
		return lang.Text{ES: "línea %d: %v", EN: "line %d: %v"}.Fill(e.Line, e.Wrong)
	}
	return lang.Text{ES: "%q: %v", EN: "%q: %v"}.Fill(e.Name, e.Wrong)
}

// leftBehind says how many counters had something that is not brought in.
func leftBehind(add bool) lang.Text {
	if add {
		return lang.Text{
			ES: "%d cuentas tenían límites, fin o reservas, o eran totales, y con --add vienen solo los valores",
			EN: "%d counters had limits, an end or holds, or were totals, and with --add only values are brought in"}
	}
	return lang.Text{
		ES: "%d cuentas tenían reservas, que se quedan en el servidor donde se hicieron",
		EN: "%d counters had holds, which stay with the server that they were made at"}
}

// reportImport says what was done, also where it broke off.
func (a *app) reportImport(s transfer.Summary, c config.Import, took time.Duration, err error) error {
	done := lang.Text{ES: "%d cuentas importadas en %s", EN: "%d counters imported in %s"}
	switch {
	case c.DryRun:
		done = lang.Text{ES: "%d cuentas leídas en %s, ninguna importada", EN: "%d counters read in %s, none imported"}
	case c.Add:
		done = lang.Text{ES: "%d sumas hechas en %s", EN: "%d additions made in %s"}
	}
	lines := []lang.Text{done.Fill(s.Counters, took.Round(time.Millisecond).String())}
	if s.Again > 0 {
		lines = append(lines, lang.Text{
			ES: "de ellas %d ya estaban hechas, y no se suman otra vez", EN: "of these %d had been made before, and were not made again"}.Fill(s.Again))
	}
	for _, kind := range slices.Sorted(maps.Keys(s.Skipped)) {
		lines = append(lines, lang.Text{ES: "no son cuentas: %d (%s)", EN: "no counters: %d (%s)"}.Fill(s.Skipped[kind], kind))
	}
	if s.Wrong > 0 {
		lines = append(lines, lang.Text{ES: "mal: %d", EN: "wrong: %d"}.Fill(s.Wrong))
	}
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(line.In(a.lang) + "\n")
	}
	if _, writeErr := a.stdout.WriteString(b.String()); writeErr != nil && err == nil {
		err = writeErr
	}
	switch {
	case errors.Is(err, transfer.ErrStrict), err == nil && s.Wrong > 0:
		return errReported
	case errors.Is(err, context.Canceled):
		return errInterrupted
	}
	return err
}

var errInterrupted = lang.Text{
	ES: "interrumpido; la misma orden lo hace entero, sin contar dos veces",
	EN: "interrupted; the same command does all of it, and counts nothing twice"}
