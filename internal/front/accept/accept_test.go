package accept

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestUntil accepts with errors that pass, longer and longer ones, until one comes
// that does not.
func TestUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		short := &net.OpError{Op: "accept", Err: syscall.EMFILE}
		for _, c := range []struct {
			errs []error
			want []time.Duration // of the rests
		}{
			{[]error{nil, nil}, nil},
			{[]error{syscall.ECONNABORTED, syscall.EINTR, nil, syscall.ENFILE}, []time.Duration{5e6, 10e6, 5e6}},
			{slices.Repeat([]error{short}, 10), []time.Duration{5e6, 10e6, 20e6, 40e6, 80e6, 160e6, 320e6, 640e6, 1e9, 1e9}},
			{[]error{fmt.Errorf("wrapped: %w", syscall.ENOBUFS), syscall.ENOMEM}, []time.Duration{5e6, 10e6}},
		} {
			var rests []time.Duration
			began, calls := time.Now(), 0
			err := Until(make(chan struct{}), func() error {
				if calls++; calls > len(c.errs) {
					return net.ErrClosed
				}
				return c.errs[calls-1]
			}, func(err error, pause time.Duration) {
				if err != c.errs[calls-1] {
					t.Errorf("told of %v instead of %v", err, c.errs[calls-1])
				}
				rests = append(rests, pause)
			})
			var all time.Duration
			for _, pause := range rests {
				all += pause
			}
			if !errors.Is(err, net.ErrClosed) || calls != len(c.errs)+1 || !slices.Equal(rests, c.want) || time.Since(began) != all {
				t.Errorf("%v: %d calls, %v, rests %v, want %v; took %v", c.errs, calls, err, rests, c.want, time.Since(began))
			}
		}
	})
}

// TestUntilStopping ends without an error once it shall: between two calls, and in a rest.
func TestUntilStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, outcome := range map[string]error{"accepting": nil, "failing": net.ErrClosed} {
			stopping, calls := make(chan struct{}), 0
			err := Until(stopping, func() error {
				if calls++; calls < 3 {
					return nil
				}
				close(stopping)
				return outcome
			}, func(error, time.Duration) { t.Error("told of an error") })
			if err != nil || calls != 3 {
				t.Errorf("%s: %v after %d calls", name, err, calls)
			}
		}
		stopping, began := make(chan struct{}), time.Now()
		time.AfterFunc(3*time.Second, func() { close(stopping) })
		calls := 0
		err := Until(stopping, func() error { calls++; return syscall.EMFILE }, func(error, time.Duration) {})
		if err != nil || time.Since(began) != 3*time.Second {
			t.Errorf("%v after %v and %d calls", err, time.Since(began), calls)
		}
	})
}
