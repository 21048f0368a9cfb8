//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/bench"
)

// ended is what a load of increments notices of many counters that end at one moment.
type ended struct {
	before, during series    // the second before the moment, and those in which they are deleted
	calm, calmer   series    // the same with nothing that ends
	set, deletion  []float64 // seconds that it took to set the ends, and to delete the counters
	server         *contestant
	ends, others   int64         // counters that end, and that do not
	lead           time.Duration // between setting the first end and the end
	lasted         time.Duration // whole seconds of the last deletion
}

const (
	// firstLead is the time in which the ends are set, at first; it is doubled as often
	// as it was not enough.
	firstLead   = 10 * time.Second
	maxAttempts = 5

	// beforeAll is how long before the moment everything is set, at least: the load
	// before it takes beforeWarmUp and a second.
	beforeAll    = 2500 * time.Millisecond
	beforeWarmUp = 500 * time.Millisecond

	// duringWarmUp is how long before the moment the load during it begins; it is
	// measured a little before the moment, as connecting takes a while.
	duringWarmUp = 500 * time.Millisecond
	connectTime  = 50 * time.Millisecond

	// untilDeleted is how long deleting may take.
	untilDeleted = 2 * time.Minute
)

func measureEnded(ctx context.Context, w *workshop, s *settings) (*ended, error) {
	c, err := w.startCuenta(ctx, "ended")
	if err != nil {
		return nil, err
	}
	e := &ended{server: c, ends: s.ends, lead: firstLead, lasted: time.Second}
	if err := fillKeys(ctx, c, endedLoad.Keys); err != nil {
		return nil, err
	}
	if e.others, err = count(c.address); err != nil {
		return nil, err
	}
	for round := range s.rounds {
		if err := e.round(ctx); err != nil {
			return nil, err
		}
		progress("round %d of %d  %s ends at once: p99 %s µs before, %s µs while they were deleted, in %.2f s; without any %s and %s µs", round+1, s.rounds,
			thousands(e.ends), figure(p99Micros(e.before[round])), figure(p99Micros(e.during[round])), e.deletion[round],
			figure(p99Micros(e.calm[round])), figure(p99Micros(e.calmer[round])))
	}
	return e, c.process.stop()
}

var endedLoad = bench.Config{Front: cuenta.FrontRESP, Connections: loadConnections, Pipeline: 1, Keys: 100_000, Distribution: bench.Uniform, Rate: openRate}

// round measures once with ends and once without.
func (e *ended) round(ctx context.Context) error {
	moment, err := e.setEnds(ctx)
	if err != nil {
		return err
	}
	before, during, err := e.around(ctx, moment, true)
	if err != nil {
		return err
	}
	e.before, e.during = append(e.before, before), append(e.during, during)
	before, during, err = e.around(ctx, time.Now().Add(beforeAll), false)
	if err != nil {
		return err
	}
	e.calm, e.calmer = append(e.calm, before), append(e.calmer, during)
	return nil
}

// setEnds makes the counters that end, all at the moment that it returns.
func (e *ended) setEnds(ctx context.Context) (moment time.Time, err error) {
	for range maxAttempts {
		began := time.Now()
		moment = began.Add(e.lead).Truncate(time.Second)
		end := strconv.FormatInt(moment.UnixMilli(), 10)
		err = pipeline(ctx, e.server.address, e.ends, "+OK", func(dst []byte, i int64) []byte {
			return append(fmt.Appendf(dst, "SET due:%012d 1 PXAT ", i), end+"\r\n"...)
		})
		// What was set too late is refused, and what was soon enough must not be over yet.
		late := time.Until(moment) < beforeAll
		if err != nil && !late {
			return moment, err
		}
		if late {
			e.lead *= 2
			progress("%s ends were not set in time; next with %v", thousands(e.ends), e.lead)
			continue
		}
		e.set = append(e.set, time.Since(began).Seconds())
		n, err := count(e.server.address)
		if err == nil && n != e.others+e.ends {
			err = fmt.Errorf("there are %d counters, where %d were and %d with an end were made", n, e.others, e.ends)
		}
		return moment, err
	}
	return moment, fmt.Errorf("%d ends could not be set in %v", e.ends, e.lead/2)
}

// around measures the second before a moment and the seconds behind it until all is
// deleted that ends then, or as many as the last time.
func (e *ended) around(ctx context.Context, moment time.Time, ends bool) (before, during sample, err error) {
	if err := sleep(ctx, time.Until(moment)-beforeAll); err != nil {
		return before, during, err
	}
	c := endedLoad
	c.Address, c.WarmUp, c.Duration = e.server.address, beforeWarmUp, time.Second
	if before, err = latencies(ctx, c); err != nil {
		return before, during, err
	}
	if err := sleep(ctx, time.Until(moment)-duringWarmUp); err != nil {
		return before, during, err
	}
	until, stop := context.WithCancel(ctx)
	defer stop()
	awaited := make(chan error, 1)
	go func() {
		defer stop()
		awaited <- e.await(until, moment, ends)
	}()
	c.WarmUp, c.Duration = max(0, time.Until(moment)-connectTime), untilDeleted+time.Minute
	during, err = latencies(until, c)
	return before, during, errors.Join(ctx.Err(), err, <-awaited)
}

// await returns at the end of the second in which the last counter was deleted.
func (e *ended) await(ctx context.Context, moment time.Time, ends bool) error {
	if err := sleep(ctx, time.Until(moment)); err != nil || !ends {
		return errors.Join(err, sleep(ctx, time.Until(moment.Add(e.lasted))))
	}
	counting, err := net.Dial("tcp", e.server.address)
	if err != nil {
		return err
	}
	defer counting.Close() // it was only asked
	for answers := bufio.NewReader(counting); ; {
		n, err := countOn(counting, answers)
		if err != nil {
			return err
		}
		took := time.Since(moment)
		if n <= e.others {
			e.deletion = append(e.deletion, took.Seconds())
			e.lasted = wholeSeconds(took)
			return sleep(ctx, time.Until(moment.Add(e.lasted)))
		}
		if took > untilDeleted {
			return fmt.Errorf("%d counters are left %v after their end", n-e.others, untilDeleted)
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// wholeSeconds returns the seconds that have begun.
func wholeSeconds(d time.Duration) time.Duration {
	return max(1, (d+time.Second-1)/time.Second) * time.Second
}

// latencies puts the load on until it or ctx ends.
func latencies(ctx context.Context, c bench.Config) (sample, error) {
	c.Seed = uint64(time.Now().UnixNano())
	r, err := bench.Run(ctx, c, nil)
	if err == nil && r.Errors > 0 {
		err = fmt.Errorf("%d operations failed: %v", r.Errors, r.ErrorKinds)
	}
	return sample{operations: r.Operations, perSecond: r.OperationsPerSecond, p50: r.Latency.P50, p99: r.Latency.P99, p999: r.Latency.P999}, err
}

// sleep waits, unless ctx ends first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// count asks how many counters there are.
func count(address string) (int64, error) {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return 0, err
	}
	defer conn.Close() // it was only asked
	return countOn(conn, bufio.NewReader(conn))
}

func countOn(conn net.Conn, answers *bufio.Reader) (int64, error) {
	if err := conn.SetDeadline(time.Now().Add(startPatience)); err != nil {
		return 0, err
	}
	if _, err := io.WriteString(conn, "DBSIZE\r\n"); err != nil {
		return 0, err
	}
	line, err := answers.ReadString('\n')
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSuffix(strings.TrimPrefix(line, ":"), "\r\n"), 10, 64)
}

// pipeline sends n inline commands without waiting for answers in between; each is to
// be answered with that line.
func pipeline(ctx context.Context, address string, n int64, want string, command func(dst []byte, i int64) []byte) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close() // everything that was to be heard has been
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	sent := make(chan error, 1)
	go func() {
		out := bufio.NewWriterSize(conn, 64<<10)
		var line []byte
		for i := range n {
			line = command(line[:0], i)
			if _, err := out.Write(line); err != nil {
				sent <- err
				return
			}
		}
		sent <- out.Flush()
	}()
	answers := bufio.NewReaderSize(conn, 64<<10)
	for i := range n {
		line, err := answers.ReadSlice('\n')
		if err != nil {
			return errors.Join(err, ctx.Err())
		}
		if got := strings.TrimSuffix(string(line), "\r\n"); got != want {
			return fmt.Errorf("%.60q was answered %.100q", command(nil, i), got)
		}
	}
	return <-sent
}
