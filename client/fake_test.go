package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// fate is what a fake network does to one attempt.
type fate int

const (
	delivered    fate = iota
	requestLost       // and nothing is heard
	replyLost         // the request was carried out, and nothing is heard
	refused           // nothing was sent, and that is known
	broken            // the connection breaks before the request
	brokenBehind      // the connection breaks behind the request
	repeated          // a copy arrives later
	late              // the request arrives after its sender has given up
)

// fake is a transport that asks a naive service, over a network that does what
// it is told to.
type fake struct {
	service *fronttest.Service
	next    func(requests []cuenta.Request) fate
	refuse  func(*cuenta.Request) cuenta.Code // what the service would carry out; nil for nothing
	copies  sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	attempts [][]cuenta.Request // all that were asked for, as they were
	answers  map[[2]uint64]bool // session and number of changes whose answer was received
	wrong    []string           // requests that break the rules of sessions
}

func newFake() *fake {
	return &fake{
		service: fronttest.NewService(),
		next:    func([]cuenta.Request) fate { return delivered },
		answers: make(map[[2]uint64]bool),
	}
}

// inTurn makes attempts meet the given fates, and nothing happen to those after.
func inTurn(fates ...fate) func([]cuenta.Request) fate {
	return func([]cuenta.Request) fate {
		if len(fates) == 0 {
			return delivered
		}
		now := fates[0]
		fates = fates[1:]
		return now
	}
}

// badly is a network that loses, repeats and delays.
func badly(seed uint64) func([]cuenta.Request) fate {
	dice := rand.New(rand.NewPCG(seed, 4))
	return func([]cuenta.Request) fate {
		if dice.IntN(100) < 50 {
			return delivered
		}
		return fate(dice.IntN(int(late) + 1))
	}
}

var errBroken = errors.New("the connection is broken")

func (f *fake) do(ctx context.Context, requests []cuenta.Request) ([]cuenta.Result, error) {
	requests = append([]cuenta.Request(nil), requests...)
	f.mu.Lock()
	f.attempts = append(f.attempts, requests)
	f.inspect(requests)
	what := f.next(requests)
	f.mu.Unlock()
	switch what {
	case refused:
		return nil, unsent{errBroken}
	case broken:
		return nil, errBroken
	case brokenBehind:
		f.ask(requests)
		return nil, errBroken
	case requestLost:
		<-ctx.Done()
		return nil, context.Cause(ctx)
	case replyLost:
		f.ask(requests)
		<-ctx.Done()
		return nil, context.Cause(ctx)
	case late:
		<-ctx.Done()
		f.later(requests, 3*time.Second)
		return nil, context.Cause(ctx)
	case repeated:
		f.later(requests, time.Second)
	}
	results := f.ask(requests)
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range requests {
		if id := &requests[i].Identity; id.Session != 0 && !retriable(results[i].Code) && results[i].Code != cuenta.Unknown {
			f.answers[[2]uint64{id.Session, id.Number}] = true
		}
	}
	return results, nil
}

// inspect looks whether the requests keep the rules of sessions.
func (f *fake) inspect(requests []cuenta.Request) {
	for i := range requests {
		id := &requests[i].Identity
		if id.Session == 0 || requests[i].Op == cuenta.Outcome {
			continue
		}
		if !id.Valid() || id.Lowest == 0 || id.Number-id.Lowest >= cuenta.SessionWindow {
			f.wrong = append(f.wrong, "number and lowest: "+identityOf(requests[i].Identity).String())
		}
		for n := uint64(1); n < id.Lowest; n++ {
			if !f.answers[[2]uint64{id.Session, n}] {
				f.wrong = append(f.wrong, "lowest is above an unanswered number: "+identityOf(requests[i].Identity).String())
				break
			}
		}
	}
}

func (f *fake) ask(requests []cuenta.Request) []cuenta.Result {
	time.Sleep(time.Millisecond)
	if f.refuse == nil {
		b := cuenta.Batch{Requests: requests}
		f.service.Do(context.Background(), &b)
		return b.Results
	}
	var results []cuenta.Result
	for i := range requests {
		b := cuenta.Batch{Requests: requests[i : i+1]}
		if code := f.refuse(&requests[i]); code != cuenta.OK {
			results = append(results, cuenta.Result{Code: code})
			continue
		}
		f.service.Do(context.Background(), &b)
		results = append(results, b.Results...)
	}
	return results
}

// later has a copy of the requests arrive.
func (f *fake) later(requests []cuenta.Request, most time.Duration) {
	wait := rand.N(most)
	f.copies.Go(func() {
		time.Sleep(wait)
		f.ask(requests)
	})
}

func (f *fake) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.copies.Wait()
}

func (f *fake) tried() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.attempts)
}

// open returns a client on the fake, which is closed when the test ends.
func (f *fake) open(t *testing.T, o Options, keyed bool) *Client {
	t.Helper()
	c := newClient(o, f, keyed)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		for _, w := range f.wrong {
			t.Error(w)
		}
	})
	return c
}

func must(t *testing.T, r Result, err error) Result {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return r
}
