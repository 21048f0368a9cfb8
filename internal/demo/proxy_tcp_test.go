package demo

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

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
func talk(t *testing.T, p *tcpProxy, plan cut) (pieces int) {
	t.Helper()
	conn, err := net.Dial("tcp", p.address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	before := p.cuts.Load()
	for ; ; pieces++ {
		sent := fmt.Sprintf("piece %08d", pieces)
		if _, err := io.WriteString(conn, sent); err != nil {
			return pieces
		}
		if plan.end == silenced && pieces == plan.chunk {
			for start := time.Now(); p.cuts.Load() == before; time.Sleep(time.Millisecond) {
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
	p, err := newTCPProxy(21, "tcp", "tcp", server)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	const size = len("piece 00000000")
	for n := range 60 {
		plan := planCut(dice(21, fmt.Sprint("tcp connection ", n)))
		want := plan.chunk
		if !plan.up && plan.share == 1 && plan.end != silenced {
			want++ // the answer passes, and then the connection is lost
		}
		got := talk(t, p, plan)
		// A reset may overtake what was sent before it.
		if got != want && !(plan.end == reset && got == plan.chunk) {
			t.Errorf("connection %d, %+v: %d pieces came back, want %d", n, plan, got, want)
		}
		arrived := len(<-heard)
		least, most := plan.chunk*size, (plan.chunk+1)*size
		switch {
		case plan.up:
			most = least + int(plan.share*float64(size))
		case want > plan.chunk:
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
	if p.cuts.Load() != 60 {
		t.Errorf("%d cuts in 60 connections", p.cuts.Load())
	}
}

func TestSettledTCPProxyCutsOnceMoreAndThenNeverAgain(t *testing.T) {
	server, heard := echo(t)
	p, err := newTCPProxy(22, "tcp", "tcp", server)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	silent, err := net.Dial("tcp", p.address())
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
	p.settle()
	if _, err := silent.Read(make([]byte, 1)); err == nil {
		t.Error("a connection outlives the end of the faults")
	}
	<-heard
	conn, err := net.Dial("tcp", p.address())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for i := range 20 * meanChunks {
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
	p, err := newTCPProxy(23, "tcp", "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	conn, err := net.Dial("tcp", p.address())
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
