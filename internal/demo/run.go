// Package demo shows what an identity is for: `cuenta demo crash` starts a server
// on a data directory of its own, lets many clients count over every way in while
// everything fails that can fail, and then compares what the server holds with
// what the clients know.
//
// What fails: proxies drop, repeat and delay datagrams and cut connections, in the
// middle of requests and between a change and its answer; and the server is killed
// with SIGKILL and started again on the same data. Every client asks again until it
// is answered. Those that send an identity with every operation count exactly; those
// that send the bare increment drift, and so does a real Redis beside them.
//
// The files in reading order: run.go (from settings to an exit), crash.go (the
// demonstration), fronts.go (who takes part), client.go and way.go (how a client
// counts; a file way_… for each protocol), victim.go, server.go, redis.go and child.go
// (who is killed), tally.go and present.go (what came of it). The proxies are those of
// package badnet.
package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cuenta-server/cuenta/internal/config"
	"github.com/cuenta-server/cuenta/internal/lang"
)

// Run runs the demonstration as the command line asks for it: the report goes to
// stdout, how it goes to stderr. It fails if the totals with identities are not
// exact.
func Run(ctx context.Context, c config.Demo, stdout, stderr io.Writer) error {
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program's own file: %w", err)
	}
	settings := Config{Executable: executable, Redis: findRedis(), Seed: c.Seed, Duration: c.Duration, Lang: c.Lang}
	say := func(t lang.Text) {
		// When this fails there is nobody who watches; the report is still wanted.
		_, _ = io.WriteString(stderr, t.In(c.Lang)+"\n")
	}
	say(opening(settings))
	report, err := Crash(ctx, settings, func(s Snapshot) { say(progressLine(s)) })
	switch {
	case errors.Is(err, context.Canceled):
		return lang.Text{ES: "interrumpido; no queda nada de ello", EN: "interrupted; nothing is left of it"}
	case err != nil:
		return err
	}
	return conclude(&report, c, stdout)
}

// conclude shows the report, and fails if it has not shown what it should.
func conclude(report *Report, c config.Demo, stdout io.Writer) (err error) {
	if c.JSON {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		err = write(stdout, report, c.Lang)
	}
	if err == nil && !report.Exact {
		return lang.Text{ES: "los totales con identidad no son exactos", EN: "the totals with identities are not exact"}
	}
	return err
}
