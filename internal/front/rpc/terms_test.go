package rpc

import (
	"math"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
)

func bound(at int64) cuenta.Bound { return cuenta.Bound{Set: true, At: at} }

func TestTerms(t *testing.T) {
	s := start(t, Config{})
	s.service.Now(func() time.Time { return time.Unix(100, 0) })
	c := s.dial()
	const hour = int64(time.Hour)
	apply := func(r cuenta.RPCRequest, want cuenta.RPCReply) {
		t.Helper()
		expect(t, c, "Apply", r, want)
	}
	limits := cuenta.RPCLimits{Counter: "a", Floor: bound(-1), Ceiling: bound(10), Identity: "limits"}
	expect(t, c, "Limitar", limits, cuenta.RPCReply{Revision: 1})
	expect(t, c, "Limitar", limits, cuenta.RPCReply{Revision: 1, Replayed: true})
	apply(cuenta.RPCRequest{Op: "add", Counter: "a", N: 12, Terms: &cuenta.Terms{Clamp: true}}, cuenta.RPCReply{Value: 10, Revision: 2, Amount: 10})
	expectRefusal(t, c, "Apply", cuenta.RPCRequest{Op: "add", Counter: "a", N: -2, Terms: &cuenta.Terms{Floor: bound(9)}}, cuenta.Limited)
	expectRefusal(t, c, "Limitar", cuenta.RPCLimits{Counter: "a", Ceiling: bound(9)}, cuenta.Limited)
	apply(cuenta.RPCRequest{Op: "set", Counter: "a", N: 3, If: "value", Terms: &cuenta.Terms{Expect: 10}}, cuenta.RPCReply{Value: 3, Revision: 3})
	expectRefusal(t, c, "Apply", cuenta.RPCRequest{Op: "set", Counter: "a", N: 3, If: "revision", Terms: &cuenta.Terms{Expect: 2}}, cuenta.Unmet)
	expectRefusal(t, c, "Apply", cuenta.RPCRequest{Op: "set", Counter: "a", If: "absent"}, cuenta.Unmet)
	expectRefusal(t, c, "Apply", cuenta.RPCRequest{Op: "delete", Counter: "b", If: "present"}, cuenta.Unmet)

	end := cuenta.RPCExpiry{Counter: "a", Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter, Time: hour}}
	expect(t, c, "Expirar", end, cuenta.RPCReply{Value: 3, Revision: 4})
	end.Expiry.If = cuenta.ExpiryIfNone
	expectRefusal(t, c, "Expirar", end, cuenta.Unmet)
	expectRefusal(t, c, "Expirar", cuenta.RPCExpiry{Counter: "a", Expiry: cuenta.Expiry{Kind: cuenta.ExpireAt, Time: 1}}, cuenta.Past)

	var described cuenta.RPCReply
	if err := c.Call("Cuenta.Describir", cuenta.RPCRequest{Counter: "a"}, &described); err != nil {
		t.Fatal(err)
	}
	terms := described.Terms
	if described.Value != 3 || described.Revision != 4 || described.Amount != hour || terms == nil || terms.Floor != bound(-1) || terms.Ceiling != bound(10) ||
		terms.Expiry != (cuenta.Expiry{Kind: cuenta.ExpireAt, Time: 100e9 + hour}) {
		t.Errorf("described as %+v %+v", described, terms)
	}
}

func TestBadTerms(t *testing.T) {
	s := start(t, Config{})
	c := s.dial()
	for _, r := range []cuenta.RPCRequest{
		{Op: "limit"}, {Op: "expire"}, {Op: "expire", Terms: &cuenta.Terms{Clamp: true}}, {Op: "add", If: "value"}, {Op: "add", If: "revision"},
		{Op: "add", If: "sometimes"}, {Op: "limit", Terms: &cuenta.Terms{Floor: bound(2), Ceiling: bound(1)}},
		{Op: "add", N: 1, Terms: &cuenta.Terms{Expiry: cuenta.Expiry{Kind: cuenta.ExpireAfter}}}, {Op: "take", N: 1}, {Op: "open"}, {Op: "describe", Holds: 1001}, {Op: "describe", Holds: -1}, {Op: "all"}, {Op: "check"},
		{Op: "add", N: 1, Terms: &cuenta.Terms{Expiry: cuenta.Expiry{Kind: 9, Time: 1}}}, {Op: "describe", Counter: "a b"},
	} {
		expectRefusal(t, c, "Apply", r, cuenta.Syntax)
	}
	expectRefusal(t, c, "Expirar", cuenta.RPCExpiry{}, cuenta.Syntax)
	expectRefusal(t, c, "Limitar", cuenta.RPCLimits{Identity: "a b"}, cuenta.Syntax)
	if calls := s.service.Calls(); calls.Batches != 0 {
		t.Errorf("%d batches were executed", calls.Batches)
	}
}

func TestAccount(t *testing.T) {
	s := start(t, Config{})
	c := s.dial()
	expect(t, c, "Ingresar", int64(100), int64(100))
	expect(t, c, "Retirar", int64(30), int64(70))
	expectRefusal(t, c, "Retirar", int64(71), cuenta.Limited)
	expect(t, c, "Retirar", int64(0), int64(70))
	expect(t, c, "Ingresar", int64(0), int64(70))
	expect(t, c, "Balance", int64(9), int64(70))
	for _, n := range []int64{-1, math.MinInt64} {
		expectRefusal(t, c, "Ingresar", n, cuenta.Syntax)
		expectRefusal(t, c, "Retirar", n, cuenta.Syntax)
	}
	expect(t, c, "Retirar", int64(70), int64(0))
	expect(t, c, "Ingresar", int64(math.MaxInt64), int64(math.MaxInt64))
	expectRefusal(t, c, "Ingresar", int64(1), cuenta.Overflow)
	if _, revision := s.service.Value(cuenta.DefaultCounter); revision != 4 {
		t.Errorf("revision %d, want 4: reads and refusals change nothing", revision)
	}
}

func TestTransfers(t *testing.T) {
	s := start(t, Config{})
	c := s.dial()
	expect(t, c, "Ingresar", int64(100), int64(100))
	transfer := cuenta.RPCTransfer{To: "to", N: 60, Identity: "once"}
	expect(t, c, "Transferir", transfer, cuenta.RPCReply{Value: 40, Revision: 2})
	expect(t, c, "Ingresar", int64(1), int64(41))
	expect(t, c, "Transferir", transfer, cuenta.RPCReply{Value: 40, Revision: 2, Replayed: true})
	transfer.To = "another"
	expectRefusal(t, c, "Transferir", transfer, cuenta.Conflict)
	expectRefusal(t, c, "Transferir", cuenta.RPCTransfer{From: "cuenta", To: "to", N: 42}, cuenta.Limited)
	expect(t, c, "Transferir", cuenta.RPCTransfer{To: "to", N: 42, Floor: bound(-1)}, cuenta.RPCReply{Value: -1, Revision: 4})
	expect(t, c, "Transferir", cuenta.RPCTransfer{From: "new", To: "to", N: 1, Floor: bound(-9)}, cuenta.RPCReply{Value: -1})
	expect(t, c, "Limitar", cuenta.RPCLimits{Counter: "to", Ceiling: bound(103)}, cuenta.RPCReply{Value: 103, Revision: 4})
	expectRefusal(t, c, "Transferir", cuenta.RPCTransfer{From: "new", To: "to", N: 1, Floor: bound(-9)}, cuenta.Limited)
	for _, r := range []cuenta.RPCTransfer{
		{To: "to"}, {To: "to", N: -1}, {N: 1}, {From: "to", To: "to", N: 1}, {To: "cuenta", N: 1}, {From: "a b", To: "to", N: 1},
		{To: "\xff", N: 1}, {To: "to", N: 1, Identity: "a b"}, {To: "to", N: math.MinInt64},
	} {
		expectRefusal(t, c, "Transferir", r, cuenta.Syntax)
	}
	if value, _ := s.service.Value("new"); value != -1 {
		t.Errorf("a refused transfer has moved something: %d", value)
	}
}
