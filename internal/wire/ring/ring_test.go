package ring

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
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
	} {
		m := AppendRequest(nil, 0xfedcba98, &want)
		if len(m) != RequestSize(&want) || len(m) > MaxRequest {
			t.Errorf("%d bytes, foretold were %d", len(m), RequestSize(&want))
		}
		got := cuenta.Request{Op: 99, N: 99, If: 9, Span: 9, Identity: cuenta.Identity{Session: 9}} // of whom it was before
		head, err := ParseRequest(m, &got)
		if err != nil {
			t.Fatalf("%v: %v", want.Op, err)
		}
		if len(got.Counter) == 0 {
			got.Counter = nil
		}
		if len(got.Identity.Key) == 0 {
			got.Identity.Key = nil
		}
		if head != (Head{Tag: 0xfedcba98}) || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v %+v, want %+v", head, got, want)
		}
	}
}

// The longest message must fit a ring's entry, and its ordinary ones few words.
func TestSizes(t *testing.T) {
	if MaxRequest > 512 || len(of(cuenta.Request{Op: cuenta.Get, Counter: longName, Span: 1, Terms: &everyTerm,
		Identity: cuenta.Identity{Key: longKey, Session: 1}})) != MaxRequest {
		t.Errorf("the longest request has %d bytes", MaxRequest)
	}
	if n := RequestSize(&cuenta.Request{Op: cuenta.Add}); n != 20 {
		t.Errorf("a bare request has %d bytes", n)
	}
}

// What is too long to be said is not said in part: it comes out as something
// that is refused.
func TestTheUnsayableIsNotSound(t *testing.T) {
	for _, r := range []cuenta.Request{
		{Op: cuenta.Add, Counter: append(longName, 'n')},
		{Op: cuenta.Add, Identity: cuenta.Identity{Key: append(longKey, 'k')}},
		{Op: lastOp + 1},
		{Op: kindHello, Counter: []byte("127.0.0.1:9")},
		{Op: cuenta.Add, If: 1 << 6},
	} {
		m := of(r)
		if len(m) != RequestSize(&r) {
			t.Errorf("%d bytes, foretold were %d", len(m), RequestSize(&r))
		}
		var got cuenta.Request
		if head, err := ParseRequest(m, &got); err != nil || head.Hello || Sound(&got) {
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

func TestAnswersTravelWhole(t *testing.T) {
	for _, want := range []cuenta.Result{
		{},
		{Code: cuenta.Overflow, Cell: 1<<32 - 1, Generation: 1<<32 - 2, Value: math.MinInt64, Revision: math.MaxUint64},
		{Code: cuenta.NumCodes - 1, Replayed: true},
		{Cell: 3, Generation: 1, Value: 13, Revision: 4},
		{Replayed: true, Value: 13, Revision: 4},
		{Code: cuenta.Limited, Value: 10, Amount: -3, Level: 2},
		{Amount: math.MinInt64, Replayed: true},
	} {
		m := AppendAnswer(nil, 77, &want)
		if len(m) != AnswerSize && (want.Amount == 0 || len(m) != MaxPlainAnswer) {
			t.Errorf("%d bytes", len(m))
		}
		var got cuenta.Result
		if tag, err := ParseAnswer(m, &got); err != nil || tag != 77 || got != want {
			t.Errorf("got %+v with tag %d (%v), want %+v", got, tag, err, want)
		}
	}
	honest := AppendAnswer(nil, 1, &cuenta.Result{Value: 1})
	amount := AppendAnswer(nil, 1, &cuenta.Result{Amount: 1})
	for name, m := range map[string][]byte{
		"half":           honest[:16],
		"one too long":   append(bytes.Clone(honest), 0),
		"no such code":   change(honest, 12, byte(cuenta.NumCodes)),
		"half replayed":  change(honest, 13, 2),
		"more than that": change(honest, 13, 3),
		"unknown flag":   change(honest, 14, 4),
		"an amount of 0": change(amount, AnswerSize, 0),
		"half an amount": amount[:AnswerSize+4],
		"no such amount": change(honest, 14, 1),
		"not announced":  change(amount, 14, 0),
		"a description":  AppendDescription(nil, 1, &cuenta.Result{}, &everyTerm),
	} {
		if _, err := ParseAnswer(m, new(cuenta.Result)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDescriptionsTravelWhole(t *testing.T) {
	for _, want := range []cuenta.Result{{}, {Value: -1, Revision: 3, Amount: 1 << 50}} {
		for _, terms := range []cuenta.Terms{{}, everyTerm} {
			m := AppendDescription([]byte("x"), 77, &want, &terms)[1:]
			if len(m) > MaxAnswer {
				t.Errorf("%d bytes", len(m))
			}
			var got cuenta.Result
			told := cuenta.Terms{Expect: 99} // of what was before
			if tag, err := ParseDescription(m, &got, &told); err != nil || tag != 77 || got != want || !reflect.DeepEqual(told, terms) {
				t.Errorf("got %+v %+v with tag %d (%v), want %+v %+v", got, told, tag, err, want, terms)
			}
		}
	}
	// A refused Describe takes nothing back.
	var got cuenta.Result
	told := everyTerm
	if _, err := ParseDescription(AppendAnswer(nil, 1, &cuenta.Result{Code: cuenta.Busy}), &got, &told); err != nil || got.Code != cuenta.Busy {
		t.Errorf("%+v, %v", got, err)
	}
	m := AppendDescription(nil, 1, &cuenta.Result{}, &everyTerm)
	for name, m := range map[string][]byte{
		"half": m[:AnswerSize+20], "a byte more": append(bytes.Clone(m), 0), "unknown mark": change(m, AnswerSize, 32), "not zero": change(m, AnswerSize+3, 1),
	} {
		if _, err := ParseDescription(m, &got, &told); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func change(m []byte, at int, b byte) []byte {
	m = bytes.Clone(m)
	m[at] = b
	return m
}

// One change each to an honest message.
func TestMalformedRequests(t *testing.T) {
	honest, session := of(visits), of(inTurn)
	check := of(cuenta.Request{Op: cuenta.Check, Span: 3})
	terms := of(cuenta.Request{Op: cuenta.Limit, Terms: &everyTerm})
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
		"terms with a fourth byte": change(terms, requestHead+3, 1),
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
		if _, err := ParseRequest(m, new(cuenta.Request)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, m := range [][]byte{honest, session, check, terms, hello("[::1]:9")} {
		if _, err := ParseRequest(m, new(cuenta.Request)); err != nil {
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
	f.Add(of(cuenta.Request{Op: cuenta.Describe, Terms: new(cuenta.Terms), Counter: []byte("a"), Identity: cuenta.Identity{Session: 1, Number: 1}}))
	f.Fuzz(func(t *testing.T, m []byte) {
		var r cuenta.Request
		head, err := ParseRequest(m, &r)
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

func FuzzParseAnswer(f *testing.F) {
	f.Add(AppendAnswer(nil, 1, &cuenta.Result{Code: cuenta.Overflow, Replayed: true, Value: -1}))
	f.Add(AppendAnswer(nil, 1, &cuenta.Result{Code: cuenta.Limited, Amount: -1}))
	f.Add(AppendDescription(nil, 1, &cuenta.Result{Amount: 5}, &everyTerm))
	f.Fuzz(func(t *testing.T, m []byte) {
		var r cuenta.Result
		tag, err := ParseAnswer(m, &r)
		if err == nil && !bytes.Equal(AppendAnswer(nil, tag, &r), m) {
			t.Fatalf("%x was read as %+v", m, r)
		}
		var terms cuenta.Terms
		tag, describeErr := ParseDescription(m, &r, &terms)
		if describeErr == nil && err != nil && !bytes.Equal(AppendDescription(nil, tag, &r, &terms), m) {
			t.Fatalf("%x was read as %+v %+v", m, r, terms)
		}
		if err == nil && describeErr != nil {
			t.Fatalf("%x is an answer, but none to a Describe", m)
		}
	})
}

func TestGreetings(t *testing.T) {
	m := AppendGreeting(nil)
	if len(m) != GreetingSize {
		t.Errorf("%d bytes", len(m))
	}
	for name, x := range map[string]struct {
		m    []byte
		want cuenta.Code
	}{
		"honest":        {m, cuenta.OK},
		"other version": {change(m, 8, Version+1), cuenta.Unsupported},
		"other magic":   {change(m, 0, 'c'), cuenta.Syntax},
		"not zero":      {change(m, 15, 1), cuenta.Syntax},
		"short":         {m[:15], cuenta.Syntax},
		"HTTP":          {[]byte("GET / HTTP/1.1\r\n"), cuenta.Syntax},
	} {
		if got := ParseGreeting(x.m); got != x.want {
			t.Errorf("%s: %v, want %v", name, got, x.want)
		}
	}
}

func TestWelcomes(t *testing.T) {
	for _, want := range []Welcome{{InFlight: 4096}, {InFlight: 1, Cells: true}, {Code: cuenta.Busy}} {
		m := AppendWelcome(nil, want)
		if got, err := ParseWelcome(m); len(m) != WelcomeSize || err != nil || got != want {
			t.Errorf("%d bytes are %+v, %v, want %+v", len(m), got, err, want)
		}
	}
	m := AppendWelcome(nil, Welcome{InFlight: 1})
	for name, m := range map[string][]byte{
		"short":           m[:20],
		"other magic":     change(m, 1, 'u'),
		"other version":   change(m, 8, Version+1),
		"no such code":    change(m, 16, byte(cuenta.NumCodes)),
		"cells, or what":  change(m, 17, 2),
		"none may travel": AppendWelcome(nil, Welcome{}),
	} {
		if w, err := ParseWelcome(m); err == nil {
			t.Errorf("%s: %+v", name, w)
		}
	}
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
				if _, err := ParseRequest(m, &r); err != nil || !Sound(&r) {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAnswer(b *testing.B) {
	for _, x := range []struct {
		name   string
		result cuenta.Result
	}{{"bare", cuenta.Result{Cell: 3, Generation: 1, Value: 13, Revision: 4}}, {"amount", cuenta.Result{Value: 13, Amount: 4}}} {
		b.Run(x.name, func(b *testing.B) {
			var m []byte
			var r cuenta.Result
			for b.Loop() {
				m = AppendAnswer(m[:0], 1, &x.result)
				if _, err := ParseAnswer(m, &r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
