package cli

import (
	"context"
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
		var written atomic.Int64
		progress := a.watch(func() (done, total int64) { return written.Load(), 0 }, unitCounters)
		defer progress.end()
		err := transfer.Export(ctx, o.page, prefix, format, a.stdout, written.Store)
		if errors.Is(err, context.Canceled) {
			return lang.Text{ES: "interrumpido; falta una parte", EN: "interrupted; a part is missing"}
		}
		return err
	})
}

// page asks for one page of a listing.
func (o *operator) page(ctx context.Context, prefix string, cursor uint64, limit int) ([]cuenta.Counter, uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return o.client.List(ctx, prefix, cursor, limit)
}
