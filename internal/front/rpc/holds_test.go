package rpc

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
)

func TestTickets(t *testing.T) {
	s := start(t, Config{})
	c := s.dial()
	ana, ben := cuenta.RPCTicket{Counter: "turno", Ident: "ana"}, cuenta.RPCTicket{Counter: "turno", Ident: "ben", N: 3}
	expect(t, c, "GetTicket", ana, cuenta.RPCReply{Value: 1, Revision: 1, Amount: 1})
	expect(t, c, "GetTicket", ben, cuenta.RPCReply{Value: 4, Revision: 2, Amount: 3})
	expect(t, c, "GetTicket", ana, cuenta.RPCReply{Value: 1, Amount: 1, Replayed: true})
	expect(t, c, "GetTicket", cuenta.RPCTicket{Ident: "ana"}, cuenta.RPCReply{Value: 1, Revision: 1, Amount: 1})
	for number, want := range map[int64]bool{0: false, 1: true, 4: true, 5: false, -1: false, math.MinInt64: false} {
		expect(t, c, "IsValid", cuenta.RPCNumber{Counter: "turno", Number: number}, want)
	}
	reset := cuenta.RPCTicket{Counter: "turno", Identity: "once"}
	expect(t, c, "ResetTickets", reset, cuenta.RPCReply{Revision: 3})
	expect(t, c, "IsValid", cuenta.RPCNumber{Counter: "turno", Number: 1}, false)
	expect(t, c, "GetTicket", ben, cuenta.RPCReply{Value: 3, Revision: 4, Amount: 3})
	expect(t, c, "ResetTickets", reset, cuenta.RPCReply{Replayed: true})
	expect(t, c, "IsValid", cuenta.RPCNumber{Counter: "turno", Number: 3}, true)
	for _, r := range []cuenta.RPCTicket{{}, {Ident: "a b"}, {Ident: "a", N: -1}, {Ident: strings.Repeat("i", 129)}, {Ident: "a", Counter: "\xff"}, {Ident: "a", Identity: "k k"}} {
		expectRefusal(t, c, "GetTicket", r, cuenta.Syntax)
	}
	for _, r := range []cuenta.RPCTicket{{Counter: "a b"}, {Counter: strings.Repeat("n", 254)}, {Identity: "k k"}} {
		expectRefusal(t, c, "ResetTickets", r, cuenta.Syntax)
	}
	expectRefusal(t, c, "IsValid", cuenta.RPCNumber{Counter: "a b"}, cuenta.Syntax)
	expect(t, c, "Limitar", cuenta.RPCLimits{Counter: "turno", Floor: bound(1)}, cuenta.RPCReply{Value: 3, Revision: 5})
	expectRefusal(t, c, "ResetTickets", cuenta.RPCTicket{Counter: "turno"}, cuenta.Limited)
	expect(t, c, "GetTicket", ben, cuenta.RPCReply{Value: 3, Amount: 3, Replayed: true})
}

func TestRates(t *testing.T) {
	s := start(t, Config{})
	s.service.Now(func() time.Time { return time.Unix(100, 0) })
	c := s.dial()
	take := cuenta.RPCTake{Counter: "api", N: 3, Rate: cuenta.Rate{Kind: cuenta.Steady, Limit: 1, Period: int64(time.Second), Burst: 5}, Identity: "once"}
	first := cuenta.RPCReply{Value: 2, Revision: 1, Amount: 3e9}
	expect(t, c, "Tomar", take, first)
	first.Replayed = true
	expect(t, c, "Tomar", take, first)
	take.Identity = ""
	if _, err := call[cuenta.RPCReply](t, c, "Tomar", take); err == nil || err.Error() != "throttled: too much for now, try again in 1s" {
		t.Errorf("too much is refused as %v", err)
	}
	take.N = 0
	expect(t, c, "Tomar", take, cuenta.RPCReply{Value: 2, Revision: 1, Amount: 3e9})
	take.N = -1
	expectRefusal(t, c, "Tomar", take, cuenta.Syntax)
	expectRefusal(t, c, "Tomar", cuenta.RPCTake{N: 1}, cuenta.Syntax)
}

func TestHolds(t *testing.T) {
	s := start(t, Config{})
	s.service.Now(func() time.Time { return time.Unix(100, 0) })
	c := s.dial()
	const hour = int64(time.Hour)
	end := cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: hour}
	expect(t, c, "Limitar", cuenta.RPCLimits{Counter: "seats", Floor: bound(0), Ceiling: bound(10), Total: true}, cuenta.RPCReply{Revision: 1})
	hold := cuenta.RPCHold{Counter: "seats", N: 4, Expiry: end, Identity: "h"}
	expect(t, c, "Apartar", hold, cuenta.RPCReply{Revision: 2, Amount: 6})
	expect(t, c, "Apartar", hold, cuenta.RPCReply{Revision: 2, Amount: 6, Replayed: true})
	hold.Identity = ""
	expect(t, c, "Apartar", hold, cuenta.RPCReply{Revision: 3, Amount: 2})
	expectRefusal(t, c, "Apartar", hold, cuenta.Limited)
	expect(t, c, "Extender", cuenta.RPCHold{Counter: "seats", Hold: 3, Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: 2 * hour}}, cuenta.RPCReply{Revision: 4, Amount: 2})

	var d cuenta.RPCReply
	if err := c.Call("Cuenta.Describir", cuenta.RPCRequest{Counter: "seats", Holds: 9, Terms: &cuenta.Terms{Hold: 3}}, &d); err != nil {
		t.Fatal(err)
	}
	want := cuenta.Held{ID: 2, Amount: 4, Ends: 100e9 + hour}
	if d.Terms == nil || d.Terms.Held != 8 || !d.Terms.Total || len(d.Terms.Holds) != 1 || d.Terms.Holds[0] != want {
		t.Errorf("described as %+v", d.Terms)
	}
	expectRefusal(t, c, "Describir", cuenta.RPCRequest{Counter: "seats", Terms: &cuenta.Terms{Hold: 9}}, cuenta.NoHold)

	expect(t, c, "Liquidar", cuenta.RPCHold{Counter: "seats", Hold: 2, N: 3}, cuenta.RPCReply{Value: 3, Revision: 5, Amount: 3})
	expect(t, c, "Soltar", cuenta.RPCHold{Counter: "seats", Hold: 3}, cuenta.RPCReply{Value: 3, Revision: 6, Amount: 7})
	expectRefusal(t, c, "Soltar", cuenta.RPCHold{Counter: "seats", Hold: 3}, cuenta.NoHold)
	expect(t, c, "Apartar", cuenta.RPCHold{Counter: "seats", N: -3, Expiry: end}, cuenta.RPCReply{Value: 3, Revision: 7})
	expect(t, c, "Liquidar", cuenta.RPCHold{Counter: "seats", Hold: 7, N: -9, Clamp: true}, cuenta.RPCReply{Revision: 8, Amount: -3})

	for method, holds := range map[string][]cuenta.RPCHold{
		"Apartar":  {{Expiry: end}, {N: math.MinInt64, Expiry: end}, {N: 1}, {N: 1, Expiry: cuenta.Expiry{Kind: cuenta.NoExpiry}}, {N: 1, Expiry: cuenta.Expiry{Kind: cuenta.ExpireAt, Time: 1, Lapse: true}}},
		"Extender": {{Hold: 1}, {Expiry: end}, {Hold: 1, Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter}}},
		"Liquidar": {{N: 1}},
		"Soltar":   {{}, {Hold: 1, Counter: "a b"}},
	} {
		for _, r := range holds {
			expectRefusal(t, c, method, r, cuenta.Syntax)
		}
	}
}
