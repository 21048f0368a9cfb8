package cuenta

import (
	"math"
	"testing"
)

func TestTermsValid(t *testing.T) {
	bound := func(at int64) Bound { return Bound{Set: true, At: at} }
	expiry := func(kind ExpiryKind, time int64) Terms { return Terms{Expiry: Expiry{Kind: kind, Time: time}} }
	lapse := func(kind ExpiryKind, time int64) Terms {
		return Terms{Expiry: Expiry{Kind: kind, Time: time, Lapse: true}}
	}
	for _, c := range []struct {
		terms Terms
		want  bool
	}{
		{Terms{}, true},
		{Terms{Clamp: true, Expect: math.MinInt64}, true},
		{Terms{Floor: bound(4), Ceiling: bound(4)}, true},
		{Terms{Floor: bound(5), Ceiling: bound(4)}, false},
		{Terms{Floor: bound(math.MaxInt64), Ceiling: bound(math.MinInt64)}, false},
		{Terms{Floor: bound(math.MinInt64), Ceiling: bound(math.MaxInt64)}, true},
		{Terms{Floor: bound(5), Ceiling: Bound{At: 4}}, true}, // there is no ceiling
		{Terms{Floor: Bound{At: 5}, Ceiling: bound(4)}, true},
		{expiry(KeepExpiry, math.MinInt64), true}, // the time means nothing
		{expiry(NoExpiry, -1), true},
		{expiry(ExpireAt, 1), true},
		{expiry(ExpireAt, math.MaxInt64), true},
		{expiry(ExpireAt, 0), false},
		{expiry(ExpireAt, math.MinInt64), false},
		{expiry(ExpireAfter, 1), true},
		{expiry(ExpireAfter, 0), false},
		{expiry(ExpireAfter, -1), false},
		{expiry(ExpireAfter+1, 1), false},
		{expiry(math.MaxUint8, 1), false},
		{lapse(ExpireAt, 0), true},
		{lapse(ExpireAt, math.MinInt64), true},
		{lapse(ExpireAfter, 0), false},
		{lapse(ExpireAfter, -1), false},
		{Terms{Expiry: Expiry{If: ExpiryIfAnySooner}}, true},
		{Terms{Expiry: Expiry{If: ExpiryIfAnySooner + 1}}, false},
	} {
		if got := c.terms.Valid(); got != c.want {
			t.Errorf("%+v: %v", c.terms, got)
		}
	}
}

// TestEveryOperationHasAName: and tells whether it reads.
func TestEveryOperationHasAName(t *testing.T) {
	reads := map[Op]bool{Get: true, Check: true, Describe: true}
	seen := map[string]Op{}
	for op := Op(1); op < NumOps; op++ {
		name := op.String()
		if other, taken := seen[name]; taken || name == "unknown" || name == "" {
			t.Errorf("operation %d is named %q like %d", op, name, other)
		}
		seen[name] = op
		if op.Reads() != reads[op] {
			t.Errorf("%v reads: %v", op, op.Reads())
		}
	}
	if Op(0).String() != "unknown" || NumOps.String() != "unknown" || Op(0).Reads() || NumOps.Reads() {
		t.Error("an operation that there is not has a name, or reads")
	}
}

// TestRefusalsFitADatagram: whatever the limit and the room.
func TestRefusalsFitADatagram(t *testing.T) {
	ends := []int64{0, 1, -1, 9, 10, -999_999_999, math.MaxInt64, math.MinInt64, math.MaxInt32, 1 << 52}
	for c := OK; c < NumCodes; c++ {
		for _, value := range ends {
			for _, amount := range ends {
				r := Result{Code: c, Value: value, Amount: amount}
				if text := r.Text(); text == "" || len(text) > 50 {
					t.Errorf("%v, %d, %d: %q has %d bytes", c, value, amount, text, len(text))
				}
			}
		}
	}
	for _, c := range []struct {
		r    Result
		want string
	}{
		{Result{Code: Limited, Value: 10, Amount: 3}, "the limit 10 leaves room for 3"},
		{Result{Code: Limited, Value: 0, Amount: -7}, "the limit 0 leaves room for -7"},
		{Result{Code: Limited, Value: math.MinInt64, Amount: math.MinInt64}, "the counter would pass -9223372036854775808"},
		{Result{Code: Overflow, Value: math.MaxInt64, Amount: 3}, "the counter would pass 9223372036854775807"},
		{Result{Code: Past}, Past.Text()},
	} {
		if got := c.r.Text(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.r, got, c.want)
		}
	}
}

// TestFingerprintsOfTerms pins some, as the journal keeps them: terms that say nothing
// are like none, and whatever they say makes another request.
func TestFingerprintsOfTerms(t *testing.T) {
	plain := Request{Op: Add, N: 5}
	empty := plain
	empty.Terms = &Terms{}
	if plain.Fingerprint() != empty.Fingerprint() {
		t.Error("terms that say nothing make another request")
	}
	seen := map[uint32]Terms{plain.Fingerprint(): {}}
	for _, c := range []struct {
		terms Terms
		want  uint32
	}{
		{Terms{Floor: Bound{Set: true}}, 0x4329b6a6},
		{Terms{Ceiling: Bound{Set: true}}, 0x4e05a97e},
		{Terms{Floor: Bound{Set: true, At: 1}}, 0x33514f10},
		{Terms{Ceiling: Bound{Set: true, At: 1}}, 0x5696ac7a},
		{Terms{Floor: Bound{Set: true, At: math.MinInt64}, Ceiling: Bound{Set: true, At: math.MaxInt64}}, 0x72c4b1a6},
		{Terms{Clamp: true}, 0xce8548b2},
		{Terms{Expect: 1}, 0x595d441d},
		{Terms{Expect: -1}, 0x8f9f9c94},
		{Terms{Expiry: Expiry{Kind: NoExpiry}}, 0xc343bf99},
		{Terms{Expiry: Expiry{Kind: ExpireAt, Time: 1}}, 0x797be8dc},
		{Terms{Expiry: Expiry{Kind: ExpireAfter, Time: 1}}, 0x75df0bad},
		{Terms{Expiry: Expiry{Kind: ExpireAfter, Time: 1, If: ExpiryIfNone}}, 0x467983dc},
		{Terms{Expiry: Expiry{Kind: ExpireAfter, Time: 1, If: ExpiryIfSooner}}, 0x76fe06e7},
		{Terms{Expiry: Expiry{Kind: ExpireAfter, Time: 1, If: ExpiryIfAnySooner}}, 0x963f0ca0},
		{Terms{Expiry: Expiry{Kind: ExpireAt, Time: 1, Lapse: true}}, 0x48376672},
		{Terms{Expiry: Expiry{Kind: ExpireAfter, Time: 2}}, 0x1643092f},
	} {
		r := plain
		r.Terms = &c.terms
		got := r.Fingerprint()
		if got != c.want {
			t.Errorf("%+v: %#x, want %#x", c.terms, got, c.want)
		}
		if other, taken := seen[got]; taken {
			t.Errorf("%+v and %+v have one fingerprint", other, c.terms)
		}
		seen[got] = c.terms
	}
}

func TestFingerprintsOfTermsAllocateNothing(t *testing.T) {
	r := Request{Op: Add, N: 5, Terms: &Terms{Clamp: true, Ceiling: Bound{Set: true, At: 9}}}
	if n := testing.AllocsPerRun(100, func() { r.Fingerprint() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestRenumber(t *testing.T) {
	for counter, series := range map[string]string{"turn": "turn/#", "": DefaultCounter + "/#"} {
		span := Renumber([]byte(counter))
		if span[0].Op != Reset || span[1].Op != Add || span[1].N != 1 || string(span[1].Counter) != series {
			t.Errorf("%q: %+v", counter, span)
		}
		if !Renumbers(span[:]) || Renumbers(span[:1]) {
			t.Errorf("%q: %+v is not recognised, or a part of it is", counter, span)
		}
		for what, spoil := range map[string]func(){
			"another amount":  func() { span[1].N = 2 },
			"another counter": func() { span[0].Counter = []byte("other") },
			"a condition":     func() { span[0].If = IfPresent },
			"terms":           func() { span[1].Terms = new(Terms) },
			"another order":   func() { span[0], span[1] = span[1], span[0] },
		} {
			if spoil(); Renumbers(span[:]) {
				t.Errorf("%q, %s: recognised", counter, what)
			}
			span = Renumber([]byte(counter))
		}
	}
}
