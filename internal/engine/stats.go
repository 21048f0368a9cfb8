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
	Counters    uint32        `json:"counters"`
	MaxCounters uint32        `json:"max_counters"`
	Sequence    uint64        `json:"sequence"` // of the last durable record
	History     uint64        `json:"history"`
	Failure     string        `json:"failure,omitempty"` // why the engine is poisoned
	Gate        gate.Stats    `json:"gate"`
	Queue       queue.Stats   `json:"queue"`
	Journal     journal.Stats `json:"journal"`
}

// Stats returns the state of now.
func (e *Engine) Stats() Stats {
	s := Stats{
		Counters:    e.counters(),
		MaxCounters: e.config.MaxCounters,
		History:     e.recovery.History,
		Gate:        e.gate.Stats(),
		Queue:       e.queue.Stats(),
		Journal:     e.journal.Stats(),
	}
	s.Sequence = s.Journal.Sequence
	if err := e.Err(); err != nil {
		s.Failure = err.Error()
	}
	return s
}

// counters returns how many counters there are.
func (e *Engine) counters() uint32 {
	// Background: a look at one number is worth waiting for.
	if err := e.gate.Acquire(context.Background(), cuenta.ClassConsole, 1); err != nil {
		return 0
	}
	defer e.gate.Release(1)
	return e.ledger.Used()
}
