package badnet

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// patience bounds every wait for something that must happen, and is never waited
// out when all is well.
const patience = 30 * time.Second

func testNetwork(seed uint64) *Network {
	return &Network{Seed: seed, MeanPieces: 15, Counts: new(Counts)}
}

// echo serves connections that say again what they hear, and tells what each heard
// in all once it has ended.
func echo(t *testing.T) (address string, heard <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	all := make(chan string, 1)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // the end of the test
			}
			var b strings.Builder
			_, _ = io.Copy(conn, io.TeeReader(conn, &b)) // however it ends
			conn.Close()
			all <- b.String()
		}
	}()
	return l.Addr().String(), all
}

// talk sends piece after piece, each when the one before has come back, until the
// connection is lost. It returns how many came back.
func talk(t *testing.T, p *TCP, plan cut) (pieces int) {
	t.Helper()
	conn, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	before := p.n.Counts.Cuts.Load()
	for ; ; pieces++ {
		sent := fmt.Sprintf("piece %08d", pieces)
		if _, err := io.WriteString(conn, sent); err != nil {
			return pieces
		}
		if plan.end == silenced && pieces == plan.piece {
			for start := time.Now(); p.n.Counts.Cuts.Load() == before; time.Sleep(time.Millisecond) {
				if time.Since(start) > patience {
					t.Fatalf("not cut at piece %d", pieces)
				}
			}
			return pieces
		}
		got := make([]byte, len(sent))
		if _, err := io.ReadFull(conn, got); err != nil {
			return pieces
		}
		if string(got) != sent {
			t.Fatalf("piece %d came back as %q", pieces, got)
		}
	}
}

func TestTCPProxyCutsWhereTheSeedSays(t *testing.T) {
	server, heard := echo(t)
	p, err := testNetwork(21).TCP("tcp")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Open("tcp", server)
	const size = len("piece 00000000")
	for n := range 60 {
		plan := p.plan(n)
		want := plan.piece
		if !plan.up && plan.share == 1 && plan.end != silenced {
			want++ // the answer passes, and then the connection is lost
		}
		got := talk(t, p, plan)
		// A reset may overtake what was sent before it, and the answer to a request that
		// passed as a whole may overtake the end.
		overtaken := plan.end == reset && got == plan.piece || plan.up && plan.share == 1 && got == plan.piece+1
		if got != want && !overtaken {
			t.Errorf("connection %d, %+v: %d pieces came back, want %d", n, plan, got, want)
		}
		arrived := len(<-heard)
		least, most := plan.piece*size, (plan.piece+1)*size
		switch {
		case plan.up:
			most = least + int(plan.share*float64(size))
		case want > plan.piece:
			least, most = most, most+size // the client goes on until it notices
		default:
			least = most
		}
		if plan.end == reset {
			least = 0
		}
		if arrived < least || arrived > most {
			t.Errorf("connection %d, %+v: the server heard %d bytes, want %d to %d", n, plan, arrived, least, most)
		}
	}
	if p.n.Counts.Cuts.Load() != 60 {
		t.Errorf("%d cuts in 60 connections", p.n.Counts.Cuts.Load())
	}
}

func TestSettledTCPProxyCutsOnceMoreAndThenNeverAgain(t *testing.T) {
	server, heard := echo(t)
	p, err := testNetwork(22).TCP("tcp")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Open("tcp", server)
	silent, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if err := silent.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	// It has to be known to the proxy before that settles.
	for known := 0; known < 2; time.Sleep(time.Millisecond) {
		p.mu.Lock()
		known = len(p.conns)
		p.mu.Unlock()
	}
	p.Settle()
	if _, err := silent.Read(make([]byte, 1)); err == nil {
		t.Error("a connection outlives the end of the faults")
	}
	<-heard
	conn, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for i := range 20 * p.n.MeanPieces {
		piece := fmt.Sprintf("%08d", i)
		if _, err := io.WriteString(conn, piece); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, make([]byte, len(piece))); err != nil {
			t.Fatalf("piece %d: %v", i, err)
		}
	}
	conn.Close()
	<-heard
}

func TestTCPProxyWithoutAServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	p, err := testNetwork(23).TCP("tcp")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Open("tcp", l.Addr().String())
	conn, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes of nobody", n)
	}
}

// TestTCPProxyLetsThroughWhileItIsOpen: who comes before or after that is turned away,
// and who is there stays.
func TestTCPProxyLetsThroughWhileItIsOpen(t *testing.T) {
	server, heard := echo(t)
	p, err := testNetwork(24).TCP("tcp")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.Settle()
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", p.Address())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	served := func(conn net.Conn) bool {
		_, _ = io.WriteString(conn, "x") // it may be turned away already
		_, err := io.ReadFull(conn, make([]byte, 1))
		return err == nil
	}
	if served(dial()) {
		t.Error("somebody answered before it was open")
	}
	p.Open("tcp", server)
	there := dial()
	if !served(there) {
		t.Error("nobody answers")
	}
	p.Shut()
	if served(dial()) {
		t.Error("somebody answered though nobody is let through any more")
	}
	if !served(there) {
		t.Error("a connection that was there did not stay")
	}
	there.Close()
	<-heard
}
