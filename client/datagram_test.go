package client

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	wire "github.com/cuenta-server/cuenta/internal/wire/text"
)

// The server reads from a command what was asked, and what it would read otherwise is
// not sent.
func TestRareCommands(t *testing.T) {
	ask := func(op cuenta.Op, n int64, terms cuenta.Terms) cuenta.Request {
		return cuenta.Request{Op: op, N: n, Counter: []byte("año"), Terms: &terms, Identity: cuenta.Identity{Key: []byte("k")}}
	}
	after := func(d time.Duration) cuenta.Expiry {
		return cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: int64(d)}
	}
	at := cuenta.Expiry{Kind: cuenta.ExpireAt, Time: int64(time.Second)}
	for _, test := range []struct {
		r    cuenta.Request
		want string // empty: it cannot be said
	}{
		{ask(cuenta.Take, 3, cuenta.Terms{Rate: FixedWindow(9, time.Minute)}), "cup.3 @año max=9 per=60 tipo=fija id=k"},
		{ask(cuenta.Take, 0, cuenta.Terms{Rate: SlidingWindow(9, time.Second)}), "cup.0 @año max=9 per=1 tipo=deslizante id=k"},
		{ask(cuenta.Take, 3, cuenta.Terms{Rate: Steady(1, time.Hour, 5)}), "cup.3 @año max=1 per=3600 tipo=continua raf=5 id=k"},
		{ask(cuenta.Take, 3, cuenta.Terms{Rate: FixedWindow(9, time.Millisecond)}), ""},
		{ask(cuenta.Take, 3, cuenta.Terms{Rate: FixedWindow(9, time.Second+1)}), ""},
		{ask(cuenta.Take, 3, cuenta.Terms{Rate: cuenta.Rate{Kind: cuenta.FixedWindow, Limit: 9, Period: 1e9, Burst: 2}}), ""},
		{ask(cuenta.Ticket, 2, cuenta.Terms{Ident: []byte("ana=@x")}), "tic.2 @año para=ana=@x id=k"},
		{ask(cuenta.Hold, 4, cuenta.Terms{Expiry: after(time.Minute)}), "apa.4 @año ttl=60 id=k"},
		{ask(cuenta.Hold, -4, cuenta.Terms{Expiry: after(time.Minute)}), "apa.4 @año ttl=60 baja id=k"},
		{ask(cuenta.Hold, -math.MaxInt64, cuenta.Terms{Expiry: after(time.Second)}), "apa.9223372036854775807 @año ttl=1 baja id=k"},
		{ask(cuenta.Hold, -4, cuenta.Terms{Expiry: at}), ""},
		{ask(cuenta.Hold, 4, cuenta.Terms{Expiry: after(time.Minute + 1)}), ""},
		{ask(cuenta.Hold, 4, cuenta.Terms{Expiry: at}), ""},
		{ask(cuenta.Settle, 0, cuenta.Terms{Hold: 7}), "liq.0 @año de=7 id=k"},
		{ask(cuenta.Settle, 5, cuenta.Terms{Hold: 7, Clamp: true}), "liq.5 @año de=7 sat id=k"},
		{ask(cuenta.Settle, -5, cuenta.Terms{Hold: 7}), "liq.5 @año de=7 baja id=k"},
		{ask(cuenta.Settle, -5, cuenta.Terms{Hold: 7, Clamp: true}), "liq.5 @año de=7 sat baja id=k"},
		{ask(cuenta.Settle, math.MinInt64, cuenta.Terms{Hold: 7}), ""},
		{ask(cuenta.Settle, 5, cuenta.Terms{Hold: 1 << 63}), ""},
		{ask(cuenta.Release, 0, cuenta.Terms{Hold: 7}), "sol.0 @año de=7 id=k"},
		{ask(cuenta.Extend, 0, cuenta.Terms{Hold: 7, Expiry: after(90 * time.Second)}), "ext.90 @año de=7 id=k"},
		{ask(cuenta.Extend, 0, cuenta.Terms{Hold: 7, Expiry: after(time.Millisecond)}), ""},
		{ask(cuenta.Extend, 0, cuenta.Terms{Hold: 7, Expiry: at}), ""},
		{ask(cuenta.Describe, 0, cuenta.Terms{}), ""},
	} {
		command, err := datagram([]cuenta.Request{test.r})
		if string(command) != test.want || errors.Is(err, cuenta.Unsupported.Err()) != (test.want == "") {
			t.Errorf("%v %+v: %q, %v; want %q", test.r.Op, test.r.Terms, command, err, test.want)
		}
	}
	long := ask(cuenta.Ticket, 1, cuenta.Terms{Ident: []byte(strings.Repeat("i", cuenta.MaxKey))})
	long.Counter, long.Identity.Key = []byte(strings.Repeat("n", cuenta.MaxName)), []byte(strings.Repeat("k", cuenta.MaxKey))
	command, err := datagram([]cuenta.Request{long})
	var read cuenta.Request
	if err != nil || wire.Decode(command, &read) != wire.TooLong {
		t.Errorf("%q, %v", command, err)
	}
}

// One command stands for what begins the numbers anew, and for nothing that is like it.
func TestNewSeriesCommand(t *testing.T) {
	run := func(change func(whole, numbers, series *cuenta.Request)) []cuenta.Request {
		requests := []cuenta.Request{
			{Op: cuenta.All, Span: 2, Identity: cuenta.Identity{Key: []byte("k")}},
			{Op: cuenta.Reset, Counter: []byte("turno")},
			{Op: cuenta.Add, Counter: []byte("turno/#"), N: 1},
		}
		change(&requests[0], &requests[1], &requests[2])
		return requests
	}
	command, err := datagram(run(func(_, _, _ *cuenta.Request) {}))
	if string(command) != "ren.0 @turno id=k" || err != nil {
		t.Errorf("%q, %v", command, err)
	}
	for i, change := range []func(whole, numbers, series *cuenta.Request){
		func(_, _, series *cuenta.Request) { series.N = 2 },
		func(_, _, series *cuenta.Request) { series.Counter = []byte("turnos/#") },
		func(_, _, series *cuenta.Request) { series.If = cuenta.IfPresent },
		func(_, _, series *cuenta.Request) { series.Identity.Key = []byte("j") },
		func(_, numbers, _ *cuenta.Request) { numbers.Op = cuenta.Delete },
		func(_, numbers, _ *cuenta.Request) { numbers.Terms = &cuenta.Terms{Clamp: true} },
		func(_, numbers, _ *cuenta.Request) { numbers.Identity.Key = []byte("j") },
		func(whole, _, _ *cuenta.Request) { whole.Op = cuenta.Get },
	} {
		if command, err := datagram(run(change)); !errors.Is(err, cuenta.Unsupported.Err()) {
			t.Errorf("case %d: %q, %v", i, command, err)
		}
	}
}

// How long there is to wait is read from the sentence that tells it.
func TestRetryIn(t *testing.T) {
	for amount, want := range map[int64]int64{-1: untold, 5e6: 5e6, int64(12 * time.Minute): int64(12 * time.Minute), 1: 1e6, int64(1e5 * time.Hour): int64(1e5 * time.Hour)} {
		answer := wire.AppendAnswer(nil, &cuenta.Result{Code: cuenta.Throttled, Amount: amount})
		r, err := textResult(answer, &cuenta.Request{Op: cuenta.Take})
		if err != nil || r.Code != cuenta.Throttled || r.Amount != want {
			t.Errorf("%q is read as %+v, %v; want %d", answer, r, err, want)
		}
	}
}
