package rpc

import (
	"math"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

func TestKeys(t *testing.T) {
	s := start(t, Config{})
	c := s.dial()
	add := func(n int64, key string) cuenta.RPCRequest {
		return cuenta.RPCRequest{Op: "add", N: n, Identity: key}
	}
	asked := cuenta.RPCRequest{Identity: "a"}
	expectRefusal(t, c, "Outcome", asked, cuenta.Absent)
	expect(t, c, "Apply", add(4, "a"), cuenta.RPCReply{Value: 4, Revision: 1})
	expect(t, c, "Apply", add(1, ""), cuenta.RPCReply{Value: 5, Revision: 2})
	expect(t, c, "Apply", add(4, "a"), cuenta.RPCReply{Value: 4, Revision: 1, Replayed: true})
	expect(t, s.dial(), "Outcome", asked, cuenta.RPCReply{Value: 4, Revision: 1, Replayed: true})
	expectRefusal(t, c, "Apply", add(5, "a"), cuenta.Conflict)
	expectRefusal(t, c, "Apply", cuenta.RPCRequest{Op: "set", N: 4, Identity: "a"}, cuenta.Conflict)
	expect(t, c, "Apply", cuenta.RPCRequest{Op: "get", Identity: "a"}, cuenta.RPCReply{Value: 5, Revision: 2})

	expectRefusal(t, c, "Apply", add(math.MaxInt64, "over"), cuenta.Overflow)
	expect(t, c, "Apply", cuenta.RPCRequest{Op: "delete", Identity: "gone"}, cuenta.RPCReply{Value: 5, Revision: 3})
	expect(t, c, "Apply", cuenta.RPCRequest{Op: "delete", Identity: "gone"}, cuenta.RPCReply{Value: 5, Revision: 3, Replayed: true})
	expectRefusal(t, c, "Apply", add(math.MaxInt64, "over"), cuenta.Overflow)
	expectRefusal(t, c, "Outcome", cuenta.RPCRequest{Identity: "over"}, cuenta.Overflow)
	if s.service.Len() != 0 {
		t.Error("a repeat has made the counter anew")
	}
	host := cuenta.ClientOf(netip.MustParseAddr("127.0.0.1"))
	if got := s.service.Clients(); len(got) != 1 || got[host] == 0 {
		t.Errorf("clients %v, want %d", got, host)
	}
}

func TestSessions(t *testing.T) {
	s := start(t, Config{})
	c := s.dial()
	numbered := func(session, number, lowest uint64) cuenta.RPCRequest {
		return cuenta.RPCRequest{Op: "add", N: 1, Session: session, Number: number, Lowest: lowest}
	}
	expectRefusal(t, c, "Apply", numbered(1, 1, 0), cuenta.NoSession)
	expect(t, c, "OpenSession", int64(9), uint64(1))
	expect(t, s.dial(), "OpenSession", int64(0), uint64(2))
	expect(t, c, "Apply", numbered(1, 2, 0), cuenta.RPCReply{Value: 1, Revision: 1})
	expect(t, c, "Apply", numbered(1, 1, 1), cuenta.RPCReply{Value: 2, Revision: 2})
	expect(t, c, "Apply", numbered(2, 1, 0), cuenta.RPCReply{Value: 3, Revision: 3})
	expect(t, c, "Apply", numbered(1, 2, 0), cuenta.RPCReply{Value: 1, Revision: 1, Replayed: true})
	expect(t, c, "Outcome", numbered(2, 1, 0), cuenta.RPCReply{Value: 3, Revision: 3, Replayed: true})
	expect(t, c, "Apply", numbered(1, 3, 3), cuenta.RPCReply{Value: 4, Revision: 4})
	expectRefusal(t, c, "Apply", numbered(1, 2, 0), cuenta.TooOld)
	expectRefusal(t, c, "Outcome", numbered(1, 2, 0), cuenta.TooOld)
	expectRefusal(t, c, "Outcome", numbered(1, 4, 0), cuenta.Absent)
	expectRefusal(t, c, "Outcome", numbered(3, 1, 0), cuenta.NoSession)
	expect(t, c, "Apply", numbered(1, math.MaxUint64, 0), cuenta.RPCReply{Value: 5, Revision: 5})
}

func TestBadIdentities(t *testing.T) {
	s := start(t, Config{})
	c := s.dial()
	for _, r := range []cuenta.RPCRequest{
		{Identity: "a b"}, {Identity: "a\n"}, {Identity: "\x00"}, {Identity: "ñ"}, {Identity: " "},
		{Identity: strings.Repeat("k", cuenta.MaxKey+1)}, {Identity: strings.Repeat("k", 60_000)},
		{Session: 1}, {Number: 1}, {Lowest: 1}, {Session: 1, Lowest: 1}, {Session: 1, Number: 1, Lowest: 2},
		{Identity: "a", Session: 1, Number: 1}, {Identity: "a", Number: 1}, {Identity: "a", Lowest: 1}, {Identity: "a", Session: 1},
		{Number: math.MaxUint64}, {Session: math.MaxUint64},
	} {
		for _, r.Op = range []string{"add", "reset", "set", "delete", "get"} {
			expectRefusal(t, c, "Apply", r, cuenta.Syntax)
		}
		expectRefusal(t, c, "Outcome", r, cuenta.Syntax)
	}
	expectRefusal(t, c, "Outcome", cuenta.RPCRequest{Op: "add", N: 1}, cuenta.Syntax)
	if calls := s.service.Calls(); calls.Batches != 0 {
		t.Errorf("%d batches were executed", calls.Batches)
	}
}

// TestDuplicateCalls: the same calls under way at once, on two connections.
func TestDuplicateCalls(t *testing.T) {
	s := start(t, Config{})
	const changes = 50
	var all sync.WaitGroup
	for range 2 {
		c := s.dial()
		for k := range changes {
			r := cuenta.RPCRequest{Op: "add", N: 1, Counter: "dup", Identity: strings.Repeat("k", k+1)}
			for range 2 {
				all.Go(func() {
					if err := c.Call("Cuenta.Apply", r, new(cuenta.RPCReply)); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
	all.Wait()
	if value, revision := s.service.Value("dup"); value != changes || revision != changes {
		t.Errorf("value %d, revision %d, want %d", value, revision, changes)
	}
}

// TestNobodyAtTheSocket: what comes over a Unix socket is of no host.
func TestNobodyAtTheSocket(t *testing.T) {
	fronttest.NoLeaks(t)
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "c.sock"))
	if err != nil {
		t.Fatal(err)
	}
	s := startOn(t, l, Config{Front: cuenta.FrontSocket, Class: cuenta.ClassConsole})
	expect(t, s.dial(), "Apply", cuenta.RPCRequest{Op: "add", N: 1, Identity: "a"}, cuenta.RPCReply{Value: 1, Revision: 1})
	if got := s.service.Clients(); len(got) != 1 || got[0] != 1 {
		t.Errorf("clients %v", got)
	}
}
