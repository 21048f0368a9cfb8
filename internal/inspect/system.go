// Package inspect makes the report that `info` shows: the machine as seen from
// the server's ports (connections, their states, protocol statistics, who holds
// each port), and the server itself (service, gate, queue, fronts, workers,
// journal). It is one value with one text and one JSON form, so the console, the
// remote console and /info cannot disagree.
//
// The machine is read through libraries: procfs on Linux, gopsutil for processes
// everywhere and for sockets on other systems. What cannot be read, because of
// missing permissions, a container, or a system without IPv6, is left out with a
// line in the report's notes; it never makes the report fail.
//
// Reading is bounded. One pass over the machine's sockets serves the whole
// report, whatever the number of ports; our own descriptors are looked through
// for the owners of those ports, and other processes' only for what is then still
// missing. Nothing is kept between two reports, so any number of goroutines
// may ask at once.
package inspect

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// MaxConnections is how many connections a report lists. The rest are counted.
const MaxConnections = 1000

// State is a connection's state in TCP (RFC 9293, §3.3.2), in the lower-case
// words of the report's summary. It is [Unconnected] for a UDP socket that
// takes datagrams from anybody.
type State string

const (
	Established State = "established"
	SynSent     State = "syn_sent"
	SynReceived State = "syn_recv"
	FinWait1    State = "fin_wait1"
	FinWait2    State = "fin_wait2"
	TimeWait    State = "time_wait"
	Closed      State = "close"
	CloseWait   State = "close_wait"
	LastAck     State = "last_ack"
	Listen      State = "listen"
	Closing     State = "closing"
	Unconnected State = "unconnected"
)

// Port is a port to report on, and the front it belongs to.
type Port struct {
	Front   string
	Network string // "tcp" or "udp"
	Port    int
}

// Connection is one socket on one of the server's ports.
type Connection struct {
	Front    string `json:"front"`
	Protocol string `json:"protocol"` // tcp, tcp6, udp or udp6
	Local    string `json:"local"`
	Remote   string `json:"remote"` // empty for a socket that has no peer
	State    State  `json:"state"`
}

// Summary counts sockets by state. The four states of the original's screen
// are always there.
type Summary map[State]int

// PortUse says who uses a port and how much.
type PortUse struct {
	Front   string   `json:"front"`
	Network string   `json:"network"`
	Port    int      `json:"port"`
	Active  bool     `json:"active"` // somebody listens on it, or receives its datagrams
	States  Summary  `json:"states"`
	Process *Process `json:"process,omitempty"` // nil if nobody, or if it cannot be known
}

// Counter is one figure of a protocol's statistics under its name in the MIB of
// the RFCs 4293 (IP), 4022 (TCP) and 4113 (UDP).
type Counter struct {
	Name  string `json:"name"`
	Value uint64 `json:"value"`
}

// Protocol is what the machine's network stack counted since it started.
type Protocol struct {
	Name     string    `json:"name"` // IPv4, IPv6, TCP, UDP, UDPv6
	Counters []Counter `json:"counters"`
}

// System is the machine as seen from the server's ports.
type System struct {
	Taken       time.Time    `json:"taken"`
	Connections []Connection `json:"connections"`      // at most MaxConnections
	More        int          `json:"more_connections"` // how many were left out
	Summary     Summary      `json:"summary"`          // the server's ports
	Machine     Summary      `json:"machine"`          // every socket of the machine
	Protocols   []Protocol   `json:"protocols"`
	Ports       []PortUse    `json:"ports"`
	Notes       []string     `json:"notes"` // what could not be read, for people
}

// socket is one socket of the machine as the system lists it.
type socket struct {
	protocol      string
	local, remote netip.AddrPort
	state         State
	owner         uint64 // what owners turns into a process; 0 if nobody holds it any more
	use           int    // which of the System's ports it is on
}

// endpoint is the key by which a socket belongs to a port. Ports of UDP and TCP
// are different things even where the number is the same.
type endpoint struct {
	network string
	port    int
}

func (s *socket) network() string { return strings.TrimSuffix(s.protocol, "6") }

func (s *socket) endpoint() endpoint {
	return endpoint{s.network(), int(s.local.Port())}
}

// receives reports whether the socket is the one that makes its port active.
func (s *socket) receives() bool { return s.state == Listen || s.state == Unconnected }

// ReadSystem looks at the machine from the given ports. The only error is that
// of ctx; the System then holds what had been read so far.
func ReadSystem(ctx context.Context, ports []Port) (System, error) {
	s := System{
		Taken:       time.Now(),
		Connections: []Connection{},
		Summary:     newSummary(),
		Machine:     newSummary(),
		Ports:       []PortUse{},
		Notes:       []string{},
	}
	all, notes := sockets(ctx, "tcp", "udp")
	s.Notes = append(s.Notes, notes...)
	ours := s.count(all, ports)
	s.list(ours)
	s.Protocols, notes = protocols(ctx)
	s.Notes = append(s.Notes, notes...)
	s.Notes = append(s.Notes, s.findProcesses(ctx, ours)...)
	return s, ctx.Err()
}

func newSummary() Summary {
	return Summary{Established: 0, CloseWait: 0, TimeWait: 0, Listen: 0}
}

// count fills in the summaries and the ports, and returns the sockets that are
// on one of the ports. A port that is asked for twice is answered twice, and its
// sockets are the first one's.
func (s *System) count(all []socket, ports []Port) []socket {
	first := make(map[endpoint]int, len(ports))
	for i, p := range ports {
		s.Ports = append(s.Ports, PortUse{Front: p.Front, Network: p.Network, Port: p.Port, States: newSummary()})
		if at := (endpoint{p.Network, p.Port}); p.Port != 0 {
			if _, twice := first[at]; !twice {
				first[at] = i
			}
		}
	}
	for _, k := range all {
		s.Machine[k.state]++
	}
	ours := onPorts(all, first)
	for _, k := range ours {
		s.Summary[k.state]++
		s.Ports[k.use].States[k.state]++
		s.Ports[k.use].Active = s.Ports[k.use].Active || k.receives()
	}
	for i, p := range ports {
		if j, ok := first[endpoint{p.Network, p.Port}]; ok {
			s.Ports[i].Active, s.Ports[i].States = s.Ports[j].Active, s.Ports[j].States
		}
	}
	return ours
}

// onPorts selects the sockets on the given ports. A connection is counted once:
// by the server's end, or, once that is gone, by the client's end if it is on
// this machine. Otherwise a local client that closes first, as clients do,
// would leave no time_wait to be seen.
func onPorts(all []socket, ports map[endpoint]int) []socket {
	type ends struct{ local, remote netip.AddrPort }
	var ours []socket
	seen := make(map[ends]bool)
	for _, k := range all {
		if use, ok := ports[k.endpoint()]; ok {
			k.use = use
			ours = append(ours, k)
			seen[ends{k.local, k.remote}] = true
		}
	}
	for _, k := range all {
		use, ok := ports[endpoint{k.network(), int(k.remote.Port())}]
		sameMachine := k.local.Addr() == k.remote.Addr()
		if ok && k.network() == "tcp" && sameMachine && !seen[ends{k.remote, k.local}] && !seen[ends{k.local, k.remote}] {
			k.use = use
			ours = append(ours, k)
		}
	}
	return ours
}

// list fills in the connections: by port in the order asked for, what receives
// on it first, then by peer.
func (s *System) list(ours []socket) {
	slices.SortFunc(ours, func(a, b socket) int {
		if a.use == b.use && a.receives() != b.receives() {
			if a.receives() {
				return -1
			}
			return 1
		}
		return cmp.Or(a.use-b.use, a.remote.Compare(b.remote), a.local.Compare(b.local))
	})
	for _, k := range ours[:min(len(ours), MaxConnections)] {
		c := Connection{
			Front:    s.Ports[k.use].Front,
			Protocol: k.protocol,
			Local:    k.local.String(),
			State:    k.state,
		}
		if k.remote.Port() != 0 {
			c.Remote = k.remote.String()
		}
		s.Connections = append(s.Connections, c)
	}
	s.More = len(ours) - len(s.Connections)
}

// findProcesses fills in which process holds each port.
func (s *System) findProcesses(ctx context.Context, ours []socket) []string {
	holder := make(map[endpoint]uint64, len(s.Ports))
	var wanted []uint64
	for _, k := range ours {
		if k.receives() && k.owner != 0 {
			holder[k.endpoint()] = k.owner
			wanted = append(wanted, k.owner)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	pids, notes := owners(ctx, wanted)
	known := make(map[int32]*Process)
	for i := range s.Ports {
		use := &s.Ports[i]
		pid := pids[holder[endpoint{use.Network, use.Port}]]
		if pid == 0 {
			continue
		}
		if known[pid] == nil {
			known[pid] = readProcess(ctx, pid)
		}
		use.Process = known[pid]
	}
	return notes
}
