// Package fronttest is what every front's tests share: a naive service that
// keeps its counters in a map, and a conformance suite for fronts that speak the
// text protocol on a stream. The suite looks at a front only through the wire,
// so the whole server with its real engine passes through it as well.
package fronttest

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/cuenta-server/cuenta"
)

// Service is a [cuenta.Service] in one map under one mutex. It is as plain as
// can be, so that it can be believed where a front and it disagree. It can be
// told to refuse and to stall, and what time it is.
type Service struct {
	mu       sync.Mutex
	moved    *sync.Cond // stalled or blocked changed
	counters map[string]*count
	floor    uint64 // the highest revision of a deletion
	memory   memory
	clock    func() time.Time
	ahead    time.Duration // of the clock
	now      int64         // of the batch under way, in nanoseconds since 1970
	origins  map[cuenta.Origin]int
	clients  map[uint32]int
	calls    Calls
	refusal  cuenta.Code
	stalled  bool
	blocked  int
	lift     chan struct{} // closed when a stall ends
}

// Calls is what a front has asked of the service.
type Calls struct {
	Batches  int
	Requests int
	Largest  int // requests in the largest batch
	NoWait   int // batches that would not wait
	Classes  [cuenta.NumClasses]int
}

// NewService returns a service in which every counter reads 0.
func NewService() *Service {
	s := &Service{
		counters: make(map[string]*count),
		memory:   newMemory(),
		clock:    time.Now,
		origins:  make(map[cuenta.Origin]int),
		clients:  make(map[uint32]int),
	}
	s.moved = sync.NewCond(&s.mu)
	return s
}

// Do implements [cuenta.Service].
func (s *Service) Do(ctx context.Context, b *cuenta.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(b)
	b.Results = b.Results[:0]
	refusal := s.refusal
	if s.stalled && !s.sit(ctx) {
		refusal = cuenta.Canceled
	}
	if len(b.Requests) > cuenta.MaxBatch {
		refusal = cuenta.TooLarge
	}
	s.now = s.time()
	if refusal == cuenta.OK {
		s.applyAll(b)
		return
	}
	for range b.Requests {
		b.Results = append(b.Results, cuenta.Result{Code: refusal})
	}
}

// note writes down who asked for what.
func (s *Service) note(b *cuenta.Batch) {
	s.origins[b.Origin] += len(b.Requests)
	for i := range b.Requests {
		if b.Requests[i].Identity.Given() {
			s.clients[b.Requests[i].Client]++
		}
	}
	s.calls.Batches++
	s.calls.Requests += len(b.Requests)
	s.calls.Largest = max(s.calls.Largest, len(b.Requests))
	if b.NoWait {
		s.calls.NoWait++
	}
	if b.Class < cuenta.NumClasses {
		s.calls.Classes[b.Class]++
	}
}

// sit waits for the end of the stall and reports false if ctx ended first.
func (s *Service) sit(ctx context.Context) bool {
	lift := s.lift
	s.blocked++
	s.moved.Broadcast()
	s.mu.Unlock()
	var lifted bool
	select {
	case <-lift:
		lifted = true
	case <-ctx.Done():
	}
	s.mu.Lock()
	s.blocked--
	s.moved.Broadcast()
	return lifted
}

// applyAll applies a batch's requests in order; what a failed Check spans is not
// looked at.
func (s *Service) applyAll(b *cuenta.Batch) {
	for rest := b.Requests; len(rest) > 0; {
		r := &rest[0]
		rest = rest[1:]
		if r.Op == cuenta.All {
			span := rest[:min(int(r.Span), len(rest))]
			b.Results = append(b.Results, s.all(r, span)...)
			rest = rest[len(span):]
			continue
		}
		result := s.identified(r)
		b.Results = append(b.Results, result)
		if r.Op == cuenta.Check && result.Code == cuenta.Unmet {
			for range min(int(r.Span), len(rest)) {
				b.Results = append(b.Results, cuenta.Result{Code: cuenta.Unmet})
				rest = rest[1:]
			}
		}
	}
}

// Value returns what a counter holds, and its revision.
func (s *Service) Value(name string) (int64, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.counters[name]; c != nil && !c.ended(s.time()) {
		return c.value, c.revision
	}
	return 0, 0
}

// Len returns how many counters exist.
func (s *Service) Len() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.counters {
		if !c.ended(s.time()) {
			n++
		}
	}
	return n
}

// Calls returns what was asked so far.
func (s *Service) Calls() Calls {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// Origins returns the requests so far by where they came from.
func (s *Service) Origins() map[cuenta.Origin]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.origins)
}

// Clients returns the requests with an identity so far, by their Client.
func (s *Service) Clients() map[uint32]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.clients)
}

// Refuse makes every request from now on be answered with code; OK ends it.
func (s *Service) Refuse(code cuenta.Code) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = code
}

// Stall makes every Do from now on wait, until lift is called or its context
// ends. lift may be called more than once.
func (s *Service) Stall() (lift func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stalled {
		panic("fronttest: stalled twice")
	}
	s.stalled = true
	s.lift = make(chan struct{})
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stalled = false
		close(s.lift)
	})
}

// AwaitBlocked returns once at least n calls of Do sit in a stall.
func (s *Service) AwaitBlocked(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.blocked < n {
		s.moved.Wait()
	}
}
