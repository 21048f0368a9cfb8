package history

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// beyond is clients of the naive service who make holds, charge totals, draw tickets and
// take from rates, and a fault that is planted between them and it.
type beyond struct {
	*rand.Rand
	fault    planted
	now      int64
	service  *fronttest.Service
	recorder *Recorder
	clients  []*asking
	missed   map[string]int64 // what a total was not charged with
	missing  map[string]uint64
	holds    []uint64
}

type planted int

const (
	nothingPlanted planted = iota
	settledTwice           // what was settled is settled again
	holdForgotten          // a hold is not known any more
	chargeMissed           // a total is not charged
	ticketTwice            // a number is given twice
	ticketGap              // a number is left out
	identForgotten         // an ident gets other numbers
	rateExceeded           // more is allowed than the rate does
	rateEndless            // a counter of a rate has no end
)

// asking is a client with what it waits for.
type asking struct {
	log     *Log
	busy    bool
	number  int
	request cuenta.Request
	result  *cuenta.Result
}

func (f *beyond) tick() int64 {
	f.now += 1 + f.Int64N(200_000)
	return f.now
}

var beyondRates = []cuenta.Rate{
	{Kind: cuenta.FixedWindow, Limit: 10, Period: int64(10 * time.Millisecond)},
	{Kind: cuenta.SlidingWindow, Limit: 10, Period: int64(10 * time.Millisecond)},
	{Kind: cuenta.Steady, Limit: 10, Period: int64(10 * time.Millisecond), Burst: 4},
}

// draw draws a request.
func (f *beyond) draw() cuenta.Request {
	r := cuenta.Request{Counter: fmt.Appendf(nil, "h%d", f.IntN(2)), N: f.Int64N(20) - 5, Terms: &cuenta.Terms{}}
	switch k := f.IntN(20); {
	case k < 3:
		r.Op, r.Terms.Expiry = cuenta.Hold, cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: f.Int64N(5_000_000) + 1}
		if k == 0 {
			r.Terms.Expiry = cuenta.Expiry{Kind: cuenta.ExpireAt, Time: f.now + 2_000_000}
		}
	case k < 6:
		r.Op, r.Terms.Hold = cuenta.Settle+cuenta.Op(f.IntN(3)), f.known()
		r.Terms.Clamp = r.Op == cuenta.Settle && f.IntN(2) == 0
		r.Terms.Expiry = cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: f.Int64N(5_000_000) + 1}
	case k < 7:
		r.Op, r.Terms.Holds = cuenta.Describe, make([]cuenta.Held, 0, 20)
	case k < 8:
		r.Op, r.Terms.Floor, r.Terms.Ceiling = cuenta.Limit, cuenta.Bound{Set: true, At: -20}, cuenta.Bound{Set: true, At: 40}
	case k < 9:
		r.Op = cuenta.Add
	case k < 12:
		r.Op, r.Counter = cuenta.Add, fmt.Appendf(nil, "t/%d/%d", f.IntN(2), f.IntN(2))
		r.Terms.Clamp = f.IntN(4) == 0
	case k < 13:
		r.Op, r.Counter = cuenta.Get, []byte([]string{"t", "t/0", "t/1"}[f.IntN(3)])
	case k < 14:
		r.Op, r.Counter = cuenta.Limit, []byte([]string{"t", "t/0", "t/1"}[f.IntN(3)])
		r.Terms.Total, r.Terms.Ceiling = f.IntN(5) > 0, cuenta.Bound{Set: f.IntN(2) == 0, At: f.Int64N(200) + 100}
	case k < 17:
		r.Op, r.Counter, r.N = cuenta.Ticket, []byte("turno"), 1+f.Int64N(2)
		r.Terms.Ident = fmt.Appendf(nil, "i%d", f.IntN(30))
	default:
		i := f.IntN(3)
		r.Op, r.Counter, r.N, r.Terms.Rate = cuenta.Take, fmt.Appendf(nil, "r%d", i), f.Int64N(6), beyondRates[i]
		if f.IntN(10) == 0 {
			r.Op, r.Terms = cuenta.Describe, &cuenta.Terms{}
		}
	}
	return r
}

func (f *beyond) known() uint64 {
	if len(f.holds) == 0 {
		return 1
	}
	return f.holds[max(0, len(f.holds)-1-f.IntN(8))]
}

func (f *beyond) do(requests ...cuenta.Request) []cuenta.Result {
	b := cuenta.Batch{Requests: requests}
	f.service.Do(context.Background(), &b)
	return b.Results
}

// step lets one thing happen.
func (f *beyond) step() {
	c := f.clients[f.IntN(len(f.clients))]
	f.tick()
	switch {
	case f.IntN(20) == 0:
		f.service.Lapse()
	case !c.busy:
		c.request, c.result, c.busy = f.draw(), nil, true
		c.number = c.log.Begin(&c.request)
	case c.result == nil && f.IntN(20) == 0: // it gets lost, carried out or not
		if c.busy = false; f.IntN(2) == 0 {
			f.carryOut(c)
		}
		c.log.Lost(c.number)
	case c.result == nil:
		f.carryOut(c)
	default:
		f.answer(c)
	}
}

func (f *beyond) carryOut(c *asking) {
	r := c.request
	if f.fault == identForgotten && r.Op == cuenta.Ticket && f.IntN(10) == 0 {
		terms := *r.Terms
		terms.Ident = fmt.Appendf(nil, "other-%d", f.now)
		r.Terms = &terms
	}
	was, _ := f.service.Value("t")
	to := f.do(r)[0]
	c.result = &to
	switch {
	case f.fault == settledTwice && r.Op == cuenta.Settle && to.Code == cuenta.NoHold:
		*c.result = f.do(cuenta.Request{Op: cuenta.Add, Counter: r.Counter, N: r.N})[0]
	case f.fault == holdForgotten && r.Op == cuenta.Hold && to.Code == cuenta.OK && f.IntN(3) == 0:
		f.do(cuenta.Request{Op: cuenta.Release, Counter: r.Counter, Terms: &cuenta.Terms{Hold: to.Revision}})
	case f.fault == chargeMissed && r.Op == cuenta.Add && to.Code == cuenta.OK && f.IntN(10) == 0:
		if now, _ := f.service.Value("t"); now != was {
			f.missed["t"], f.missing["t"] = f.missed["t"]+now-was, f.missing["t"]+1
		}
	case f.fault == ticketTwice && r.Op == cuenta.Ticket && to.Revision != 0 && f.IntN(10) == 0:
		c.result.Value--
	case f.fault == ticketGap && r.Op == cuenta.Ticket && to.Revision != 0 && f.IntN(10) == 0:
		c.result.Value++
	case f.fault == rateExceeded && to.Code == cuenta.Throttled:
		more := *r.Terms
		more.Rate.Limit, more.Rate.Burst = more.Rate.Limit+20, more.Rate.Burst+20
		*c.result = f.do(cuenta.Request{Op: cuenta.Take, Counter: r.Counter, N: r.N, Terms: &more})[0]
		c.result.Value = 0
	case f.fault == rateEndless && r.Op == cuenta.Describe && r.Terms.Expiry.Kind != 0 && f.IntN(3) == 0:
		r.Terms.Expiry, c.result.Amount = cuenta.Expiry{}, 0
	}
	if r.Op == cuenta.Hold && to.Code == cuenta.OK {
		f.holds = append(f.holds, to.Revision)
	}
	if c.result.Value -= f.missed[string(r.Counter)]; c.result.Revision != 0 {
		c.result.Revision -= f.missing[string(r.Counter)]
	}
}

func (f *beyond) answer(c *asking) {
	c.busy = false
	r := c.result
	if c.request.Op == cuenta.Describe && r.Code == cuenta.OK {
		c.log.Described(c.number, r, c.request.Terms)
		return
	}
	told := WithLevel
	switch r.Code {
	case cuenta.OK, cuenta.NoHold, cuenta.Unmet, cuenta.Throttled:
		if told |= WithValue | WithRevision; c.request.Op > cuenta.Describe || c.request.Terms.Clamp {
			told |= WithAmount
		}
		if c.request.Op == cuenta.Ticket && r.Replayed {
			told |= Replayed
		}
	case cuenta.Limited, cuenta.Overflow:
		if told |= WithValue | WithAmount; r.Level == 0 {
			told |= WithRevision
		}
	}
	c.log.End(c.number, r, told)
}

// recordedBeyond lets clients ask for a while and returns the history.
func recordedBeyond(seed uint64, fault planted, steps int) *History {
	f := &beyond{
		Rand: rand.New(rand.NewPCG(seed, 3)), fault: fault, now: 1 << 40, service: fronttest.NewService(),
		missed: map[string]int64{}, missing: map[string]uint64{},
	}
	f.service.Now(func() time.Time { return time.Unix(0, f.now) })
	f.recorder = NewRecorder(func() int64 { f.now++; return f.now })
	f.recorder.Clock(f.now+1, f.now+1) // the recorder's clock is the service's
	for i := range 5 {
		f.clients = append(f.clients, &asking{log: f.recorder.Client(fmt.Sprintf("client-%d", i))})
	}
	for range steps {
		f.step()
	}
	return f.recorder.History()
}

// TestPlantedBeyondIncrements plants faults that have to do with holds, totals, tickets
// and rates.
func TestPlantedBeyondIncrements(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault planted
		want  string // in some history
	}{
		{"none", nothingPlanted, ""},
		{"a hold settled twice", settledTwice, "does not follow from"},
		{"a hold forgotten", holdForgotten, "revisions are missing"},
		{"a charge missed", chargeMissed, "revisions are missing: nothing that may have come between"},
		{"a number given twice", ticketTwice, "does not follow from"},
		{"a number left out", ticketGap, "does not follow from"},
		{"an ident forgotten", identForgotten, "an ident got numbers twice"},
		{"a rate exceeded", rateExceeded, "more than the rate allows"},
		{"a rate without end", rateEndless, "a counter of a rate has no end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			said, undecided := 0, 0
			for seed := range uint64(40) {
				report, err := Check(recordedBeyond(seed, c.fault, 900))
				if err != nil {
					t.Fatal(err)
				}
				if undecided += min(1, len(report.Undecided)); c.fault == nothingPlanted && report.Err() != nil {
					t.Fatalf("seed %d: %s", seed, report)
				}
				if c.want != "" && strings.Contains(report.String(), c.want) {
					said++
				}
			}
			t.Logf("said of %d histories; of %d something is undecided", said, undecided)
			if c.want != "" && said == 0 {
				t.Errorf("it was never said that %q", c.want)
			}
			if undecided > 30 {
				t.Errorf("something is undecided of %d of 40", undecided)
			}
		})
	}
}
