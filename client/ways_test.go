package client

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// way is one way to a server, whole or through a bad network.
type way struct {
	scheme string
	serve  func(testing.TB, cuenta.Service) string
	worse  func(t testing.TB, address string) string // nil where nothing can get lost

	sets, batches, atomic, outcome, revisions bool
}

var ways = []way{
	{scheme: "cuenta", serve: serveAPI, worse: cut, sets: true, batches: true, atomic: true, outcome: true, revisions: true},
	{scheme: "redis", serve: serveRedis, worse: cut, sets: true, batches: true, outcome: true},
	{scheme: "udp", serve: serveUDP, worse: func(t testing.TB, address string) string { return lossy(t, address, 7) }},
}

func cut(t testing.TB, address string) string {
	dice := rand.New(rand.NewPCG(3, 5))
	return cutAfter(t, address, func() int { return 300 + dice.IntN(4000) })
}

func eachWay(t *testing.T, test func(t *testing.T, w way)) {
	for _, w := range ways {
		t.Run(w.scheme, func(t *testing.T) { test(t, w) })
	}
}

// refusedAs fails the test unless err says that.
func refusedAs(t *testing.T, err error, code cuenta.Code, fate cuenta.Fate) {
	t.Helper()
	if e, ok := errors.AsType[*Error](err); !ok || e.Code != code || e.Fate != fate || !errors.Is(err, code.Err()) {
		t.Errorf("got %v, want %v with fate %d", err, code, fate)
	}
}

func TestCounting(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		fronttest.NoLeaks(t)
		service := fronttest.NewService()
		c := open(t, Options{}, w.scheme+"://"+w.serve(t, service))
		ctx := t.Context()
		n := c.Counter("visitas:año")
		expect := func(r Result, err error, value int64, revision uint64) {
			t.Helper()
			if !w.revisions {
				revision = 0
			}
			if must(t, r, err) != (Result{Value: value, Revision: revision}) {
				t.Errorf("got %+v, want %d at %d", r, value, revision)
			}
		}
		r, err := n.Get(ctx)
		expect(r, err, 0, 0)
		r, err = n.Add(ctx, 5)
		expect(r, err, 5, 1)
		r, err = n.Add(ctx, -7)
		expect(r, err, -2, 2)
		r, err = n.Get(ctx)
		expect(r, err, -2, 2)
		_, err = n.Add(ctx, -math.MaxInt64)
		refusedAs(t, err, cuenta.Overflow, cuenta.NotApplied)
		if !strings.Contains(err.Error(), "-9223372036854775808") {
			t.Error(err)
		}
		r, err = n.Reset(ctx)
		expect(r, err, 0, 3)
		r, err = c.Counter("").Add(ctx, math.MaxInt64)
		expect(r, err, math.MaxInt64, 1)
		if value, _ := service.Value(cuenta.DefaultCounter); value != math.MaxInt64 {
			t.Errorf("the default counter is %d", value)
		}
		for _, bad := range []string{"a b", "a\nb", "a id=x", "\xff", strings.Repeat("n", 256)} {
			_, err = c.Counter(bad).Add(ctx, 1)
			refusedAs(t, err, cuenta.Syntax, cuenta.NotApplied)
		}
		if service.Len() != 2 {
			t.Errorf("%d counters", service.Len())
		}
	})
}

func TestSettingAndDeleting(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		c := open(t, Options{}, w.scheme+"://"+w.serve(t, fronttest.NewService()))
		n := c.Counter("a")
		r, err := n.Set(t.Context(), math.MinInt64)
		if !w.sets {
			refusedAs(t, err, cuenta.Unsupported, cuenta.NotApplied)
			_, err = n.Delete(t.Context())
			refusedAs(t, err, cuenta.Unsupported, cuenta.NotApplied)
			_, err = n.Add(t.Context(), 0)
			refusedAs(t, err, cuenta.Unsupported, cuenta.NotApplied)
			return
		}
		if must(t, r, err).Value != math.MinInt64 {
			t.Errorf("set: %+v", r)
		}
		if r, err = n.Add(t.Context(), 0); must(t, r, err).Value != math.MinInt64 {
			t.Errorf("nothing added: %+v", r)
		}
		if r, err = n.Delete(t.Context()); must(t, r, err).Value != math.MinInt64 {
			t.Errorf("deleted: %+v", r)
		}
		if r, err = n.Delete(t.Context()); must(t, r, err).Value != 0 {
			t.Errorf("deleted again: %+v", r)
		}
		if r, err = n.Get(t.Context()); must(t, r, err) != (Result{}) {
			t.Errorf("read: %+v", r)
		}
	})
}

func TestOnce(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		service := fronttest.NewService()
		address := w.scheme + "://" + w.serve(t, service)
		for range 3 { // as a program that is started again
			c := open(t, Options{}, address)
			r, err := c.Counter("a").Once("order-17").Add(t.Context(), 5)
			if must(t, r, err).Value != 5 {
				t.Errorf("result %+v", r)
			}
			_, err = c.Counter("a").Once("order-17").Add(t.Context(), 6)
			refusedAs(t, err, cuenta.Conflict, cuenta.NotApplied)
			_, err = c.Counter("a").Once("a key").Add(t.Context(), 6)
			refusedAs(t, err, cuenta.Syntax, cuenta.NotApplied)
		}
		if value, revision := service.Value("a"); value != 5 || revision != 1 {
			t.Errorf("value %d at %d", value, revision)
		}
	})
}

// Each answer is another one, so together they tell whether each change counted
// once and was given its own answer.
func TestTotalsAreExactOnABadNetwork(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		if w.worse == nil {
			t.Skip("nothing gets lost here")
		}
		fronttest.NoLeaks(t)
		service := fronttest.NewService()
		address := w.worse(t, w.serve(t, service))
		c := open(t, Options{
			Timeout: time.Minute, AttemptTimeout: 20 * time.Millisecond, MinBackoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond,
			Budget: Budget{PerSecond: 1e6, Burst: 1e6},
		}, w.scheme+"://"+address)
		const callers, each = 12, 40
		values := make([][]int64, callers)
		var all sync.WaitGroup
		for i := range callers {
			all.Go(func() {
				for range each {
					r, err := c.Counter("visitas").Add(t.Context(), 1)
					if err != nil {
						t.Error(err)
						return
					}
					values[i] = append(values[i], r.Value)
				}
			})
		}
		all.Wait()
		got := slices.Concat(values...)
		slices.Sort(got)
		for i, v := range got {
			if v != int64(i+1) {
				t.Fatalf("answer %d is %d", i+1, v)
			}
		}
		if value, revision := service.Value("visitas"); value != callers*each || revision != callers*each {
			t.Errorf("counted to %d at revision %d, want %d", value, revision, callers*each)
		}
		if asked := service.Calls().Requests; asked <= callers*each {
			t.Errorf("%d requests: nothing was lost", asked)
		}
	})
}

func TestBatch(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		service := fronttest.NewService()
		c := open(t, Options{}, w.scheme+"://"+w.serve(t, service))
		b := c.Batch()
		if items, err := b.Do(t.Context()); len(items) != 0 || err != nil {
			t.Errorf("an empty batch: %v, %v", items, err)
		}
		b.Add("a", 1)
		b.Add("b", math.MaxInt64)
		if !w.batches {
			items, err := b.Do(t.Context())
			refusedAs(t, err, cuenta.Unsupported, cuenta.NotApplied)
			refusedAs(t, items[1].Err, cuenta.Unsupported, cuenta.NotApplied)
			return
		}
		b.Add("b", 1)
		b.Reset("b")
		b.Set("c", 9)
		b.Delete("c")
		b.Get("a")
		b.Get("c")
		b.Add("a b", 1)
		for range 200 { // more than one request takes
			b.Add("d", 1)
		}
		calls, operations := service.Calls().Requests, b.Len()
		items, err := b.Do(t.Context())
		refusedAs(t, err, cuenta.Overflow, cuenta.NotApplied)
		if len(items) != operations || b.Len() != 0 {
			t.Fatalf("%d items for %d operations; %d are left", len(items), operations, b.Len())
		}
		for i, want := range []int64{1, math.MaxInt64, 0, 0, 9, 9, 1, 0} {
			if items[i].Value != want || (items[i].Err != nil) != (i == 2) {
				t.Errorf("item %d: %+v, want %d", i, items[i], want)
			}
		}
		refusedAs(t, items[8].Err, cuenta.Syntax, cuenta.NotApplied)
		for i, item := range items[9:] {
			if item.Value != int64(i+1) || item.Err != nil {
				t.Fatalf("item %d: %+v", 9+i, item)
			}
		}
		if asked := service.Calls().Requests - calls; asked != operations-1+1 { // without the bad one, and the session
			t.Errorf("%d requests for %d operations", asked, operations)
		}
	})
}

func TestAtomicBatch(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		service := fronttest.NewService()
		c := open(t, Options{}, w.scheme+"://"+w.serve(t, service))
		b := c.Batch()
		b.Add("a", 1)
		b.Add("b", 2)
		b.Get("a")
		results, err := b.DoAtomic(t.Context())
		if !w.atomic {
			refusedAs(t, err, cuenta.Unsupported, cuenta.NotApplied)
			return
		}
		if err != nil || !slices.Equal(results, []Result{{Value: 1, Revision: 1}, {Value: 2, Revision: 1}, {Value: 1, Revision: 1}}) {
			t.Errorf("%+v, %v", results, err)
		}
		b = c.Batch()
		b.Add("a", 1)
		b.Add("b", math.MaxInt64)
		_, err = b.DoAtomic(t.Context())
		refusedAs(t, err, cuenta.Overflow, cuenta.NotApplied)
		if value, _ := service.Value("a"); value != 1 {
			t.Errorf("it was half done: %d", value)
		}
		for range cuenta.MaxBatch {
			b.Add("a", 1)
		}
		_, err = b.DoAtomic(t.Context())
		refusedAs(t, err, cuenta.TooLarge, cuenta.NotApplied)
	})
}

func TestOutcome(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		c := open(t, Options{}, w.scheme+"://"+w.serve(t, fronttest.NewService()))
		n := c.Counter("a")
		_, err := c.Outcome(t.Context(), Identity{Key: "k"})
		if !w.outcome {
			refusedAs(t, err, cuenta.Unsupported, cuenta.FateUnknown)
			return
		}
		refusedAs(t, err, cuenta.Absent, cuenta.NotApplied)
		r, err := n.Once("k").Add(t.Context(), math.MaxInt64)
		must(t, r, err)
		r, err = c.Outcome(t.Context(), Identity{Key: "k"})
		if must(t, r, err) != (Result{Value: math.MaxInt64, Revision: 1, Replayed: true}) {
			t.Errorf("outcome %+v", r)
		}
		_, err = n.Add(t.Context(), 1)
		refusedAs(t, err, cuenta.Overflow, cuenta.NotApplied)
		e, _ := errors.AsType[*Error](err)
		_, err = c.Outcome(t.Context(), e.Identity)
		if e.Identity.Session != 0 {
			refusedAs(t, err, cuenta.Overflow, cuenta.NotApplied)
		}
		_, err = c.Outcome(t.Context(), Identity{Session: 1 << 60, Number: 1})
		if e, ok := errors.AsType[*Error](err); !ok || e.Fate != cuenta.FateUnknown {
			t.Errorf("a session that is not known: %v", err)
		}
	})
}

// Every refusal of the server is understood as what it is.
func TestCodes(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		service := fronttest.NewService()
		address := w.serve(t, service)
		link, err := schemes[w.scheme].dial(address)
		if err != nil {
			t.Fatal(err)
		}
		defer link.close()
		for code := cuenta.OK; code < cuenta.NumCodes; code++ {
			service.Refuse(code)
			request := cuenta.Request{Op: cuenta.Add, N: -1, Counter: []byte("a"), Identity: cuenta.Identity{Key: fmt.Append(nil, "k", code)}}
			results, err := link.do(t.Context(), []cuenta.Request{request})
			if err != nil || results[0].Code != code {
				t.Errorf("%v: %+v, %v", code, results, err)
			}
		}
	})
}

// A server that is not there, or says nothing, is told of when the time is up.
func TestNoServer(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		fronttest.NoLeaks(t)
		address := silent(t).Addr().String() // for UDP nobody is there at all
		if w.scheme == "shm" {
			address = "/none/such"
		}
		before := time.Now()
		_, err := Options{Timeout: 300 * time.Millisecond, AttemptTimeout: 50 * time.Millisecond}.Open(t.Context(), w.scheme+"://"+address)
		if e, ok := errors.AsType[*Error](err); !ok || e.Op != cuenta.Get || e.Fate != cuenta.NotApplied || e.Attempts < 2 {
			t.Error(err)
		}
		if took := time.Since(before); took < 300*time.Millisecond {
			t.Errorf("it took only %v", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Open(ctx, w.scheme+"://"+address); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}
