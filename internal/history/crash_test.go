package history

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cuenta-server/cuenta"
)

// crashing records clients of one counter, without identities, and a server that
// crashes often: each crash loses what was not committed, and leaves clients
// without answers to what was. Amounts are 1 to largest.
func crashing(seed uint64, steps int, largest int64, told Told) *History {
	type client struct {
		log           *Log
		number        int
		busy, applied bool
		amount        int64
		result        cuenta.Result
	}
	g := rand.New(rand.NewPCG(seed, 5))
	now := int64(0)
	r := NewRecorder(func() int64 { now++; return now })
	clients := make([]client, 64)
	for i := range clients {
		clients[i].log = r.Client(fmt.Sprintf("client-%d", i))
	}
	var memory, disk cuenta.Result
	for crashes := 0; steps > 0; steps-- {
		c := &clients[g.IntN(len(clients))]
		switch k := g.IntN(1000); {
		case k < 1:
			crashes++
			memory = disk
			for i := range clients {
				if clients[i].busy {
					clients[i].log.Lost(clients[i].number)
					clients[i].busy = false
				}
			}
			found := cuenta.Counter{Name: cuenta.DefaultCounter, Value: disk.Value, Revision: disk.Revision}
			if disk.Revision > 0 {
				r.State(fmt.Sprintf("crash %d", crashes), r.Now(), []cuenta.Counter{found}, 0)
			}
		case k < 100:
			disk = memory // and crashes before it has answered, perhaps
		case k < 150:
			disk = memory
			for i := range clients {
				if c := &clients[i]; c.busy && c.applied {
					c.log.End(c.number, &c.result, told)
					c.busy = false
				}
			}
		case !c.busy:
			c.amount = 1 + g.Int64N(largest)
			c.number = c.log.Begin(&cuenta.Request{Op: cuenta.Add, N: c.amount})
			c.busy, c.applied = true, false
		case !c.applied:
			memory.Value += c.amount
			memory.Revision++
			c.result, c.applied = memory, true
		}
	}
	return r.History()
}

// TestLostInCrashes expects a decision though a tenth of all requests was lost,
// many of them at a time, and answers may have no revision.
func TestLostInCrashes(t *testing.T) {
	steps := 20_000
	if testing.Short() {
		steps = 5_000
	}
	for _, told := range []Told{WithValue, WithValue | WithRevision} {
		for _, largest := range []int64{1, 97, 1000} {
			h := crashing(1, steps, largest, told)
			report, err := Check(h)
			if err != nil || report.Err() != nil || len(report.Undecided) > 0 || report.Searched != 1 {
				t.Errorf("amounts to %d, told %b: %v\n%v", largest, told, err, report)
			}
			// The last state has one change more than anybody made.
			last := &h.States[len(h.States)-1].Counters[0]
			last.Value += largest * 100
			if report, err := Check(h); err != nil || report.Err() == nil {
				t.Errorf("amounts to %d, told %b: a value that nobody made was taken for possible: %v\n%v", largest, told, err, report)
			}
		}
	}
}

// TestGivesUp expects the search to say that it has not decided, rather than
// anything else, where the requests lost add up in too many ways.
func TestGivesUp(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a search to its bound")
	}
	report, err := Check(crashing(1, 5_000, 1<<40, WithValue|WithRevision))
	if err != nil || report.Err() != nil || len(report.Undecided) != 1 {
		t.Errorf("%v\n%v", err, report)
	}
}
