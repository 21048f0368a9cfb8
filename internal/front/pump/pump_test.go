package pump

import (
	"bytes"
	"context"
	"errors"
	"io"
	"reflect"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
	"github.com/cuenta-server/cuenta/internal/shm"
	"github.com/cuenta-server/cuenta/internal/wire/ring"
)

// bench is a pump with its peer's ends of the rings.
type bench struct {
	*Pump
	t       *testing.T
	service *fronttest.Service
	sent    *shm.Producer
	got     *shm.Consumer
	rings   int // how often the peer was rung
}

func newBench(t *testing.T, answers int) *bench {
	t.Helper()
	b := &bench{t: t, service: fronttest.NewService()}
	requests, replies := aligned(shm.RingSize(8<<10)), aligned(shm.RingSize(answers))
	var err [4]error
	b.Pump = &Pump{
		Service: b.service, Origin: cuenta.Origin{Front: "test", Peer: "me"}, InFlight: 8,
		// There is nobody to wait for: what is on the ring is all there will be.
		Wait: func(func() bool) error { return io.EOF },
		Ring: func() error { b.rings++; return nil },
	}
	b.sent, err[0] = shm.NewProducer(requests)
	b.Requests, err[1] = shm.NewConsumer(requests)
	b.Answers, err[2] = shm.NewProducer(replies)
	b.got, err[3] = shm.NewConsumer(replies)
	if err := errors.Join(err[:]...); err != nil {
		t.Fatal(err)
	}
	return b
}

// aligned returns memory that a ring may lie in, as a segment's.
func aligned(n int) []byte {
	words := make([]byte, n+8)
	for i := range 8 {
		if _, err := shm.NewProducer(words[i : i+n]); err == nil {
			return words[i : i+n]
		}
	}
	return nil
}

func (b *bench) put(messages ...[]byte) {
	b.t.Helper()
	for _, m := range messages {
		if ok, err := b.sent.Put(m); !ok || err != nil {
			b.t.Fatal(ok, err)
		}
	}
	b.sent.Publish()
}

// run puts messages with ascending tags and returns their answers.
func (b *bench) run(requests ...cuenta.Request) []cuenta.Result {
	b.t.Helper()
	for i := range requests {
		b.put(ring.AppendRequest(nil, uint32(i), &requests[i]))
	}
	if err := b.Run(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	return b.answers(len(requests))
}

func (b *bench) answers(n int) []cuenta.Result {
	b.t.Helper()
	run, err := b.got.Take()
	if err != nil {
		b.t.Fatal(err)
	}
	all := make([]cuenta.Result, n)
	for i := range all {
		m, err := run.Next()
		if err != nil {
			b.t.Fatal(err)
		}
		if tag, err := ring.ParseAnswer(m, &all[i]); err != nil || tag != uint32(i) {
			b.t.Fatalf("answer %d of %d: tag %d, %v", i, n, tag, err)
		}
		all[i].Generation = 0
	}
	if m, _ := run.Next(); m != nil {
		b.t.Fatal("more answers than requests")
	}
	return all
}

func (b *bench) expect(got []cuenta.Result, want ...cuenta.Result) {
	b.t.Helper()
	if !reflect.DeepEqual(got, want) {
		b.t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func add(n int64) cuenta.Request { return cuenta.Request{Op: cuenta.Add, N: n} }

func refused(c cuenta.Code) cuenta.Result { return cuenta.Result{Code: c} }

// TestTermsTakeNoNewMemory parses requests with terms again and again, each with its own.
func TestTermsTakeNoNewMemory(t *testing.T) {
	b := newBench(t, 8<<10)
	round := func() {
		for i := range 8 {
			r := cuenta.Request{Op: cuenta.Add, N: 1, Terms: &cuenta.Terms{Ceiling: cuenta.Bound{Set: true, At: int64(i)}}}
			if i%2 > 0 {
				r.Terms = nil
			}
			b.put(ring.AppendRequest(nil, uint32(i), &r))
		}
		run, err := b.Requests.Take()
		if err == nil {
			err = b.parse(run)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	round()
	round() // it has its size then
	at := &b.terms[0]
	for range 3 {
		round()
		for i, r := range b.batch.Requests {
			if (r.Terms != nil) != (i%2 == 0) || r.Terms != nil && r.Terms.Ceiling.At != int64(i) {
				t.Errorf("request %d has the terms %+v", i, r.Terms)
			}
		}
		if b.batch.Requests[0].Terms != at {
			t.Error("they are elsewhere")
		}
	}
}

func TestOneRunIsOneBatch(t *testing.T) {
	b := newBench(t, 8<<10)
	received := 0
	b.Done = func(results []cuenta.Result, n, sent int) { received += sent*10_000 + n*100 + len(results) }
	b.expect(b.run(add(4), add(5), cuenta.Request{Op: cuenta.Get}),
		cuenta.Result{Value: 4, Revision: 1}, cuenta.Result{Value: 9, Revision: 2}, cuenta.Result{Value: 9, Revision: 2})
	if c := b.service.Calls(); c.Batches != 1 || c.Classes[cuenta.ClassQueue] != 1 {
		t.Errorf("%+v", c)
	}
	if n := b.service.Origins()[cuenta.Origin{Front: "test", Peer: "me"}]; n != 3 {
		t.Errorf("origins: %v", b.service.Origins())
	}
	if b.rings != 1 || received != 3*40*10_000+3*24*100+3 {
		t.Errorf("%d rings, %d", b.rings, received)
	}
}

func TestWholeRequests(t *testing.T) {
	b := newBench(t, 8<<10)
	b.Client = 7
	key := func(r cuenta.Request, k string) cuenta.Request {
		r.Identity.Key = []byte(k)
		r.Client = 99 // the peer's word does not count
		return r
	}
	b.expect(b.run(
		cuenta.Request{Op: cuenta.OpenSession},
		cuenta.Request{Op: cuenta.Add, N: 3, Identity: cuenta.Identity{Session: 1, Number: 1}},
		cuenta.Request{Op: cuenta.Add, N: 3, Identity: cuenta.Identity{Session: 1, Number: 1}},
		key(add(2), "k"),
		key(cuenta.Request{Op: cuenta.Outcome}, "k"),
		cuenta.Request{Op: cuenta.Set, N: 1, If: cuenta.IfAbsent},
	),
		cuenta.Result{Revision: 1},
		cuenta.Result{Value: 3, Revision: 1},
		cuenta.Result{Value: 3, Revision: 1, Replayed: true},
		cuenta.Result{Value: 5, Revision: 2},
		cuenta.Result{Value: 5, Revision: 2, Replayed: true},
		cuenta.Result{Code: cuenta.Unmet, Value: 5, Revision: 2})
	if all := b.service.Clients(); len(all) != 1 || all[7] == 0 {
		t.Errorf("clients: %v", all)
	}
}

func TestMeaninglessRequestsOfForeigners(t *testing.T) {
	bad := cuenta.Request{Op: cuenta.Add, N: 1, Counter: []byte("two words")}
	badAll := cuenta.Request{Op: cuenta.All, Span: 2, Identity: cuenta.Identity{Number: 3}}
	b := newBench(t, 8<<10)
	b.Foreign = true
	// What belongs to a header that means nothing is not carried out by itself.
	b.expect(b.run(bad, badAll, add(1), add(1), add(1)),
		refused(cuenta.Syntax), refused(cuenta.Syntax), refused(cuenta.Syntax), refused(cuenta.Syntax),
		cuenta.Result{Value: 1, Revision: 1})
	// One that belongs to a good header spoils it.
	c := newBench(t, 8<<10)
	c.Foreign = true
	c.expect(c.run(cuenta.Request{Op: cuenta.All, Span: 2}, add(1), bad),
		refused(cuenta.Aborted), refused(cuenta.Aborted), refused(cuenta.Syntax))
	// A header within a span that means nothing reaches as far as it says.
	d := newBench(t, 8<<10)
	d.Foreign = true
	check := cuenta.Request{Op: cuenta.Check, Span: 1, Counter: []byte("a b"), N: 0}
	outer := cuenta.Request{Op: cuenta.Check, Span: 2}
	d.expect(d.run(outer, check, add(1), add(1)),
		cuenta.Result{}, refused(cuenta.Syntax), refused(cuenta.Syntax), cuenta.Result{Value: 1, Revision: 1})
}

// The terms of a counter go back with the answer.
func TestDescriptions(t *testing.T) {
	limit := cuenta.Request{Op: cuenta.Limit, Terms: &cuenta.Terms{Ceiling: cuenta.Bound{Set: true, At: 7}}}
	end := cuenta.Request{Op: cuenta.Expire, Terms: &cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: 1 << 50}}}
	describe := cuenta.Request{Op: cuenta.Describe, Terms: &cuenta.Terms{Expect: 9}}
	for _, foreign := range []bool{true, false} {
		b := newBench(t, 8<<10)
		b.Foreign = foreign
		b.put(ring.AppendRequest(nil, 0, &limit), ring.AppendRequest(nil, 1, &end), ring.AppendRequest(nil, 2, &describe))
		if err := b.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		run, err := b.got.Take()
		if err != nil {
			t.Fatal(err)
		}
		var (
			m      []byte
			result cuenta.Result
			terms  cuenta.Terms
		)
		for range 3 {
			if m, err = run.Next(); err != nil {
				t.Fatal(err)
			}
		}
		tag, err := ring.ParseDescription(m, &result, &terms)
		if err != nil || tag != 2 || result.Revision != 2 || result.Amount <= 0 || result.Amount > 1<<50 {
			t.Errorf("%+v with tag %d, %v", result, tag, err)
		}
		if want := (cuenta.Bound{Set: true, At: 7}); terms.Ceiling != want || terms.Expiry.Kind != cuenta.ExpireAt {
			t.Errorf("the terms came back as %+v", terms)
		}
	}
	b := newBench(t, 8<<10)
	b.Foreign = true
	b.service.Refuse(cuenta.Busy)
	b.expect(b.run(describe), refused(cuenta.Busy))
}

// A description tells as many holds as leave room on the ring for the answers to all
// else that may be in flight, and one in any case.
func TestHoldsThatThereIsRoomFor(t *testing.T) {
	const held = 20
	for _, x := range []struct{ ring, want int }{{8 << 10, ring.MaxHolds}, {1 << 10, 1}} {
		b := newBench(t, x.ring)
		b.Ring = func() error { return nil }
		hold := cuenta.Request{Op: cuenta.Hold, N: 2, Terms: &cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: 1 << 50}}}
		for range held {
			b.service.Do(t.Context(), &cuenta.Batch{Requests: []cuenta.Request{hold}})
		}
		describe := cuenta.Request{Op: cuenta.Describe, Terms: &cuenta.Terms{Holds: make([]cuenta.Held, 0, 99)}}
		for range b.InFlight {
			b.put(ring.AppendRequest(nil, 0, &describe))
		}
		if err := b.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		run, err := b.got.Take()
		if err != nil {
			t.Fatal(err)
		}
		told := 0
		for i := range b.InFlight {
			var terms cuenta.Terms
			m, _ := run.Next()
			if _, err := ring.ParseDescription(m, new(cuenta.Result), &terms); err != nil || terms.Held != 2*held || len(terms.Holds) < 1 {
				t.Errorf("answer %d: %+v, %v", i, terms, err)
			}
			told = max(told, len(terms.Holds))
		}
		if told != x.want {
			t.Errorf("a ring of %d bytes: %d holds, want %d", x.ring, told, x.want)
		}
	}
}

func TestLies(t *testing.T) {
	request := func(r cuenta.Request) []byte { return ring.AppendRequest(nil, 1, &r) }
	good := request(add(1))
	for name, x := range map[string]struct {
		foreign bool
		put     [][]byte
	}{
		"noise":                           {true, [][]byte{bytes.Repeat([]byte{0xa5}, 40)}},
		"nothing that one of ours means":  {false, [][]byte{request(cuenta.Request{})}},
		"the beginning of a transaction":  {true, [][]byte{request(cuenta.Request{Op: cuenta.All, Span: 2}), good}},
		"a span longer than any batch":    {true, [][]byte{request(cuenta.Request{Op: cuenta.Check, Span: 65535}), good}},
		"more than it may have in flight": {true, [][]byte{good, good, good, good, good, good, good, good, good}},
		"a connection that none may have": {true, [][]byte{ring.AppendHello(nil, 1, "10.0.0.1:9")}},
	} {
		b := newBench(t, 8<<10)
		b.Foreign = x.foreign
		b.put(x.put...)
		if err := b.Run(t.Context()); !errors.Is(err, ErrLie) {
			t.Errorf("%s: %v", name, err)
		}
		if value, _ := b.service.Value(cuenta.DefaultCounter); value != 0 {
			t.Errorf("%s: a batch with a lie in it was carried out", name)
		}
	}
}

// Whoever takes no answers has more in flight than it may, sooner or later.
func TestAnswersNeverTaken(t *testing.T) {
	b := newBench(t, 1<<10)
	r := add(1)
	b.Wait = func(func() bool) error {
		b.put(ring.AppendRequest(nil, 1, &r))
		return nil
	}
	if err := b.Run(t.Context()); !errors.Is(err, ErrLie) {
		t.Error(err)
	}
}

func TestHellosAreAnsweredInTheirPlace(t *testing.T) {
	b := newBench(t, 8<<10)
	var peers []string
	b.Hello = func(peer string) { peers = append(peers, peer) }
	r := add(1)
	b.put(ring.AppendRequest(nil, 0, &r), ring.AppendHello(nil, 1, "10.0.0.1:9"), ring.AppendRequest(nil, 2, &r))
	if err := b.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.expect(b.answers(3), cuenta.Result{Value: 1, Revision: 1}, cuenta.Result{}, cuenta.Result{Value: 2, Revision: 2})
	if !reflect.DeepEqual(peers, []string{"10.0.0.1:9"}) {
		t.Errorf("peers: %q", peers)
	}
}

// What was put on the ring before the end is answered, although the wait has
// failed already.
func TestTheEndComesAfterTheLastRequest(t *testing.T) {
	b := newBench(t, 8<<10)
	r := add(1)
	idle := 0
	b.Idle = func() { idle++ }
	b.Wait = func(func() bool) error {
		b.put(ring.AppendRequest(nil, 0, &r))
		return io.EOF
	}
	if err := b.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.expect(b.answers(1), cuenta.Result{Value: 1, Revision: 1})
	if idle != 1 {
		t.Errorf("idle %d times", idle)
	}
}

// A pump that is stopped answers what is there and no more, however much goes on
// coming.
func TestStopUnderLoad(t *testing.T) {
	b := newBench(t, 8<<10)
	r := add(1)
	message := ring.AppendRequest(nil, 0, &r)
	b.put(message)
	b.Done = func([]cuenta.Result, int, int) {
		b.put(message) // there is always another
		if value, _ := b.service.Value(cuenta.DefaultCounter); value == 3 {
			b.Stop()
		}
	}
	b.Ring = func() error { _, err := b.got.Take(); return err }
	if err := b.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if value, _ := b.service.Value(cuenta.DefaultCounter); value != 4 {
		t.Errorf("%d were carried out, want 4: three, and what was there at the stop", value)
	}
}

func TestContextGivesUp(t *testing.T) {
	b := newBench(t, 8<<10)
	lift := b.service.Stall()
	defer lift()
	ctx, cancel := context.WithCancel(t.Context())
	r := add(1)
	b.put(ring.AppendRequest(nil, 0, &r))
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	b.service.AwaitBlocked(1)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	b.expect(b.answers(1), refused(cuenta.Canceled))
}

// Whatever is put on the ring, the pump comes to an end, and answers all that it
// has carried out.
func FuzzPump(f *testing.F) {
	r := add(1)
	f.Add(ring.AppendRequest(nil, 1, &r), ring.AppendHello(nil, 1, "a"), true)
	r = cuenta.Request{Op: cuenta.All, Span: 1}
	f.Add(ring.AppendRequest(nil, 1, &r), ring.AppendRequest(nil, 2, &r), false)
	r = cuenta.Request{Op: cuenta.Describe, Terms: new(cuenta.Terms)}
	f.Add(ring.AppendRequest(nil, 1, &r), ring.AppendRequest(nil, 2, &cuenta.Request{Op: cuenta.Limit, Terms: &cuenta.Terms{Clamp: true}}), true)
	f.Fuzz(func(t *testing.T, first, second []byte, foreign bool) {
		b := newBench(t, 8<<10)
		b.Foreign = foreign
		b.Hello = func(string) {}
		for _, m := range [][]byte{first, second, first} {
			if len(m) > 0 && len(m) <= shm.MaxMessage {
				b.put(m)
			}
		}
		answered := 0
		b.Done = func(results []cuenta.Result, _, _ int) { answered = len(results) }
		if b.Run(t.Context()) == nil && b.service.Calls().Requests != answered {
			t.Fatalf("%d asked, %d answered", b.service.Calls().Requests, answered)
		}
	})
}
