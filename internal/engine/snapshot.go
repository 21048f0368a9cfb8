package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/journal"
	"github.com/cuenta-server/cuenta/internal/ledger"
)

// snapshotter writes snapshots in the background once enough log has gathered.
type snapshotter struct {
	worth   atomic.Int64 // bytes of log that are worth a snapshot
	written atomic.Int64 // bytes of log since the last snapshot began
	running atomic.Bool
	failure atomic.Pointer[string] // why the last one failed; nil if it did not
	due     chan struct{}
	cancel  context.CancelFunc
	done    sync.WaitGroup
}

func (s *snapshotter) start(e *Engine) {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.worth.Store(e.config.SnapshotAfter)
	s.due = make(chan struct{}, 1)
	s.wrote(e.journal.Stats().SinceSnapshot)
	s.done.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-s.due:
			}
			s.take(ctx, e)
		}
	})
}

func (s *snapshotter) take(ctx context.Context, e *Engine) {
	s.running.Store(true)
	defer s.running.Store(false)
	err := e.Snapshot(ctx)
	switch {
	case err == nil:
		s.failure.Store(nil)
	case ctx.Err() == nil:
		text := err.Error()
		s.failure.Store(&text)
		e.log.Error("no snapshot was written; the log keeps everything and goes on growing", "error", err)
	}
}

func (s *snapshotter) stop() {
	s.cancel()
	s.done.Wait()
}

// wrote counts bytes of log.
func (s *snapshotter) wrote(bytes int64) {
	if s.written.Add(bytes) < s.worth.Load() {
		return
	}
	select {
	case s.due <- struct{}{}:
	default: // it is on its way
	}
}

// Snapshot writes a snapshot while changes go on, so that the log before it is
// needed no more.
func (e *Engine) Snapshot(ctx context.Context) error {
	if err := e.gate.Acquire(ctx, cuenta.ClassQueue, 1); err != nil {
		return err
	}
	w := NewWalk(e.ledger, e.journal)
	e.gate.Release(1)
	e.snapshots.written.Store(0)
	if err := w.Begin(e.clock.now()); err != nil {
		return err
	}
	err := e.walk(ctx, w)
	if err == nil {
		err = e.flush() // what the walk saw counts only once it is durable
	}
	if err != nil {
		w.Abort()
		return err
	}
	if err := w.Commit(); err != nil {
		return err
	}
	// The next one is worth writing once the log is as large as what it would
	// replace: so snapshots at most double what is written.
	e.snapshots.worth.Store(max(e.config.SnapshotAfter, e.journal.Stats().Snapshot.Bytes))
	return nil
}

// walk writes all there is, in slices: copied under the gate, written outside it.
func (e *Engine) walk(ctx context.Context, w *Walk) error {
	for {
		began := time.Now()
		if err := e.gate.Acquire(ctx, cuenta.ClassQueue, 1); err != nil {
			return err
		}
		more := w.Copy()
		e.gate.Release(1)
		if !more {
			return nil
		}
		if err := w.Write(); err != nil {
			return err
		}
		if err := rest(ctx, began); err != nil {
			return err
		}
	}
}

// snapshotRest is how many times as long as it works a snapshot rests, slice by
// slice: it has all the time in the world, and takes about a tenth of one
// processor and of the disk from the counting.
const snapshotRest = 9

// rest rests after work that began at a time.
func rest(ctx context.Context, began time.Time) error {
	select {
	case <-time.After(snapshotRest * time.Since(began)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// row is a cell as the walk saw it.
type row struct {
	cell     uint32
	value    int64
	revision uint64
	nameEnd  int // in the slice's names
}

// cellSlice is a slice of the cells 0 to used-1: those that come later are in the
// log behind the beginning.
type cellSlice struct {
	used  uint32
	rows  []row
	names []byte
}

func (s *cellSlice) most() uint32                { return sliceCells }
func (s *cellSlice) count(*ledger.Ledger) uint32 { return s.used }

func (s *cellSlice) copy(l *ledger.Ledger, from, to uint32) {
	s.rows, s.names = s.rows[:0], s.names[:0]
	for cell := from; cell < to; cell++ {
		if value, revision, alive := l.State(cell); alive {
			s.names = append(s.names, l.Name(cell)...)
			s.rows = append(s.rows, row{cell, value, revision, len(s.names)})
		}
	}
}

func (s *cellSlice) write(to *journal.Snapshot) error {
	start := 0
	for _, r := range s.rows {
		if err := to.Put(r.cell, s.names[start:r.nameEnd], r.value, r.revision); err != nil {
			return err
		}
		start = r.nameEnd
	}
	return nil
}
