package fronttest

import (
	"context"
	"math"
	"testing"

	"github.com/cuenta-server/cuenta"
)

func do(s *Service, rs ...cuenta.Request) []cuenta.Result {
	b := cuenta.Batch{Class: cuenta.ClassQueue, Origin: cuenta.Origin{Front: "test"}, Requests: rs}
	s.Do(context.Background(), &b)
	return b.Results
}

func TestServiceKeepsTheContract(t *testing.T) {
	s := NewService()
	steps := []struct {
		r    cuenta.Request
		want cuenta.Result
	}{
		{cuenta.Request{Op: cuenta.Get}, cuenta.Result{}},
		{cuenta.Request{Op: cuenta.Add, N: 4}, cuenta.Result{Value: 4, Revision: 1}},
		{cuenta.Request{Op: cuenta.Add, N: -1, Counter: []byte("cuenta")}, cuenta.Result{Value: 3, Revision: 2}},
		{cuenta.Request{Op: cuenta.Get, N: 9}, cuenta.Result{Value: 3, Revision: 2}},
		{cuenta.Request{Op: cuenta.Add, N: math.MaxInt64}, cuenta.Result{Code: cuenta.Overflow, Value: math.MaxInt64, Revision: 2}},
		{cuenta.Request{Op: cuenta.Reset, N: 9}, cuenta.Result{Revision: 3}},
		{cuenta.Request{Op: cuenta.Add, N: math.MinInt64}, cuenta.Result{Value: math.MinInt64, Revision: 4}},
		{cuenta.Request{Op: cuenta.Add, N: -1}, cuenta.Result{Code: cuenta.Overflow, Value: math.MinInt64, Revision: 4}},
		{cuenta.Request{Op: cuenta.Add, N: 1, Identity: cuenta.Identity{Key: []byte("k k")}}, cuenta.Result{Code: cuenta.Syntax}},
		{cuenta.Request{Op: cuenta.Add, N: 1, Counter: []byte("a b")}, cuenta.Result{Code: cuenta.Syntax}},
		{cuenta.Request{Op: 0}, cuenta.Result{Code: cuenta.Syntax}},
	}
	steps = append(steps, []struct {
		r    cuenta.Request
		want cuenta.Result
	}{
		{cuenta.Request{Op: cuenta.Set, N: 7, If: cuenta.IfAbsent}, cuenta.Result{Code: cuenta.Unmet, Value: math.MinInt64, Revision: 4}},
		{cuenta.Request{Op: cuenta.Set, N: 7, If: cuenta.IfPresent}, cuenta.Result{Value: 7, Revision: 5}},
		{cuenta.Request{Op: cuenta.Check, N: 5}, cuenta.Result{Value: 7, Revision: 5}},
		{cuenta.Request{Op: cuenta.Check, N: 4}, cuenta.Result{Code: cuenta.Unmet, Value: 7, Revision: 5}},
	}...)
	for i, step := range steps {
		if step.want.Revision > 0 {
			step.want.Generation = 1
		}
		if got := do(s, step.r)[0]; got != step.want {
			t.Errorf("step %d: got %+v, want %+v", i, got, step.want)
		}
	}
	if s.Len() != 1 {
		t.Errorf("%d counters exist, want 1: reading and refusals create nothing", s.Len())
	}
	if c := s.Calls(); c.Batches != len(steps) || c.Requests != len(steps) || c.Largest != 1 || c.Classes[cuenta.ClassQueue] != len(steps) {
		t.Errorf("calls: %+v", c)
	}
}

func TestServiceRefusesAndStalls(t *testing.T) {
	s := NewService()
	s.Refuse(cuenta.Full)
	if got := do(s, cuenta.Request{Op: cuenta.Add, N: 1})[0].Code; got != cuenta.Full {
		t.Errorf("refusing: got %v", got)
	}
	s.Refuse(cuenta.OK)

	lift := s.Stall()
	done := make(chan []cuenta.Result)
	go func() { done <- do(s, cuenta.Request{Op: cuenta.Add, N: 1}) }()
	ctx, cancel := context.WithCancel(context.Background())
	canceled := make(chan cuenta.Code)
	go func() {
		b := cuenta.Batch{Requests: []cuenta.Request{{Op: cuenta.Add, N: 1}}}
		s.Do(ctx, &b)
		canceled <- b.Results[0].Code
	}()
	s.AwaitBlocked(2)
	cancel()
	if got := <-canceled; got != cuenta.Canceled {
		t.Errorf("its context ended during a stall: got %v", got)
	}
	lift()
	lift()
	if got := (<-done)[0]; got != (cuenta.Result{Generation: 1, Value: 1, Revision: 1}) {
		t.Errorf("after the stall: got %+v", got)
	}
}

func TestServiceRefusesALargeBatch(t *testing.T) {
	s := NewService()
	for _, r := range do(s, make([]cuenta.Request, cuenta.MaxBatch+1)...) {
		if r.Code != cuenta.TooLarge {
			t.Fatalf("got %v", r.Code)
		}
	}
}
