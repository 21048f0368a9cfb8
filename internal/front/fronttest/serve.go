package fronttest

import (
	"context"
	"testing"
)

// Front is a front with its kind of listener, as tests start and stop it.
type Front[L any] interface {
	Serve(L) error
	Drain(context.Context) error
}

// Serve has a front serve until the test ends, which neither it nor its drain may fail.
func Serve[L any](t testing.TB, front Front[L], l L) {
	t.Helper()
	served := make(chan error, 1)
	go func() { served <- front.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := front.Drain(ctx); err != nil {
			t.Error("drain:", err)
		}
		if err := <-served; err != nil {
			t.Error("serve:", err)
		}
	})
}
