package sim

import (
	"fmt"
	"io"
)

// Result is what one run has come to.
type Result struct {
	Seed  uint64
	Wrong string // what is wrong, in sentences; empty if nothing is
	Cover Cover  // what was met with
}

// Command is what a person types to see the run again.
func (r *Result) Command() string { return fmt.Sprintf("make sim SEED=%d", r.Seed) }

// Options say how to run.
type Options struct {
	Trace io.Writer // what happens is told to it, a line each; nil for nobody
	Fault Fault     // is planted
}

// Run simulates one world. The same seed and fault give the same run, byte for
// byte of the trace. An error is one of writing the trace.
func Run(seed uint64, o Options) (*Result, error) {
	w := newWorld(seed, o.Trace, o.Fault)
	w.run()
	if w.life != nil {
		w.life.die()
	}
	wrong := w.judge.verdict()
	return &Result{Seed: seed, Wrong: wrong, Cover: w.cover}, w.trace.err
}
