package inspect

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

// listen opens a listener on a loopback address; it skips the test where there
// is no IPv6.
func listen(t testing.TB, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil && strings.HasPrefix(address, "[") {
		t.Skip("no IPv6 here:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// connect returns both ends of a new connection.
func connect(t testing.TB, l net.Listener) (client, server *net.TCPConn) {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

func tcpPort(l net.Listener) Port {
	return Port{Front: "tcp", Network: "tcp", Port: l.Addr().(*net.TCPAddr).Port}
}

func read(t *testing.T, ports ...Port) System {
	t.Helper()
	s, err := ReadSystem(t.Context(), ports)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// An earlier connection on the same port may still be in time_wait, so tests ask
// for that state only by its ends.

// until reads the system until it is as wanted: the kernel moves a connection
// on when the peer's segment arrives, which nothing tells us.
func until(t *testing.T, port Port, wanted func(System) bool) System {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		s := read(t, port)
		if wanted(s) {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("not seen: %+v %+v", s.Summary, s.Connections)
		}
		time.Sleep(time.Millisecond)
	}
}

func row(s System, local, remote string) (Connection, bool) {
	i := slices.IndexFunc(s.Connections, func(c Connection) bool { return c.Local == local && c.Remote == remote })
	if i < 0 {
		return Connection{}, false
	}
	return s.Connections[i], true
}

func TestStatesOfTCP(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	port := tcpPort(l)
	local := l.Addr().String()

	s := read(t, port)
	if got, _ := row(s, local, ""); got != (Connection{"tcp", "tcp", local, "", Listen}) {
		t.Errorf("listener: %+v", s.Connections)
	}

	client, server := connect(t, l)
	peer := client.LocalAddr().String()
	s = read(t, port)
	if got, _ := row(s, local, peer); got.State != Established {
		t.Errorf("established: %+v", s.Connections)
	}
	if _, listed := row(s, peer, local); listed || s.Summary[Established] != 1 || s.Summary[Listen] != 1 {
		t.Errorf("only the server's ends count: %v %+v", s.Summary, s.Connections)
	}
	if s.Machine[Established] < 2 {
		t.Errorf("the machine has both ends: %v", s.Machine)
	}

	client.CloseWrite()
	if _, err := server.Read(make([]byte, 1)); err != io.EOF {
		t.Fatal(err)
	}
	s = read(t, port)
	if got, _ := row(s, local, peer); got.State != CloseWait || s.Summary[CloseWait] != 1 {
		t.Errorf("close_wait: %v %+v", s.Summary, s.Connections)
	}
}

func TestTimeWait(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	client, server := connect(t, l)
	peer := client.LocalAddr().String()
	closeInTurn(t, server, client)
	until(t, tcpPort(l), func(s System) bool {
		got, _ := row(s, l.Addr().String(), peer)
		return got.State == TimeWait && s.Summary[TimeWait] >= 1 && s.Summary[Established] == 0
	})
}

// When the client closes first it is the client's end that waits.
func TestTimeWaitOfAClientHere(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	client, server := connect(t, l)
	peer := client.LocalAddr().String()
	closeInTurn(t, client, server)
	until(t, tcpPort(l), func(s System) bool {
		got, _ := row(s, peer, l.Addr().String())
		return got.State == TimeWait && got.Front == "tcp" && s.Summary[TimeWait] >= 1 && s.Summary[Established] == 0
	})
}

// closeInTurn closes a connection from one end; who closes first waits.
func closeInTurn(t *testing.T, first, second net.Conn) {
	t.Helper()
	first.Close()
	if _, err := second.Read(make([]byte, 1)); err != io.EOF {
		t.Fatal(err)
	}
	second.Close()
}

func TestIPv6(t *testing.T) {
	l := listen(t, "[::1]:0")
	client, _ := connect(t, l)
	s := read(t, tcpPort(l))
	if got, _ := row(s, l.Addr().String(), client.LocalAddr().String()); got.Protocol != "tcp6" || got.State != Established {
		t.Errorf("%+v", s.Connections)
	}
}

// UDP and TCP have ports of their own, though the numbers be the same.
func TestUDPApartFromTCP(t *testing.T) {
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	number := u.LocalAddr().(*net.UDPAddr).Port
	s := read(t, Port{"udp", "udp", number}, Port{"proc", "tcp", number})
	udp, tcp := s.Ports[0], s.Ports[1]
	if !udp.Active || udp.States[Unconnected] != 1 || udp.Process == nil || int(udp.Process.PID) != os.Getpid() {
		t.Errorf("udp: %+v", udp)
	}
	if got, _ := row(s, u.LocalAddr().String(), ""); got.Front != "udp" || got.Protocol != "udp" || got.State != Unconnected {
		t.Errorf("udp: %+v", s.Connections)
	}
	if p := tcp.Process; tcp.States[Unconnected] != 0 || p != nil && int(p.PID) == os.Getpid() {
		t.Errorf("tcp: %+v", tcp)
	}
}

func TestOwnProcess(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	p := read(t, tcpPort(l)).Ports[0].Process
	if p == nil {
		t.Fatal("no process")
	}
	if int(p.PID) != os.Getpid() || p.Name == "" || p.Command == "" || p.RSS == 0 || p.Threads == 0 || p.FDs < 3 {
		t.Errorf("%+v", p)
	}
	if p.Started.IsZero() || p.Started.After(time.Now().Add(time.Second)) {
		t.Errorf("started %v", p.Started)
	}
}

func TestProtocolsCount(t *testing.T) {
	segments := func() uint64 {
		all, notes := protocols(t.Context())
		for _, p := range all {
			for _, c := range p.Counters {
				if p.Name == "TCP" && c.Name == "InSegs" {
					return c.Value
				}
			}
		}
		t.Fatalf("no InSegs: %+v %v", all, notes)
		return 0
	}
	before := segments()
	connect(t, listen(t, "127.0.0.1:0"))
	if after := segments(); after <= before {
		t.Errorf("segments %d, then %d", before, after)
	}
}

func TestCanceled(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, err := ReadSystem(ctx, []Port{tcpPort(l)})
	if err != context.Canceled || len(s.Notes) == 0 || len(s.Ports) != 1 {
		t.Errorf("%v %+v", err, s)
	}
}

func TestConcurrentReaders(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			s, err := ReadSystem(t.Context(), []Port{tcpPort(l)})
			if err != nil || !s.Ports[0].Active || s.Ports[0].Process == nil {
				t.Errorf("%v %+v", err, s.Ports)
			}
			PortHolder("tcp", tcpPort(l).Port)
		})
	}
	group.Wait()
}

// fakeProc is a /proc of the given files.
func fakeProc(t *testing.T, files map[string]string) (proc procfs.FS, dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	proc, err := procfs.NewFS(dir)
	if err != nil {
		t.Fatal(err)
	}
	return proc, dir
}

const tcpTable = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:07E4 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 71 1 0 100 0 0 10 0
   1: 0100007F:07E4 0100007F:C350 03 00000000:00000000 00:00000000 00000000     0        0 0 1 0
   2: 0100007F:07E4 0100007F:C351 4F 00000000:00000000 00:00000000 00000000     0        0 72 1 0
`

func TestSystemThatHidesThings(t *testing.T) {
	proc, _ := fakeProc(t, map[string]string{"net/tcp": tcpTable, "net/udp": "heading\nnonsense\n"})
	all, notes := socketsIn(t.Context(), proc, []string{"tcp", "udp"})
	var states []State
	for _, k := range all {
		states = append(states, k.state)
	}
	if !slices.Equal(states, []State{Listen, SynReceived, Closed}) {
		t.Errorf("states %v", states)
	}
	joined := strings.Join(notes, "\n")
	for _, want := range []string{"conexiones tcp6: el sistema no tiene IPv6", "conexiones udp: ", "conexiones udp6: el sistema"} {
		if !strings.Contains(joined, want) {
			t.Errorf("no note %q in %q", want, notes)
		}
	}
}

// A socket for both families shows its IPv4 peers as IPv4.
func TestIPv4OverIPv6(t *testing.T) {
	proc, _ := fakeProc(t, map[string]string{"net/tcp": "heading\n", "net/tcp6": `heading
   0: 00000000000000000000000000000000:07E4 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 71
   1: 0000000000000000FFFF00000100007F:07E4 0000000000000000FFFF00000100007F:C350 01 0:0 0:0 0 0 0 72
   2: 00000000000000000000000001000000:07E4 00000000000000000000000001000000:C351 08 0:0 0:0 0 0 0 73
`})
	all, notes := socketsIn(t.Context(), proc, []string{"tcp"})
	want := []socket{
		{protocol: "tcp6", local: netip.MustParseAddrPort("[::]:2020"), remote: netip.MustParseAddrPort("[::]:0"), state: Listen, owner: 71},
		{protocol: "tcp6", local: netip.MustParseAddrPort("127.0.0.1:2020"), remote: netip.MustParseAddrPort("127.0.0.1:50000"), state: Established, owner: 72},
		{protocol: "tcp6", local: netip.MustParseAddrPort("[::1]:2020"), remote: netip.MustParseAddrPort("[::1]:50001"), state: CloseWait, owner: 73},
	}
	if !slices.Equal(all, want) || len(notes) != 0 {
		t.Errorf("%+v %q", all, notes)
	}
}

func TestNoIPv6Statistics(t *testing.T) {
	proc, _ := fakeProc(t, map[string]string{
		"1/net/snmp": "Tcp: InSegs OutSegs Novelty\nTcp: 5 6 7\nUdp: InDatagrams\nUdp: 9\n",
	})
	one, err := proc.Proc(1)
	if err != nil {
		t.Fatal(err)
	}
	got, notes := protocolsOf(one)
	if len(got) != 2 || got[0].Name != "TCP" || got[1].Name != "UDP" {
		t.Fatalf("%+v", got)
	}
	if want := []Counter{{"InSegs", 5}, {"OutSegs", 6}}; !slices.Equal(got[0].Counters, want) {
		t.Errorf("%+v", got[0])
	}
	if len(notes) != 1 || !strings.Contains(notes[0], "IPv6") {
		t.Errorf("%q", notes)
	}
}

// The search for owners leaves out what it may not look into, and stops when all
// is found.
func TestOwnerSearch(t *testing.T) {
	proc, dir := fakeProc(t, map[string]string{"7/stat": "", "8/fd/.keep": ""})
	for name, target := range map[string]string{"0": "/dev/null", "3": "socket:[71]", "4": "socket:[x]", "5": "socket:[99]"} {
		if err := os.Symlink(target, filepath.Join(dir, "8", "fd", name)); err != nil {
			t.Fatal(err)
		}
	}
	search := ownerSearch{missing: map[uint64]bool{71: true, 72: true}, found: map[uint64]int32{}}
	if err := search.run(t.Context(), proc); err != nil {
		t.Fatal(err)
	}
	if len(search.found) != 1 || search.found[71] != 8 || !search.missing[72] {
		t.Errorf("found %v, missing %v", search.found, search.missing)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := search.run(ctx, proc); err != context.Canceled {
		t.Errorf("canceled search: %v", err)
	}
}
