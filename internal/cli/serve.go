package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/cuenta-server/cuenta/internal/lang"
)

// serve runs the server until a signal asks it to end. It writes past the
// buffer of stdout: a banner must be seen at once.
func (a *app) serve() error {
	c, err := a.values.Serve()
	if err != nil {
		return usageError{textOf(err)}
	}
	ctx, stop := untilSignal()
	defer stop()
	return a.program.Serve(ctx, c, a.rawStdout, a.stderr)
}

// untilSignal returns a context that the first signal ends, so that the server
// drains. The second ends the process at once: the journal is made for that.
func untilSignal() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	stopped := make(chan struct{})
	go func() {
		for {
			select {
			case <-signals:
				if ctx.Err() != nil {
					os.Exit(exitFailed)
				}
				cancel()
			case <-stopped:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(stopped)
		cancel()
	}
}

func (a *app) check() error { return a.program.Check(a.operands[0], a.line) }

// line is a [lang.Teller] for who called the program.
func (a *app) line(text lang.Text) error {
	_, err := fmt.Fprintln(a.stdout, text.In(a.lang))
	return err
}
