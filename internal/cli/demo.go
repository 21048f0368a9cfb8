package cli

import "github.com/cuenta-server/cuenta/internal/lang"

var demoFlags = []string{"duration", "seed", "json"}

// demo runs the demonstration, past the buffer of stdout: it takes a while.
func (a *app) demo() error {
	if a.operands[0] != "crash" {
		return usageError{lang.Text{ES: "no hay una demostración %q: solo crash", EN: "there is no demonstration %q: only crash"}.Fill(a.operands[0])}
	}
	c, err := a.values.Demo()
	if err != nil {
		return usageError{textOf(err)}
	}
	ctx, stop := untilSignal()
	defer stop()
	return a.program.Demo(ctx, c, a.rawStdout, a.stderr)
}
