package gate

import (
	"time"

	"github.com/cuenta-server/cuenta"
)

// Stats is what a gate has done.
type Stats struct {
	Capacity int64 `json:"capacity"`
	InUse    int64 `json:"in_use"`
	Tried    int64 `json:"tried"` // grants to TryAcquire, which have no class

	Classes [cuenta.NumClasses]ClassStats `json:"classes"`
}

// ClassStats is what a gate has done for one class.
type ClassStats struct {
	Class     string        `json:"class"`
	Grants    int64         `json:"grants"`
	Waits     int64         `json:"waits"`   // grants that had to wait
	Waiting   int64         `json:"waiting"` // now
	Canceled  int64         `json:"canceled"`
	TotalWait time.Duration `json:"total_wait_ns"`   // of the grants that had to wait
	MaxWait   time.Duration `json:"longest_wait_ns"` // of the grants that had to wait
}

// Stats returns the figures so far.
func (g *Gate) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := Stats{Capacity: g.capacity, InUse: g.word.Load() / unit, Tried: g.tried.Load()}
	for i := range g.lines {
		l := &g.lines[i]
		s.Classes[i] = ClassStats{
			Class:     cuenta.Class(i).String(),
			Grants:    g.fast[i].Load() + l.grants,
			Waits:     l.waits,
			Waiting:   int64(l.waiters.Len()),
			Canceled:  l.canceled,
			TotalWait: l.totalWait,
			MaxWait:   l.maxWait,
		}
	}
	return s
}
