//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// settings are one run of the program.
type settings struct {
	kills    int
	seed     uint64
	parallel int
	keep     string
	program  string
	minutes  float64
	crowd    int
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == stewardWord {
		if err := serveOrders(os.Args[2], os.Args[3], os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	var s settings
	flag.IntVar(&s.kills, "kills", 1000, "how often servers are killed")
	flag.Uint64Var(&s.seed, "seed", 0, "what the faults come from (default: another one each time)")
	flag.IntVar(&s.parallel, "parallel", 3, "rounds at a time")
	flag.StringVar(&s.keep, "keep", os.TempDir(), "directory for the histories of rounds that went wrong")
	flag.StringVar(&s.program, "program", "", "a built cuenta (default: it is built from this repository)")
	flag.Float64Var(&s.minutes, "minutes", 60, "how long the soak lasts, at least 5")
	flag.IntVar(&s.crowd, "connections", 10_000, "how many connections are idle, slow or never read")
	flag.Parse()
	if s.seed == 0 {
		s.seed = uint64(time.Now().UnixNano())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := s.run(ctx)
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	stop()
	switch {
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("want one of kills, load, soak, or check FILE; -h shows the flags")

func (s *settings) run(ctx context.Context) (err error) {
	if flag.Arg(0) == "check" && flag.NArg() == 2 {
		return checkFile(flag.Arg(1))
	}
	if flag.NArg() != 1 {
		return errUsage
	}
	if s.program == "" {
		dir, err := os.MkdirTemp("", "cuenta-torture-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir) // what is left of it does no harm
		if s.program, err = build(ctx, dir); err != nil {
			return err
		}
	}
	switch flag.Arg(0) {
	case "kills":
		c := campaign{
			program: s.program, seed: s.seed, kills: s.kills, each: roundKills, parallel: s.parallel, keep: s.keep,
			out: os.Stdout, every: 5 * time.Second,
		}
		_, err := c.run(ctx)
		return err
	case "load":
		l := load{program: s.program, seed: s.seed, crowd: s.crowd, rounds: 3, window: 4 * time.Second, slack: time.Millisecond, out: os.Stdout}
		return l.run(ctx)
	case "soak":
		k := soak{
			program: s.program, seed: s.seed, length: time.Duration(s.minutes * float64(time.Minute)), keep: s.keep,
			out: os.Stdout, every: soakStep, warm: soakWarm, span: soakSpan, flat: measures,
		}
		return k.run(ctx)
	}
	return errUsage
}

// build builds the server into a directory.
func build(ctx context.Context, dir string, flags ...string) (string, error) {
	program := filepath.Join(dir, "cuenta")
	args := append([]string{"build", "-o", program}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, "github.com/cuenta-server/cuenta/cmd/cuenta")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the server: %w\n%s", err, out)
	}
	return program, nil
}
