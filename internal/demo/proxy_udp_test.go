package demo

import (
	"fmt"
	"maps"
	"net"
	"testing"
	"time"
)

// patience bounds every wait for something that must happen, and is never waited
// out when all is well.
const patience = 30 * time.Second

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
	w, arrivals := weather{dice: dice(seed, name)}, map[string]int{}
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
	p, err := newUDPProxy(11, "udp", server.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	client := dialUDP(t, p.address())
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
	if p.lost.Load() != lost || p.repeated.Load() != repeated {
		t.Errorf("%d lost and %d repeated; want %d and %d", p.lost.Load(), p.repeated.Load(), lost, repeated)
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
	p, err := newUDPProxy(12, "udp", server.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	p.up.settle()
	one, other := dialUDP(t, p.address()), dialUDP(t, p.address())
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
	p.settle()
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
	p, err := newUDPProxy(13, "udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	p.settle()
	client := dialUDP(t, p.address())
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
