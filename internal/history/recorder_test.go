package history

import (
	"fmt"
	"sync"
	"testing"

	"github.com/cuenta-server/cuenta"
)

// TestRecorder lets many goroutines count at the same time, each with its log.
func TestRecorder(t *testing.T) {
	r := NewRecorder(nil)
	var (
		mu    sync.Mutex
		w     world
		work  sync.WaitGroup
		check = func(it item) result {
			mu.Lock()
			defer mu.Unlock()
			next, answer := w.do(request{n: 1, items: [worldItems]item{it}})
			w = next
			return answer.results[0]
		}
	)
	const clients, each = 8, 1000
	for i := range clients {
		log := r.Client(fmt.Sprintf("client-%d", i))
		work.Go(func() {
			for k := range each {
				it := item{op: cuenta.Add, counter: k % 2, n: int64(k)}
				if k%5 == 0 {
					it = item{op: cuenta.Get, counter: k % 2}
				}
				n := log.Begin(&cuenta.Request{Op: it.op, N: it.n, Counter: fmt.Appendf(nil, "c%d", it.counter)})
				result := check(it)
				log.End(n, &cuenta.Result{Code: result.code, Value: result.value, Revision: result.revision}, WithValue|WithRevision)
			}
		})
	}
	work.Wait()
	var counters []cuenta.Counter
	for i := range 2 {
		counters = append(counters, cuenta.Counter{Name: fmt.Sprintf("c%d", i), Value: w.counters[i].value, Revision: w.counters[i].revision})
	}
	r.State("the end", r.Now(), counters, 0)
	report, err := Check(r.History())
	if err != nil || report.Err() != nil || report.Operations != clients*each {
		t.Fatalf("%v\n%v", err, report)
	}
}
