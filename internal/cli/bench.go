package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cuenta-server/cuenta/internal/bench"
	"github.com/cuenta-server/cuenta/internal/config"
	"github.com/cuenta-server/cuenta/internal/lang"
)

var benchFlags = []string{"front", "op", "connections", "pipeline", "keys", "distribution", "identity", "rate", "duration", "operations", "warm-up", "json"}

// bench puts load on a server. The report goes to stdout, how it goes to stderr.
func (a *app) bench() error {
	c, asJSON, err := a.benchConfig()
	if err != nil {
		return err
	}
	ctx, stop := untilSignal()
	defer stop()
	report, err := bench.Run(ctx, c, func(s bench.Snapshot) {
		// When this fails there is nobody who watches; the report is still wanted.
		_, _ = io.WriteString(a.stderr, benchLine(s).In(a.lang)+"\n")
	})
	if err != nil {
		return benchFailed(c, err)
	}
	if asJSON {
		encoder := json.NewEncoder(a.stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		err = writeReport(a.stdout, report, a.lang)
	}
	if err == nil && report.Errors > 0 {
		return lang.Text{ES: "%d operaciones fallaron", EN: "%d operations failed"}.Fill(report.Errors)
	}
	return err
}

func (a *app) benchConfig() (c bench.Config, asJSON bool, err error) {
	s, err := a.values.Bench()
	if err != nil {
		return c, false, usageError{textOf(err)}
	}
	if !slices.Contains(bench.Fronts, s.Front) {
		return c, false, usageError{lang.Text{ES: "--front: %q no es ninguno de %s", EN: "--front: %q is none of %s"}.
			Fill(s.Front, strings.Join(bench.Fronts, ", "))}
	}
	if !slices.Contains(bench.Distributions, bench.Distribution(s.Distribution)) {
		return c, false, usageError{lang.Text{ES: "--distribution: %q no es un reparto", EN: "--distribution: %q is no distribution"}.Fill(s.Distribution)}
	}
	op, err := benchOp(s)
	if err != nil {
		return c, false, err
	}
	identity := bench.Identity(s.Identity)
	if !slices.Contains(bench.Identities, identity) || !identity.CanCarry(s.Front) {
		return c, false, usageError{lang.Text{
			ES: "--identity: %q no es ninguna identidad que el servicio %s conozca", EN: "--identity: %q is no identity that the front %s knows",
		}.Fill(s.Identity, s.Front)}
	}
	if s.Connections > bench.MaxConnections {
		return c, false, usageError{lang.Text{ES: "--connections: como mucho %d", EN: "--connections: at most %d"}.Fill(bench.MaxConnections)}
	}
	if s.Pipeline > bench.MaxPipeline {
		return c, false, usageError{lang.Text{ES: "--pipeline: como mucho %d", EN: "--pipeline: at most %d"}.Fill(bench.MaxPipeline)}
	}
	operand := ""
	if len(a.operands) > 0 {
		operand = a.operands[0]
	}
	address, err := a.values.FrontAddress(s.Front, operand)
	if err != nil {
		return c, false, usageError{lang.Text{ES: "%q: %v", EN: "%q: %v"}.Fill(operand, err)}
	}
	return bench.Config{
		Front: s.Front, Op: op, Address: address,
		Connections: s.Connections, Pipeline: s.Pipeline,
		Keys: s.Keys, Distribution: bench.Distribution(s.Distribution), Identity: identity,
		Rate: s.Rate, WarmUp: s.WarmUp, Duration: s.Duration, Operations: s.Operations,
		Seed: uint64(time.Now().UnixNano()),
	}, s.JSON, nil
}

// benchOp is what each operation is to do.
func benchOp(s config.Bench) (bench.Op, error) {
	op := bench.Op(s.Op)
	switch {
	case !slices.Contains(bench.Ops, op):
		return op, usageError{lang.Text{ES: "--op: %q no es ninguna operación", EN: "--op: %q is no operation"}.Fill(s.Op)}
	case !op.CanGo(s.Front):
		return op, usageError{lang.Text{
			ES: "--op: %s no se puede pedir al servicio %s", EN: "--op: %s cannot be asked of the front %s",
		}.Fill(s.Op, s.Front)}
	case op == bench.Transfer && s.Keys < 2:
		return op, usageError{lang.Text{ES: "--op: %s necesita --keys 2 o más", EN: "--op: %s needs --keys 2 or more"}.Fill(s.Op)}
	}
	return op, nil
}

// benchFailed explains why there was no load at all.
func benchFailed(c bench.Config, err error) error {
	if errors.Is(err, context.Canceled) {
		return lang.Text{ES: "interrumpido antes de empezar", EN: "interrupted before it began"}
	}
	return lang.Text{
		ES: "no se pudo conectar con %s (%v)", EN: "could not connect to %s (%v)",
	}.Fill(c.Address, lang.System(err))
}

// benchLine is the line of one second.
func benchLine(s bench.Snapshot) lang.Text {
	phase := lang.Text{}
	if s.WarmingUp {
		phase = lang.Text{ES: "  calentando", EN: "  warming up"}
	}
	return lang.Text{
		ES: "%4.0f s  %9.0f op/s  p50 %s  p99 %s  errores %d%s",
		EN: "%4.0f s  %9.0f op/s  p50 %s  p99 %s  errors %d%s",
	}.Fill(s.Elapsed.Seconds(), s.OperationsPerSecond, short(s.P50), short(s.P99), s.Errors, phase)
}

// writeReport tells a person what was measured.
func writeReport(w io.Writer, r bench.Report, l lang.Lang) error {
	loop := lang.Text{ES: "bucle cerrado", EN: "closed loop"}
	if r.Rate > 0 {
		loop = lang.Text{ES: "bucle abierto, %.0f op/s ofrecidas", EN: "open loop, %.0f op/s offered"}.Fill(r.Rate)
	}
	what := ""
	if r.Op != bench.Increment {
		what = string(r.Op) + ", "
	}
	var b strings.Builder
	fmt.Fprintln(&b, lang.Text{
		ES: "%s %s: %s%d conexiones, %d en vuelo en cada una, %d cuentas (%s), %s\n",
		EN: "%s %s: %s%d connections, %d in flight on each, %d counters (%s), %s\n",
	}.Fill(r.Front, r.Address, what, r.Connections, r.Pipeline, r.Keys, string(r.Distribution), loop).In(l))
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(name lang.Text, value string) { fmt.Fprintf(table, "%s\t%s\n", name.In(l), value) }
	row(lang.Text{ES: "operaciones", EN: "operations"}, fmt.Sprint(r.Operations))
	row(lang.Text{ES: "tiempo", EN: "time"}, fmt.Sprintf("%.2f s", r.Elapsed.Seconds()))
	row(lang.Text{ES: "por segundo", EN: "per second"}, fmt.Sprintf("%.0f", r.OperationsPerSecond))
	if r.Unsent > 0 {
		row(lang.Text{ES: "sin enviar a tiempo", EN: "never sent in time"}, fmt.Sprint(r.Unsent))
	}
	row(lang.Text{ES: "errores", EN: "errors"}, fmt.Sprint(r.Errors))
	for _, kind := range slices.Sorted(maps.Keys(r.ErrorKinds)) {
		row(lang.Text{ES: "  " + kind, EN: "  " + kind}, fmt.Sprint(r.ErrorKinds[kind]))
	}
	fmt.Fprintln(table)
	row(lang.Text{ES: "latencia mínima", EN: "latency, least"}, short(r.Latency.Min))
	row(lang.Text{ES: "media", EN: "mean"}, short(r.Latency.Mean))
	for _, p := range []struct {
		name  string
		value time.Duration
	}{{"p50", r.Latency.P50}, {"p90", r.Latency.P90}, {"p99", r.Latency.P99}, {"p99.9", r.Latency.P999}, {"p99.99", r.Latency.P9999}} {
		row(lang.Text{ES: p.name, EN: p.name}, short(p.value))
	}
	row(lang.Text{ES: "máxima", EN: "most"}, short(r.Latency.Max))
	table.Flush() // into memory, as are the writes above: cannot fail
	_, err := io.WriteString(w, b.String())
	return err
}

// short is a latency with three figures.
func short(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%.3g µs", float64(d)/1e3)
	case d < time.Second:
		return fmt.Sprintf("%.3g ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.3g s", d.Seconds())
}
