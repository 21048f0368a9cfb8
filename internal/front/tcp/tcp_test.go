package tcp

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
	"github.com/cuenta-server/cuenta/internal/wire/text"
)

// start serves on a loopback port until the test ends, and returns the way in.
func start(t *testing.T, c Config) fronttest.Dial {
	t.Helper()
	fronttest.NoLeaks(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New(c)
	fronttest.Serve(t, s, l)
	return func(t testing.TB) net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
}

func TestConformance(t *testing.T) {
	fronttest.Text(t, start(t, Config{Service: fronttest.NewService(), Traffic: new(cuenta.Traffic)}))
}

// TestClient: requests with an identity say which host has sent them, whatever
// its connection.
func TestClient(t *testing.T) {
	service := fronttest.NewService()
	dial := start(t, Config{Service: service, Traffic: new(cuenta.Traffic)})
	for range 2 {
		fronttest.NewClient(t, dial(t)).Ask("inc.4 id=k")
	}
	host := cuenta.ClientOf(netip.MustParseAddr("127.0.0.1"))
	if got := service.Clients(); len(got) != 1 || got[host] != 2 {
		t.Errorf("clients %v, want 2 requests of %d", got, host)
	}
	for peer, want := range map[string]uint32{
		"127.0.0.1:80": host, "[::ffff:127.0.0.1]:1": host, "": 0, "pipe": 0,
		"[::1]:80": cuenta.ClientOf(netip.IPv6Loopback()), "[::1%lo]:9": cuenta.ClientOf(netip.IPv6Loopback()),
	} {
		if got := newSession(peer, "").(*text.Session).Client; got != want {
			t.Errorf("peer %q is client %d, want %d", peer, got, want)
		}
	}
}

// TestMaxConns is passed on, and so is what a client hears at the limit.
func TestMaxConns(t *testing.T) {
	traffic := new(cuenta.Traffic)
	dial := start(t, Config{Service: fronttest.NewService(), Traffic: traffic, MaxConns: 1})
	first, refused := fronttest.NewClient(t, dial(t)), fronttest.NewClient(t, dial(t))
	if got := refused.Line(); !strings.HasPrefix(got, "error busy ") {
		t.Errorf("a connection too many: %q", got)
	}
	first.Ask("inc.1")
	if traffic.Accepted.Load() != 1 || traffic.Refused.Load() != 1 || traffic.Requests.Load() != 1 {
		t.Errorf("%d accepted, %d refused, %d requests", traffic.Accepted.Load(), traffic.Refused.Load(), traffic.Requests.Load())
	}
}

// TestTimeouts are passed on.
func TestTimeouts(t *testing.T) {
	service := fronttest.NewService()
	dial := start(t, Config{Service: service, Traffic: new(cuenta.Traffic), IdleTimeout: 20 * time.Millisecond})
	fronttest.NewClient(t, dial(t)).Ends()

	dial = start(t, Config{Service: service, Traffic: new(cuenta.Traffic), LineTimeout: 20 * time.Millisecond})
	slow := fronttest.NewClient(t, dial(t))
	slow.Send("inc.1\ninc.1")
	slow.Expect("1")
	slow.Ends()
	calls := service.Calls()
	if calls.Classes[cuenta.ClassQueue] != calls.Batches || calls.NoWait != 0 {
		t.Errorf("calls %+v: all are for the queue, and all may wait", calls)
	}
	for origin := range service.Origins() {
		if origin.Front != cuenta.FrontTCP {
			t.Errorf("requests from %+v", origin)
		}
	}
}
