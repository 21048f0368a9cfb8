package cli

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/cuenta-server/cuenta/internal/lang"
)

// backup copies the data directory that the settings name.
func (a *app) backup() error {
	data, err := a.values.Data()
	if err != nil {
		return usageError{textOf(err)}
	}
	return a.copyData(a.program.Backup, data, a.operands[0])
}

func (a *app) restore() error {
	return a.copyData(a.program.Restore, a.operands[0], a.operands[1])
}

// copyData makes a copy. How it goes on is told on stderr, what the copy is on stdout.
func (a *app) copyData(do func(context.Context, string, string, func(int64, int64), lang.Teller) error, from, to string) error {
	ctx, stop := untilSignal()
	defer stop()
	var done, total atomic.Int64
	progress := a.watch(func() (int64, int64) { return done.Load(), total.Load() }, unitBytes)
	err := do(ctx, from, to, func(written, all int64) {
		done.Store(written)
		total.Store(all)
	}, a.line)
	progress.end()
	if errors.Is(err, context.Canceled) {
		return lang.Text{ES: "interrumpido; no queda nada a medias", EN: "interrupted; nothing is left half done"}
	}
	return err
}
