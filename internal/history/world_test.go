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

	floor, ceiling cuenta.Bound
	ends           int64
}

type world struct {
	counters [worldCounters]cell
	floor    uint64
	now      int64
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
	tick  int64 // the time is that from now on; 0 is none
	key   int   // 0 is none
}

type item struct {
	op      cuenta.Op
	cond    cuenta.Condition
	counter int
	n       int64
	terms   Terms
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
	amount   int64
	terms    Terms // of a Describe
}

// do carries out a request.
func (w world) do(r request) (world, reply) {
	if r.tick != 0 {
		w.now = r.tick
		return w, reply{}
	}
	if r.state {
		seen := reply{floor: w.floor, counters: w.counters}
		for i := range seen.counters {
			if w.over(i) {
				seen.counters[i] = cell{}
			}
		}
		return w, seen
	}
	if r.items[0].op == cuenta.Outcome {
		m := w.memory[r.key]
		if !m.used {
			return w, reply{results: [worldItems]result{{code: cuenta.Absent}}}
		}
		return w, reply{results: m.answer.results}
	}
	if r.key == 0 || r.n == 1 && r.items[0].op.Reads() {
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

// over reports whether a counter's time is over, though it was not deleted yet.
func (w *world) over(counter int) bool {
	c := &w.counters[counter]
	return c.alive && c.ends != 0 && c.ends <= w.now
}

// drop deletes a counter.
func (w *world) drop(counter int) {
	c := &w.counters[counter]
	w.floor = max(w.floor, c.revision+1)
	*c = cell{}
}

func (w *world) one(it item) result {
	c := &w.counters[it.counter]
	gone := w.over(it.counter)
	if gone && !it.op.Reads() {
		w.drop(it.counter)
		gone = false
	}
	seen := result{value: c.value, revision: c.revision}
	if !c.alive || gone {
		seen = result{}
	}
	alive := seen.revision != 0
	switch it.op {
	case cuenta.Get:
		return seen
	case cuenta.Describe:
		if alive {
			seen.terms = Terms{Floor: c.floor, Ceiling: c.ceiling}
			if c.ends != 0 {
				seen.terms.Expiry = cuenta.Expiry{Kind: cuenta.ExpireAt, Time: c.ends}
			}
		}
		return seen
	case cuenta.Check:
		if it.cond == cuenta.IfValue && seen.value != it.n || it.cond != cuenta.IfValue && seen.revision != uint64(it.n) {
			seen.code = cuenta.Unmet
		}
		return seen
	}
	met := true
	switch it.cond {
	case cuenta.IfAbsent:
		met = !alive
	case cuenta.IfPresent:
		met = alive
	case cuenta.IfValue:
		met = seen.value == it.terms.Expect
	case cuenta.IfRevision:
		met = seen.revision == uint64(it.terms.Expect)
	}
	if !met || it.op == cuenta.Expire && !alive {
		seen.code = cuenta.Unmet
		return seen
	}
	switch it.op {
	case cuenta.Delete:
		return w.remove(it.counter, seen)
	case cuenta.Expire:
		return w.expire(it, seen)
	}
	return w.write(it, seen)
}

func (w *world) remove(counter int, seen result) result {
	if seen.revision != 0 {
		seen.revision++
		w.drop(counter)
	}
	return seen
}

// meets reports whether a counter's end may be changed to that of the item.
func (c *cell) meets(e cuenta.Expiry) bool {
	forever := func(end int64) int64 {
		if end == 0 {
			return math.MaxInt64
		}
		return end
	}
	to := e.Time
	if e.Kind == cuenta.NoExpiry {
		to = 0
	}
	switch e.If {
	case cuenta.ExpiryIfNone:
		return c.ends == 0
	case cuenta.ExpiryIfAny:
		return c.ends != 0
	case cuenta.ExpiryIfLater:
		return forever(to) > forever(c.ends)
	case cuenta.ExpiryIfSooner:
		return forever(to) < forever(c.ends)
	case cuenta.ExpiryIfAnySooner:
		return c.ends != 0 && forever(to) < forever(c.ends)
	}
	return true
}

func (w *world) expire(it item, seen result) result {
	c := &w.counters[it.counter]
	e := it.terms.Expiry
	switch {
	case !c.meets(e):
		seen.code = cuenta.Unmet
		return seen
	case e.Kind == cuenta.ExpireAt && e.Time <= w.now && e.Lapse:
		return w.remove(it.counter, seen)
	case e.Kind == cuenta.ExpireAt && e.Time <= w.now:
		return result{code: cuenta.Past}
	}
	c.revision++
	if c.ends = 0; e.Kind == cuenta.ExpireAt {
		c.ends = e.Time
	}
	seen.revision++
	return seen
}

// write carries out an Add, Set, Reset or Limit whose condition holds.
func (w *world) write(it item, seen result) result {
	c := &w.counters[it.counter]
	next := *c
	if !c.alive {
		next = cell{revision: w.floor, alive: true}
	}
	to, clamp := seen.value, it.terms.Clamp
	floor, ceiling := int64(math.MinInt64), int64(math.MaxInt64)
	limit := func(f, t cuenta.Bound) {
		if f.Set {
			floor = max(floor, f.At)
		}
		if t.Set {
			ceiling = min(ceiling, t.At)
		}
	}
	limit(it.terms.Floor, it.terms.Ceiling)
	at, passed := int64(0), false
	if it.op == cuenta.Limit {
		clamp, next.floor, next.ceiling = false, it.terms.Floor, it.terms.Ceiling
	} else {
		limit(next.floor, next.ceiling)
	}
	switch it.op {
	case cuenta.Set, cuenta.Reset:
		to = it.n
	case cuenta.Add:
		switch to = seen.value + it.n; {
		case it.n > 0 && to < seen.value:
			at, passed = ceiling, true
		case it.n < 0 && to > seen.value:
			at, passed = floor, true
		}
	}
	switch {
	case passed:
	case to > ceiling:
		at, passed = ceiling, true
	case to < floor:
		at, passed = floor, true
	}
	if passed && clamp && floor <= ceiling {
		to, passed = at, false
	}
	if passed {
		code := cuenta.Limited
		if it.op != cuenta.Limit && (at == math.MaxInt64 || at == math.MinInt64) {
			code = cuenta.Overflow
		}
		return result{code: code, value: at, revision: seen.revision, amount: at - seen.value}
	}
	lapse := false
	if e := it.terms.Expiry; it.op != cuenta.Limit && e.Kind != cuenta.KeepExpiry && next.meets(e) {
		next.ends = e.Time
		if lapse = e.Kind == cuenta.ExpireAt && e.Time <= w.now; lapse && !e.Lapse {
			return result{code: cuenta.Past}
		}
	}
	next.value, next.revision = to, next.revision+1
	*c = next
	r := result{value: to, revision: c.revision}
	if clamp {
		r.amount = to - seen.value
	}
	if lapse {
		w.drop(it.counter)
	}
	return r
}
