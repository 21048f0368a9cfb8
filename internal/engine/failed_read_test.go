package engine

import (
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
)

// TestAfterAFailureNothingEndedIsRead: once the journal has failed, reads are answered
// by what is durable, but not of a counter whose time is over, or may be: its end may
// have been taken away by what is not durable.
func TestAfterAFailureNothingEndedIsRead(t *testing.T) {
	start := int64(1_700_000_000_000_000_000)
	s := openStepped(t, disktest.New(), start)
	defer s.close()
	end := func(e cuenta.Expiry) *cuenta.Terms { return &cuenta.Terms{Expiry: e} }
	soon := end(cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: 10})
	s.do(add("b", 7), cuenta.Request{Op: cuenta.Add, Counter: []byte("a"), N: 1, Terms: soon},
		cuenta.Request{Op: cuenta.Add, Counter: []byte("c"), N: 2, Terms: soon})
	lost := cuenta.Batch{Requests: []cuenta.Request{{Op: cuenta.Expire, Counter: []byte("c"), Terms: end(cuenta.Expiry{Kind: cuenta.NoExpiry})}}}
	s.cycle.Apply(&lost, cuenta.OK, s.now)
	for _, c := range []struct {
		after   int64
		a, b, c cuenta.Code
	}{
		{9, cuenta.OK, cuenta.OK, cuenta.Failed},
		{10, cuenta.Failed, cuenta.OK, cuenta.Failed},
	} {
		b := cuenta.Batch{Requests: []cuenta.Request{get("a"), get("b"), get("c")}}
		s.cycle.Durable(&b, cuenta.Failed, start+c.after)
		for i, want := range []cuenta.Code{c.a, c.b, c.c} {
			if got := b.Results[i]; got.Code != want || got.Code == cuenta.OK && got.Value == 0 {
				t.Errorf("%d ns later, %s: %+v, want %v", c.after, b.Requests[i].Counter, got, want)
			}
		}
	}
}
