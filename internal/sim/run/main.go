// Command run simulates the server: one world from a seed, told line by line, or
// many worlds, of which it tells those that went wrong and what all have met with.
//
//	go run ./internal/sim/run -seed 17
//	go run ./internal/sim/run -n 100000 -from 1000
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cuenta-server/cuenta/internal/sim"
)

func main() {
	seed := flag.String("seed", "", "tell the world of this seed")
	n := flag.Uint64("n", 1000, "simulate so many worlds")
	from := flag.Uint64("from", 0, "begin with this seed")
	fault := flag.Int("fault", 0, "plant the fault of this number: "+faults())
	flag.Parse()
	if *fault < 0 || *fault >= int(sim.NumFaults) || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ok, err := false, error(nil)
	if *seed != "" {
		ok, err = tell(*seed, sim.Fault(*fault), os.Stdout)
	} else {
		ok = many(*from, *n, sim.Fault(*fault))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "run:", err)
	}
	if !ok || err != nil {
		os.Exit(1)
	}
}

func faults() string {
	var all []string
	for f := range sim.NumFaults {
		all = append(all, fmt.Sprintf("%d %s", f, f))
	}
	return strings.Join(all, ", ")
}

// tell simulates one world and tells what happens in it.
func tell(seed string, fault sim.Fault, to io.Writer) (ok bool, err error) {
	var number uint64
	if _, err := fmt.Sscan(seed, &number); err != nil {
		return false, fmt.Errorf("the seed %q is no number", seed)
	}
	out := bufio.NewWriter(to)
	r, err := sim.Run(number, sim.Options{Trace: out, Fault: fault})
	if err != nil {
		return false, err
	}
	fmt.Fprintf(out, "\n%s\n", r.Cover)
	if r.Wrong == "" {
		fmt.Fprintln(out, "Nothing is wrong.")
	} else {
		fmt.Fprintf(out, "WRONG\n%s\n", r.Wrong)
	}
	return r.Wrong == "", out.Flush()
}

// tellEvery is how often a progress line is written.
const tellEvery = 5 * time.Second

// many simulates many worlds, as many at a time as there are processors.
func many(from, n uint64, fault sim.Fault) (ok bool) {
	var next, done, wrong atomic.Uint64
	var mu sync.Mutex
	cover := sim.Cover{}
	began := time.Now()
	work := func() {
		for {
			i := next.Add(1) - 1
			if i >= n {
				return
			}
			r, err := sim.Run(from+i, sim.Options{Fault: fault})
			mu.Lock()
			if err != nil {
				r = &sim.Result{Seed: from + i, Wrong: err.Error()}
			}
			cover.Add(r.Cover)
			if r.Wrong != "" {
				wrong.Add(1)
				fmt.Printf("WRONG, see it again with: %s\n%s\n", r.Command(), r.Wrong)
			}
			mu.Unlock()
			done.Add(1)
		}
	}
	finished := make(chan struct{})
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(work)
	}
	go func() {
		workers.Wait()
		close(finished)
	}()
	for tick := time.Tick(tellEvery); ; {
		select {
		case <-tick:
			d := done.Load()
			fmt.Fprintf(os.Stderr, "%d of %d worlds, %d wrong, %.0f per second\n", d, n, wrong.Load(), float64(d)/time.Since(began).Seconds())
			continue
		case <-finished:
		}
		break
	}
	fmt.Printf("What %d worlds from seed %d on have met with, in %v:\n%s%d wrong\n", n, from, time.Since(began).Round(time.Millisecond), cover, wrong.Load())
	return wrong.Load() == 0
}
