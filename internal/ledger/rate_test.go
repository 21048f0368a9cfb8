package ledger

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
)

// do carries out one request at a time.
func do(l *Ledger, r cuenta.Request, now int64) cuenta.Result {
	var out cuenta.Result
	l.Apply(&r, l.Hash(&r), now, &out)
	return out
}

func takeOf(rate cuenta.Rate, n int64) cuenta.Request {
	return cuenta.Request{Op: cuenta.Take, Counter: []byte("llamadas"), N: n, Terms: &cuenta.Terms{Rate: rate}}
}

// drawRate draws a rate, mostly small so that it is reached.
func drawRate(r *rand.Rand) cuenta.Rate {
	rate := cuenta.Rate{
		Kind:   cuenta.FixedWindow + cuenta.RateKind(r.IntN(3)),
		Limit:  1 + r.Int64N(20),
		Period: int64(time.Millisecond) * (1 + r.Int64N(5000)),
	}
	if rate.Kind == cuenta.Steady && r.IntN(2) == 0 {
		rate.Burst = 1 + r.Int64N(40)
	}
	if r.IntN(10) == 0 {
		rate.Limit = 1<<31 - 1 - r.Int64N(3)
	}
	return rate
}

// TestRatesSayWhatTheyDo holds every answer of a rate to its word: what is left may be
// taken and no more, the wait is exact to the nanosecond, and once all may be taken
// again nothing is left of the counter.
func TestRatesSayWhatTheyDo(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		rate, now := drawRate(r), testTime+r.Int64N(1<<40)
		l := newLedger(t, 64)
		for range 60 {
			now += r.Int64N(rate.Period) >> r.UintN(20)
			n := r.Int64N(1 + min(rate.Limit, 1<<r.UintN(8)))
			if r.IntN(20) == 0 {
				n = rate.Limit + r.Int64N(3)
			}
			before := l.peek(rate, now)
			if !before.allows(l, rate, before.Value, now) || before.allows(l, rate, before.Value+1, now) {
				t.Fatalf("seed %d: %+v: %d are left, it is said", seed, rate, before.Value)
			}
			out := do(l, takeOf(rate, n), now)
			switch {
			case out.Code == cuenta.OK && n <= before.Value:
				// Times are whole nanoseconds, and a unit may be a fraction of one.
				lost, fraction := before.Value-n-out.Value, int64(0)
				if rate.Kind == cuenta.Steady {
					fraction = 2 * (1 + rate.Limit/rate.Period)
				}
				if max(lost, -lost) > fraction {
					t.Fatalf("seed %d: %+v: %d of %d were taken, %d left", seed, rate, n, before.Value, out.Value)
				}
				checkReset(t, l, rate, out.Amount, now)
			case out.Code == cuenta.Throttled && n > before.Value:
				checkWait(t, l, rate, n, out.Amount, now)
			default:
				t.Fatalf("seed %d: %+v: took %d of %d: %+v", seed, rate, n, before.Value, out)
			}
		}
	}
}

func (l *Ledger) peek(rate cuenta.Rate, now int64) asked {
	return asked{do(l, takeOf(rate, 0), now)}
}

type asked struct{ cuenta.Result }

// allows asks on a copy of what is remembered whether n might be taken.
func (asked) allows(l *Ledger, rate cuenta.Rate, n, now int64) bool {
	return judgeNow(l, rate, n, now).allowed
}

func judgeNow(l *Ledger, rate cuenta.Rate, n, now int64) verdict {
	var u usage
	r := takeOf(rate, n)
	if cell, found := l.find(l.Hash(&r), r.Counter); l.lives(cell, found) {
		value, of := l.state(cell, true)
		if !of.Ended(now) {
			u = usage{value, of.Ends}
		}
	}
	return judge(&rate, u, n, now)
}

func checkReset(t *testing.T, l *Ledger, rate cuenta.Rate, wait, now int64) {
	t.Helper()
	most := rate.Limit
	if rate.Kind == cuenta.Steady && rate.Burst != 0 {
		most = rate.Burst
	}
	if wait == 0 && judgeNow(l, rate, most, now).allowed {
		return
	}
	if wait <= 0 || !judgeNow(l, rate, most, now+wait).allowed {
		t.Fatalf("%+v: in %d ns all may be taken again, it is said", rate, wait)
	}
}

func checkWait(t *testing.T, l *Ledger, rate cuenta.Rate, n, wait, now int64) {
	t.Helper()
	if wait == -1 {
		if judgeNow(l, rate, n, now+1000*rate.Period).allowed {
			t.Fatalf("%+v: %d may never be taken, it is said", rate, n)
		}
		return
	}
	if wait <= 0 || !judgeNow(l, rate, n, now+wait).allowed || judgeNow(l, rate, n, now+wait-1).allowed {
		t.Fatalf("%+v at %d: %d may be taken in %d ns, it is said", rate, now%rate.Period, n, wait)
	}
}

// TestRatesHold takes as much as there is, whenever there is some, and counts.
func TestRatesHold(t *testing.T) {
	type taken struct{ at, n int64 }
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 4))
		rate, now := drawRate(r), testTime
		l := newLedger(t, 64)
		var all []taken
		for range 80 {
			now += 1 + r.Int64N(rate.Period)>>r.UintN(10)
			if n := l.peek(rate, now).Value; n > 0 {
				n = 1 + r.Int64N(n)
				if out := do(l, takeOf(rate, n), now); out.Code != cuenta.OK {
					t.Fatalf("seed %d: %+v", seed, out)
				}
				all = append(all, taken{now, n})
			}
		}
		for i, first := range all {
			var sum, since int64
			for _, x := range all[i:] {
				sum, since = sum+x.n, x.at-first.at
				most := float64(rate.Limit)
				switch rate.Kind {
				case cuenta.FixedWindow:
					if x.at/rate.Period != first.at/rate.Period {
						continue
					}
				case cuenta.SlidingWindow:
					if since >= rate.Period {
						continue
					}
					most *= 2 // spread as evenly as can be, two halves may come together
				case cuenta.Steady:
					if rate.Burst != 0 {
						most = float64(rate.Burst)
					}
					most += float64(since) / float64(rate.Period) * float64(rate.Limit)
				}
				// Times are whole nanoseconds.
				if float64(sum) > most+1e-6*most+float64(rate.Limit)/float64(rate.Period) {
					t.Fatalf("seed %d: %+v: %d in %d ns, at most %f", seed, rate, sum, since, most)
				}
			}
		}
	}
}

func TestRatesThatCannotBeMeant(t *testing.T) {
	second := int64(time.Second)
	for _, rate := range []cuenta.Rate{
		{}, {Kind: cuenta.FixedWindow, Limit: 1}, {Kind: cuenta.FixedWindow, Period: second},
		{Kind: cuenta.FixedWindow, Limit: -1, Period: second}, {Kind: cuenta.Steady + 1, Limit: 1, Period: second},
		{Kind: cuenta.SlidingWindow, Limit: 1 << 31, Period: second},
		{Kind: cuenta.Steady, Limit: 1, Period: second, Burst: -1},
		{Kind: cuenta.Steady, Limit: 1, Period: second, Burst: math.MaxInt64},
		{Kind: cuenta.FixedWindow, Limit: 1, Period: math.MaxInt64}, {Kind: cuenta.FixedWindow, Limit: 1, Period: 1},
	} {
		l := newLedger(t, 64)
		if out := do(l, takeOf(rate, 1), testTime); out.Code != cuenta.Syntax || l.Used() != 0 {
			t.Errorf("%+v: %+v", rate, out)
		}
	}
	l := newLedger(t, 64)
	if out := do(l, takeOf(cuenta.Rate{Kind: cuenta.FixedWindow, Limit: 1, Period: second}, -1), testTime); out.Code != cuenta.Syntax {
		t.Errorf("a negative take: %+v", out)
	}
	apply(l, cuenta.Add, "llamadas", 5)
	if out := do(l, takeOf(cuenta.Rate{Kind: cuenta.FixedWindow, Limit: 9, Period: second}, 1), testTime); out.Code != cuenta.Unmet {
		t.Errorf("a plain counter is no rate: %+v", out)
	}
}
