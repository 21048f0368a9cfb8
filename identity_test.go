package cuenta

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
)

func TestIdentityValid(t *testing.T) {
	for _, c := range []struct {
		id           Identity
		given, valid bool
	}{
		{Identity{}, false, true},
		{Identity{Key: []byte("7f3a-19")}, true, true},
		{Identity{Key: []byte(strings.Repeat("k", MaxKey))}, true, true},
		{Identity{Key: []byte(strings.Repeat("k", MaxKey+1))}, true, false},
		{Identity{Key: []byte("a b")}, true, false},
		{Identity{Key: []byte("ñ")}, true, false},
		{Identity{Key: []byte("\x7f")}, true, false},
		{Identity{Session: 1, Number: 1}, true, true},
		{Identity{Session: math.MaxUint64, Number: math.MaxUint64, Lowest: math.MaxUint64}, true, true},
		{Identity{Session: 1}, true, false},
		{Identity{Number: 1}, true, false},
		{Identity{Lowest: 1}, true, false},
		{Identity{Session: 1, Number: 1, Lowest: 2}, true, false},
		{Identity{Session: 1, Number: 1, Key: []byte("k")}, true, false},
	} {
		if c.id.Given() != c.given || c.id.Valid() != c.valid {
			t.Errorf("%+v: given %v, valid %v", c.id, c.id.Given(), c.id.Valid())
		}
	}
}

func TestSessionsHaveATextForm(t *testing.T) {
	for _, id := range []uint64{1, 0xf, math.MaxUint64, 0x0123456789abcdef} {
		text := AppendSession(nil, id)
		if got, ok := ParseSession(text); !ok || got != id || string(text) != fmt.Sprintf("%016x", id) {
			t.Errorf("%x: %s, %x, %v", id, text, got, ok)
		}
	}
	for _, bad := range []string{"", "0", "0000000000000000", "123", "0123456789abcdeg", "+123456789abcdef", "0123456789abcdef0", "0x23456789abcdef"} {
		if id, ok := ParseSession([]byte(bad)); ok {
			t.Errorf("%q is %x", bad, id)
		}
	}
}

// TestFingerprints pins some: the journal keeps them.
func TestFingerprints(t *testing.T) {
	for _, c := range []struct {
		r    Request
		want uint32
	}{
		{Request{Op: Add, N: 5}, 0x5bdf7b2e},
		{Request{Op: Add, N: 5, Counter: []byte("cuenta")}, 0x5bdf7b2e},
		{Request{Op: Add, N: 1, Counter: []byte("visitas")}, 0x29c9b111},
		{Request{Op: Add, N: 1, If: IfPresent, Counter: []byte("visitas")}, 0x65cdcebc},
		{Request{Op: Set, N: -1, If: IfAbsent, Counter: []byte("visitas")}, 0xe2c303},
		{Request{Op: Reset, N: 9, Counter: []byte("a")}, 0xaac7c86a},
	} {
		if got := c.r.Fingerprint(); got != c.want {
			t.Errorf("%+v: %#x, want %#x", c.r, got, c.want)
		}
	}
	seen := map[uint32]string{}
	for op := Add; op <= Delete; op++ {
		for cond := Always; cond <= IfPresent; cond++ {
			for n := range int64(50) {
				for _, name := range []string{"a", "b", "ab", "cuenta"} {
					r := Request{Op: op, If: cond, N: n - 25, Counter: []byte(name)}
					what := fmt.Sprint(op, cond, r.operand(), name)
					if other, taken := seen[r.Fingerprint()]; taken && other != what {
						t.Errorf("%s and %s have one fingerprint", what, other)
					}
					seen[r.Fingerprint()] = what
				}
			}
		}
	}
}

func TestClientsAreHosts(t *testing.T) {
	a := ClientOf(netip.MustParseAddr("127.0.0.1"))
	if a == 0 || a != ClientOf(netip.MustParseAddr("::ffff:127.0.0.1")) || a == ClientOf(netip.MustParseAddr("127.0.0.2")) {
		t.Error("a host's number is not its own")
	}
	if ClientOf(netip.MustParseAddr("fe80::1%eth0")) != ClientOf(netip.MustParseAddr("fe80::1")) {
		t.Error("a zone makes another client")
	}
	for peer, want := range map[string]uint32{
		"127.0.0.1:9": a, "[::ffff:127.0.0.1]:1": a, "[fe80::1%eth0]:9": ClientOf(netip.MustParseAddr("fe80::1")),
		"127.0.0.1": 0, "pipe": 0, "unix": 0, "pid 7": 0, "": 0, "localhost:9": 0,
	} {
		if got := ClientAt(peer); got != want {
			t.Errorf("%q is client %d, want %d", peer, got, want)
		}
	}
}

func TestIdentitiesAllocateNothing(t *testing.T) {
	r := Request{Op: Add, N: 5, Counter: []byte("visitas")}
	host := netip.MustParseAddr("2001:db8::1")
	if n := testing.AllocsPerRun(100, func() {
		if r.Fingerprint() == ClientOf(host) {
			t.Error("that is not likely")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
