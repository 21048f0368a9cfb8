package ringclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
	"github.com/cuenta-server/cuenta/internal/front/local"
	"github.com/cuenta-server/cuenta/internal/shm"
)

// patience is how long a test waits for what must happen. Only a failing test
// waits that long.
const patience = 20 * time.Second

// serve serves in this process until the test ends, and returns the socket's
// path and what ends it sooner.
func serve(t testing.TB, service cuenta.Service) (path string, drain func()) {
	t.Helper()
	return serveCells(t, service, nil)
}

func serveCells(t testing.TB, service cuenta.Service, cells *shm.Segment) (path string, drain func()) {
	t.Helper()
	s, err := local.New(local.Config{Service: service, Traffic: new(cuenta.Traffic), Cells: cells})
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(socketDir(t), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	drain = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := errors.Join(s.Drain(ctx), <-served); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(drain)
	return path, drain
}

func dial(t testing.TB, path string) *Client {
	t.Helper()
	c, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func start(t testing.TB) (*fronttest.Service, *Client) {
	t.Helper()
	fronttest.NoLeaks(t)
	service := fronttest.NewService()
	path, _ := serve(t, service)
	return service, dial(t, path)
}

func batch(requests ...cuenta.Request) *cuenta.Batch { return &cuenta.Batch{Requests: requests} }

func add(n int64) cuenta.Request { return cuenta.Request{Op: cuenta.Add, N: n} }

func do(t *testing.T, c *Client, requests ...cuenta.Request) []cuenta.Result {
	t.Helper()
	b := batch(requests...)
	if err := c.Do(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for i := range b.Results {
		b.Results[i].Cell, b.Results[i].Generation = 0, 0
	}
	return b.Results
}

func expect(t *testing.T, got []cuenta.Result, want ...cuenta.Result) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func refused(c cuenta.Code) cuenta.Result { return cuenta.Result{Code: c} }

// lost checks an error and that the results say the same.
func lost(t *testing.T, err error, b *cuenta.Batch, fate cuenta.Fate, why error) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Fate != fate || !errors.Is(err, why) {
		t.Errorf("%v, want one with fate %d for %v", err, fate, why)
	}
	for _, r := range b.Results {
		if r.Code.Fate() != fate {
			t.Errorf("a result is %v", r.Code)
		}
	}
}

func TestWholeRequests(t *testing.T) {
	service, c := start(t)
	once := cuenta.Request{Op: cuenta.Add, N: 3, Identity: cuenta.Identity{Session: 1, Number: 1, Lowest: 1}}
	keyed := cuenta.Request{Op: cuenta.Add, N: 2, Counter: []byte("ñandú"), Identity: cuenta.Identity{Key: []byte("k")}}
	expect(t, do(t, c, cuenta.Request{Op: cuenta.OpenSession}, once, once, keyed,
		cuenta.Request{Op: cuenta.Outcome, Identity: keyed.Identity}),
		cuenta.Result{Revision: 1},
		cuenta.Result{Value: 3, Revision: 1}, cuenta.Result{Value: 3, Revision: 1, Replayed: true},
		cuenta.Result{Value: 2, Revision: 1}, cuenta.Result{Value: 2, Revision: 1, Replayed: true})
	expect(t, do(t, c, cuenta.Request{Op: cuenta.Set, N: 1, If: cuenta.IfAbsent}, cuenta.Request{Op: cuenta.Check, N: 9, Span: 1}, add(1)),
		cuenta.Result{Code: cuenta.Unmet, Value: 3, Revision: 1},
		cuenta.Result{Code: cuenta.Unmet, Value: 3, Revision: 1}, refused(cuenta.Unmet))
	expect(t, do(t, c, cuenta.Request{Op: cuenta.All, Span: 2}, add(1), cuenta.Request{Op: cuenta.Add, N: -1 << 63, Counter: []byte("ñandú")}),
		cuenta.Result{Value: 2}, cuenta.Result{Value: 4, Revision: 2}, cuenta.Result{Value: -1<<63 + 2, Revision: 2})
	expect(t, do(t, c, cuenta.Request{Op: cuenta.Delete}), cuenta.Result{Value: 4, Revision: 3})
	expect(t, do(t, c))
	if n := service.Calls().Batches; n != 4 {
		t.Errorf("%d batches, want 4", n)
	}
}

// What cannot be said, or means nothing, is refused by itself.
func TestBadRequests(t *testing.T) {
	_, c := start(t)
	for _, r := range []cuenta.Request{
		{},
		{Op: 0xee, Terms: new(cuenta.Terms)},
		{Op: cuenta.Describe},
		{Op: cuenta.Expire, Terms: new(cuenta.Terms), Counter: []byte("two words")},
		{Op: cuenta.Limit, Terms: &cuenta.Terms{Floor: cuenta.Bound{Set: true, At: 1}, Ceiling: cuenta.Bound{Set: true}}},
		{Op: 0xff, Counter: []byte("10.0.0.1:9")},
		{Op: cuenta.Add, Counter: []byte("two words")},
		{Op: cuenta.Add, Counter: bytes.Repeat([]byte("n"), cuenta.MaxName+1)},
		{Op: cuenta.Add, Identity: cuenta.Identity{Key: bytes.Repeat([]byte("k"), cuenta.MaxKey+1)}},
		{Op: cuenta.Add, Identity: cuenta.Identity{Session: 1}},
		{Op: cuenta.Set, If: cuenta.NumConditions},
		{Op: cuenta.Set, If: 64},
	} {
		expect(t, do(t, c, r, add(0))[:1], refused(cuenta.Syntax))
	}
	b := batch(make([]cuenta.Request, cuenta.MaxBatch+1)...)
	if err := c.Do(t.Context(), b); err != nil || b.Results[cuenta.MaxBatch].Code != cuenta.TooLarge {
		t.Errorf("%v, %v", err, b.Results[cuenta.MaxBatch])
	}
}

// A span reaches to the end of its batch, and never into the next.
func TestSpansEndWithTheirBatch(t *testing.T) {
	service, c := start(t)
	lift := service.Stall()
	first, second := batch(add(0)), batch(cuenta.Request{Op: cuenta.Check, N: 7, Span: 65535}, add(1))
	third := batch(add(1))
	var all sync.WaitGroup
	for _, b := range []*cuenta.Batch{first, second, third} {
		all.Add(1)
		if err := c.Submit(t.Context(), b, func(error) { all.Done() }); err != nil {
			t.Fatal(err)
		}
		if b == first {
			service.AwaitBlocked(1) // so that the others are taken together
		}
	}
	lift()
	all.Wait()
	if second.Results[1].Code != cuenta.Unmet || third.Results[0].Code != cuenta.OK {
		t.Errorf("%+v, %+v", second.Results, third.Results)
	}
	if n := service.Calls().Batches; n != 2 {
		t.Errorf("%d batches, want 2", n)
	}
}

// The largest batch of the longest requests goes through, and in one piece.
func TestLargestBatch(t *testing.T) {
	service, c := start(t)
	b := batch()
	for i := range cuenta.MaxBatch {
		b.Requests = append(b.Requests, cuenta.Request{Op: cuenta.Add, N: 1, Counter: bytes.Repeat([]byte("n"), cuenta.MaxName),
			Identity: cuenta.Identity{Key: append(bytes.Repeat([]byte("k"), cuenta.MaxKey-5), fmt.Sprintf("%05d", i)...)}})
	}
	for round := range 3 { // more than the ring holds
		if err := c.Do(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		for i, r := range b.Results {
			if r.Value != int64(i+1) || r.Replayed != (round > 0) {
				t.Fatalf("round %d, result %d: %+v", round, i, r)
			}
		}
	}
	if calls := service.Calls(); calls.Batches != 3 || calls.Largest != cuenta.MaxBatch {
		t.Errorf("%+v", calls)
	}
}

// Many goroutines, batches of all sizes, waiting and not: nothing is lost, nothing
// is counted twice, and everybody gets the own answers.
func TestManyAtOnce(t *testing.T) {
	service, c := start(t)
	const goroutines, rounds = 8, 300
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			name := []byte(fmt.Sprint("c", g))
			counted := int64(0)
			check := func(b *cuenta.Batch, from int64) {
				for i, r := range b.Results {
					if want := from + int64(i) + 1; r.Value != want {
						t.Errorf("%s: %+v, want %d", name, r, want)
					}
				}
			}
			var submitted sync.WaitGroup
			for round := range rounds {
				b := batch()
				for range (round*7+g)%130 + 1 {
					b.Requests = append(b.Requests, cuenta.Request{Op: cuenta.Add, N: 1, Counter: name})
				}
				from := counted
				counted += int64(len(b.Requests))
				if round%3 > 0 {
					submitted.Add(1)
					err := c.Submit(t.Context(), b, func(err error) {
						if err != nil {
							t.Error(err)
						}
						check(b, from)
						submitted.Done()
					})
					if err != nil {
						t.Error(err)
						submitted.Done()
					}
				} else if err := c.Do(t.Context(), b); err != nil {
					t.Error(err)
				} else {
					check(b, from)
				}
			}
			submitted.Wait()
			if value, _ := service.Value(string(name)); value != counted {
				t.Errorf("%s is %d, want %d", name, value, counted)
			}
		})
	}
	all.Wait()
}

func TestContexts(t *testing.T) {
	service, c := start(t)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	b := batch(add(1))
	lost(t, c.Do(over, b), b, cuenta.NotApplied, context.Canceled)

	lift := service.Stall()
	// Given up while it is under way.
	ctx, cancel := context.WithCancel(t.Context())
	b = batch(add(1))
	done := make(chan error)
	go func() { done <- c.Do(ctx, b) }()
	service.AwaitBlocked(1)
	cancel()
	lost(t, <-done, b, cuenta.FateUnknown, context.Canceled)

	// Given up while it waits for room: all that may be under way is.
	full := batch()
	for range cuenta.MaxBatch - 1 {
		full.Requests = append(full.Requests, add(1))
	}
	var rest sync.WaitGroup
	rest.Add(1)
	if err := c.Submit(t.Context(), full, func(error) { rest.Done() }); err != nil {
		t.Fatal(err)
	}
	for _, ask := range []func(context.Context, *cuenta.Batch) error{
		c.Do,
		func(ctx context.Context, b *cuenta.Batch) error {
			return c.Submit(ctx, b, func(error) { t.Error("told of what was not submitted") })
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		go func() { done <- ask(ctx, b) }()
		awaitWaiting(t, c, 1)
		cancel()
		lost(t, <-done, b, cuenta.NotApplied, context.Canceled)
	}
	// One that waits longer gets its turn.
	go func() { done <- c.Do(t.Context(), b) }()
	awaitWaiting(t, c, 1)
	rest.Add(1)
	go func() { done <- c.Submit(t.Context(), batch(add(1)), func(error) { rest.Done() }) }()
	awaitWaiting(t, c, 2)
	lift()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	rest.Wait()
	if want := int64(1 + cuenta.MaxBatch - 1 + 1); b.Results[0].Value != want {
		t.Errorf("%+v, want %d", b.Results[0], want)
	}
}

func awaitWaiting(t *testing.T, c *Client, n int) {
	t.Helper()
	await(t, "calls in line", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.waiting.len() == n
	})
}

// await waits until a state is reached that nobody announces.
func await(t *testing.T, what string, reached func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !reached(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no sign of %s", what)
		}
	}
}
