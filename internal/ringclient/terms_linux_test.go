package ringclient

import (
	"bytes"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
)

// Terms go with a request, and come back with the answer to a Describe.
func TestTerms(t *testing.T) {
	_, c := start(t)
	to := func(at int64) cuenta.Bound { return cuenta.Bound{Set: true, At: at} }
	limits := cuenta.Terms{Floor: to(-1), Ceiling: to(10)}
	var told, none, ended cuenta.Terms
	results := do(t, c,
		cuenta.Request{Op: cuenta.Limit, Terms: &limits},
		cuenta.Request{Op: cuenta.Add, N: 12, Terms: &cuenta.Terms{Clamp: true}},
		cuenta.Request{Op: cuenta.Add, N: -4, Terms: &cuenta.Terms{Floor: to(9)}},
		cuenta.Request{Op: cuenta.Set, N: 3, If: cuenta.IfValue, Terms: &cuenta.Terms{Expect: 10}},
		cuenta.Request{Op: cuenta.Expire, Terms: &cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: int64(time.Hour)}}},
		cuenta.Request{Op: cuenta.Describe, Terms: &told},
		cuenta.Request{Op: cuenta.Describe, Terms: &none, Counter: []byte("none")},
		cuenta.Request{Op: cuenta.Delete, If: cuenta.IfRevision, Terms: &cuenta.Terms{Expect: 4}},
		cuenta.Request{Op: cuenta.Describe, Terms: &ended})
	described := results[5]
	results[5].Amount = 0
	expect(t, results, cuenta.Result{Revision: 1}, cuenta.Result{Value: 10, Revision: 2, Amount: 10},
		cuenta.Result{Code: cuenta.Limited, Value: 9, Revision: 2, Amount: -1}, cuenta.Result{Value: 3, Revision: 3},
		cuenta.Result{Value: 3, Revision: 4}, cuenta.Result{Value: 3, Revision: 4}, cuenta.Result{},
		cuenta.Result{Value: 3, Revision: 5}, cuenta.Result{})
	if told.Floor != limits.Floor || told.Ceiling != limits.Ceiling || told.Expiry.Kind != cuenta.ExpireAt ||
		told.Expiry.Time <= 0 || described.Amount <= 0 || described.Amount > int64(time.Hour) {
		t.Errorf("described as %+v, with %d ns left", told, described.Amount)
	}
	for _, terms := range []cuenta.Terms{none, ended} {
		if terms.Floor.Set || terms.Ceiling.Set || terms.Expiry.Kind != cuenta.KeepExpiry {
			t.Errorf("nothing is described as %+v", terms)
		}
	}
}

// Rates, tickets and holds, and the total of them all.
func TestTakesTicketsAndHolds(t *testing.T) {
	_, c := start(t)
	steady := cuenta.Rate{Kind: cuenta.Steady, Limit: 1, Period: int64(24 * time.Hour), Burst: 5}
	end := cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: int64(time.Hour)}
	seats := []byte("seats")
	results := do(t, c,
		cuenta.Request{Op: cuenta.Take, N: 4, Counter: []byte("api"), Terms: &cuenta.Terms{Rate: steady}},
		cuenta.Request{Op: cuenta.Take, N: 2, Counter: []byte("api"), Terms: &cuenta.Terms{Rate: steady}},
		cuenta.Request{Op: cuenta.Ticket, N: 3, Counter: []byte("turno"), Terms: &cuenta.Terms{Ident: []byte("ana")}},
		cuenta.Request{Op: cuenta.Ticket, N: 1, Counter: []byte("turno"), Terms: &cuenta.Terms{Ident: []byte("ana")}},
		cuenta.Request{Op: cuenta.Ticket, N: 1, Counter: bytes.Repeat([]byte("n"), 200), Terms: &cuenta.Terms{Ident: bytes.Repeat([]byte("i"), 60)}},
		cuenta.Request{Op: cuenta.Limit, Counter: seats, Terms: &cuenta.Terms{Ceiling: cuenta.Bound{Set: true, At: 10}, Total: true}},
		cuenta.Request{Op: cuenta.Hold, N: 4, Counter: seats, Terms: &cuenta.Terms{Expiry: end}},
		cuenta.Request{Op: cuenta.Hold, N: 5, Counter: seats, Terms: &cuenta.Terms{Expiry: end}},
		cuenta.Request{Op: cuenta.Extend, Counter: seats, Terms: &cuenta.Terms{Hold: 2, Expiry: end}},
		cuenta.Request{Op: cuenta.Settle, N: 3, Counter: seats, Terms: &cuenta.Terms{Hold: 2}},
		cuenta.Request{Op: cuenta.Release, Counter: seats, Terms: &cuenta.Terms{Hold: 2}},
		cuenta.Request{Op: cuenta.Add, N: 3, Counter: []byte("seats/a")})
	if r := results[1]; r.Code != cuenta.Throttled || r.Value != 1 || r.Amount <= 0 {
		t.Errorf("%+v", r)
	}
	results[0].Amount, results[1] = 0, cuenta.Result{}
	expect(t, results, cuenta.Result{Value: 1, Revision: 1}, cuenta.Result{}, cuenta.Result{Value: 3, Revision: 1, Amount: 3},
		cuenta.Result{Value: 3, Amount: 3, Replayed: true}, refused(cuenta.TooLarge), cuenta.Result{Revision: 1},
		cuenta.Result{Revision: 2, Amount: 6}, cuenta.Result{Revision: 3, Amount: 1}, cuenta.Result{Revision: 4, Amount: 1},
		cuenta.Result{Value: 3, Revision: 5, Amount: 2}, cuenta.Result{Code: cuenta.NoHold, Value: 3, Revision: 5},
		cuenta.Result{Code: cuenta.Limited, Value: 5, Amount: 2, Level: 1})

	told := cuenta.Terms{Holds: make([]cuenta.Held, 0, 4)}
	room := told.Holds[:1]
	do(t, c, cuenta.Request{Op: cuenta.Describe, Counter: seats, Terms: &told})
	if told.Held != 5 || told.HeldDown != 0 || !told.Total || len(told.Holds) != 1 || told.Holds[0].ID != 3 || told.Holds[0].Amount != 5 || room[0] != told.Holds[0] {
		t.Errorf("described as %+v", told)
	}
	gone := do(t, c, cuenta.Request{Op: cuenta.Describe, Counter: seats, Terms: &cuenta.Terms{Hold: 2}})
	expect(t, gone, cuenta.Result{Code: cuenta.NoHold, Value: 3, Revision: 5})
}
