package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk"
	"github.com/cuenta-server/cuenta/internal/gate"
	"github.com/cuenta-server/cuenta/internal/identity"
	"github.com/cuenta-server/cuenta/internal/journal"
	"github.com/cuenta-server/cuenta/internal/ledger"
	"github.com/cuenta-server/cuenta/internal/queue"
	"github.com/cuenta-server/cuenta/internal/shm"
	"github.com/cuenta-server/cuenta/internal/watch"
)

const (
	// gateCapacity is the gate's capacity in units. A change takes all of them, a
	// read or a slice of a scan takes one.
	gateCapacity = 64

	// groupShare is the part of a segment that one group may fill.
	groupShare = 4

	defaultQueue         = 1 << 16
	defaultSegment       = 16 << 20
	defaultSnapshotAfter = 64 << 20
)

// Config says where and how an engine keeps its counters. Zero values mean the
// documented default.
type Config struct {
	FS            disk.FS // default: the operating system's
	Dir           string  // the data directory; made if missing
	MaxCounters   uint32  // default: 268,435,456 on Linux, 1,048,576 elsewhere
	QueueCapacity int     // requests in the message queue at most; default 65,536
	SegmentSize   int64   // of the log, in bytes; default 16 MiB
	SnapshotAfter int64   // bytes of log that are worth a snapshot at least; default 64 MiB
	Identities    identity.Config
	Log           *slog.Logger // default: none
}

func (c *Config) setDefaults() {
	if c.FS == nil {
		c.FS = disk.OS
	}
	if c.MaxCounters == 0 {
		c.MaxCounters = maxCounters
	}
	if c.QueueCapacity == 0 {
		c.QueueCapacity = defaultQueue
	}
	if c.SegmentSize == 0 {
		c.SegmentSize = defaultSegment
	}
	if c.SnapshotAfter == 0 {
		c.SnapshotAfter = defaultSnapshotAfter
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Engine keeps the counters of one data directory. It is a [cuenta.Service].
type Engine struct {
	config   Config
	log      *slog.Logger
	segment  *shm.Segment // the cells
	ledger   *ledger.Ledger
	gate     *gate.Gate
	queue    *queue.Queue[message]
	journal  *journal.Journal
	recovery journal.Recovery
	clock    clock
	maxGroup int64

	cycle  *Cycle // Apply and Seal under the whole gate
	landed atomic.Uint64
	failed atomic.Pointer[error] // why the engine is poisoned

	mu      sync.Mutex // over the two below
	leading bool
	waiters []*waiter
	backlog []message // taken from the queue, not applied yet; the leader's

	snapshots snapshotter
	lapses    lapser
	hub       *watch.Hub

	closing sync.Once
	closed  error // what Close has returned
}

// Open recovers the data directory and returns the engine, ready to serve.
func Open(c Config) (*Engine, error) {
	c.setDefaults()
	e := &Engine{
		config:   c,
		log:      c.Log,
		gate:     gate.New(gateCapacity),
		queue:    queue.New[message](c.QueueCapacity),
		maxGroup: c.SegmentSize / groupShare,
	}
	var err error
	if e.segment, err = shm.Create("cuenta-cells", int(c.MaxCounters)*shm.CellSize); err != nil {
		return nil, err
	}
	if err := e.recover(); err != nil {
		return nil, errors.Join(err, e.segment.Close())
	}
	// What recovering took, segments and lists to sort, is not needed again.
	debug.FreeOSMemory()
	e.cycle = NewCycle(e.ledger, drawSession)
	e.hub = watch.New(watch.Config{Source: watched{e}, History: e.recovery.History, Sequence: e.recovery.Sequence})
	e.cycle.TellTo(e.hub)
	e.snapshots.start(e)
	e.lapses.start(e)
	return e, nil
}

func (e *Engine) recover() (err error) {
	if err := e.segment.OnlyReaders(); err != nil {
		return err
	}
	if e.ledger, err = ledger.New(shm.NewCells(e.segment), e.config.MaxCounters, e.config.Identities); err != nil {
		return err
	}
	options := journal.Options{SegmentSize: e.config.SegmentSize, Log: e.log}
	e.journal, e.recovery, err = journal.Open(e.config.FS, e.config.Dir, sink{e.ledger}, options)
	if err != nil {
		return errors.Join(err, e.ledger.Close())
	}
	e.clock = newClock(e.recovery.Time)
	if err := e.ledger.Restored(e.clock.now()); err != nil {
		return errors.Join(fmt.Errorf("recovering %s: %w", e.config.Dir, err), e.journal.Close(), e.ledger.Close())
	}
	return nil
}

// Recovery tells what was found in the data directory at the start.
func (e *Engine) Recovery() journal.Recovery { return e.recovery }

// Cells returns the segment that holds the counters' cells, for workers to map.
func (e *Engine) Cells() *shm.Segment { return e.segment }

// Err returns why the engine is poisoned, nil if it is not.
func (e *Engine) Err() error {
	if err := e.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// Close ends the service: it refuses what comes, makes the last group durable
// and seals the log. Whoever calls Do must have stopped; the cells are unmapped.
// It returns the error that poisoned the engine, if one did. To close it again, at the
// same time too, changes nothing, and returns the same when that is done.
func (e *Engine) Close() error {
	e.closing.Do(func() { e.closed = e.close() })
	return e.closed
}

func (e *Engine) close() error {
	e.queue.Close()
	e.hub.Close()
	e.snapshots.stop()
	e.lapses.stop()
	err := e.Err()
	if err == nil {
		if err = e.flush(); err == nil {
			err = e.journal.Seal()
		}
	}
	return errors.Join(err, e.journal.Close(), e.ledger.Close(), e.segment.Close())
}

// flush makes the open group durable and waits for it.
func (e *Engine) flush() error {
	// Background context: this hold is short, and it must not be given up half-way.
	if err := e.gate.Acquire(context.Background(), cuenta.ClassConsole, 1); err != nil {
		return err
	}
	ticket := e.cycle.Sealed()
	if !e.cycle.Idle() {
		ticket++
	}
	e.gate.Release(1)
	w := newWaiter()
	w.ticket.Store(uint64(ticket))
	e.settle(w)
	w.free()
	return e.Err()
}
