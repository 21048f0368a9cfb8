// Package bench puts load on a server of counters and measures how it answers:
// throughput, and the latency of every operation. It has one transport for each
// front and speaks to a Redis too. Every operation adds one, so that what the
// generator counts can be compared with what the server counted, unless it is told
// to do something else (op.go).
//
// Files in reading order: config.go, op.go, run.go (a run from beginning to end),
// worker.go (one connection), transport.go and codec.go (what goes over it),
// phrase.go and reserve.go (what is beyond increments there), rings.go, keys.go (which
// counters), recorder.go and report.go (what comes out).
package bench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	// endPatience is how long the answers under way may take at the end of a run,
	// and interruptPatience the same when it is interrupted.
	endPatience       = 10 * time.Second
	interruptPatience = time.Second

	// progressEvery is the time between two snapshots.
	progressEvery = time.Second
)

// run is a run under way. Times are since start.
type run struct {
	config    Config
	start     time.Time
	workers   []*worker
	recorders []*recorder
	claimed   atomic.Int64 // operations measured, or about to be, where their number is bounded
	unsent    atomic.Int64
	ended     chan struct{} // closed when no more operations are to be sent
	end       func()

	total  *hdrhistogram.Histogram
	failed int64
}

func (r *run) now() time.Duration { return time.Since(r.start) }

// Run puts the load on and returns what was measured. It tells progress, unless
// that is nil, once a second. When ctx ends the run ends early, and the report is
// of what was measured until then. An error means that there is no report: the
// server is not there, or the Config is wrong.
func Run(ctx context.Context, c Config, progress func(Snapshot)) (Report, error) {
	if err := c.check(); err != nil {
		return Report{}, err
	}
	r := &run{config: c, total: newHistogram(), ended: make(chan struct{})}
	r.end = sync.OnceFunc(func() { close(r.ended) })
	for range min(recorders, c.Connections) {
		r.recorders = append(r.recorders, newRecorder())
	}
	if err := r.connect(ctx); err != nil {
		r.close()
		return Report{}, err
	}
	r.load(ctx, progress)
	return r.report(), nil
}

// connect opens all connections before the first operation.
func (r *run) connect(ctx context.Context) error {
	choose := newChooser(r.config.Distribution, r.config.Keys, r.config.Seed)
	for i := range r.config.Connections {
		t, err := connect(ctx, &r.config)
		if err != nil {
			return fmt.Errorf("connection %d of %d: %w", i+1, r.config.Connections, err)
		}
		r.workers = append(r.workers, newWorker(r, i, t, choose.source(i)))
	}
	return nil
}

func (r *run) close() {
	for _, w := range r.workers {
		// Everything that was to be heard has been: nothing can be lost.
		_ = w.transport.close()
	}
}

// load runs all workers to their end.
func (r *run) load(ctx context.Context, progress func(Snapshot)) {
	r.start = time.Now()
	if r.config.Duration > 0 {
		defer time.AfterFunc(r.config.WarmUp+r.config.Duration, r.end).Stop()
		defer time.AfterFunc(r.config.WarmUp+r.config.Duration+endPatience, r.close).Stop()
	}
	done := make(chan struct{})
	defer context.AfterFunc(ctx, func() { r.interrupt(done) })()
	go func() {
		defer close(done)
		var all sync.WaitGroup
		for _, w := range r.workers {
			all.Go(w.work)
		}
		all.Wait()
	}()
	r.watch(done, progress)
	r.close()
}

// interrupt ends the run early.
func (r *run) interrupt(done <-chan struct{}) {
	r.end()
	timer := time.NewTimer(interruptPatience)
	defer timer.Stop()
	select {
	case <-timer.C:
		r.close()
	case <-done:
	}
}

// watch tells the progress until all is done.
func (r *run) watch(done <-chan struct{}, progress func(Snapshot)) {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	recent := newHistogram()
	for before := time.Duration(0); ; {
		select {
		case <-done:
			r.gather(recent)
			return
		case <-tick.C:
		}
		failed := r.gather(recent)
		now := r.now()
		if progress != nil {
			progress(Snapshot{
				Elapsed:             now,
				WarmingUp:           now < r.config.WarmUp,
				Operations:          r.total.TotalCount(),
				Errors:              r.failed,
				OperationsPerSecond: perSecond(recent.TotalCount(), now-before),
				RecentErrors:        failed,
				P50:                 time.Duration(recent.ValueAtPercentile(50)),
				P99:                 time.Duration(recent.ValueAtPercentile(99)),
			})
		}
		before = now
		recent.Reset()
	}
}

// gather takes what is new from the recorders.
func (r *run) gather(recent *hdrhistogram.Histogram) (failed int64) {
	for _, from := range r.recorders {
		failed += from.take(recent)
	}
	r.total.Merge(recent)
	r.failed += failed
	return failed
}
