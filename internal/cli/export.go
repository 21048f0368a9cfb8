package cli

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/config"
	"github.com/cuenta-server/cuenta/internal/lang"
	"github.com/cuenta-server/cuenta/internal/transfer"
)

// exportCounters writes the counters to stdout.
func (a *app) exportCounters() error {
	format := a.values.Format(transfer.CSV)
	if !slices.Contains([]string{transfer.CSV, transfer.JSONL}, format) {
		return badFormat(format)
	}
	prefix := ""
	if len(a.operands) > 0 {
		prefix = a.operands[0]
	}
	ctx, stop := untilSignal()
	defer stop()
	return a.withServer(func(o *operator, _ config.Client) error {
		describe, err := o.describer(ctx)
		if err != nil {
			return err
		}
		var written atomic.Int64
		progress := a.watch(func() (done, total int64) { return written.Load(), 0 }, unitCounters)
		lost, err := transfer.Export(ctx, o.page, describe, prefix, format, a.stdout, written.Store)
		progress.end()
		if lost > 0 {
			a.complain("%s\n", lossOf(format).Fill(lost).In(a.lang))
		}
		if errors.Is(err, context.Canceled) {
			return lang.Text{ES: "interrumpido; falta una parte", EN: "interrupted; a part is missing"}
		}
		return err
	})
}

// lossOf says how many counters have something that the format cannot carry.
func lossOf(format string) lang.Text {
	if format == transfer.JSONL {
		return lang.Text{
			ES: "%d cuentas tienen reservas; el fichero dice cuánto suman, y no se pueden traer de vuelta",
			EN: "%d counters have holds; the file tells their sums, and they cannot be brought back"}
	}
	return lang.Text{
		ES: "%d cuentas tienen límites, fin o reservas, o son totales, y CSV lleva solo los valores: --format jsonl",
		EN: "%d counters have limits, an end or holds, or are totals, and CSV carries values only: --format jsonl"}
}

// describer is how to ask about each counter; nil if none has anything beside its
// value, as most have not, and then there is no need to.
func (o *operator) describer(ctx context.Context) (transfer.Describer, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	text, err := o.client.InfoJSON(ctx)
	if err != nil {
		return nil, err
	}
	var report struct {
		Terms *struct{ Counters, Holds int } `json:"terms"`
	}
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		return nil, err
	}
	if t := report.Terms; t != nil && t.Counters == 0 && t.Holds == 0 {
		return nil, nil
	}
	return o.describeCounter, nil
}

// describeCounter asks for a counter and its terms.
func (o *operator) describeCounter(ctx context.Context, name string) (c cuenta.Counter, t cuenta.Terms, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r, err := o.client.Do(ctx, cuenta.RPCRequest{Op: cuenta.Describe.String(), Counter: name})
	if r.Terms != nil { // the server may tell none
		t = *r.Terms
	}
	return cuenta.Counter{Name: name, Value: r.Value, Revision: r.Revision}, t, err
}

// page asks for one page of a listing.
func (o *operator) page(ctx context.Context, prefix string, cursor uint64, limit int) ([]cuenta.Counter, uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return o.client.List(ctx, prefix, cursor, limit)
}
