package history

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
)

// large records what clients do with counters, one after the other: the history
// is possible, and operations of different clients overlap.
func large(operations, clients, counters int, told Told) *History {
	now := int64(0)
	r := NewRecorder(func() int64 { return now })
	logs := make([]*Log, clients)
	for i := range logs {
		logs[i] = r.Client("client")
	}
	names := make([][]byte, counters)
	for i := range names {
		names[i] = []byte{'c', byte('a' + i/676%26), byte('a' + i/26%26), byte('a' + i%26)}
	}
	type cell struct {
		value    int64
		revision uint64
	}
	cells := make([]cell, counters)
	type open struct {
		number int
		result cuenta.Result
	}
	pending := make([]open, clients)
	for i := range operations {
		c := i % clients
		now += 50
		if i >= clients {
			logs[c].End(pending[c].number, &pending[c].result, told)
		}
		counter := (i * 7919) % counters
		request := cuenta.Request{Op: cuenta.Add, Counter: names[counter], N: int64(1 + i%97)}
		if i%4 == 0 {
			request.Op, request.N = cuenta.Get, 0
		} else {
			cells[counter].value += request.N
			cells[counter].revision++
			request.Identity = cuenta.Identity{Session: uint64(1 + c), Number: uint64(1 + i/clients)}
		}
		pending[c] = open{logs[c].Begin(&request), cuenta.Result{Value: cells[counter].value, Revision: cells[counter].revision}}
	}
	now += 50
	for c := range pending {
		logs[c].End(pending[c].number, &pending[c].result, told)
	}
	return r.History()
}

// TestLarge checks histories of many clients at work at the same time, with
// everything told and with values alone.
func TestLarge(t *testing.T) {
	operations := 200_000
	if testing.Short() {
		operations = 20_000
	}
	for _, told := range []Told{WithValue | WithRevision | First, WithValue} {
		for _, counters := range []int{1, 1000} {
			h := large(operations, 50, counters, told)
			report, err := Check(h)
			if err != nil || report.Err() != nil || len(report.Undecided) > 0 || report.Operations != operations {
				t.Fatalf("%d counters, told %b: %v\n%v", counters, told, err, report)
			}
			// One answer of another is enough.
			spoilOne(h)
			if report, err := Check(h); err != nil || report.Err() == nil {
				t.Errorf("%d counters, told %b: one wrong value in %d was not noticed: %v", counters, told, operations, err)
			}
		}
	}
}

// spoilOne makes one value in the middle wrong by one.
func spoilOne(h *History) {
	for i := h.Len() / 2; ; i++ {
		if o := h.At(i); o.Op == cuenta.Add {
			o.Value++
			return
		}
	}
}

// BenchmarkCheck checks ten million operations of sessions with everything told:
// of one counter, which is all one list to sort, and of a thousand. The heap at
// its largest is reported.
func BenchmarkCheck(b *testing.B) {
	const operations = 10_000_000
	for _, counters := range []int{1, 1000} {
		h := large(operations, 50, counters, WithValue|WithRevision|First)
		b.Run(fmt.Sprintf("counters=%d", counters), func(b *testing.B) {
			peak := watchHeap()
			for b.Loop() {
				if report, err := Check(h); err != nil || report.Err() != nil {
					b.Fatal(err, report)
				}
			}
			b.ReportMetric(float64(peak()>>20), "MiB")
			b.ReportMetric(float64(operations)*float64(b.N)/b.Elapsed().Seconds(), "operations/s")
		})
	}
}

// watchHeap looks at the heap every so often; peak ends it and returns the most
// that was in use.
func watchHeap() (peak func() uint64) {
	stop, done := make(chan struct{}), make(chan uint64)
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		var most uint64
		for {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapInuse)
			select {
			case <-stop:
				done <- most
				return
			case <-tick.C:
			}
		}
	}()
	return func() uint64 {
		close(stop)
		return <-done
	}
}
