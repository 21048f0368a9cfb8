package sim

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// schedule is the order in which things happen: by the simulated time and, at the
// same time, in the order in which they were asked for.
type schedule struct {
	now    time.Duration
	asked  uint64
	coming events
}

type event struct {
	at    time.Duration
	asked uint64
	what  func()
}

// after has something happen after a while.
func (s *schedule) after(d time.Duration, what func()) {
	s.asked++
	heap.Push(&s.coming, event{s.now + max(d, 0), s.asked, what})
}

// step has the next thing happen; false if there is nothing.
func (s *schedule) step() bool {
	if len(s.coming) == 0 {
		return false
	}
	e := heap.Pop(&s.coming).(event)
	s.now = e.at
	e.what()
	return true
}

// events is a heap.
type events []event

func (e events) Len() int      { return len(e) }
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].asked < e[j].asked
}

func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	(*e)[len(*e)-1] = event{}
	*e = (*e)[:len(*e)-1]
	return last
}

// dice are where all that is random comes from.
type dice struct{ *rand.Rand }

func newDice(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 0x5eed))} }

// percent reports true so often out of a hundred times.
func (d dice) percent(p float64) bool { return p > 0 && d.Float64()*100 < p }

// between draws a number from low to high, both included.
func (d dice) between(low, high int) int { return low + d.IntN(high-low+1) }

// lasting draws a duration from low to high.
func (d dice) lasting(low, high time.Duration) time.Duration {
	return low + time.Duration(d.Int64N(int64(high-low)+1))
}

// some draws one of a list.
func some[T any](d dice, list []T) T { return list[d.IntN(len(list))] }
