package bench

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Histograms hold latencies in nanoseconds, up to longest, with three significant figures.
const (
	longest = 10 * time.Minute
	figures = 3
)

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, int64(longest), figures)
}

// recorder gathers what some connections measure. There are a few for all of them:
// enough that they seldom wait for each other, and not so many that their
// histograms fill the caches.
type recorder struct {
	mu        sync.Mutex
	latencies *hdrhistogram.Histogram // since the last take
	warm      int64                   // answered while warming up
	errors    map[string]int64
	failed    int64 // all of errors, since the last take
	last      time.Duration
}

// recorders is how many a run has.
const recorders = 8

// maxKinds bounds the kinds of errors that are told apart.
const maxKinds = 16

func newRecorder() *recorder {
	return &recorder{latencies: newHistogram(), errors: make(map[string]int64)}
}

// record adds n answers at the moment now.
func (r *recorder) record(now, latency time.Duration, n int64) {
	latency = min(max(latency, 1), longest)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.latencies.RecordValues(int64(latency), n); err != nil {
		panic("bench: " + err.Error()) // the value was brought within the bounds
	}
	r.last = max(r.last, now)
}

func (r *recorder) warmed(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.warm += n
}

// fail adds n operations that were refused, or never answered.
func (r *recorder) fail(now time.Duration, why string, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.errors[why]; !known && len(r.errors) >= maxKinds {
		why = "others"
	}
	r.errors[why] += n
	r.failed += n
	r.last = max(r.last, now)
}

// take moves what was measured since the last take into the histogram into.
func (r *recorder) take(into *hdrhistogram.Histogram) (failed int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	into.Merge(r.latencies)
	r.latencies.Reset()
	failed, r.failed = r.failed, 0
	return failed
}

// tally follows one exchange: when each of its operations was due, oldest first.
type tally struct {
	run      *run
	recorder *recorder
	due      []time.Duration // of those not answered yet
	warming  bool
}

// answered counts the answers to the n oldest operations.
func (t *tally) answered(n int) {
	if n == 0 {
		return
	}
	if t.warming {
		t.recorder.warmed(int64(n))
		t.due = t.due[n:]
		return
	}
	now := t.run.now()
	for n > 0 {
		alike := 1
		for alike < n && t.due[alike] == t.due[0] {
			alike++
		}
		t.recorder.record(now, now-t.due[0], int64(alike))
		t.due = t.due[alike:]
		n -= alike
	}
}

// refused counts the refusal of the oldest operation.
func (t *tally) refused(why string) { t.lost(1, why) }

// lost counts the n oldest operations as errors. Errors count in the warm-up too.
func (t *tally) lost(n int, why string) {
	if n == 0 {
		return
	}
	t.recorder.fail(t.run.now(), why, int64(n))
	t.due = t.due[n:]
}
