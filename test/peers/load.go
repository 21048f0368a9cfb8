//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/bench"
)

// loadConnections is the number of clients, unless a measurement is about that.
const loadConnections = 50

// sample is one measurement of one contestant.
type sample struct {
	operations     int64
	perSecond      float64
	p50, p99, p999 time.Duration // 0 where the load does not tell
	cpu            time.Duration // of the server, for each operation
}

func sampleOf(latencies *hdrhistogram.Histogram, elapsed time.Duration) sample {
	at := latencies.ValueAtPercentilesSlice([]float64{50, 99, 99.9})
	return sample{
		operations: latencies.TotalCount(),
		perSecond:  float64(latencies.TotalCount()) / elapsed.Seconds(),
		p50:        time.Duration(at[0]), p99: time.Duration(at[1]), p999: time.Duration(at[2]),
	}
}

// load puts load on a contestant for about that long.
type load func(ctx context.Context, c *contestant, length time.Duration) (sample, error)

// measure puts the load on and adds what it cost the server.
func measure(ctx context.Context, c *contestant, put load, length time.Duration) (sample, error) {
	before, err := c.process.usage()
	if err != nil {
		return sample{}, err
	}
	s, err := put(ctx, c, length)
	if err != nil {
		return s, fmt.Errorf("%s: %w", c.name, err)
	}
	after, err := c.process.usage()
	if s.operations > 0 {
		s.cpu = (after.cpu - before.cpu) / time.Duration(s.operations)
	}
	return s, err
}

// redisBenchmark is load by the program of that name: clients that each keep a
// number of commands in flight, on a key of 100,000 or on one.
func redisBenchmark(clients, pipeline int, hot bool) load {
	key := "key:__rand_int__"
	if hot {
		key = "key:000000000000"
	}
	run := func(ctx context.Context, c *contestant, n int64) (sample, error) {
		host, port, err := net.SplitHostPort(c.address)
		if err != nil {
			return sample{}, err
		}
		args := redisBenchmarkArgs(host, port, clients, pipeline, n, key)
		cmd := exec.CommandContext(ctx, "redis-benchmark", args...)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return sample{}, fmt.Errorf("redis-benchmark %s: %w", strings.Join(args, " "), err)
		}
		s, err := parseRedisBenchmark(string(out))
		s.operations = n
		return s, err
	}
	return func(ctx context.Context, c *contestant, length time.Duration) (sample, error) {
		// It is told a number, not a time: the first run of a kind finds the rate.
		name := fmt.Sprint(clients, pipeline, hot)
		if c.rates[name] == 0 {
			first, err := run(ctx, c, 20_000*int64(min(pipeline, 16)))
			if err != nil {
				return first, err
			}
			c.rates[name] = first.perSecond
		}
		s, err := run(ctx, c, max(10_000, int64(c.rates[name]*length.Seconds())))
		c.rates[name] = s.perSecond
		return s, err
	}
}

func redisBenchmarkArgs(host, port string, clients, pipeline int, n int64, key string) []string {
	return []string{"-h", host, "-p", port, "-c", strconv.Itoa(clients), "-P", strconv.Itoa(pipeline),
		"-n", strconv.FormatInt(n, 10), "-r", "100000", "--csv", "INCR", key}
}

// parseRedisBenchmark reads a table of a header and one line. Percentiles are of the time
// that a pipeline takes, as redis-benchmark counts it.
func parseRedisBenchmark(out string) (s sample, err error) {
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(rows) != 2 {
		return s, fmt.Errorf("cannot read what redis-benchmark says: %q (%v)", out, err)
	}
	figure := func(name string) float64 {
		at := slices.Index(rows[0], name)
		if at < 0 {
			err = fmt.Errorf("redis-benchmark tells no %s: %q", name, out)
			return 0
		}
		n, wrong := strconv.ParseFloat(rows[1][at], 64)
		err = errors.Join(err, wrong)
		return n
	}
	inMillis := func(name string) time.Duration { return time.Duration(figure(name) * float64(time.Millisecond)) }
	s = sample{perSecond: figure("rps"), p50: inMillis("p50_latency_ms"), p99: inMillis("p99_latency_ms")}
	return s, err
}

// ownLoad is load by the generator of `cuenta bench`, over the Redis protocol
// unless it is told to use the rings.
func ownLoad(c bench.Config) load {
	return func(ctx context.Context, to *contestant, length time.Duration) (sample, error) {
		c := c
		c.Duration, c.WarmUp = length, length/5
		if c.Address = to.rings; c.Front != cuenta.FrontSHM {
			c.Front, c.Address = cuenta.FrontRESP, to.address
		}
		c.Seed = uint64(time.Now().UnixNano())
		r, err := bench.Run(ctx, c, nil)
		if err == nil && r.Errors > 0 {
			err = fmt.Errorf("%d operations failed: %v", r.Errors, r.ErrorKinds)
		}
		return sample{
			// The warm-up cost the server too.
			operations: r.Operations + r.WarmedUp, perSecond: r.OperationsPerSecond,
			p50: r.Latency.P50, p99: r.Latency.P99, p999: r.Latency.P999,
		}, err
	}
}

// pgbench is load by PostgreSQL's own generator. It logs every transaction, and
// the percentiles are of that log.
func pgbench(w *workshop) load {
	return func(ctx context.Context, c *contestant, length time.Duration) (sample, error) {
		prefix := w.path("pgbench")
		args := append(slices.Clone(c.login), "-n", "-M", "prepared", "-f", w.path("update.sql"), "-c", strconv.Itoa(loadConnections), "-j", "2",
			"-T", strconv.Itoa(max(1, int(length.Seconds()))), "--log", "--log-prefix", prefix, "postgres")
		began := time.Now()
		out, err := exec.CommandContext(ctx, postgresProgram("pgbench"), args...).CombinedOutput()
		if err != nil {
			return sample{}, fmt.Errorf("pgbench: %w\n%s", err, out)
		}
		logs, err := filepath.Glob(prefix + ".*")
		if err != nil {
			return sample{}, err
		}
		latencies := hdrhistogram.New(1, int64(time.Minute), 3)
		for _, path := range logs {
			if err := errors.Join(readPgbenchLog(path, latencies), os.Remove(path)); err != nil {
				return sample{}, err
			}
		}
		s := sampleOf(latencies, time.Since(began))
		s.perSecond, err = pgbenchRate(string(out))
		return s, err
	}
}

// pgbenchRate reads what pgbench says of the time without that of connecting.
func pgbenchRate(out string) (float64, error) {
	_, rest, found := strings.Cut(out, "tps = ")
	number, _, _ := strings.Cut(rest, " ")
	if !found {
		return 0, fmt.Errorf("cannot read what pgbench says: %q", out)
	}
	return strconv.ParseFloat(number, 64)
}

// readPgbenchLog takes the third column of the log: microseconds.
func readPgbenchLog(path string, into *hdrhistogram.Histogram) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // opened for reading only: nothing can be lost
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 3 {
			return fmt.Errorf("%s: %q", path, lines.Text())
		}
		micros, err := strconv.ParseInt(fields[2], 10, 64)
		if err != nil {
			return err
		}
		if err := into.RecordValue(max(1, micros*1000)); err != nil {
			return err
		}
	}
	return lines.Err()
}
