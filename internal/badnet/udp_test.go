package badnet

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"testing"
	"time"
)

func listenUDP(t *testing.T) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.UDPConn)
}

// fatesOf returns how often each of n datagrams arrives.
func fatesOf(seed uint64, name string, n int) (arrivals map[string]int, lost, repeated int64) {
	w, arrivals := weather{dice: Dice(seed, name)}, map[string]int{}
	for i := range n {
		switch f, _ := w.next(); f {
		case dropped:
			lost++
		case doubled:
			repeated++
			arrivals[fmt.Sprint(i)] = 2
		default:
			arrivals[fmt.Sprint(i)] = 1
		}
	}
	return arrivals, lost, repeated
}

// collect receives as many datagrams as are due.
func collect(t *testing.T, conn net.Conn, due map[string]int) map[string]int {
	t.Helper()
	got, n := map[string]int{}, 0
	for _, times := range due {
		n += times
	}
	buf := make([]byte, maxDatagram)
	for range n {
		size, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("%v after %v", err, got)
		}
		got[string(buf[:size])]++
	}
	return got
}

func TestUDPProxyDropsAndRepeatsRequestsAsTheSeedSays(t *testing.T) {
	server := listenUDP(t)
	p, err := testNetwork(11).UDP("udp")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Open("udp", server.LocalAddr().String())
	client := dialUDP(t, p.Address())
	const n = 150
	want, lost, repeated := fatesOf(11, "udp up", n)
	if lost == 0 || repeated == 0 {
		t.Fatal("this seed has no faults")
	}
	for i := range n {
		if _, err := fmt.Fprint(client, i); err != nil {
			t.Fatal(err)
		}
	}
	if got := collect(t, server, want); !maps.Equal(got, want) {
		t.Errorf("arrived: %v\nwant: %v", got, want)
	}
	if p.n.Counts.Lost.Load() != lost || p.n.Counts.Doubled.Load() != repeated {
		t.Errorf("%d lost and %d repeated; want %d and %d", p.n.Counts.Lost.Load(), p.n.Counts.Doubled.Load(), lost, repeated)
	}
}

func dialUDP(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestUDPProxyDropsAndRepeatsAnswersToTheirOwnClients(t *testing.T) {
	server := listenUDP(t)
	p, err := testNetwork(12).UDP("udp")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Open("udp", server.LocalAddr().String())
	p.up.settle()
	one, other := dialUDP(t, p.Address()), dialUDP(t, p.Address())
	ask := func(client net.Conn) net.Addr {
		if _, err := client.Write([]byte("?")); err != nil {
			t.Fatal(err)
		}
		_, from, err := server.ReadFrom(make([]byte, maxDatagram))
		if err != nil {
			t.Fatal(err)
		}
		return from
	}
	to := ask(one)
	const n = 150
	want, _, _ := fatesOf(12, "udp down", n)
	for i := range n {
		if _, err := server.WriteTo(fmt.Append(nil, i), to); err != nil {
			t.Fatal(err)
		}
	}
	if got := collect(t, one, want); !maps.Equal(got, want) {
		t.Errorf("arrived: %v\nwant: %v", got, want)
	}
	p.Settle()
	if _, err := server.WriteTo([]byte("other"), ask(other)); err != nil {
		t.Fatal(err)
	}
	if got := collect(t, other, map[string]int{"other": 1}); got["other"] != 1 {
		t.Errorf("the other client got %v", got)
	}
}

// A server that is dead for a while, and the refusals that the system then tells,
// end nothing.
func TestUDPProxyOutlivesItsServer(t *testing.T) {
	server := listenUDP(t)
	address := server.LocalAddr().String()
	p, err := testNetwork(13).UDP("udp")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Open("udp", address)
	p.Settle()
	client := dialUDP(t, p.Address())
	server.Close()
	for range 20 {
		if _, err := client.Write([]byte("lost")); err != nil {
			t.Fatal(err)
		}
	}
	again, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := again.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write([]byte("found")); err != nil {
		t.Fatal(err)
	}
	for buf := make([]byte, maxDatagram); ; {
		n, _, err := again.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		if string(buf[:n]) == "found" {
			return
		}
	}
}

// question is a datagram that a server is asked with, and its answer.
const question, reply = "con.0", "13"

// answering serves datagrams until the test ends.
func answering(t *testing.T) (address string) {
	server := listenUDP(t)
	go func() {
		buf := make([]byte, maxDatagram)
		for {
			_, from, err := server.ReadFrom(buf)
			if err != nil {
				return // the end of the test
			}
			_, _ = server.WriteTo([]byte(reply), from) // nobody may listen
		}
	}()
	return server.LocalAddr().String()
}

// TestUDPProxyLetsThroughWhileItIsOpen: what was let through to one life of a server
// cannot reach the next.
func TestUDPProxyLetsThroughWhileItIsOpen(t *testing.T) {
	n := testNetwork(14)
	answers := make(chan string, 1)
	n.Answer = func(answer []byte) { answers <- string(answer) }
	p, err := n.UDP("udp")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Settle()
	client := dialUDP(t, p.Address())
	from := client.LocalAddr().(*net.UDPAddr).AddrPort()
	if p.flow(from) != nil {
		t.Error("somebody got through before it was open")
	}
	for life := range 2 {
		p.Open("udp", answering(t))
		if _, err := client.Write([]byte(question)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, maxDatagram)
		if size, err := client.Read(buf); err != nil || string(buf[:size]) != reply {
			t.Fatalf("life %d: %q, %v", life, buf[:size], err)
		}
		if seen := <-answers; seen != reply {
			t.Errorf("life %d: the answer was seen as %q", life, seen)
		}
		before := p.flow(from)
		p.Shut()
		if p.flow(from) != nil {
			t.Errorf("life %d: somebody got through after it was shut", life)
		}
		if _, err := before.Write([]byte(question)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("life %d: what was on its way still got there: %v", life, err)
		}
	}
}

// TestSingleDatagramsAreNotDoubled: of those that must arrive once at most, none
// arrives twice; the fates of others do not change for it.
func TestSingleDatagramsAreNotDoubled(t *testing.T) {
	server := listenUDP(t)
	network := testNetwork(11)
	odd := func(request []byte) bool { return request[len(request)-1]%2 == 1 }
	network.Single = odd
	p, err := network.UDP("udp")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Open("udp", server.LocalAddr().String())
	client := dialUDP(t, p.Address())
	const n = 150
	want, _, _ := fatesOf(11, "udp up", n)
	spared := 0
	for i := range n {
		name := fmt.Sprint(i)
		if odd([]byte(name)) && want[name] == 2 {
			want[name] = 1
			spared++
		}
		if _, err := fmt.Fprint(client, i); err != nil {
			t.Fatal(err)
		}
	}
	if spared == 0 {
		t.Fatal("this seed doubles none of them")
	}
	if got := collect(t, server, want); !maps.Equal(got, want) {
		t.Errorf("arrived: %v\nwant: %v", got, want)
	}
}
