package queue

// Stats is what a queue has done. Depth, capacity and high-water mark are
// weights, that is requests.
type Stats struct {
	Capacity       int    `json:"capacity"`
	Depth          int    `json:"depth"`
	HighWater      int    `json:"high_water"`
	Messages       int    `json:"messages"` // that make up the depth
	Waiting        int    `json:"waiting"`  // producers, now
	Accepted       uint64 `json:"accepted"`
	AcceptedWeight uint64 `json:"accepted_weight"`
	Taken          uint64 `json:"taken"`
	TakenWeight    uint64 `json:"taken_weight"`
	Waited         uint64 `json:"waited"`   // producers that did not find room at once
	Canceled       uint64 `json:"canceled"` // of those, the ones that gave up
	Refused        uint64 `json:"refused"`  // by TryPut
}

// Stats returns the figures so far.
func (q *Queue[T]) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.stats
	s.Capacity, s.Depth = q.capacity, q.weight
	s.Messages, s.Waiting = q.messages.length, q.producers.Len()
	return s
}
