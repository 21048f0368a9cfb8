package ledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
)

// BenchmarkApply is a change through the ledger alone, in batches of 64 whose
// effects are then taken and published.
func BenchmarkApply(b *testing.B) {
	for _, counters := range []int{1, 100_000, 2_000_000} {
		b.Run(fmt.Sprintf("counters=%d", counters), func(b *testing.B) {
			l := newLedger(b, counters)
			requests := make([]cuenta.Request, counters)
			for i := range requests {
				// Visited in an order that the prefetcher cannot guess.
				requests[i] = cuenta.Request{Op: cuenta.Add, N: 1, Counter: fmt.Appendf(nil, "counter-%08d", i*7919%counters)}
			}
			var out cuenta.Result
			var effects Effects
			b.ReportAllocs()
			next := 0
			for i := 0; b.Loop(); i++ {
				if next == len(requests) {
					next = 0
				}
				l.Apply(&requests[next], l.Hash(&requests[next]), testTime, &out)
				next++
				if i%64 == 63 {
					l.TakeEffects(&effects)
					l.Publish(&effects)
				}
			}
		})
	}
}

// BenchmarkGrow makes ten million counters and reports the longest pause that
// any single one of them met.
func BenchmarkGrow(b *testing.B) {
	const counters = 10_000_000
	for b.Loop() {
		l := newLedger(b, counters)
		var out cuenta.Result
		var effects Effects
		var longest time.Duration
		name := []byte("counter-00000000")
		last := time.Now()
		for i := range counters {
			for j, n := len(name)-1, i; j >= 8; j, n = j-1, n/10 {
				name[j] = byte('0' + n%10)
			}
			request := cuenta.Request{Op: cuenta.Add, N: 1, Counter: name}
			l.Apply(&request, l.Hash(&request), testTime, &out)
			if i%64 == 63 {
				l.TakeEffects(&effects)
				l.Publish(&effects)
			}
			now := time.Now()
			longest = max(longest, now.Sub(last))
			last = now
		}
		b.ReportMetric(float64(longest.Microseconds())/1000, "ms-longest")
	}
}

// BenchmarkLimitedAccepted, Refused and Clamped change counters that have limits: what
// is refused or clamped costs no more than what is accepted.
func BenchmarkLimitedAccepted(b *testing.B) { benchmarkLimited(b, 1, cuenta.OK, nil) }

func BenchmarkLimitedRefused(b *testing.B) { benchmarkLimited(b, 1<<60, cuenta.Limited, nil) }

func BenchmarkLimitedClamped(b *testing.B) {
	benchmarkLimited(b, 1<<60, cuenta.OK, &cuenta.Terms{Clamp: true})
}

func benchmarkLimited(b *testing.B, n int64, want cuenta.Code, asked *cuenta.Terms) {
	const counters = 10_000
	l := newLedger(b, counters)
	requests := make([]cuenta.Request, counters)
	for i := range requests {
		name := fmt.Appendf(nil, "counter-%08d", i*7919%counters)
		at(l, 0, with(cuenta.Limit, string(name), 0, within(0, 1<<59)))
		requests[i] = cuenta.Request{Op: cuenta.Add, N: n, Counter: name, Terms: asked}
	}
	var out cuenta.Result
	var effects Effects
	turn := func(i int) {
		r := &requests[i%counters]
		l.Apply(r, l.Hash(r), testTime, &out)
		if out.Code != want {
			b.Fatal(out)
		}
		if i%64 == 63 {
			l.TakeEffects(&effects)
			l.Publish(&effects)
		}
	}
	for i := range counters {
		turn(i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		turn(i)
	}
}

// BenchmarkReserve is a hold and its settling, of counters that have a ceiling, as the
// engine carries them out: in groups, what is ahead sought.
func BenchmarkReserve(b *testing.B) {
	const counters, pairs = 100_000, 512
	l := newLedger(b, counters)
	names := make([][]byte, counters)
	for i := range names {
		names[i] = fmt.Appendf(nil, "counter-%08d", i)
		do(l, limitTo(string(names[i]), 0, 1<<40), testTime)
	}
	var asked [pairs]cuenta.Terms
	var requests [pairs]cuenta.Request
	var results [pairs]cuenta.Result
	var effects Effects
	group := func() {
		var hashes [pairs]uint32
		l.Seek(requests[:], hashes[:])
		l.Reach(hashes[:])
		for i := range requests {
			if l.Apply(&requests[i], hashes[i], testTime, &results[i]); results[i].Code != cuenta.OK {
				b.Fatal(results[i])
			}
		}
		l.TakeEffects(&effects)
		l.Publish(&effects)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%pairs > 0 {
			continue
		}
		for k := range requests {
			// Visited in an order that the prefetcher cannot guess.
			requests[k] = cuenta.Request{Op: cuenta.Hold, Counter: names[(i+k)*7919%counters], N: 3, Terms: &asked[k]}
			asked[k] = cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: 1 << 40}}
		}
		group()
		for k := range requests {
			requests[k].Op, requests[k].N = cuenta.Settle, 2
			asked[k] = cuenta.Terms{Hold: results[k].Revision}
		}
		group()
	}
}
