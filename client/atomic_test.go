package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
	"github.com/cuenta-server/cuenta/internal/engine"
	frontapi "github.com/cuenta-server/cuenta/internal/front/api"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
	"github.com/cuenta-server/cuenta/internal/front/web"
)

// realEngine is a service that knows what the repeat of a batch is answered.
func realEngine(t testing.TB) *engine.Engine {
	t.Helper()
	e, err := engine.Open(engine.Config{FS: disktest.New(), Dir: "/data", MaxCounters: 1000, SegmentSize: 256 << 10, SnapshotAfter: math.MaxInt64})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// losing is the API on a port, but some answers to batches are lost: the connection
// breaks instead.
func losing(t testing.TB, service cuenta.Service, lose func() bool) string {
	api := frontapi.New(frontapi.Config{Service: service})
	l := listen(t)
	fronttest.Serve(t, web.New(web.Config{Service: service, API: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/Batch") && lose() {
			api.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		api.ServeHTTP(w, r)
	})}), l)
	return l.Addr().String()
}

// slow is a service whose answer to the first atomic batch comes too late.
type slow struct {
	cuenta.Service
	once  sync.Once
	asked atomic.Bool
	end   chan struct{}
}

func (s *slow) Do(ctx context.Context, b *cuenta.Batch) {
	s.Service.Do(ctx, b)
	if b.Requests[0].Op == cuenta.All {
		s.once.Do(func() {
			s.asked.Store(true)
			<-s.end
		})
	}
}

// writer is told of everything that is written.
type writer func()

func (w writer) Write(p []byte) (int, error) {
	w()
	return len(p), nil
}

// transfer is a batch of two changes and a read.
func transfer(c *Client, amount int64) *Batch {
	b := c.Batch()
	b.Add("a", -amount)
	b.Get("b")
	b.Add("b", amount)
	return b
}

// The answer to an atomic batch is lost behind a real server: the repeat has what
// each change has answered first.
func TestLostAnswersOfAtomicBatches(t *testing.T) {
	var lost atomic.Bool
	service := realEngine(t)
	address := losing(t, service, func() bool { return lost.Swap(false) })
	c := open(t, Options{}, "cuenta://"+address)
	for i := range int64(3) {
		lost.Store(true)
		results, err := transfer(c, 5).DoAtomic(t.Context())
		want := []Result{{Value: -5 * (i + 1), Revision: uint64(i + 1), Replayed: true}, {Replayed: true}, {Value: 5 * (i + 1), Revision: uint64(i + 1), Replayed: true}}
		if err != nil || !slices.Equal(results, want) || lost.Load() {
			t.Fatalf("%+v, %v, want %+v", results, err, want)
		}
	}
	// The refusal is the original one too.
	r, err := c.Counter("b").Set(t.Context(), math.MaxInt64)
	must(t, r, err)
	lost.Store(true)
	_, err = transfer(c, 5).DoAtomic(t.Context())
	refusedAs(t, err, cuenta.Overflow, cuenta.NotApplied)
	e, _ := errors.AsType[*Error](err)
	_, err = c.Outcome(t.Context(), e.Identity)
	refusedAs(t, err, cuenta.Aborted, cuenta.NotApplied)

	// One that is too large for a session's window has one identity.
	b := c.Batch()
	for range maxRun + 1 {
		b.Add("c", 1)
	}
	lost.Store(true)
	results, err := b.DoAtomic(t.Context())
	if err != nil || len(results) != maxRun+1 || results[0] != (Result{Replayed: true}) {
		t.Errorf("%+v, %v", results, err)
	}
	for name, want := range map[string]Result{"a": {Value: -15, Revision: 3}, "b": {Value: math.MaxInt64, Revision: 4}, "c": {Value: maxRun + 1, Revision: maxRun + 1}} {
		r, err := c.Counter(name).Get(t.Context())
		if must(t, r, err) != want {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// The same over every way that has atomic batches, where the first answer comes
// when nobody waits for it any more.
func TestLateAnswersOfAtomicBatches(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		if !w.atomic {
			t.Skip("no atomic batches")
		}
		service := &slow{Service: realEngine(t), end: make(chan struct{})}
		given := sync.OnceFunc(func() { close(service.end) })
		defer given()
		// The client tells its log that it has given an attempt up.
		log := slog.New(slog.NewTextHandler(writer(func() {
			if service.asked.Load() {
				given()
			}
		}), &slog.HandlerOptions{Level: slog.LevelDebug}))
		c := open(t, Options{AttemptTimeout: 50 * time.Millisecond, Timeout: patience, Log: log}, w.scheme+"://"+w.serve(t, service))
		results, err := transfer(c, 5).DoAtomic(t.Context())
		want := []Result{{Value: -5, Revision: 1, Replayed: true}, {Replayed: true}, {Value: 5, Revision: 1, Replayed: true}}
		if err != nil || !slices.Equal(results, want) {
			t.Errorf("%+v, %v", results, err)
		}
	})
}

// Every batch adds 1 to two counters, so the answers of all tell whether each was
// carried out once, as a whole, and was given its own.
func TestAtomicBatchesOnABadNetwork(t *testing.T) {
	service := realEngine(t)
	address := cut(t, losing(t, service, everyFifth()))
	c := open(t, Options{Timeout: patience}, "cuenta://"+address)
	const callers, each = 8, 25
	var mu sync.Mutex
	var values []int64
	replayed := 0
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range each {
				b := c.Batch()
				b.Add("a", 1)
				b.Add("b", 1)
				results, err := b.DoAtomic(t.Context())
				if err != nil || results[0] != results[1] || results[0].Value != int64(results[0].Revision) {
					t.Errorf("%+v, %v", results, err)
					continue
				}
				mu.Lock()
				values = append(values, results[0].Value)
				if results[0].Replayed {
					replayed++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	slices.Sort(values)
	for i, v := range values {
		if v != int64(i+1) {
			t.Fatalf("answer %d is %d", i+1, v)
		}
	}
	if len(values) != callers*each || replayed == 0 {
		t.Errorf("%d answers, %d of them replayed", len(values), replayed)
	}
}

// everyFifth loses every fifth answer.
func everyFifth() func() bool {
	var n atomic.Int64
	return func() bool { return n.Add(1)%5 == 0 }
}

// The changes of an atomic batch have numbers in a row, the reads have none, and a
// further session gets other ones.
func TestNumbersOfAtomicBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.next = inTurn(delivered, delivered, replyLost, brokenBehind)
		c := f.open(t, Options{}, false)
		r, err := c.Counter("x").Add(t.Context(), 1)
		must(t, r, err)
		if _, err := transfer(c, 1).DoAtomic(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := transfer(c, 1).DoAtomic(t.Context()); err != nil {
			t.Fatal(err)
		}
		var said []string
		for _, requests := range f.attempts[2:] {
			text := ""
			for i := range requests {
				text += fmt.Sprintf("%d-%d ", requests[i].Identity.Lowest, requests[i].Identity.Number)
			}
			said = append(said, text)
		}
		want := []string{"0-0 2-2 0-0 2-3 ", "0-0 2-2 0-0 2-3 ", "0-0 2-2 0-0 2-3 ", "0-0 4-4 0-0 4-5 "}
		if !slices.Equal(said, want) {
			t.Errorf("%q", said)
		}
	})
}

// An atomic batch whose session has ended goes into another one.
func TestAtomicBatchInALaterSession(t *testing.T) {
	service := realEngine(t)
	c := open(t, Options{}, "cuenta://"+serveAPI(t, &forgetful{Service: service}))
	results, err := transfer(c, 5).DoAtomic(t.Context())
	if err != nil || results[0] != (Result{Value: -5, Revision: 1}) {
		t.Errorf("%+v, %v", results, err)
	}
}

// forgetful is a service that has forgotten the first session that it granted.
type forgetful struct {
	cuenta.Service
	once sync.Once
}

func (s *forgetful) Do(ctx context.Context, b *cuenta.Batch) {
	s.Service.Do(ctx, b)
	if b.Requests[0].Op == cuenta.OpenSession {
		s.once.Do(func() { b.Results[0].Revision ^= 1 })
	}
}
