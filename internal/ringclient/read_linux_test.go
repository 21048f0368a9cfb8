package ringclient

import (
	"context"
	"sync"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
	"github.com/cuenta-server/cuenta/internal/shm"
)

// oneCell is a service of one counter, which it keeps in the first cell.
type oneCell struct {
	*fronttest.Service
	mu    sync.Mutex
	cell  *shm.Cell
	reads int // reads that came here
}

func (s *oneCell) Do(ctx context.Context, b *cuenta.Batch) {
	s.Service.Do(ctx, b)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range b.Results {
		r := &b.Results[i]
		if b.Requests[i].Op == cuenta.Get {
			s.reads++
			continue
		}
		r.Generation = 1
		s.cell.Publish(1, r.Value, r.Revision)
	}
}

func (s *oneCell) readsSoFar() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

func startCells(t testing.TB) (s *oneCell, c *Client, drain func()) {
	seg, err := shm.Create("test-cells", 4*shm.CellSize)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { seg.Close() })
	s = &oneCell{Service: fronttest.NewService(), cell: shm.NewCells(seg).At(0)}
	path, drain := serveCells(t, s, seg)
	return s, dial(t, path), drain
}

func TestReadsComeFromTheCells(t *testing.T) {
	s, c, drain := startCells(t)
	get := cuenta.Request{Op: cuenta.Get}
	do(t, c, add(4))
	expect(t, do(t, c, get), cuenta.Result{Value: 4, Revision: 1})
	for i := range 5 { // it sees its own changes
		do(t, c, add(1))
		expect(t, do(t, c, get), cuenta.Result{Value: int64(5 + i), Revision: uint64(2 + i)})
	}
	if n := s.readsSoFar(); n != 1 {
		t.Errorf("the service was asked for %d reads, want 1", n)
	}
	s.cell.Publish(1, 1234, 99) // what only the cell knows
	expect(t, do(t, c, cuenta.Request{Op: cuenta.Get, Counter: []byte(cuenta.DefaultCounter), Identity: cuenta.Identity{Key: []byte("k")}}),
		cuenta.Result{Value: 1234, Revision: 99})
	// Several reads are one batch, which sees one state.
	expect(t, do(t, c, get, get)[:1], cuenta.Result{Value: 9, Revision: 6})
	// Another counter lives there now.
	s.cell.Publish(3, 7, 100)
	expect(t, do(t, c, get), cuenta.Result{Value: 9, Revision: 6})

	// What is under way may be a change that was asked for before.
	s.cell.Publish(1, 1234, 101)
	lift := s.Stall()
	told := make(chan error)
	if err := c.Submit(t.Context(), batch(add(1)), func(err error) { told <- err }); err != nil {
		t.Fatal(err)
	}
	s.AwaitBlocked(1)
	b, done := batch(get), make(chan error)
	go func() { done <- c.Do(t.Context(), b) }()
	awaitUnderway(t, c, 2)
	lift()
	if err := <-told; err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil || b.Results[0].Value != 10 {
		t.Errorf("%v, %+v", err, b.Results)
	}

	// A server that is gone has cells that nobody changes any more.
	drain()
	lost(t, c.Do(t.Context(), b), b, cuenta.NotApplied, ErrGone)
}

func BenchmarkReadFromCell(b *testing.B) {
	_, c, _ := startCells(b)
	read := batch(cuenta.Request{Op: cuenta.Get})
	for _, r := range []cuenta.Request{add(1), {Op: cuenta.Get}} {
		if err := c.Do(b.Context(), batch(r)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Do(b.Context(), read); err != nil || read.Results[0].Value != 1 {
			b.Fatal(err, read.Results)
		}
	}
}
