package engine

import (
	"context"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/gate"
	"github.com/cuenta-server/cuenta/internal/identity"
	"github.com/cuenta-server/cuenta/internal/journal"
	"github.com/cuenta-server/cuenta/internal/queue"
	"github.com/cuenta-server/cuenta/internal/terms"
)

// Stats is what the engine tells about itself.
type Stats struct {
	Counters    uint64 `json:"counters"` // durable ones
	MaxCounters uint32 `json:"max_counters"`
	Sequence    uint64 `json:"sequence"` // of the last durable record
	History     uint64 `json:"history"`
	Memory      uint64 `json:"memory"` // bytes of cells and names, outside Go's heap

	Identities identity.Stats `json:"identities"`
	Terms      terms.Stats    `json:"terms"`

	Failure string `json:"failure,omitempty"` // why the engine is poisoned

	Snapshotting    bool   `json:"snapshotting"`     // a snapshot is being written
	SnapshotFailure string `json:"snapshot_failure"` // why the last one was not; empty if it was

	Gate    gate.Stats    `json:"gate"`
	Queue   queue.Stats   `json:"queue"`
	Journal journal.Stats `json:"journal"`
}

// Stats returns the state of now.
func (e *Engine) Stats() Stats {
	s := Stats{
		Counters:    e.Count(),
		MaxCounters: e.config.MaxCounters,
		History:     e.recovery.History,
		Gate:        e.gate.Stats(),
		Queue:       e.queue.Stats(),
		Journal:     e.journal.Stats(),
	}
	e.look(&s)
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

// Count returns how many counters there are durably.
func (e *Engine) Count() uint64 { return e.ledger.Count() }

// look fills in what the ledger knows.
func (e *Engine) look(s *Stats) {
	// Background: a look at some numbers is worth waiting for.
	if err := e.gate.Acquire(context.Background(), cuenta.ClassConsole, 1); err != nil {
		return
	}
	defer e.gate.Release(1)
	s.Memory, s.Identities, s.Terms = e.ledger.Memory(), e.ledger.Identities().Stats(), e.ledger.TermsStats()
}
