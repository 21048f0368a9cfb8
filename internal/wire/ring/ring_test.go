package ring

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/shm"
)

var (
	longName = []byte(strings.Repeat("n", cuenta.MaxName))
	longKey  = []byte(strings.Repeat("k", cuenta.MaxKey))
	visits   = cuenta.Request{Op: cuenta.Add, N: 4, Counter: []byte("visitas"), Identity: cuenta.Identity{Key: []byte("k")}}
	within   = cuenta.Request{Op: cuenta.Add, N: -4, Counter: []byte("saldo"), Terms: &everyTerm}
	inTurn   = cuenta.Request{Op: cuenta.Set, N: -1, Identity: cuenta.Identity{Session: 1 << 63, Number: 9, Lowest: 3}, If: cuenta.IfAbsent}
)

// everyTerm says all that terms can, and every value is another one.
var everyTerm = cuenta.Terms{
	Total: true, Floor: cuenta.Bound{Set: true, At: math.MinInt64}, Ceiling: cuenta.Bound{Set: true, At: math.MaxInt64}, Clamp: true, Expect: -3,
	Expiry: cuenta.Expiry{Kind: cuenta.ExpireAt, Time: 1 << 60, If: cuenta.ExpiryIfSooner, Lapse: true},
}

// everythingElse says what everyTerm leaves out.
var everythingElse = func() cuenta.Terms {
	t := everyTerm
	t.Rate = cuenta.Rate{Kind: cuenta.Steady, Limit: 1 << 40, Period: -1, Burst: 1 << 50}
	t.Hold, t.Ident, t.Holds = 1<<63, []byte(strings.Repeat("i", cuenta.MaxKey)), make([]cuenta.Held, 0, MaxHolds)
	return t
}()

func of(r cuenta.Request) []byte { return AppendRequest(nil, 1, &r) }

func hello(peer string) []byte { return AppendHello(nil, 1, peer) }

func TestRequestsTravelWhole(t *testing.T) {
	for _, want := range []cuenta.Request{
		{Op: cuenta.Get},
		visits,
		inTurn,
		{Op: cuenta.Add, N: math.MinInt64, Counter: []byte("ñandú"), Client: math.MaxUint32},
		{Op: cuenta.Reset, N: math.MaxInt64, Counter: longName, If: cuenta.IfPresent,
			Identity: cuenta.Identity{Key: longKey, Session: math.MaxUint64, Number: math.MaxUint64, Lowest: math.MaxUint64},
			Span:     math.MaxUint16, Client: 7},
		{Op: cuenta.Delete, Counter: []byte("a"), Identity: cuenta.Identity{Lowest: 1}},
		{Op: cuenta.Check, Span: 1, Counter: []byte("a"), N: 17},
		{Op: cuenta.All, Span: 4095, Identity: cuenta.Identity{Session: 1, Number: 1}},
		{Op: cuenta.OpenSession, Client: 1},
		{Op: cuenta.Outcome, Identity: cuenta.Identity{Key: []byte("7f3a-19")}},
		within,
		{Op: cuenta.Limit, Terms: &cuenta.Terms{Ceiling: cuenta.Bound{Set: true}}},
		{Op: cuenta.Limit, Terms: &cuenta.Terms{Floor: cuenta.Bound{At: 7}}},
		{Op: cuenta.Expire, Terms: &cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: 1}}, Counter: []byte("a")},
		{Op: cuenta.Describe, Terms: new(cuenta.Terms)},
		{Op: cuenta.Delete, If: cuenta.IfValue, Terms: &cuenta.Terms{Expect: math.MinInt64}},
		{Op: cuenta.Add, If: cuenta.IfRevision, Terms: &cuenta.Terms{Clamp: true}, Span: 2, Identity: cuenta.Identity{Session: 1, Number: 2}},
		{Op: cuenta.Set, Terms: &cuenta.Terms{Expiry: cuenta.Expiry{Lapse: true}}},
		{Op: cuenta.Take, N: 5, Counter: []byte("api"), Terms: &cuenta.Terms{Rate: cuenta.Rate{Kind: cuenta.FixedWindow, Limit: 100, Period: 6e10}}},
		{Op: cuenta.Ticket, N: 1, Counter: []byte("turno"), Terms: &cuenta.Terms{Ident: []byte("ana")}, Identity: cuenta.Identity{Key: []byte("k")}},
		{Op: cuenta.Ticket, N: 1, Terms: &cuenta.Terms{Ident: []byte("ñ")}},
		{Op: cuenta.Ticket, N: 1, Counter: longName[:127], Terms: &cuenta.Terms{Ident: longKey}},
		{Op: cuenta.Hold, N: -3, Terms: &cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: 1}}},
		{Op: cuenta.Settle, N: 3, Terms: &cuenta.Terms{Hold: 7, Clamp: true}},
		{Op: cuenta.Release, Terms: &cuenta.Terms{Hold: math.MaxUint64}},
		{Op: cuenta.Extend, Terms: &cuenta.Terms{Hold: 1, Expiry: cuenta.Expiry{Kind: cuenta.ExpireAt, Time: 1}}},
		{Op: cuenta.Describe, Terms: &cuenta.Terms{Hold: 1, Holds: make([]cuenta.Held, 0, 3)}},
		{Op: cuenta.Add, Counter: longName[:100], Terms: &everythingElse, Identity: cuenta.Identity{Key: longKey}},
	} {
		m := AppendRequest(nil, 0xfedcba98, &want)
		if len(m) != RequestSize(&want) || len(m) > MaxRequest {
			t.Errorf("%d bytes, foretold were %d", len(m), RequestSize(&want))
		}
		got := cuenta.Request{Op: 99, N: 99, If: 9, Span: 9, Identity: cuenta.Identity{Session: 9}} // of whom it was before
		head, err := ParseRequest(m, &got, new(cuenta.Terms))
		if err != nil {
			t.Fatalf("%v: %v", want.Op, err)
		}
		if len(got.Counter) == 0 {
			got.Counter = nil
		}
		if len(got.Identity.Key) == 0 {
			got.Identity.Key = nil
		}
		if want.Terms != nil && cap(want.Terms.Holds) != cap(got.Terms.Holds) {
			t.Errorf("room for %d holds, want %d", cap(got.Terms.Holds), cap(want.Terms.Holds))
		}
		if head != (Head{Tag: 0xfedcba98}) || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v %+v, want %+v", head, got, want)
		}
	}
}

// The longest message must fit a ring's entry, and its ordinary ones few words.
func TestSizes(t *testing.T) {
	if MaxRequest > shm.MaxMessage || MaxAnswer > shm.MaxMessage || len(of(cuenta.Request{Op: cuenta.Get, Counter: longName, Span: 1,
		Terms: &everythingElse, Identity: cuenta.Identity{Key: longKey, Session: 1}})) != MaxRequest {
		t.Errorf("the longest request has %d bytes", MaxRequest)
	}
	if n := RequestSize(&cuenta.Request{Op: cuenta.Add}); n != 20 {
		t.Errorf("a bare request has %d bytes", n)
	}
}

// An ident that is cut is still too long for the counter of its numbers, whose name
// is the other counter's, a series and the ident.
func TestIdentsThatAreCutStayTooLong(t *testing.T) {
	for name := 1; name <= cuenta.MaxName; name++ {
		for ident := 1; ident <= cuenta.MaxKey; ident++ {
			r := cuenta.Request{Op: cuenta.Ticket, N: 1, Counter: longName[:name], Terms: &cuenta.Terms{Ident: longKey[:ident]}}
			var got cuenta.Request
			if _, err := ParseRequest(of(r), &got, new(cuenta.Terms)); err != nil || len(got.Counter) != name {
				t.Fatal(name, ident, err)
			}
			said := len(got.Terms.Ident)
			if cut := said != ident; said == 0 || cut && name+len("/0/")+said <= cuenta.MaxName {
				t.Fatalf("a name of %d and an ident of %d arrive as one of %d", name, ident, said)
			}
		}
	}
}

// What is too long to be said is not said in part: it comes out as something
// that is refused.
func TestTheUnsayableIsNotSound(t *testing.T) {
	for _, r := range []cuenta.Request{
		{Op: cuenta.Add, Counter: append(longName, 'n')},
		{Op: cuenta.Add, Identity: cuenta.Identity{Key: append(longKey, 'k')}},
		{Op: cuenta.NumOps},
		{Op: cuenta.Ticket, Counter: append(longName, 'n'), Terms: &cuenta.Terms{Ident: longKey}},
		{Op: kindHello, Counter: []byte("127.0.0.1:9")},
		{Op: cuenta.Add, If: 1 << 6},
	} {
		m := of(r)
		if len(m) != RequestSize(&r) {
			t.Errorf("%d bytes, foretold were %d", len(m), RequestSize(&r))
		}
		var got cuenta.Request
		if head, err := ParseRequest(m, &got, new(cuenta.Terms)); err != nil || head.Hello || Sound(&got) {
			t.Errorf("%v, and sound: %+v", err, got)
		}
	}
}

func TestSound(t *testing.T) {
	for _, x := range []struct {
		request cuenta.Request
		sound   bool
	}{
		{cuenta.Request{}, false},
		{cuenta.Request{Op: cuenta.Get}, true},
		{visits, true},
		{inTurn, true},
		{cuenta.Request{Op: cuenta.Get, Counter: []byte("two words")}, false},
		{cuenta.Request{Op: cuenta.Get, Counter: []byte("\xff")}, false},
		{cuenta.Request{Op: cuenta.Add, Identity: cuenta.Identity{Key: []byte("a b")}}, false},
		{cuenta.Request{Op: cuenta.Add, Identity: cuenta.Identity{Key: []byte("a"), Session: 1, Number: 1}}, false},
		{cuenta.Request{Op: cuenta.Add, Identity: cuenta.Identity{Session: 1}}, false},
		{cuenta.Request{Op: cuenta.Add, Identity: cuenta.Identity{Number: 1}}, false},
		{within, true},
		{cuenta.Request{Op: cuenta.Set, If: cuenta.IfRevision, Terms: new(cuenta.Terms)}, true},
		{cuenta.Request{Op: cuenta.Describe, Terms: new(cuenta.Terms)}, true},
		{cuenta.Request{Op: cuenta.Describe}, false},
		{cuenta.Request{Op: cuenta.Limit}, false},
		{cuenta.Request{Op: cuenta.Expire}, false},
		{cuenta.Request{Op: cuenta.Limit, Terms: &cuenta.Terms{Floor: cuenta.Bound{Set: true, At: 1}, Ceiling: cuenta.Bound{Set: true}}}, false},
		{cuenta.Request{Op: cuenta.Expire, Terms: &cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter}}}, false},
		{cuenta.Request{Op: cuenta.Expire, Terms: &cuenta.Terms{Expiry: cuenta.Expiry{Kind: 99, Time: 1}}}, false},
	} {
		if Sound(&x.request) != x.sound {
			t.Errorf("%+v", x.request)
		}
	}
}

// One change each to an honest message.
func TestMalformedRequests(t *testing.T) {
	honest, session := of(visits), of(inTurn)
	check := of(cuenta.Request{Op: cuenta.Check, Span: 3})
	terms := of(cuenta.Request{Op: cuenta.Limit, Terms: &everyTerm})
	all := of(cuenta.Request{Op: cuenta.Add, Terms: &everythingElse})
	ticket := of(cuenta.Request{Op: cuenta.Ticket, Terms: &cuenta.Terms{Ident: []byte("ana")}})
	longTicket := of(cuenta.Request{Op: cuenta.Ticket, Counter: longName, Terms: &cuenta.Terms{Ident: []byte("a")}})
	behind := of(cuenta.Request{Op: cuenta.Describe, Terms: &cuenta.Terms{Hold: 1, Holds: make([]cuenta.Held, 0, 1)}})
	rate := of(cuenta.Request{Op: cuenta.Take, Terms: &cuenta.Terms{Rate: cuenta.Rate{Kind: cuenta.FixedWindow}}})
	for name, m := range map[string][]byte{
		"empty":                    {},
		"less than a head":         honest[:requestHead-1],
		"a head alone":             honest[:requestHead],
		"a byte short":             honest[:len(honest)-1],
		"a byte long":              append(bytes.Clone(honest), 0),
		"unknown kind":             change(honest, 4, byte(lastOp)+1),
		"name too long":            change(honest, 5, 8),
		"key too long":             change(honest, 6, 200),
		"unknown condition":        change(honest, 7, byte(unknown+1)<<conditionShift),
		"unknown flag":             change(honest, 7, 0x80),
		"key over its bound":       append(change(honest, 6, 129), bytes.Repeat([]byte("k"), 128)...),
		"session that is not":      change(honest, 7, hasSession),
		"session of zeros":         append(change(of(cuenta.Request{Op: cuenta.Add}), 7, hasSession), make([]byte, sessionSize)...),
		"half a session":           session[:requestHead+8],
		"session without its flag": change(session, 7, session[7]&^hasSession),
		"span of zero":             change(check, requestHead, 0),
		"half a span":              check[:len(check)-1],
		"another unknown flag":     change(honest, 7, 0x40),
		"half the terms":           terms[:len(terms)-1],
		"terms without their flag": change(terms, 7, 0),
		"terms that are not":       change(honest, 7, hasTerms),
		"terms with another mark":  change(terms, requestHead, 32),
		"an ident that is not":     change(terms, requestHead+3, 1),
		"half an ident":            ticket[:len(ticket)-1],
		"ident over its bound":     append(change(ticket, requestHead+3, 129), bytes.Repeat([]byte("i"), 126)...),
		"name and ident too long":  append(change(longTicket, requestHead+3, 2), 'i'),
		"half of what terms have":  all[:requestHead+termsSize+rateSize+4],
		"half a rate":              all[:requestHead+termsSize+9],
		"a rate of zeros":          change(rate, requestHead+termsSize, 0),
		"a hold of zero":           change(behind, requestHead+termsSize, 0),
		"no holds wanted":          change(behind, requestHead+termsSize+holdSize, 0),
		"too many holds wanted":    change(behind, requestHead+termsSize+holdSize, MaxHolds+1),
		"hello with terms":         appendMessage(nil, 1, kindHello, &within),
		"hello without a peer":     hello(""),
		"hello with a key":         change(change(hello("127.0.0.1:9"), 5, 10), 6, 1),
		"hello with a session":     appendMessage(nil, 1, kindHello, &cuenta.Request{Counter: []byte("a"), Identity: inTurn.Identity}),
		"hello with a span":        appendMessage(nil, 1, kindHello, &cuenta.Request{Counter: []byte("a"), Span: 1}),
		"hello with a condition":   appendMessage(nil, 1, kindHello, &cuenta.Request{Counter: []byte("a"), If: cuenta.IfAbsent}),
		"hello with an amount":     change(hello("a"), 8, 1),
		"hello with a client":      change(hello("a"), 16, 1),
		"hello with a newline":     hello("a\nb"),
		"hello too long":           hello(strings.Repeat("p", MaxPeer+1)),
	} {
		if _, err := ParseRequest(m, new(cuenta.Request), new(cuenta.Terms)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, m := range [][]byte{honest, session, check, terms, all, ticket, longTicket, behind, rate, hello("[::1]:9")} {
		if _, err := ParseRequest(m, new(cuenta.Request), new(cuenta.Terms)); err != nil {
			t.Error(err)
		}
	}
}

// Whatever comes, what gets through is what AppendRequest would have made.
func FuzzParseRequest(f *testing.F) {
	f.Add(of(visits))
	f.Add(of(inTurn))
	f.Add(of(cuenta.Request{Op: cuenta.All, Span: 2, Client: 3}))
	f.Add(hello("[::1]:9"))
	f.Add(of(within))
	f.Add(of(cuenta.Request{Op: cuenta.Take, Counter: []byte("a"), Terms: &everythingElse, Identity: cuenta.Identity{Key: []byte("k")}}))
	f.Add(of(cuenta.Request{Op: cuenta.Describe, Terms: new(cuenta.Terms), Counter: []byte("a"), Identity: cuenta.Identity{Session: 1, Number: 1}}))
	f.Fuzz(func(t *testing.T, m []byte) {
		var r cuenta.Request
		head, err := ParseRequest(m, &r, new(cuenta.Terms))
		if err != nil {
			return
		}
		if head.Hello && Sound(&r) || Sound(&r) && (r.Op > lastOp || r.If >= cuenta.NumConditions || r.Terms != nil && !r.Terms.Valid()) {
			t.Fatalf("operation %d under condition %d", r.Op, r.If)
		}
		if len(r.Identity.Key) > cuenta.MaxKey {
			t.Fatalf("a key of %d bytes", len(r.Identity.Key))
		}
		again := AppendRequest(nil, head.Tag, &r)
		if head.Hello {
			again = AppendHello(nil, head.Tag, string(r.Counter))
		}
		if !bytes.Equal(again, m) {
			t.Fatalf("%x was read as %x", m, again)
		}
	})
}

func BenchmarkRequest(b *testing.B) {
	for _, x := range []struct {
		name    string
		request cuenta.Request
	}{
		{"bare", cuenta.Request{Op: cuenta.Add, N: 1, Counter: []byte("key:000000000000")}},
		{"session", cuenta.Request{Op: cuenta.Add, N: 1, Counter: []byte("key:000000000000"), Identity: cuenta.Identity{Session: 7, Number: 19, Lowest: 3}}},
		{"terms", cuenta.Request{Op: cuenta.Add, N: 1, Counter: []byte("key:000000000000"), Terms: &everyTerm}},
	} {
		b.Run(x.name, func(b *testing.B) {
			var m []byte
			var r cuenta.Request
			for b.Loop() {
				m = AppendRequest(m[:0], 1, &x.request)
				if _, err := ParseRequest(m, &r, new(cuenta.Terms)); err != nil || !Sound(&r) {
					b.Fatal(err)
				}
			}
		})
	}
}
