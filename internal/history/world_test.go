package history

import (
	"math"

	"github.com/cuenta-server/cuenta"
)

// The naive server of these tests, small enough to be compared by ==: it makes
// histories, and it is the model by which porcupine judges them. It shares no
// code with the checker.

const (
	worldCounters = 3
	worldKeys     = 4
	worldItems    = 3 // operations in a batch
)

type cell struct {
	value    int64
	revision uint64
	alive    bool
}

type world struct {
	counters [worldCounters]cell
	floor    uint64
	memory   [worldKeys]remembered
}

type remembered struct {
	used    bool
	request request
	answer  reply
}

// request is an operation, a batch or the reading of a state.
type request struct {
	items [worldItems]item
	n     int
	whole bool
	check bool // the first item is a Check that spans the others
	state bool
	key   int // 0 is none
}

type item struct {
	op      cuenta.Op
	cond    cuenta.Condition
	counter int
	n       int64
}

type reply struct {
	results  [worldItems]result
	replayed bool
	floor    uint64
	counters [worldCounters]cell
}

type result struct {
	code     cuenta.Code
	value    int64
	revision uint64
}

// do carries out a request.
func (w world) do(r request) (world, reply) {
	if r.state {
		return w, reply{floor: w.floor, counters: w.counters}
	}
	if r.items[0].op == cuenta.Outcome {
		m := w.memory[r.key]
		if !m.used {
			return w, reply{results: [worldItems]result{{code: cuenta.Absent}}}
		}
		return w, reply{results: m.answer.results}
	}
	if r.key == 0 || r.n == 1 && (r.items[0].op == cuenta.Get || r.items[0].op == cuenta.Check) {
		return w.run(r)
	}
	if m := w.memory[r.key]; m.used {
		if m.request != r {
			var answer reply
			for i := range r.n {
				answer.results[i].code = cuenta.Conflict
			}
			return w, answer
		}
		again := m.answer
		again.replayed = true
		return w, again
	}
	next, answer := w.run(r)
	next.memory[r.key] = remembered{true, r, answer}
	return next, answer
}

func (w world) run(r request) (world, reply) {
	next := w
	var answer reply
	for i := range r.n {
		answer.results[i] = next.one(r.items[i])
		code := answer.results[i].code
		if code == cuenta.OK {
			continue
		}
		if r.check && i == 0 {
			for k := 1; k < r.n; k++ {
				answer.results[k].code = cuenta.Unmet
			}
			return next, answer
		}
		if r.whole {
			for k := range r.n {
				if k != i {
					answer.results[k] = result{code: cuenta.Aborted}
				}
			}
			return w, answer
		}
	}
	return next, answer
}

func (w *world) one(it item) result {
	c := &w.counters[it.counter]
	seen := result{value: c.value, revision: c.revision}
	if !c.alive {
		seen = result{}
	}
	switch it.op {
	case cuenta.Get:
		return seen
	case cuenta.Check:
		if seen.revision != uint64(it.n) {
			seen.code = cuenta.Unmet
		}
		return seen
	case cuenta.Delete:
		if !c.alive {
			return seen
		}
		c.revision++
		w.floor = max(w.floor, c.revision)
		seen.revision = c.revision
		*c = cell{}
		return seen
	}
	if it.cond == cuenta.IfAbsent && c.alive || it.cond == cuenta.IfPresent && !c.alive {
		seen.code = cuenta.Unmet
		return seen
	}
	to := it.n
	switch it.op {
	case cuenta.Reset:
		to = 0
	case cuenta.Add:
		if it.n > 0 && seen.value > math.MaxInt64-it.n {
			return result{cuenta.Overflow, math.MaxInt64, seen.revision}
		}
		if it.n < 0 && seen.value < math.MinInt64-it.n {
			return result{cuenta.Overflow, math.MinInt64, seen.revision}
		}
		to += seen.value
	}
	revision := seen.revision
	if !c.alive {
		revision = w.floor
	}
	*c = cell{to, revision + 1, true}
	return result{value: c.value, revision: c.revision}
}
