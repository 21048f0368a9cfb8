package identity

import (
	"container/heap"
	"math"
)

// schedule tells which items end when: a list for each minute in which some do.
// The lists run through the items themselves.
type schedule struct {
	heads   map[uint32]uint32 // minute to the first item of its list, plus one
	minutes minutes           // that have a list; the earliest comes first
}

func newSchedule() schedule { return schedule{heads: make(map[uint32]uint32)} }

// add notes that an item ends at the beginning of a minute. Next is the item's
// link.
func (s *schedule) add(minute, item uint32, next *uint32) {
	head, known := s.heads[minute]
	if !known {
		heap.Push(&s.minutes, minute)
	}
	*next = head
	s.heads[minute] = item + 1
}

// first returns the first item that has ended by a minute.
func (s *schedule) first(now uint32) (item uint32, ok bool) {
	if len(s.minutes) == 0 || s.minutes[0] > now {
		return 0, false
	}
	return s.heads[s.minutes[0]] - 1, true
}

// begins returns the time at which the earliest item ends, the end of time if
// there is none.
func (s *schedule) begins() int64 {
	if len(s.minutes) == 0 {
		return math.MaxInt64
	}
	return timeOf(s.minutes[0])
}

// dropFirst takes the first item off; next is its link.
func (s *schedule) dropFirst(next uint32) {
	minute := s.minutes[0]
	if next != 0 {
		s.heads[minute] = next
		return
	}
	delete(s.heads, minute)
	heap.Pop(&s.minutes)
}

// minutes is a heap.
type minutes []uint32

func (m minutes) Len() int           { return len(m) }
func (m minutes) Less(i, j int) bool { return m[i] < m[j] }
func (m minutes) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *minutes) Push(x any)        { *m = append(*m, x.(uint32)) }
func (m *minutes) Pop() any {
	last := (*m)[len(*m)-1]
	*m = (*m)[:len(*m)-1]
	return last
}
