package bench

import (
	"cmp"
	"maps"
	"time"
)

// Snapshot is how a run goes.
type Snapshot struct {
	Elapsed    time.Duration // since the beginning, the warm-up included
	WarmingUp  bool
	Operations int64 // measured so far
	Errors     int64

	// Since the snapshot before.
	OperationsPerSecond float64
	RecentErrors        int64
	P50, P99            time.Duration
}

// Report is what a run has measured.
type Report struct {
	Front        string       `json:"front"`
	Op           Op           `json:"op"`
	Address      string       `json:"address"`
	Connections  int          `json:"connections"`
	Pipeline     int          `json:"pipeline"`
	Keys         int64        `json:"keys"`
	Distribution Distribution `json:"distribution"`
	Identity     Identity     `json:"identity"`
	Rate         float64      `json:"rate"` // offered operations per second; 0: a closed loop

	WarmedUp            int64            `json:"warmed_up"`  // operations answered before measuring began
	Operations          int64            `json:"operations"` // answered, without those of the warm-up
	Errors              int64            `json:"errors"`     // refused, or never answered
	ErrorKinds          map[string]int64 `json:"error_kinds"`
	Unsent              int64            `json:"unsent"` // of an open loop: due before the end, but never sent
	Elapsed             time.Duration    `json:"elapsed_ns"`
	OperationsPerSecond float64          `json:"operations_per_second"`
	Latency             Latency          `json:"latency_ns"`
}

// Latency is from when an operation was due, which in a closed loop is when it
// was sent, until it was answered.
type Latency struct {
	Min   time.Duration `json:"min"`
	Mean  time.Duration `json:"mean"`
	P50   time.Duration `json:"p50"`
	P90   time.Duration `json:"p90"`
	P99   time.Duration `json:"p99"`
	P999  time.Duration `json:"p99_9"`
	P9999 time.Duration `json:"p99_99"`
	Max   time.Duration `json:"max"`
}

func (r *run) report() Report {
	c := &r.config
	rep := Report{
		Front: c.Front, Op: cmp.Or(c.Op, Increment), Address: c.Address, Connections: c.Connections, Pipeline: c.Pipeline,
		Keys: c.Keys, Distribution: c.Distribution, Identity: cmp.Or(c.Identity, NoIdentity), Rate: c.Rate,
		Operations: r.total.TotalCount(), Errors: r.failed, ErrorKinds: make(map[string]int64), Unsent: r.unsent.Load(),
	}
	for _, from := range r.recorders {
		rep.WarmedUp += from.warm
		rep.Elapsed = max(rep.Elapsed, from.last-c.WarmUp)
		for kind, n := range maps.All(from.errors) {
			rep.ErrorKinds[kind] += n
		}
	}
	rep.OperationsPerSecond = perSecond(rep.Operations, rep.Elapsed)
	if rep.Operations > 0 {
		at := r.total.ValueAtPercentilesSlice([]float64{50, 90, 99, 99.9, 99.99})
		rep.Latency = Latency{
			Min: time.Duration(r.total.Min()), Mean: time.Duration(r.total.Mean()),
			P50: time.Duration(at[0]), P90: time.Duration(at[1]), P99: time.Duration(at[2]),
			P999: time.Duration(at[3]), P9999: time.Duration(at[4]), Max: time.Duration(r.total.Max()),
		}
	}
	return rep
}

func perSecond(n int64, elapsed time.Duration) float64 {
	if elapsed <= 0 {
		return 0
	}
	return float64(n) / elapsed.Seconds()
}
