package limit

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
)

const patience = 20 * time.Second

// pair returns both ends of a connection through a Listener with room for max.
func pair(t *testing.T, network string, max int) (l *Listener, server net.Conn, client net.Conn) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = t.TempDir() + "/s"
	}
	inner, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	l = Listen(inner, max, new(cuenta.Traffic))
	t.Cleanup(func() { l.Close() })
	if client, err = net.Dial(network, inner.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return l, server, client
}

// TestReadingEndsWithWhatArrived stops a connection on which bytes lie unread.
func TestReadingEndsWithWhatArrived(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		_, server, client := pair(t, network, 1)
		io.WriteString(client, "abcdef")
		p := make([]byte, 3)
		if _, err := io.ReadFull(server, p); err != nil || string(p) != "abc" {
			t.Fatalf("%s: %q, %v", network, p, err)
		}
		server.(*Conn).StopReading()
		server.(*Conn).StopReading() // once more changes nothing
		if err := server.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(server)
		if string(rest) != "def" || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %q, %v", network, rest, err)
		}
		if _, err := server.Write([]byte("answer")); err != nil {
			t.Errorf("%s: writing has ended too: %v", network, err)
		}
	}
}

// TestStopEndsAReadUnderWay stops a connection while its reader waits.
func TestStopEndsAReadUnderWay(t *testing.T) {
	_, server, _ := pair(t, "tcp", 1)
	ended := make(chan error, 1)
	go func() {
		_, err := server.Read(make([]byte, 1))
		ended <- err
	}()
	server.(*Conn).StopReading()
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}

// TestFloodIsNotReadForEver keeps sending after the reading was ended.
func TestFloodIsNotReadForEver(t *testing.T) {
	_, server, client := pair(t, "tcp", 1)
	flood := make(chan struct{})
	go func() {
		defer close(flood)
		for noise := make([]byte, 4096); ; {
			if _, err := client.Write(noise); err != nil {
				return
			}
		}
	}()
	server.(*Conn).StopReading()
	n, err := io.Copy(io.Discard, server)
	if n > maxUnheard || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d bytes, %v", n, err)
	}
	server.(*Conn).Cut()
	<-flood
}

// TestLastAnswerSurvivesTheClose closes over bytes that nobody has read: a plain
// close would reset the connection, and the answer with it.
func TestLastAnswerSurvivesTheClose(t *testing.T) {
	l, server, client := pair(t, "tcp", 1)
	io.WriteString(client, "never read")
	if _, err := server.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	server.(*Conn).StopReading()
	var closing sync.WaitGroup
	closing.Go(func() { server.Close() })
	n, err := io.Copy(io.Discard, client)
	if n != 1<<20 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	client.Close()
	closing.Wait()
	if open := l.traffic.Open.Load(); open != 0 {
		t.Errorf("%d open", open)
	}
}

func TestDrainWaitsForThoseWhoServe(t *testing.T) {
	l, server, _ := pair(t, "tcp", 1)
	drained := make(chan error, 1)
	go func() { drained <- l.Drain(context.Background()) }()
	// The reading ends first; only then is the connection closed by its server.
	if _, err := server.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	select {
	case err := <-drained:
		t.Fatalf("drained with a connection open: %v", err)
	default:
	}
	server.(*Conn).Cut()
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if err := l.Drain(context.Background()); err != nil {
		t.Errorf("a second drain: %v", err)
	}
}

func TestDrainCuts(t *testing.T) {
	l, server, client := pair(t, "tcp", 1)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := server.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the connection goes on: %v", err)
	}
	if n, err := client.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("read %d bytes, %v", n, err)
	}
	if open := l.traffic.Open.Load(); open != 0 {
		t.Errorf("%d open", open)
	}
}

// TestServeFails returns the listener's own error.
func TestServeFails(t *testing.T) {
	s := NewServer(Config{Handler: http.NotFoundHandler(), MaxConns: 1, Traffic: new(cuenta.Traffic), Log: slog.New(slog.DiscardHandler)})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := s.Serve(l); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if err := s.Drain(context.Background()); err != nil {
		t.Error(err)
	}
	if s.Context().Err() == nil {
		t.Error("the context outlives the drain")
	}
}
