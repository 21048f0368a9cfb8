package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cuenta-server/cuenta"
)

// Every addition of 1 has its own answer, so the answers of all tell whether each
// counted once and was given its own.
func TestEachCountsOnceOnABadNetwork(t *testing.T) {
	for _, keyed := range []bool{false, true} {
		for seed := range uint64(8) {
			t.Run(fmt.Sprint(keyed, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := newFake()
					f.next = badly(seed)
					c := f.open(t, Options{Timeout: time.Hour, MaxInFlight: 300}, keyed)
					const callers, each = 40, 25
					var mu sync.Mutex
					var values []int64
					var all sync.WaitGroup
					for range callers {
						all.Go(func() {
							for range each {
								r, err := c.Counter("visitas").Add(t.Context(), 1)
								if err != nil {
									t.Error(err)
								}
								mu.Lock()
								values = append(values, r.Value)
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
					if f.tried() < callers*each*5/4 {
						t.Errorf("%d attempts: the network was not bad", f.tried())
					}
				})
			})
		}
	}
}

// What an error says must be true, whatever the attempts before it met.
func TestErrorsTellWhatIsKnown(t *testing.T) {
	const busy, full, stopping, canceled, unknown, failed = 100 + fate(cuenta.Busy), 100 + fate(cuenta.Full),
		100 + fate(cuenta.Stopping), 100 + fate(cuenta.Canceled), 100 + fate(cuenta.Unknown), 100 + fate(cuenta.Failed)
	const overflow, noSession, tooOld, conflict = 100 + fate(cuenta.Overflow), 100 + fate(cuenta.NoSession),
		100 + fate(cuenta.TooOld), 100 + fate(cuenta.Conflict)
	for _, test := range []struct {
		name     string
		keyed    bool
		fates    []fate // a code is a refusal; the last one goes on for ever
		code     cuenta.Code
		fate     cuenta.Fate
		attempts int // 0: many
	}{
		{"it works", false, []fate{delivered}, cuenta.OK, cuenta.Applied, 1},
		{"refusals that pass", false, []fate{busy, full, stopping, canceled, delivered}, cuenta.OK, cuenta.Applied, 5},
		{"no connection at first", false, []fate{refused, refused, delivered}, cuenta.OK, cuenta.Applied, 3},
		{"broken", false, []fate{broken, delivered}, cuenta.OK, cuenta.Applied, 2},
		{"broken behind", false, []fate{brokenBehind, delivered}, cuenta.OK, cuenta.Applied, 2},
		{"overflow", false, []fate{overflow}, cuenta.Overflow, cuenta.NotApplied, 1},
		{"overflow after a loss", false, []fate{requestLost, overflow}, cuenta.Overflow, cuenta.NotApplied, 2},
		{"conflict", false, []fate{conflict}, cuenta.Conflict, cuenta.NotApplied, 1},
		{"never a connection", false, []fate{refused}, cuenta.Canceled, cuenta.NotApplied, 0},
		{"always busy", false, []fate{busy}, cuenta.Busy, cuenta.NotApplied, 0},
		{"lost, then always busy", false, []fate{requestLost, busy}, cuenta.Unknown, cuenta.FateUnknown, 0},
		{"lost, then no connection", true, []fate{requestLost, refused}, cuenta.Unknown, cuenta.FateUnknown, 0},
		{"always lost", false, []fate{requestLost}, cuenta.Unknown, cuenta.FateUnknown, 0},
		{"a failed journal", false, []fate{failed}, cuenta.Failed, cuenta.NotApplied, 1},
		{"the journal fails meanwhile", false, []fate{unknown, failed}, cuenta.Unknown, cuenta.FateUnknown, 0},
		{"the journal fails, and is mended", false, []fate{unknown, failed, delivered}, cuenta.OK, cuenta.Applied, 3},
		{"the session has ended", false, []fate{noSession, delivered}, cuenta.OK, cuenta.Applied, 2},
		{"it ended between busy answers", false, []fate{busy, noSession, busy, delivered}, cuenta.OK, cuenta.Applied, 4},
		{"it ended behind a loss", false, []fate{replyLost, noSession}, cuenta.NoSession, cuenta.FateUnknown, 2},
		{"a clock far behind", true, []fate{tooOld}, cuenta.TooOld, cuenta.NotApplied, 1},
		{"too old after a loss", true, []fate{requestLost, tooOld}, cuenta.TooOld, cuenta.FateUnknown, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.next = scripted(f, test.fates)
				c := f.open(t, Options{}, test.keyed)
				r, err := c.Counter("a").Add(t.Context(), 3)
				e := &Error{Attempts: f.changes()}
				if err != nil && !errors.As(err, &e) {
					t.Fatalf("error %T", err)
				}
				if e.Code != test.code || e.Fate != test.fate {
					t.Errorf("code %v fate %d, want %v %d: %v", e.Code, e.Fate, test.code, test.fate, err)
				}
				if e.Attempts != test.attempts && !(test.attempts == 0 && e.Attempts > 2) || e.Attempts != f.changes() {
					t.Errorf("%d attempts (%d seen), want %d", e.Attempts, f.changes(), test.attempts)
				}
				if value, _ := f.service.Value("a"); err == nil && (r.Value != 3 || value != 3) {
					t.Errorf("value %d, counter %d", r.Value, value)
				}
				if err != nil {
					checkError(t, e, test.code)
				}
			})
		})
	}
}

// scripted has changes meet the fates in turn, and the last one from then on.
func scripted(f *fake, fates []fate) func([]cuenta.Request) fate {
	return func(requests []cuenta.Request) fate {
		f.service.Refuse(cuenta.OK)
		if requests[0].Op == cuenta.OpenSession {
			return delivered
		}
		now := fates[0]
		if len(fates) > 1 {
			fates = fates[1:]
		}
		if now >= 100 {
			f.service.Refuse(cuenta.Code(now - 100))
			return delivered
		}
		return now
	}
}

func checkError(t *testing.T, e *Error, code cuenta.Code) {
	t.Helper()
	if !errors.Is(e, code.Err()) || errors.Is(e, cuenta.Forbidden.Err()) {
		t.Errorf("errors.Is does not go by the code: %v", e)
	}
	if e.Op != cuenta.Add || e.Counter != "a" || e.Err == nil || e.Error() == "" {
		t.Errorf("error %+v", e)
	}
	if e.Fate == cuenta.FateUnknown && e.Identity == (Identity{}) {
		t.Error("no identity to ask by")
	}
}

// changes is how many attempts at changes there were.
func (f *fake) changes() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, requests := range f.attempts {
		if requests[0].Op != cuenta.OpenSession {
			n++
		}
	}
	return n
}

// A repeat has the identity of the first attempt, also in a later session.
func TestRepeatsKeepTheirIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.next = inTurn(delivered, replyLost, broken, refused)
		c := f.open(t, Options{}, false)
		r, err := c.Counter("a").Add(t.Context(), 1)
		if !must(t, r, err).Replayed {
			t.Error("it was not a repeat")
		}
		changes := f.attempts[1:]
		for _, requests := range changes {
			if got, want := identityOf(requests[0].Identity), identityOf(changes[0][0].Identity); got != want || got.Number != 1 {
				t.Errorf("identity %v, then %v", want, got)
			}
		}
	})
}

// Changes whose fate could not be found out can be asked about, however many come
// after them.
func TestFateIsKnownLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		c := f.open(t, Options{MaxInFlight: 1}, false)
		n := c.Counter("a")
		r, err := n.Add(t.Context(), 1)
		must(t, r, err)
		const times = 5
		var lost []*Error
		for range times {
			f.next = inTurn(replyLost)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := n.Add(ctx, 1)
			cancel()
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Fate != cuenta.FateUnknown || !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			lost = append(lost, e)
			for range 2 * cuenta.SessionWindow {
				r, err := n.Add(t.Context(), 1)
				must(t, r, err)
			}
		}
		for i, e := range lost {
			value := int64(2 + i*(1+2*cuenta.SessionWindow))
			r, err := c.Outcome(t.Context(), e.Identity)
			if must(t, r, err) != (Result{Value: value, Revision: uint64(value), Replayed: true}) {
				t.Errorf("outcome %+v, want %d", r, value)
			}
		}
		_, err = c.Outcome(t.Context(), Identity{Session: lost[0].Identity.Session, Number: 1 << 20})
		refusedAs(t, err, cuenta.Absent, cuenta.NotApplied)
		_, err = c.Outcome(t.Context(), Identity{})
		refusedAs(t, err, cuenta.Syntax, cuenta.FateUnknown)
	})
}

// An atomic batch whose answer was lost is carried out once.
func TestAtomicBatchIsCarriedOutOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.next = inTurn(delivered, replyLost)
		c := f.open(t, Options{}, false)
		b := c.Batch()
		b.Add("a", 1)
		b.Add("b", 2)
		results, err := b.DoAtomic(t.Context())
		if err != nil || !slices.Equal(results, []Result{{Value: 1, Revision: 1, Replayed: true}, {Value: 2, Revision: 1, Replayed: true}}) {
			t.Errorf("%+v, %v", results, err)
		}
		if a, revision := f.service.Value("a"); a != 1 || revision != 1 {
			t.Errorf("a is %d at %d", a, revision)
		}
		if results, err := c.Batch().DoAtomic(t.Context()); len(results) != 0 || err != nil || f.changes() != 2 {
			t.Errorf("an empty batch: %v, %v", results, err)
		}
	})
}

// Of a batch only what was refused is sent again.
func TestBatchRepeatsWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		c := f.open(t, Options{}, false)
		busy := true
		f.refuse = func(r *cuenta.Request) cuenta.Code {
			if string(r.Counter) == "b" && busy {
				busy = false
				return cuenta.Busy
			}
			return cuenta.OK
		}
		b := c.Batch()
		b.Add("a", 1)
		b.Add("b", 2)
		b.Add("c", 3)
		items, err := b.Do(t.Context())
		if err != nil || items[0].Value != 1 || items[1].Value != 2 || items[2].Value != 3 {
			t.Errorf("%+v, %v", items, err)
		}
		if last := f.attempts[len(f.attempts)-1]; len(last) != 1 || string(last[0].Counter) != "b" || last[0].Identity.Number != 2 {
			t.Errorf("the last attempt was %+v", last)
		}
	})
}

func TestRetriesAreWithinTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.next = func([]cuenta.Request) fate { return refused }
		c := f.open(t, Options{Timeout: 10 * time.Second, Budget: Budget{Burst: 20, PerSecond: 5, Ratio: 0.5}}, true)
		const calls = 40
		var all sync.WaitGroup
		for range calls {
			all.Go(func() {
				if _, err := c.Counter("a").Add(t.Context(), 1); !errors.Is(err, cuenta.Canceled.Err()) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		// The bucket is full at first, so what the calls put in is over its edge.
		if retries, most := f.tried()-calls, 20+5*10; retries > most || retries < most*8/10 {
			t.Errorf("%d retries, at most %d are paid for", retries, most)
		}
	})
}

func TestBackoffGrowsToItsBound(t *testing.T) {
	o := Options{MinBackoff: 8, MaxBackoff: 1000}
	for attempt, most := range []time.Duration{8, 16, 32, 64, 128, 256, 512, 1000, 1000, 1000} {
		var longest time.Duration
		for range 2000 {
			d := o.backoff(attempt)
			if d < 1 || d > most {
				t.Fatalf("attempt %d: pause %d, at most %d", attempt, d, most)
			}
			longest = max(longest, d)
		}
		if longest < most*9/10 {
			t.Errorf("attempt %d: never more than %d of %d", attempt, longest, most)
		}
	}
	for _, attempt := range []int{31, 32, 62, 63, 64, 1 << 30} {
		if d := (&Options{MinBackoff: time.Hour, MaxBackoff: 2 * time.Hour}).backoff(attempt); d <= 0 || d > 2*time.Hour {
			t.Errorf("attempt %d: pause %v", attempt, d)
		}
	}
}

// Calls beyond the bound wait for a place, and leave when their context ends.
func TestInFlightIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		c := f.open(t, Options{MaxInFlight: 3}, false)
		lift := f.service.Stall()
		defer lift()
		n := c.Counter("a")
		var futures []*Future
		for range 3 {
			futures = append(futures, n.AddAsync(t.Context(), 1))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for _, f := range []*Future{n.AddAsync(ctx, 1)} {
			<-f.Done()
			if _, err := f.Wait(t.Context()); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, cuenta.Canceled.Err()) {
				t.Error(err)
			}
		}
		if _, err := futures[0].Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a future that is not done: %v", err)
		}
		lift()
		for _, f := range futures {
			r, err := f.Wait(t.Context())
			must(t, r, err)
		}
	})
}

// A number that is answered late holds its session's window; the others go on in
// another session.
func TestWindowHeldByOneGoesOnElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		c := f.open(t, Options{MaxInFlight: 200, AttemptTimeout: time.Hour, Timeout: 2 * time.Hour}, false)
		f.next = inTurn(delivered, requestLost)
		slow := c.Counter("a").AddAsync(t.Context(), 1)
		synctest.Wait()
		for range 3 * cuenta.SessionWindow {
			r, err := c.Counter("a").Add(t.Context(), 1)
			must(t, r, err)
		}
		r, err := slow.Wait(t.Context())
		if must(t, r, err).Value != 3*cuenta.SessionWindow+1 {
			t.Errorf("result %+v", r)
		}
		if sessions := f.tried() - f.changes(); sessions != 2 {
			t.Errorf("%d sessions were opened", sessions)
		}
	})
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		c := f.open(t, Options{MaxInFlight: 10}, false)
		r, err := c.Counter("a").Add(t.Context(), 1)
		must(t, r, err)
		f.next = func([]cuenta.Request) fate { return requestLost }
		var futures []*Future
		for range 10 {
			futures = append(futures, c.Counter("a").AddAsync(t.Context(), 1))
		}
		waiting := make(chan error)
		go func() {
			_, err := c.Counter("a").Add(t.Context(), 1)
			waiting <- err
		}()
		synctest.Wait()
		before := time.Now()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		for _, f := range futures {
			if _, err := f.Wait(t.Context()); !errors.Is(err, ErrClosed) || !errors.Is(err, cuenta.Unknown.Err()) {
				t.Error(err)
			}
		}
		if err := <-waiting; !errors.Is(err, ErrClosed) || !errors.Is(err, cuenta.Canceled.Err()) {
			t.Error(err)
		}
		if _, err := c.Counter("a").Get(t.Context()); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
		if time.Since(before) != 0 {
			t.Errorf("it took %v", time.Since(before))
		}
		if !f.closed {
			t.Error("the transport is not closed")
		}
	})
}
