package queue

import (
	"context"
	"encoding/json"
	"math"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"weak"
)

func put(t *testing.T, q *Queue[int], v, weight int) {
	t.Helper()
	if !q.TryPut(v, weight) {
		t.Fatalf("no room for %d of weight %d", v, weight)
	}
}

func wantTaken(t *testing.T, q *Queue[int], maxWeight int, want ...int) {
	t.Helper()
	if got := q.Take(nil, maxWeight); !slices.Equal(got, want) {
		t.Errorf("took %v, want %v", got, want)
	}
}

// producing puts a message in from another goroutine, and returns its fate.
func producing(ctx context.Context, q *Queue[int], v, weight int) <-chan error {
	fate := make(chan error, 1)
	go func() { fate <- q.Put(ctx, v, weight) }()
	synctest.Wait()
	return fate
}

func wantFate(t *testing.T, fate <-chan error, want error) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-fate:
		if err != want {
			t.Errorf("the producer got %v, want %v", err, want)
		}
	default:
		t.Error("the producer still waits")
	}
}

func wantWaiting(t *testing.T, fates ...<-chan error) {
	t.Helper()
	synctest.Wait()
	for i, fate := range fates {
		select {
		case err := <-fate:
			t.Errorf("producer %d was let go: %v", i, err)
		default:
		}
	}
}

func TestTakeStopsBeforeTheWeightIsPassed(t *testing.T) {
	q := New[int](100)
	if got := q.Take([]int{7}, 10); !slices.Equal(got, []int{7}) {
		t.Errorf("took %v from an empty queue", got)
	}
	for v, weight := range []int{3, 3, 4, 1, 20, 1} {
		put(t, q, v, weight)
	}
	wantTaken(t, q, 10, 0, 1, 2)
	wantTaken(t, q, 20, 3)
	wantTaken(t, q, 0)
	wantTaken(t, q, -1)
	wantTaken(t, q, 5, 4) // at least one, however heavy
	wantTaken(t, q, 1, 5)
	wantTaken(t, q, math.MaxInt)
}

func TestBoundIsTheSumOfWeights(t *testing.T) {
	q := New[int](10)
	put(t, q, 0, 9)
	if q.TryPut(1, 2) {
		t.Error("the queue took more than its capacity")
	}
	put(t, q, 2, 1)
	if q.TryPut(3, 1) {
		t.Error("the queue took more than its capacity")
	}
	if v, ok := q.Peek(); !ok || v != 0 || q.Len() != 2 {
		t.Errorf("peek %d %v, %d messages", v, ok, q.Len())
	}
	wantTaken(t, q, 10, 0, 2)
	if v, ok := q.Peek(); ok || v != 0 || q.Len() != 0 {
		t.Errorf("peek %d %v, %d messages", v, ok, q.Len())
	}
}

func TestImpossibleWeights(t *testing.T) {
	q := New[int](10)
	for _, weight := range []int{11, 0, -1, math.MaxInt, math.MinInt} {
		if err := q.Put(t.Context(), 1, weight); err != ErrWeight {
			t.Errorf("weight %d: %v", weight, err)
		}
		if q.TryPut(1, weight) {
			t.Errorf("weight %d: accepted", weight)
		}
	}
	if s := q.Stats(); s.Depth != 0 || s.Accepted != 0 || s.Refused != 5 {
		t.Errorf("%+v", s)
	}
	defer func() {
		if recover() == nil {
			t.Error("a queue without capacity was made")
		}
	}()
	New[int](0)
}

func TestProducersWaitInOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New[int](4)
		put(t, q, 0, 1)
		put(t, q, 1, 2)
		heavy := producing(t.Context(), q, 2, 4)
		light := producing(t.Context(), q, 3, 1)
		if q.TryPut(4, 1) {
			t.Error("a message overtook those that wait")
		}
		wantWaiting(t, heavy, light)
		wantTaken(t, q, 1, 0)
		wantWaiting(t, heavy, light)
		wantTaken(t, q, 1, 1)
		wantFate(t, heavy, nil)
		wantWaiting(t, light)
		wantTaken(t, q, 4, 2)
		wantFate(t, light, nil)
		put(t, q, 5, 3)
		wantTaken(t, q, 9, 3, 5)
	})
}

func TestTakeReachesThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New[int](2)
		var fates []<-chan error
		for v := range 10 {
			fates = append(fates, producing(t.Context(), q, v, 1))
		}
		wantTaken(t, q, 7, 0, 1, 2, 3, 4, 5, 6)
		for _, fate := range fates[:9] { // seven taken, two in the queue
			wantFate(t, fate, nil)
		}
		wantWaiting(t, fates[9])
		if s := q.Stats(); s.HighWater != 2 || s.Depth != 2 || s.Waiting != 1 || s.Waited != 8 {
			t.Errorf("%+v", s)
		}
		wantTaken(t, q, 7, 7, 8, 9)
	})
}

func TestCanceledProducerKeepsItsMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New[int](4)
		put(t, q, 0, 2)
		ctx, cancel := context.WithCancel(t.Context())
		heavy := producing(ctx, q, 1, 4)
		light := producing(t.Context(), q, 2, 2)
		second := producing(ctx, q, 3, 1)
		last := producing(t.Context(), q, 4, 1)
		cancel()
		wantFate(t, heavy, context.Canceled)
		wantFate(t, light, nil)
		wantFate(t, second, context.Canceled)
		wantWaiting(t, last)
		if err := q.Put(ctx, 5, 1); err != context.Canceled {
			t.Errorf("with an ended context: %v", err)
		}
		if s := q.Stats(); s.Canceled != 2 || s.Waiting != 1 || s.Waited != 4 || s.Accepted != 2 {
			t.Errorf("%+v", s)
		}
		wantTaken(t, q, 9, 0, 2, 4)
		wantFate(t, last, nil)
	})
}

// Acceptance and cancellation in the same moment: the message is in the queue
// exactly if Put says so.
func TestAcceptanceRacesWithCancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New[int](1)
		for round := range 2000 {
			put(t, q, -1, 1)
			ctx, cancel := context.WithCancel(t.Context())
			fate := producing(ctx, q, round, 1)
			switch round % 3 {
			case 0:
				go cancel()
				wantTaken(t, q, 1, -1)
			case 1: // mostly, the producer wakes up to find that it was accepted
				cancel()
				wantTaken(t, q, 1, -1)
			case 2:
				wantTaken(t, q, 1, -1)
				cancel()
			}
			switch err := <-fate; err {
			case nil:
				wantTaken(t, q, 1, round)
			case context.Canceled:
				wantTaken(t, q, 1)
			default:
				t.Fatal(err)
			}
			cancel()
		}
	})
}

func TestCloseLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New[int](2)
		put(t, q, 0, 2)
		first := producing(t.Context(), q, 1, 1)
		second := producing(t.Context(), q, 2, 2)
		q.Close()
		q.Close()
		wantFate(t, first, ErrClosed)
		wantFate(t, second, ErrClosed)
		if err := q.Put(t.Context(), 3, 1); err != ErrClosed {
			t.Errorf("after Close: %v", err)
		}
		wantTaken(t, q, 9, 0)
		if q.TryPut(4, 1) {
			t.Error("accepted after Close")
		}
		if err := q.Put(t.Context(), 3, 1); err != ErrClosed {
			t.Errorf("after Close, with room: %v", err)
		}
		wantTaken(t, q, 9)
		if s := q.Stats(); s.Waiting != 0 || s.Depth != 0 || s.Refused != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestNothingTakenOrGivenUpIsKeptAlive(t *testing.T) {
	q := New[*[64]byte](2)
	var gone []weak.Pointer[[64]byte]
	message := func() *[64]byte {
		m := new([64]byte)
		gone = append(gone, weak.Make(m))
		return m
	}
	q.TryPut(message(), 1)
	q.TryPut(message(), 1)
	ctx, cancel := context.WithCancel(t.Context())
	fate := make(chan error, 1)
	m := message()
	go func() { fate <- q.Put(ctx, m, 1) }()
	for q.Stats().Waiting == 0 {
		runtime.Gosched()
	}
	m = nil
	cancel()
	<-fate
	clear(q.Take(nil, 2))
	runtime.GC()
	for i, p := range gone {
		if p.Value() != nil {
			t.Errorf("message %d is still there", i)
		}
	}
	runtime.KeepAlive(q)
}

func TestRingKeepsItsOrderWhileItGrows(t *testing.T) {
	q := New[int](1000)
	next, want := 0, 0
	for step := range 200 {
		for range step % 13 {
			put(t, q, next, 1)
			next++
		}
		for _, v := range q.Take(nil, step%7+1) {
			if v != want {
				t.Fatalf("took %d, want %d", v, want)
			}
			want++
		}
	}
	if got := q.Take(nil, math.MaxInt); len(got) != next-want || len(got) > 0 && got[0] != want {
		t.Errorf("%d left, want %d", len(got), next-want)
	}
	if len(q.messages.slots) > 1024 {
		t.Errorf("the ring has %d slots", len(q.messages.slots))
	}
}

func TestStatsAsJSON(t *testing.T) {
	q := New[int](8)
	put(t, q, 1, 3)
	put(t, q, 2, 4)
	q.TryPut(3, 4)
	q.Take(nil, 3)
	got, err := json.Marshal(q.Stats())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"capacity":8,"depth":4,"high_water":7,"messages":1,"waiting":0,"accepted":2,"accepted_weight":7,` +
		`"taken":1,"taken_weight":3,"waited":0,"canceled":0,"refused":1}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
