package inspect

import (
	"fmt"
	"net/netip"
	"testing"
)

func made(protocol, local, remote string, state State) socket {
	return socket{protocol: protocol, local: netip.MustParseAddrPort(local), remote: netip.MustParseAddrPort(remote), state: state}
}

const nobody = "0.0.0.0:0"

func newSystem(all []socket, ports ...Port) System {
	s := System{Summary: newSummary(), Machine: newSummary()}
	s.list(s.count(all, ports))
	return s
}

func TestListIsBoundedAndOrdered(t *testing.T) {
	var all []socket
	for i := MaxConnections + 50; i > 0; i-- {
		all = append(all, made("tcp", "127.0.0.1:2020", fmt.Sprintf("127.0.0.1:%d", i), Established))
	}
	all = append(all,
		made("tcp", "127.0.0.1:2020", nobody, Listen),
		made("tcp", "127.0.0.1:1", "127.0.0.1:2020", Established), // a client's end
		made("udp", "127.0.0.1:2002", nobody, Unconnected),
	)
	s := newSystem(all, Port{"udp", "udp", 2002}, Port{"tcp", "tcp", 2020})
	if len(s.Connections) != MaxConnections || s.More != 52 {
		t.Fatalf("%d listed, %d more", len(s.Connections), s.More)
	}
	for i, want := range []Connection{
		{"udp", "udp", "127.0.0.1:2002", "", Unconnected},
		{"tcp", "tcp", "127.0.0.1:2020", "", Listen},
		{"tcp", "tcp", "127.0.0.1:2020", "127.0.0.1:1", Established},
		{"tcp", "tcp", "127.0.0.1:2020", "127.0.0.1:2", Established},
	} {
		if s.Connections[i] != want {
			t.Errorf("row %d: %+v, want %+v", i, s.Connections[i], want)
		}
	}
	if s.Summary[Established] != MaxConnections+50 || s.Machine[Established] != MaxConnections+51 {
		t.Errorf("%v %v", s.Summary, s.Machine)
	}
}

// A front that is stopped may be configured for the port of another; neither
// counts twice.
func TestPortAskedForTwice(t *testing.T) {
	all := []socket{
		made("tcp", "127.0.0.1:2020", nobody, Listen),
		made("tcp", "127.0.0.1:2020", "127.0.0.1:7", Established),
	}
	s := newSystem(all, Port{"tcp", "tcp", 2020}, Port{"proc", "tcp", 2020}, Port{"web", "tcp", 0})
	if s.Summary[Established] != 1 || len(s.Connections) != 2 {
		t.Errorf("%v %+v", s.Summary, s.Connections)
	}
	for i, active := range []bool{true, true, false} {
		if s.Ports[i].Active != active {
			t.Errorf("port %d: %+v", i, s.Ports[i])
		}
	}
}

// A connection between two ends on this machine counts once, and one to the same
// port elsewhere not at all.
func TestConnectionsCountOnce(t *testing.T) {
	both := []socket{
		made("tcp", "127.0.0.1:2020", "127.0.0.1:7", Established),
		made("tcp", "127.0.0.1:7", "127.0.0.1:2020", Established),
	}
	elsewhere := made("tcp", "10.0.0.1:7", "10.0.0.2:2020", Established)
	connectedUDP := made("udp", "127.0.0.1:7", "127.0.0.1:2020", Established)
	itself := made("tcp", "127.0.0.1:2020", "127.0.0.1:2020", Established) // TCP can connect to itself
	left := made("tcp6", "[::1]:8", "[::1]:2020", TimeWait)
	s := newSystem(append(both, elsewhere, connectedUDP, itself, left), Port{"tcp", "tcp", 2020}, Port{"udp", "udp", 2020})
	if s.Summary[Established] != 2 || s.Summary[TimeWait] != 1 || len(s.Connections) != 3 {
		t.Errorf("%v %+v", s.Summary, s.Connections)
	}
}
