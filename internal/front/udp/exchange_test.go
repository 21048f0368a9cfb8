package udp

import (
	"errors"
	"maps"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/net/ipv4"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// script is a socket that reads what it is given and sends as much as it is told.
type script struct {
	socket
	in   []ipv4.Message
	send []int // how many each WriteBatch sends; below 0 it fails, out of turns it sends all
	sent []string
}

var errSend = errors.New("message too sad")

func (s *script) ReadBatch(ms []ipv4.Message, _ int) (int, error) {
	for i, m := range s.in {
		ms[i].N = copy(ms[i].Buffers[0], m.Buffers[0])
		ms[i].NN, ms[i].Addr = 0, m.Addr
	}
	return len(s.in), nil
}

func (s *script) WriteBatch(ms []ipv4.Message, _ int) (int, error) {
	n := len(ms)
	if len(s.send) > 0 {
		n = min(n, s.send[0])
		s.send = s.send[1:]
	}
	if n < 0 {
		return n, errSend
	}
	for _, m := range ms[:n] {
		s.sent = append(s.sent, m.Addr.String()+" "+string(m.Buffers[0]))
	}
	return n, nil
}

// play runs one turn over datagrams from the given senders and returns what was sent.
func play(t *testing.T, s *script, service cuenta.Service, traffic *cuenta.Traffic) []string {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	x := New(Config{Service: service, Traffic: traffic}).newExchange(conn)
	x.socket = s
	if err := x.turn(wait); err != nil {
		t.Fatal(err)
	}
	return s.sent
}

func from(ip string, port int, text string) ipv4.Message {
	return ipv4.Message{Addr: &net.UDPAddr{IP: net.ParseIP(ip), Port: port}, Buffers: [][]byte{[]byte(text)}}
}

func same(t *testing.T, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("sent %q, want %q", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("answer %d: %q, want %q", i, got[i], want[i])
		}
	}
}

// TestEachToItsSender: requests and what needs no service, mixed in one batch.
func TestEachToItsSender(t *testing.T) {
	service, traffic := fronttest.NewService(), new(cuenta.Traffic)
	got := play(t, &script{in: []ipv4.Message{
		from("10.0.0.1", 1, "inc.4"), from("10.0.0.2", 2, "salir"), from("10.0.0.3", 3, "inc.1"),
		from("10.0.0.4", 4, "res.1"), from("10.0.0.1", 1, "con.0"), from("fe80::1", 5, "dec.7\n"),
	}}, service, traffic)
	same(t, got, []string{
		"10.0.0.1:1 4\n", "10.0.0.2:2 adios\n", "10.0.0.3:3 5\n", "10.0.0.4:4 error syntax res takes 0 only\n",
		"10.0.0.1:1 5\n", "[fe80::1]:5 -2\n",
	})
	if c := service.Calls(); c.Batches != 1 || c.Requests != 4 {
		t.Errorf("calls %+v, want one batch of 4", c)
	}
	if in, out := traffic.BytesIn.Load(), traffic.BytesOut.Load(); in != 5+5+5+5+5+6 || out != 2+6+2+30+2+3 {
		t.Errorf("%d bytes in, %d out", in, out)
	}
}

// TestForgedSenders: what could not be answered, or would be answered to many,
// is not done.
func TestForgedSenders(t *testing.T) {
	service, traffic := fronttest.NewService(), new(cuenta.Traffic)
	in := []ipv4.Message{
		from("10.0.0.1", 0, "inc.1"), from("0.0.0.0", 9, "inc.1"), from("::", 9, "inc.1"), from("224.0.0.1", 9, "inc.1"),
		from("239.255.255.250", 1900, "inc.1"), from("ff02::1", 9, "inc.1"), from("255.255.255.255", 9, "inc.1"),
		{Buffers: [][]byte{[]byte("inc.1")}},
	}
	refused := int64(len(in))
	got := play(t, &script{in: append(in, from("10.0.0.1", 9, "inc.4"))}, service, traffic)
	same(t, got, []string{"10.0.0.1:9 4\n"})
	if n := traffic.Refused.Load(); n != refused {
		t.Errorf("%d refused, want %d", n, refused)
	}
}

// TestUnsendableAnswers: one answer that cannot be sent costs itself only.
func TestUnsendableAnswers(t *testing.T) {
	in := []ipv4.Message{
		from("10.0.0.1", 1, "inc.1"), from("10.0.0.2", 2, "inc.1"), from("10.0.0.3", 3, "inc.1"), from("10.0.0.4", 4, "inc.1"),
	}
	for name, c := range map[string]struct {
		send []int
		want []string
	}{
		"all at once":      {nil, []string{"10.0.0.1:1 1\n", "10.0.0.2:2 2\n", "10.0.0.3:3 3\n", "10.0.0.4:4 4\n"}},
		"one by one":       {[]int{1, 1, 1, 1}, []string{"10.0.0.1:1 1\n", "10.0.0.2:2 2\n", "10.0.0.3:3 3\n", "10.0.0.4:4 4\n"}},
		"the first fails":  {[]int{-1}, []string{"10.0.0.2:2 2\n", "10.0.0.3:3 3\n", "10.0.0.4:4 4\n"}},
		"the third fails":  {[]int{2, -1}, []string{"10.0.0.1:1 1\n", "10.0.0.2:2 2\n", "10.0.0.4:4 4\n"}},
		"all fail":         {[]int{-1, -1, -1, -1}, nil},
		"nothing is taken": {[]int{0, 3}, []string{"10.0.0.2:2 2\n", "10.0.0.3:3 3\n", "10.0.0.4:4 4\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			same(t, play(t, &script{in: in, send: c.send}, fronttest.NewService(), new(cuenta.Traffic)), c.want)
		})
	}
}

// TestClients: requests with an identity say which host has sent them.
func TestClients(t *testing.T) {
	service := fronttest.NewService()
	in := []ipv4.Message{
		from("10.0.0.1", 1, "inc.1 id=a"), from("10.0.0.1", 2, "inc.1 id=b"), from("10.0.0.2", 1, "inc.1 id=c"),
		from("fe80::1", 1, "inc.1 id=d"), from("10.0.0.3", 1, "inc.1"), from("10.0.0.3", 1, "inc.x id=e"),
	}
	in[3].Addr.(*net.UDPAddr).Zone = "lo"
	in[2].Addr.(*net.UDPAddr).IP = net.IP{10, 0, 0, 2}
	play(t, &script{in: in}, service, new(cuenta.Traffic))
	want := make(map[uint32]int)
	for _, host := range []string{"10.0.0.1", "10.0.0.1", "10.0.0.2", "fe80::1"} {
		want[cuenta.ClientOf(netip.MustParseAddr(host))]++
	}
	if got := service.Clients(); !maps.Equal(got, want) {
		t.Errorf("clients %v, want %v", got, want)
	}
	if got := clientAt(&net.UnixAddr{}); got != 0 {
		t.Errorf("who has no address is client %d", got)
	}
}

// TestDecodingAllocatesNothing beyond what it may cost to number a host.
func TestDecodingAllocatesNothing(t *testing.T) {
	x := &exchange{Server: New(Config{Traffic: new(cuenta.Traffic)})}
	in := []ipv4.Message{from("10.0.0.1", 1, "inc.1"), from("10.0.0.1", 1, "res.1"), from("fe80::1", 1, "inc.1 @a id=b")}
	for i := range in {
		in[i].N = len(in[i].Buffers[0])
	}
	x.decode(in)
	host := netip.MustParseAddr("fe80::1")
	numbering := testing.AllocsPerRun(100, func() { cuenta.ClientOf(host) })
	for n, most := range map[int]float64{2: 0, 3: numbering} {
		if got := testing.AllocsPerRun(100, func() { x.decode(in[:n]) }); got > most {
			t.Errorf("%v allocations for %d datagrams, want %v", got, n, most)
		}
	}
}
