package bench

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cuenta-server/cuenta"
)

// pipes connects every worker with a server of its own, in memory. The server
// is told the number of each command before it answers it.
func pipes(serve func(command int) (answer string)) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			// Commands are read on while one is answered, as a socket's buffer would take them.
			commands := make(chan struct{}, MaxPipeline)
			go func() {
				defer close(commands)
				for in := bufio.NewScanner(far); in.Scan(); {
					commands <- struct{}{}
				}
			}()
			n := 0
			for range commands {
				answer := serve(n)
				if answer == "" {
					return
				}
				if _, err := io.WriteString(far, answer); err != nil {
					return
				}
				n++
			}
		}()
		return near, nil
	}
}

func config(dial func(context.Context, string, string) (net.Conn, error)) Config {
	return Config{Front: cuenta.FrontTCP, Connections: 1, Pipeline: 1, Keys: 100, Distribution: Uniform, Dial: dial}
}

// near reports whether a latency is right to three figures.
func near(got, want time.Duration) bool {
	return got >= want-want/500 && got <= want+want/500
}

func TestKnownDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const delay = 5 * time.Millisecond
		c := config(pipes(func(int) string { time.Sleep(delay); return "7\n" }))
		c.Connections, c.WarmUp, c.Duration = 4, 100*time.Millisecond, time.Second-time.Millisecond
		r, err := Run(t.Context(), c, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.WarmedUp != 4*20 || r.Operations != 4*200 || r.Errors != 0 {
			t.Errorf("%+v", r)
		}
		for _, got := range []time.Duration{r.Latency.Min, r.Latency.Mean, r.Latency.P50, r.Latency.P99, r.Latency.P9999, r.Latency.Max} {
			if !near(got, delay) {
				t.Errorf("%v, want %v", got, delay)
			}
		}
		if r.Elapsed != time.Second || r.OperationsPerSecond != 800 {
			t.Errorf("%v at %v a second", r.Elapsed, r.OperationsPerSecond)
		}
	})
}

// TestCorrectedLatency: the service stalls once for a second. What should have been sent
// meanwhile waited too, and the open loop says so; the closed loop cannot.
func TestCorrectedLatency(t *testing.T) {
	stall := func(command int) string {
		if command == 0 {
			time.Sleep(time.Second)
		}
		return "1\n"
	}
	synctest.Test(t, func(t *testing.T) {
		c := config(pipes(stall))
		c.Rate, c.Pipeline, c.Duration = 100, 1, 1995*time.Millisecond
		r, err := Run(t.Context(), c, nil)
		if err != nil {
			t.Fatal(err)
		}
		// One every 10 ms, at 0 … 1990 ms; those due in the first second waited
		// 1000, 990, … 10 ms, the others not at all.
		if r.Operations != 200 || r.Unsent != 0 {
			t.Errorf("%+v", r)
		}
		for _, x := range []struct{ got, want time.Duration }{
			{r.Latency.Max, time.Second},
			{r.Latency.P99, 980 * time.Millisecond},
			{r.Latency.P90, 800 * time.Millisecond},
			{r.Latency.Mean, 505 * time.Millisecond / 2},
		} {
			if !near(x.got, x.want) {
				t.Errorf("%v, want %v", x.got, x.want)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c := config(pipes(stall))
		c.Operations = 200
		r, err := Run(t.Context(), c, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !near(r.Latency.Max, time.Second) || r.Latency.P99 > time.Millisecond {
			t.Errorf("%+v", r.Latency)
		}
	})
}

// TestServerTooSlowForTheRate: what was due and never sent is reported.
func TestServerTooSlowForTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := config(pipes(func(int) string { time.Sleep(100 * time.Millisecond); return "1\n" }))
		c.Rate, c.Duration = 100, 995*time.Millisecond
		r, err := Run(t.Context(), c, nil)
		if err != nil {
			t.Fatal(err)
		}
		// Answered every 100 ms until 1000 ms, when those of 0 … 90 ms are done and
		// those of 100 … 1000 ms were never sent.
		if r.Operations != 10 || r.Unsent != 91 || r.Errors != 0 {
			t.Errorf("%+v", r)
		}
		if !near(r.Latency.Max, 910*time.Millisecond) {
			t.Errorf("%+v", r.Latency)
		}
	})
}

func TestStalledForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		c := config(pipes(func(int) string { <-stop; return "" }))
		c.Connections, c.Pipeline, c.Duration = 3, 5, time.Second
		r, err := Run(t.Context(), c, nil)
		close(stop)
		if err != nil {
			t.Fatal(err)
		}
		if r.Operations != 0 || r.Errors != 15 {
			t.Errorf("%+v", r)
		}
	})
}

func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		stop := make(chan struct{})
		c := config(pipes(func(command int) string {
			if command == 10 {
				cancel()
				<-stop
				return ""
			}
			return "1\n"
		}))
		c.Duration = time.Hour
		r, err := Run(ctx, c, nil)
		close(stop)
		if err != nil {
			t.Fatal(err)
		}
		if r.Operations != 10 || r.Errors != 1 {
			t.Errorf("%+v", r)
		}
		if r.Elapsed > 2*interruptPatience {
			t.Errorf("it took %v", r.Elapsed)
		}
	})
}

// TestBrokenConnections: what was in flight counts as errors, what was answered as done.
func TestBrokenConnections(t *testing.T) {
	c := config(pipes(func(command int) string {
		if command == 13 {
			return ""
		}
		return "1\n"
	}))
	c.Connections, c.Pipeline, c.Operations = 2, 5, 1000
	r, err := Run(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Operations != 2*13 || r.Errors != 2*2 {
		t.Errorf("%+v", r)
	}
}

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := config(pipes(func(command int) string {
			time.Sleep(10 * time.Millisecond)
			if command%4 == 3 {
				return "error busy try again\n"
			}
			return "1\n"
		}))
		c.WarmUp, c.Duration = 1005*time.Millisecond, 2500*time.Millisecond
		var seen []Snapshot
		r, err := Run(t.Context(), c, func(s Snapshot) { seen = append(seen, s) })
		if err != nil {
			t.Fatal(err)
		}
		if len(seen) != 3 || !seen[0].WarmingUp || seen[1].WarmingUp || seen[0].Operations != 0 {
			t.Fatalf("%+v", seen)
		}
		last := seen[2]
		if last.Elapsed != 3*time.Second || !near(last.P50, 10*time.Millisecond) || last.OperationsPerSecond < 70 || last.OperationsPerSecond > 80 {
			t.Errorf("%+v", last)
		}
		// A snapshot may be taken just before or behind a command that ends in the
		// same moment.
		if last.RecentErrors < 24 || last.RecentErrors > 26 || last.Errors >= r.Errors || last.Operations >= r.Operations {
			t.Errorf("%+v, then %+v", last, r)
		}
	})
}

func TestWrongConfigs(t *testing.T) {
	good := Config{Front: cuenta.FrontTCP, Connections: 1, Pipeline: 1, Keys: 1, Distribution: Hot, Operations: 1,
		Dial: pipes(func(int) string { return "1\n" })}
	if _, err := Run(t.Context(), good, nil); err != nil {
		t.Fatal(err)
	}
	for _, spoil := range []func(*Config){
		func(c *Config) { c.Front = "smtp" },
		func(c *Config) { c.Distribution = "normal" },
		func(c *Config) { c.Connections = 0 },
		func(c *Config) { c.Connections = MaxConnections + 1 },
		func(c *Config) { c.Pipeline = 0 },
		func(c *Config) { c.Pipeline = MaxPipeline + 1 },
		func(c *Config) { c.Keys = 0 },
		func(c *Config) { c.Keys = MaxKeys + 1 },
		func(c *Config) { c.Rate = -1 },
		func(c *Config) { c.Operations = 0 },
		func(c *Config) { c.Duration = -1 },
	} {
		c := good
		spoil(&c)
		if _, err := Run(t.Context(), c, nil); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
