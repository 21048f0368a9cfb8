package ringclient

import (
	"errors"
	"sync"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

func TestCloseGivesUpWhatIsUnderWay(t *testing.T) {
	fronttest.NoLeaks(t)
	service := fronttest.NewService()
	path, _ := serve(t, service)
	c := dial(t, path)
	lift := service.Stall()
	defer lift()
	b, submitted, told := batch(add(1)), batch(add(1)), make(chan error, 1)
	done := make(chan error)
	go func() { done <- c.Do(t.Context(), b) }()
	service.AwaitBlocked(1)
	if err := c.Submit(t.Context(), submitted, func(err error) { told <- err }); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	lost(t, <-done, b, cuenta.FateUnknown, ErrClosed)
	lost(t, <-told, submitted, cuenta.FateUnknown, ErrClosed)
	all.Wait()
	lost(t, c.Do(t.Context(), b), b, cuenta.NotApplied, ErrClosed)
	lost(t, c.Submit(t.Context(), b, nil), b, cuenta.NotApplied, ErrClosed)
}

// Close under load, from anywhere: every call ends, and none twice.
func TestCloseUnderLoad(t *testing.T) {
	fronttest.NoLeaks(t)
	path, _ := serve(t, fronttest.NewService())
	for range 50 {
		c := dial(t, path)
		var all, begun sync.WaitGroup
		for range 4 {
			begun.Add(1)
			all.Go(func() {
				for b, first := batch(add(1)), true; ; first = false {
					err := c.Do(t.Context(), b)
					if first {
						begun.Done()
					}
					if err != nil {
						if !errors.Is(err, ErrClosed) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		begun.Wait()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		all.Wait()
	}
}

func TestDrainAnswersWhatItHasTaken(t *testing.T) {
	fronttest.NoLeaks(t)
	service := fronttest.NewService()
	path, drain := serve(t, service)
	c := dial(t, path)
	lift := service.Stall()
	b := batch(add(1))
	done := make(chan error)
	go func() { done <- c.Do(t.Context(), b) }()
	service.AwaitBlocked(1)
	drained := make(chan struct{})
	go func() {
		drain()
		close(drained)
	}()
	lift()
	if err := <-done; err != nil || b.Results[0].Value != 1 {
		t.Errorf("%v, %+v", err, b.Results)
	}
	<-drained
	// What comes too late was certainly not counted, and the client knows.
	lost(t, c.Do(t.Context(), b), b, cuenta.NotApplied, ErrGone)
	lost(t, c.Do(t.Context(), b), b, cuenta.NotApplied, ErrGone)
	if value, _ := service.Value(cuenta.DefaultCounter); value != 1 {
		t.Errorf("%d were counted, want 1", value)
	}
}
