package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/cuenta-server/cuenta/internal/config"
	"github.com/cuenta-server/cuenta/internal/lang"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// program stands in for the whole program: its server, its check and its copies only
// say what they were told.
var program = Program{
	Serve: func(ctx context.Context, c config.Serve, stdout, _ io.Writer) error {
		if _, err := fmt.Fprintf(stdout, "%+v\n", c); err != nil {
			return err
		}
		switch c.Data {
		case "drains":
			<-ctx.Done()
		case "never-drains":
			<-ctx.Done()
			fmt.Fprintln(stdout, "draining")
			select {}
		}
		return nil
	},
	Check: func(dir string, tell lang.Teller) error {
		if _, err := os.Stat(dir); err != nil {
			return err
		}
		return tell(lang.Text{ES: "sano", EN: "sound"})
	},
	Backup:  copyData("backup"),
	Restore: copyData("restore"),
}

func copyData(what string) func(context.Context, string, string, func(int64, int64), lang.Teller) error {
	return func(_ context.Context, from, to string, report func(done, total int64), tell lang.Teller) error {
		report(1, 2)
		if _, err := os.Stat(to); err == nil {
			return fmt.Errorf("%s is not empty", to)
		}
		text := fmt.Sprintln(what, from, to)
		return tell(lang.Text{ES: text[:len(text)-1], EN: text[:len(text)-1]})
	}
}

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"cuenta": func() { os.Exit(program.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ())) },
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "script"),
		UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			data := filepath.Join(e.WorkDir, "cuenta-data")
			if err := os.Mkdir(data, 0o700); err != nil {
				return err
			}
			f, done := newFar(e.T(), filepath.Join(data, "cuenta.sock"))
			e.Defer(done)
			e.Setenv("TCP", f.tcp)
			e.Setenv("UDP", f.udp)
			e.Setenv("RPC", f.rpc)
			e.Setenv("LANG", "C")
			e.Setenv("GORACE", "atexit_sleep_ms=0") // else every command sleeps 1 s under the race detector
			return nil
		},
	})
}
