package history

import (
	"testing"

	"github.com/cuenta-server/cuenta"
)

// largeOfTerms records what clients do with counters that have limits and, every so
// often, an end which comes: the history is possible, and operations overlap.
func largeOfTerms(operations, clients, counters int) *History {
	now := int64(0)
	r := NewRecorder(func() int64 { return now })
	r.Clock(0, 0)
	logs := make([]*Log, clients)
	for i := range logs {
		logs[i] = r.Client("client")
	}
	type open struct {
		number int
		result cuenta.Result
	}
	pending := make([]open, clients)
	cells := make([]cell, counters)
	floor := uint64(0)
	for i := range operations {
		client, at := i%clients, (i*7919)%counters
		if now += 50; i >= clients {
			logs[client].End(pending[client].number, &pending[client].result, WithValue|WithRevision)
		}
		c := &cells[at]
		if c.alive && c.ends != 0 && c.ends <= now {
			floor = max(floor, c.revision+1)
			*c = cell{}
		}
		if !c.alive {
			*c = cell{revision: floor, alive: true}
		}
		request := cuenta.Request{Op: cuenta.Add, Counter: []byte{'c', byte('a' + at/676%26), byte('a' + at/26%26), byte('a' + at%26)}, N: int64(i%97) - 40}
		c.revision++
		switch {
		case !c.ceiling.Set:
			request.Op, request.N = cuenta.Limit, 0
			request.Terms = &cuenta.Terms{Floor: cuenta.Bound{Set: true}, Ceiling: cuenta.Bound{Set: true, At: 1000}}
			c.ceiling.Set = true
		case c.ends == 0 && i%64 == 0:
			request.Op, request.N = cuenta.Expire, 0
			c.ends = now + int64(counters)*50*100
			request.Terms = &cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.ExpireAt, Time: c.ends}}
		default:
			request.Terms = &cuenta.Terms{Clamp: true}
			c.value = min(max(c.value+request.N, 0), 1000)
		}
		pending[client] = open{logs[client].Begin(&request), cuenta.Result{Value: c.value, Revision: c.revision}}
	}
	now += 50
	for client := range pending {
		logs[client].End(pending[client].number, &pending[client].result, WithValue|WithRevision)
	}
	return r.History()
}

// TestLargeOfTerms checks a history of many clients at work on counters with limits
// and ends; one wrong answer is enough.
func TestLargeOfTerms(t *testing.T) {
	operations := 200_000
	if testing.Short() {
		operations = 20_000
	}
	for _, counters := range []int{1, 1000} {
		h := largeOfTerms(operations, 50, counters)
		report, err := Check(h)
		if err != nil || report.Err() != nil || len(report.Undecided) > 0 || report.Operations != operations {
			t.Fatalf("%d counters: %v\n%v", counters, err, report)
		}
		spoilOne(h)
		if report, err := Check(h); err != nil || report.Err() == nil {
			t.Errorf("%d counters: one wrong value in %d was not noticed: %v", counters, operations, err)
		}
	}
}

// BenchmarkCheckTerms checks ten million operations of counters with limits and ends.
func BenchmarkCheckTerms(b *testing.B) {
	const operations = 10_000_000
	h := largeOfTerms(operations, 50, 1000)
	for b.Loop() {
		if report, err := Check(h); err != nil || report.Err() != nil {
			b.Fatal(err, report)
		}
	}
	b.ReportMetric(float64(operations)*float64(b.N)/b.Elapsed().Seconds(), "operations/s")
}
