package proc

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/shm"
)

// ledger is a service that keeps its counters in cells, as the engine does.
type ledger struct {
	seg   *shm.Segment
	cells shm.Cells

	mu    sync.Mutex
	names []string // of cell i
	reads int      // reads that came here
}

func newLedger(t testing.TB) *ledger {
	t.Helper()
	seg, err := shm.Create("test-cells", 8<<10*shm.CellSize)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { seg.Close() })
	return &ledger{seg: seg, cells: shm.NewCells(seg)}
}

func (s *ledger) Do(_ context.Context, b *cuenta.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.Results = b.Results[:0]
	for i := range b.Requests {
		b.Results = append(b.Results, s.apply(&b.Requests[i]))
	}
}

func (s *ledger) apply(r *cuenta.Request) cuenta.Result {
	name := string(r.Counter)
	if name == "" {
		name = cuenta.DefaultCounter
	}
	at := slices.Index(s.names, name)
	switch {
	case r.Op == cuenta.Get:
		s.reads++
		if r.Identity.Given() {
			return cuenta.Result{Code: cuenta.Unsupported}
		}
		if at < 0 {
			return cuenta.Result{}
		}
	case at < 0:
		at = len(s.names)
		s.names = append(s.names, name)
		s.cells.At(uint32(at)).Publish(1, 0, 0)
	}
	c := s.cells.At(uint32(at))
	generation, value, revision := c.DurableState()
	if r.Op != cuenta.Get {
		value, revision = value+r.N, revision+1
		c.Publish(generation, value, revision)
	}
	return cuenta.Result{Cell: uint32(at), Generation: generation, Value: value, Revision: revision}
}

// readsSoFar returns how many reads were answered by the service.
func (s *ledger) readsSoFar() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

func TestReadsComeFromTheCells(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			l := newLedger(t)
			r := serve(t, Config{Service: l, Cells: l.seg, Workers: min(m.workers, 1)})
			c := r.client()
			c.Send("inc.4 @a\ncon.0 @a\ninc.1\n")
			c.Expect("4", "4", "1")
			if got := l.readsSoFar(); got != 1 {
				t.Fatalf("the service was asked for %d reads, want 1", got)
			}
			// What only the cell knows.
			l.cells.At(0).Publish(1, 1234, 99)
			for range 10 {
				c.Send("con.0 @a\ninc.0 @a\n")
				c.Expect("1234", "1234")
			}
			if got := l.readsSoFar(); got != 1 {
				t.Errorf("the service was asked for %d reads, want 1", got)
			}
			// Reads of the default counter, by either name.
			c.Send("con.0\n")
			c.Expect("1")
			c.Send("con.0 @cuenta\ncon.0\n")
			c.Expect("1", "1")
			if got := l.readsSoFar(); got != 2 {
				t.Errorf("the service was asked for %d reads, want 2", got)
			}
			// A counter that does not exist has no cell to read.
			c.Send("con.0 @none\n")
			c.Expect("0")
			c.Send("con.0 @none\n")
			c.Expect("0")
			if got := l.readsSoFar(); got != 4 {
				t.Errorf("the service was asked for %d reads, want 4", got)
			}
			// The identity of a read means nothing.
			c.Send("con.0 @a id=k\n")
			c.Expect("1234")
		})
	}
}

func TestAConnectionSeesItsOwnCommands(t *testing.T) {
	l := newLedger(t)
	r := serve(t, Config{Service: l, Cells: l.seg, Workers: 1})
	c := r.client()
	c.Send("inc.1 @a\ncon.0 @a\n")
	c.Expect("1", "1")
	for i := 2; i < 50; i++ {
		// The second read must not be answered from the cell: it would be early.
		c.Send("con.0 @a\ninc.1 @a\ncon.0 @a\n")
		c.Expect(fmt.Sprint(i-1), fmt.Sprint(i), fmt.Sprint(i))
	}
}

func TestACellLivedInAgainIsNotBelieved(t *testing.T) {
	l := newLedger(t)
	r := serve(t, Config{Service: l, Cells: l.seg, Workers: 1})
	c := r.client()
	c.Send("inc.4 @a\ncon.0 @a\n")
	c.Expect("4", "4")
	// The counter is deleted, and another one moves into its cell.
	l.mu.Lock()
	l.names[0] = "b"
	l.cells.At(0).Publish(3, 77, 1)
	l.mu.Unlock()
	c.Send("con.0 @a\n")
	c.Expect("0")
	c.Send("con.0 @b\n")
	c.Expect("77")
	c.Send("con.0 @b\n")
	c.Expect("77")
}

func TestWorkersCannotWriteTheCells(t *testing.T) {
	l := newLedger(t)
	f, err := l.seg.ForReading()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err == nil {
		unix.Munmap(b)
		t.Error("the workers' descriptor can be mapped for writing")
	}
	if _, err := f.WriteAt([]byte("x"), 0); err == nil {
		t.Error("the workers' descriptor can be written")
	}
	if err := os.Truncate(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), 0); err == nil {
		t.Error("the cells can be cut short")
	}
}
