package limit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// both is a server of both versions, with a client for each.
type both struct {
	server  *Server
	traffic *cuenta.Traffic
	address string
	http1   *http.Client
	http2   *http.Client
}

func serveBoth(t *testing.T, c Config) *both {
	t.Helper()
	fronttest.NoLeaks(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Traffic, c.Log, c.HTTP2 = new(cuenta.Traffic), slog.New(slog.DiscardHandler), true
	if c.MaxConns == 0 {
		c.MaxConns = 100
	}
	one, two := &http.Transport{}, &http.Transport{Protocols: new(http.Protocols)}
	two.Protocols.SetUnencryptedHTTP2(true)
	b := &both{server: NewServer(c), traffic: c.Traffic, address: l.Addr().String(),
		http1: &http.Client{Transport: one, Timeout: patience}, http2: &http.Client{Transport: two, Timeout: patience}}
	served := make(chan error, 1)
	go func() { served <- b.server.Serve(l) }()
	t.Cleanup(func() {
		one.CloseIdleConnections()
		two.CloseIdleConnections()
		if err := b.server.Drain(context.Background()); err != nil {
			t.Error("drain:", err)
		}
		if err := <-served; err != nil {
			t.Error("serve:", err)
		}
	})
	return b
}

// get returns the body of an answer, or what went wrong.
func (b *both) get(client *http.Client) string {
	response, err := client.Get("http://" + b.address + "/")
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

var sayVersion = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	fmt.Fprint(w, r.Proto, " ", local.IP, " ", strings.HasPrefix(r.RemoteAddr, "127.0.0.1:"))
})

func TestBothVersions(t *testing.T) {
	b := serveBoth(t, Config{Handler: sayVersion})
	for range 3 {
		if got := b.get(b.http1); got != "HTTP/1.1 127.0.0.1 true" {
			t.Error(got)
		}
		if got := b.get(b.http2); got != "HTTP/2.0 127.0.0.1 true" {
			t.Error(got)
		}
	}
	if open, accepted := b.traffic.Open.Load(), b.traffic.Accepted.Load(); open != 2 || accepted != 2 {
		t.Errorf("%d connections are open, %d were accepted", open, accepted)
	}
	if in, out := b.traffic.BytesIn.Load(), b.traffic.BytesOut.Load(); in < 300 || out < 300 {
		t.Errorf("%d bytes in, %d out", in, out)
	}
}

// TestConnectionsAreBounded counts both versions together.
func TestConnectionsAreBounded(t *testing.T) {
	b := serveBoth(t, Config{Handler: sayVersion, MaxConns: 1})
	b.get(b.http2)
	if got := b.turnedAway(t); !strings.Contains(got, "\r\n\r\nerror busy ") {
		t.Error(got)
	}
	b.http2.CloseIdleConnections()
	if !fronttest.Eventually(func() bool { return b.traffic.Open.Load() == 0 }) {
		t.Fatal("a closed connection keeps its place")
	}
	if got := b.get(b.http1); got != "HTTP/1.1 127.0.0.1 true" {
		t.Error(got)
	}
}

// turnedAway returns what a connection is told that asks nothing. A client of net/http
// does not expect an answer before its question, and may not read it.
func (b *both) turnedAway(t *testing.T) string {
	t.Helper()
	conn, err := net.Dial("tcp", b.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// TestDrainOfBoth begins with requests under way and connections idle.
func TestDrainOfBoth(t *testing.T) {
	inside, let := make(chan struct{}), make(chan struct{})
	var server *Server
	b := serveBoth(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, end := server.Patient(r)
		defer end()
		inside <- struct{}{}
		<-let
		fmt.Fprint(w, r.Proto, " ", ctx.Err())
	})})
	server = b.server
	const each = 8
	answers := make(chan string, 2*each)
	for range each {
		go func() { answers <- b.get(b.http1) }()
		go func() { answers <- b.get(b.http2) }()
	}
	for range 2 * each {
		<-inside
	}
	drained := make(chan error, 1)
	go func() { drained <- b.server.Drain(context.Background()) }()
	if !fronttest.Eventually(b.refuses) {
		t.Fatal("a draining server accepts")
	}
	close(let)
	seen := make(map[string]int)
	for range 2 * each {
		seen[<-answers]++
	}
	if seen["HTTP/1.1 <nil>"] != each || seen["HTTP/2.0 <nil>"] != each {
		t.Errorf("%v", seen)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if open := b.traffic.Open.Load(); open != 0 {
		t.Errorf("%d connections are open", open)
	}
}

func (b *both) refuses() bool {
	conn, err := net.Dial("tcp", b.address)
	if err == nil {
		conn.Close()
	}
	return err != nil
}

func TestDrainOfBothCuts(t *testing.T) {
	inside, gone := make(chan struct{}), make(chan struct{})
	b := serveBoth(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inside <- struct{}{}
		<-r.Context().Done()
		close(gone)
	})})
	answer := make(chan string, 1)
	go func() { answer <- b.get(b.http2) }()
	<-inside
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.server.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	<-gone
	if got := <-answer; strings.HasPrefix(got, "HTTP") {
		t.Error(got)
	}
}

// TestPatience ends with the client, while there is no drain.
func TestPatience(t *testing.T) {
	inside, gone := make(chan struct{}), make(chan struct{})
	var server *Server
	b := serveBoth(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, end := server.Patient(r)
		defer end()
		inside <- struct{}{}
		<-ctx.Done()
		gone <- struct{}{}
	})})
	server = b.server
	for _, client := range []*http.Client{b.http1, b.http2} {
		ctx, cancel := context.WithCancel(t.Context())
		request, err := http.NewRequestWithContext(ctx, "GET", "http://"+b.address, nil)
		if err != nil {
			t.Fatal(err)
		}
		left := make(chan error, 1)
		go func() {
			_, err := client.Do(request)
			left <- err
		}()
		<-inside
		cancel()
		<-gone
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

// TestHalfAPreface begins to speak HTTP/2 and says something else, or nothing.
func TestHalfAPreface(t *testing.T) {
	b := serveBoth(t, Config{Handler: sayVersion, HeaderTimeout: 50 * time.Millisecond, ReadTimeout: 50 * time.Millisecond, IdleTimeout: 50 * time.Millisecond})
	var strangers sync.WaitGroup
	for _, said := range []string{
		"PRI", "PRI * HTTP/2.0\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "PRI * HTTP/2.0\r\nHost: x\r\n\r\nSM\r\n\r\n",
		preface, preface + "\x00\x00\x00", preface + strings.Repeat("\xff", 100), preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00", // and silence
	} {
		strangers.Go(func() {
			conn, err := net.Dial("tcp", b.address)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
				t.Error(err)
			}
			if _, err := io.WriteString(conn, said); err != nil {
				t.Error(err)
			}
			text, err := io.ReadAll(bufio.NewReader(conn))
			if errors.Is(err, os.ErrDeadlineExceeded) || strings.Contains(string(text), " 200 ") {
				t.Errorf("%q: %q, %v", said, text, err)
			}
		})
	}
	strangers.Wait()
	if got := b.get(b.http2); got != "HTTP/2.0 127.0.0.1 true" {
		t.Error(got)
	}
	if !fronttest.Eventually(func() bool { return b.traffic.Open.Load() <= 1 }) {
		t.Errorf("%d connections are open", b.traffic.Open.Load())
	}
}

// TestServeThatFails does not leave the second server behind.
func TestServeThatFails(t *testing.T) {
	fronttest.NoLeaks(t)
	s := NewServer(Config{Handler: sayVersion, MaxConns: 1, Traffic: new(cuenta.Traffic), Log: slog.New(slog.DiscardHandler), HTTP2: true})
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
}
