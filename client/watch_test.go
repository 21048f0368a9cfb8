package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
	"github.com/cuenta-server/cuenta/internal/engine"
)

// openEngine returns an engine that lets counters be watched, and what closes it
// before the end of the test.
func openEngine(t testing.TB) (e *engine.Engine, end func()) {
	t.Helper()
	e, err := engine.Open(engine.Config{FS: disktest.New(), Dir: "/data", MaxCounters: 10_000, SegmentSize: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	end = sync.OnceFunc(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(end)
	return e, end
}

const watched = 20

// change changes some counters, at least one, and makes and deletes them.
func change(e *engine.Engine, rng *rand.Rand) {
	b := &cuenta.Batch{Class: cuenta.ClassRemote}
	for i := range 1 + rng.IntN(10) {
		r := cuenta.Request{Op: cuenta.Add, Counter: fmt.Appendf(nil, "w/%d", rng.IntN(watched)), N: rng.Int64N(100)}
		if i > 0 && rng.IntN(5) == 0 {
			r.Op = cuenta.Delete
		}
		b.Requests = append(b.Requests, r)
	}
	e.Do(context.Background(), b)
}

// TestWatchGoesOn watches over connections that are cut after some bytes: nothing is
// told twice, what follows fits what was told, and in the end all is known.
func TestWatchGoesOn(t *testing.T) {
	e, _ := openEngine(t)
	rng := rand.New(rand.NewPCG(1, 2))
	address := cutAfter(t, serveAPI(t, e), func() int { return 1500 + rng.IntN(6000) })
	c := open(t, Options{}, "cuenta://"+address)
	changes := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		change(e, changes)
	}
	known := make(map[string]cuenta.Change)
	begun, state, current, deliveries := 0, false, 0, 0
	for d, err := range c.Watch(t.Context(), cuenta.Watch{Counter: "w/", Prefix: true}) {
		if err != nil {
			t.Fatal(err)
		}
		switch d.Kind {
		case cuenta.TellAnew:
			clear(known)
			begun, state = begun+1, true
		case cuenta.TellCurrent:
			current, state = current+1, false
		}
		for _, change := range d.Changes {
			before, was := known[change.Counter]
			made := change.Since == 0 && (!was || before.Deleted || d.Kind == cuenta.TellState)
			if !made && change.Since != before.Revision || change.Revision <= before.Revision {
				t.Errorf("%v: %+v follows %+v", d.Kind, change, before)
			}
			known[change.Counter] = change
		}
		if state {
			continue
		}
		if deliveries++; deliveries == 300 {
			break
		}
		change(e, changes)
	}
	if begun == 0 || current < 3 {
		t.Errorf("begun %d times, gone on %d times", begun, current)
	}
	// The loop has changed something that it was not told: what it knows is now behind,
	// but never ahead.
	for name, is := range known {
		now, err := c.Counter(name).Get(t.Context())
		if err != nil || !is.Deleted && now.Revision != 0 && now.Revision < is.Revision {
			t.Errorf("%s is %+v (%v), known %+v", name, now, err, is)
		}
	}
}

// TestWatchOverARestart goes on when another life of the server has begun.
func TestWatchOverARestart(t *testing.T) {
	first, end := openEngine(t)
	second, _ := openEngine(t)
	add := func(e *engine.Engine, n int64) {
		e.Do(context.Background(), &cuenta.Batch{Class: cuenta.ClassRemote, Requests: []cuenta.Request{{Op: cuenta.Add, Counter: []byte("c"), N: n}}})
	}
	add(first, 1)
	add(second, 10)
	add(second, 1)
	addresses := []string{serveAPI(t, first), serveAPI(t, second)}
	link, err := newAPI(addresses[0])
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(Options{}, moving{link.(*api), addresses[1]}, false)
	defer c.Close()
	var told []string
	for d, err := range c.Watch(t.Context(), cuenta.Watch{Counter: "c"}) {
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprint(d.Kind, d.Reason)
		for _, change := range d.Changes {
			text += fmt.Sprintf(" %d@%d<%d", change.Value, change.Revision, change.Since)
		}
		told = append(told, text)
		if len(told) == 3 {
			end()
		}
		if len(told) == 6 {
			break
		}
	}
	want := "[anewstart state 1@1<0 current anewlost state 11@2<0 current]"
	if got := fmt.Sprint(told); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// moving is a transport to a server that comes back elsewhere.
type moving struct {
	*api
	next string
}

func (m moving) watch(ctx context.Context, w cuenta.Watch, take func(*cuenta.Delivery) bool) error {
	err := m.api.watch(ctx, w, take)
	m.api.transport.CloseIdleConnections()
	link, _ := newAPI(m.next) // it cannot fail
	m.api.transport, m.api.watches = link.(*api).transport, link.(*api).watches
	return err
}

func TestWatchEnds(t *testing.T) {
	e, _ := openEngine(t)
	address := serveAPI(t, e)
	c := open(t, Options{}, "cuenta://"+address)
	ends := func(ctx context.Context, w cuenta.Watch, want error) {
		t.Helper()
		var last error
		for _, err := range c.Watch(ctx, w) {
			if last != nil {
				t.Error("goes on behind an error")
			}
			last = err
		}
		if !errors.Is(last, want) {
			t.Errorf("ended with %v, want %v", last, want)
		}
	}
	ends(t.Context(), cuenta.Watch{Counter: "a b"}, cuenta.Syntax.Err())
	ends(t.Context(), cuenta.Watch{Prefix: true, Since: 4}, cuenta.Syntax.Err())
	ctx, cancel := context.WithCancel(t.Context())
	for range c.Watch(ctx, cuenta.Watch{Counter: "c"}) {
		break
	}
	cancel()
	ends(ctx, cuenta.Watch{Counter: "c"}, context.Canceled)
	over := make(chan error, 1)
	begun := make(chan struct{}, 3)
	go func() {
		var last error
		for _, err := range c.Watch(t.Context(), cuenta.Watch{Counter: "c"}) {
			last = err
			begun <- struct{}{}
		}
		over <- last
	}()
	<-begun
	c.Close()
	if err := <-over; !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	ends(t.Context(), cuenta.Watch{Counter: "c"}, ErrClosed)
	other := open(t, Options{}, "redis://"+serveRedis(t, e))
	for _, err := range other.Watch(t.Context(), cuenta.Watch{Counter: "c"}) {
		if !errors.Is(err, cuenta.Unsupported.Err()) {
			t.Errorf("over redis://: %v", err)
		}
	}
}
