package engine

import (
	"context"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/gate"
	"github.com/cuenta-server/cuenta/internal/journal"
	"github.com/cuenta-server/cuenta/internal/queue"
)

// Stats is what the engine tells about itself.
type Stats struct {
	Counters    uint32 `json:"counters"`
	MaxCounters uint32 `json:"max_counters"`
	Sequence    uint64 `json:"sequence"` // of the last durable record
	History     uint64 `json:"history"`
	Memory      uint64 `json:"memory"`            // bytes of cells and names, outside Go's heap
	Failure     string `json:"failure,omitempty"` // why the engine is poisoned

	Snapshotting    bool   `json:"snapshotting"`     // a snapshot is being written
	SnapshotFailure string `json:"snapshot_failure"` // why the last one was not; empty if it was

	Gate    gate.Stats    `json:"gate"`
	Queue   queue.Stats   `json:"queue"`
	Journal journal.Stats `json:"journal"`
}

// Stats returns the state of now.
func (e *Engine) Stats() Stats {
	counters, memory := e.size()
	s := Stats{
		Counters:    counters,
		Memory:      memory,
		MaxCounters: e.config.MaxCounters,
		History:     e.recovery.History,
		Gate:        e.gate.Stats(),
		Queue:       e.queue.Stats(),
		Journal:     e.journal.Stats(),
	}
	s.Sequence = s.Journal.Sequence
	s.Snapshotting = e.snapshots.running.Load()
	if failure := e.snapshots.failure.Load(); failure != nil {
		s.SnapshotFailure = *failure
	}
	if err := e.Err(); err != nil {
		s.Failure = err.Error()
	}
	return s
}

// Count returns how many counters there are, not yet durable ones included.
func (e *Engine) Count() uint64 {
	counters, _ := e.size()
	return uint64(counters)
}

// size returns how many counters there are and the memory they take.
func (e *Engine) size() (counters uint32, memory uint64) {
	// Background: a look at two numbers is worth waiting for.
	if err := e.gate.Acquire(context.Background(), cuenta.ClassConsole, 1); err != nil {
		return 0, 0
	}
	defer e.gate.Release(1)
	return e.ledger.Count(), e.ledger.Memory()
}
