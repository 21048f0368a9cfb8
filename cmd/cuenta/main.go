// Command cuenta is a counter server, a Servidor de Cuentas, and everything that
// talks to one from a terminal. `cuenta help` tells the rest.
package main

import (
	"context"
	"io"
	"os"

	"github.com/cuenta-server/cuenta/internal/cli"
	"github.com/cuenta-server/cuenta/internal/config"
	"github.com/cuenta-server/cuenta/internal/demo"
	"github.com/cuenta-server/cuenta/internal/disk"
	"github.com/cuenta-server/cuenta/internal/front/proc"
	"github.com/cuenta-server/cuenta/internal/journal"
	"github.com/cuenta-server/cuenta/internal/lang"
	"github.com/cuenta-server/cuenta/internal/server"
)

func main() {
	if proc.IsWorker() {
		os.Exit(proc.Main())
	}
	program := cli.Program{
		Serve: func(ctx context.Context, c config.Serve, stdout, stderr io.Writer) error {
			return server.Run(ctx, c, cli.Version(), stdout, stderr)
		},
		Check: func(dir string, tell lang.Teller) error {
			return server.ExplainData(journal.Check(disk.OS, dir, tell), dir)
		},
		Backup: func(ctx context.Context, data, to string, report func(done, total int64), tell lang.Teller) error {
			return server.ExplainData(journal.Backup(ctx, disk.OS, data, to, report, tell), data, to)
		},
		Restore: func(ctx context.Context, backup, data string, report func(done, total int64), tell lang.Teller) error {
			return server.ExplainData(journal.Restore(ctx, disk.OS, backup, data, report, tell), backup, data)
		},
		Demo: demo.Run,
	}
	os.Exit(program.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
}
