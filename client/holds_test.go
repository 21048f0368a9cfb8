package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

func TestHolds(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		n, ctx := realWay(t, w).Counter("tokens"), t.Context()
		tells := w.scheme != "udp"
		available := func(h Hold, err error, want int64) {
			t.Helper()
			if !tells {
				want = untold
			}
			if err != nil || h.ID == 0 || h.Available != want {
				t.Errorf("%+v, %v; want %d available", h, err, want)
			}
		}
		must(t, Result{}, err2(n.SetLimits(ctx, Floor(-100), Ceiling(100))))
		h, err := n.Hold(ctx, 60, After(time.Hour))
		available(h, err, 40)
		_, err = n.Hold(ctx, 41, After(time.Hour))
		if got := limitIn(t, err); got.Room != 40 || got.Floor {
			t.Errorf("%+v", got)
		}
		if d, err := n.Describe(ctx); tells && (err != nil || d.Held != 60) {
			t.Errorf("%+v, %v", d, err)
		}
		again, err := n.Extend(ctx, h.ID, After(2*time.Hour))
		if available(again, err, 40); again.ID != h.ID {
			t.Errorf("%+v", again)
		}
		applied := int64(100)
		if !tells {
			applied = 0
		}
		if r, err := n.Settle(ctx, h.ID, 130, Clamp()); must(t, r, err).Value != 100 || r.Applied != applied {
			t.Errorf("%+v", r)
		}
		_, err = n.Settle(ctx, h.ID, 1)
		refusedAs(t, err, cuenta.NoHold, cuenta.NotApplied)
		h, err = n.Hold(ctx, -30, After(time.Hour))
		available(h, err, 170)
		if r, err := n.Settle(ctx, h.ID, -20); must(t, r, err).Value != 80 {
			t.Errorf("%+v", r)
		}
		_, err = n.Hold(ctx, -181, After(time.Hour))
		if got := limitIn(t, err); got.Room != -180 || !got.Floor {
			t.Errorf("%+v", got)
		}
		must(t, Result{}, err2(n.Add(ctx, 20)))
		h, err = n.Hold(ctx, -30, After(time.Hour))
		available(h, err, 170)
		h, err = n.Release(ctx, h.ID)
		available(h, err, 200)
		_, err = n.Release(ctx, h.ID)
		refusedAs(t, err, cuenta.NoHold, cuenta.NotApplied)
		_, err = n.Extend(ctx, h.ID, After(time.Hour))
		refusedAs(t, err, cuenta.NoHold, cuenta.NotApplied)
	})
}

// busied refuses every third description, for now.
type busied struct {
	cuenta.Service

	mu    sync.Mutex
	calls int
}

func (s *busied) Do(ctx context.Context, b *cuenta.Batch) {
	s.Service.Do(ctx, b)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := &b.Requests[0]; r.Op == cuenta.Describe {
		if s.calls++; s.calls%3 == 2 {
			b.Results[0] = cuenta.Result{Code: cuenta.Busy}
		}
	}
}

// More holds than one answer has, of which some end while they are gone through.
func TestListingHolds(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		service := &busied{Service: realEngine(t)}
		c := open(t, Options{MinBackoff: time.Millisecond}, w.scheme+"://"+w.serve(t, service))
		n, ctx := c.Counter("tokens"), t.Context()
		for h, err := range n.Holds(ctx) {
			if w.scheme != "udp" {
				t.Errorf("%+v, %v", h, err)
				continue
			}
			refusedAs(t, err, cuenta.Unsupported, cuenta.NotApplied)
		}
		if w.scheme == "udp" {
			return
		}
		want := make(map[uint64]int64)
		var b cuenta.Batch
		for i := range int64(holdsPage + 40) {
			terms := &cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: int64(time.Hour)}}
			b.Requests = append(b.Requests, cuenta.Request{Op: cuenta.Hold, N: i + 1, Counter: []byte("tokens"), Terms: terms})
		}
		service.Do(ctx, &b)
		for i, r := range b.Results {
			want[r.Revision] = int64(i + 1)
		}
		got := make(map[uint64]int64)
		for h, err := range n.Holds(ctx) {
			if left := time.Until(h.Ends); err != nil || left < 50*time.Minute || left > 70*time.Minute || got[h.ID] != 0 {
				t.Fatalf("%+v, %v", h, err)
			}
			got[h.ID] = h.Amount
		}
		if !maps.Equal(got, want) {
			t.Errorf("%d holds are told, of %d: %v", len(got), len(want), got)
		}
		clear(got)
		for h, err := range n.Holds(ctx) { // whose every place to go on ends
			if err != nil || got[h.ID] != 0 {
				t.Fatalf("%+v, %v", h, err)
			}
			if got[h.ID] = h.Amount; len(got)%3 != 0 {
				if _, err := n.Release(ctx, h.ID); err != nil {
					t.Error(err)
				}
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("%d holds are told, of %d", len(got), len(want))
		}
		told := 0
		for h, err := range n.Holds(ctx) {
			if err != nil || h.ID == 0 {
				t.Errorf("%+v, %v", h, err)
			}
			if told++; told == 2 {
				break
			}
		}
		if told != 2 {
			t.Errorf("%d are left", told)
		}
	})
}

// tardy answers some requests so late that nobody waits any more.
type tardy struct {
	cuenta.Service
	late time.Duration

	mu    sync.Mutex
	calls int
}

func (s *tardy) Do(ctx context.Context, b *cuenta.Batch) {
	s.Service.Do(ctx, b)
	s.mu.Lock()
	s.calls++
	late := s.calls%11 == 0
	s.mu.Unlock()
	if late {
		time.Sleep(s.late)
	}
}

// Nothing is taken, held, issued or moved twice however often answers are lost.
func TestTermsAreExactOnABadNetwork(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		fronttest.NoLeaks(t)
		engine := realEngine(t)
		var address string
		if w.worse == nil {
			address = w.serve(t, &tardy{Service: engine, late: 50 * time.Millisecond})
		} else {
			address = w.worse(t, w.serve(t, engine))
		}
		c := open(t, Options{
			Timeout: time.Minute, AttemptTimeout: 20 * time.Millisecond, MinBackoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond,
			Budget: Budget{PerSecond: 1e6, Burst: 1e6},
		}, w.scheme+"://"+address)
		ctx := t.Context()
		const callers, each = 6, 12
		must(t, Result{}, err2(c.Counter("from").Add(ctx, callers*each-10)))
		var mu sync.Mutex
		var moved, taken int
		var numbers []int64
		var all sync.WaitGroup
		for i := range callers {
			all.Go(func() {
				for k := range each {
					_, moveErr := c.Transfer(ctx, "from", "to", 1)
					limited := errors.Is(moveErr, cuenta.Limited.Err()) || errors.Is(moveErr, cuenta.Aborted.Err())
					took, takeErr := c.Counter("rate").Take(ctx, Steady(1, 24*time.Hour, callers*each-10), 1)
					ticket, err := c.Counter("turno").Ticket(ctx, fmt.Sprint(i, "-", k))
					h, holdErr := c.Counter("tokens").Hold(ctx, 2, After(time.Hour))
					_, settleErr := c.Counter("tokens").Settle(ctx, h.ID, 1)
					_, endErr := c.Counter("tokens").Expire(ctx, After(time.Hour))
					if err := errors.Join(takeErr, err, holdErr, settleErr, endErr); err != nil || moveErr != nil && !limited {
						t.Error(moveErr, err)
					}
					mu.Lock()
					if !limited {
						moved++
					}
					if took.Allowed {
						taken++
					}
					numbers = append(numbers, ticket.Last)
					mu.Unlock()
				}
			})
		}
		all.Wait()
		b := cuenta.Batch{Requests: []cuenta.Request{
			{Op: cuenta.Get, Counter: []byte("from")}, {Op: cuenta.Get, Counter: []byte("to")}, {Op: cuenta.Describe, Counter: []byte("tokens"), Terms: new(cuenta.Terms)},
		}}
		engine.Do(ctx, &b)
		if moved != callers*each-10 || b.Results[0].Value != 0 || b.Results[1].Value != callers*each-10 {
			t.Errorf("%d were moved, %d are left, %d have come", moved, b.Results[0].Value, b.Results[1].Value)
		}
		if taken != callers*each-10 {
			t.Errorf("%d were taken, of %d", taken, callers*each-10)
		}
		slices.Sort(numbers)
		for i, n := range numbers {
			if n != int64(i+1) {
				t.Fatalf("ticket %d has number %d", i+1, n)
			}
		}
		if held := b.Requests[2].Terms.Held; b.Results[2].Value != int64(len(numbers)) || held != 0 {
			t.Errorf("%d were used, want %d; %d are held", b.Results[2].Value, len(numbers), held)
		}
	})
}
