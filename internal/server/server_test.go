package server

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/config"
)

func testConfig(t testing.TB) Config {
	t.Helper()
	// Not t.TempDir: the socket's path must be short.
	dir, err := os.MkdirTemp("", "cuenta-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return Config{Serve: config.Serve{
		Data: dir, Socket: filepath.Join(dir, "sock"), Addresses: filepath.Join(dir, "addresses"),
		UDP: "127.0.0.1:0", TCP: "127.0.0.1:0", Web: "127.0.0.1:0", RPC: "127.0.0.1:0",
	}}
}

func start(t testing.TB, c Config) *Server {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func stateOf(t *testing.T, s *Server, name string) cuenta.ServiceStatus {
	t.Helper()
	all, err := s.Services(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no front %s", name)
	return cuenta.ServiceStatus{}
}

func TestStopAndStartKeepTheAddress(t *testing.T) {
	s := start(t, testConfig(t))
	defer s.Close()
	before := stateOf(t, s, cuenta.FrontTCP)
	ctx := context.Background()
	for range 2 { // stopping what is stopped, and starting what runs, are no errors
		if err := s.Stop(ctx, cuenta.Origin{}, cuenta.FrontTCP); err != nil {
			t.Fatal(err)
		}
	}
	if f := stateOf(t, s, cuenta.FrontTCP); f.State != cuenta.Stopped || f.Address != before.Address {
		t.Errorf("stopped: %+v", f)
	}
	for range 2 {
		if err := s.Start(ctx, cuenta.FrontTCP); err != nil {
			t.Fatal(err)
		}
	}
	if f := stateOf(t, s, cuenta.FrontTCP); f.State != cuenta.Running || f.Address != before.Address {
		t.Errorf("started: %+v, want the address %s again", f, before.Address)
	}
}

func TestRefusalsOfControl(t *testing.T) {
	s := start(t, testConfig(t))
	defer s.Close()
	ctx := context.Background()
	for what, c := range map[string]struct {
		err  error
		want cuenta.Code
	}{
		"stop nobody":             {s.Stop(ctx, cuenta.Origin{}, "gopher"), cuenta.NotFound},
		"start nobody":            {s.Start(ctx, "gopher"), cuenta.NotFound},
		"start what was left out": {s.Start(ctx, cuenta.FrontProc), cuenta.NotFound},
		"stop the console":        {s.Stop(ctx, cuenta.Origin{}, cuenta.FrontSocket), cuenta.Unsupported},
	} {
		if !errors.Is(c.err, c.want.Err()) {
			t.Errorf("%s: %v, want %v", what, c.err, c.want)
		}
	}
}

// TestFrontThatEndsByItself closes a front's listener behind its back.
func TestFrontThatEndsByItself(t *testing.T) {
	s := start(t, testConfig(t))
	defer s.Close()
	f, err := s.findFront(cuenta.FrontTCP)
	if err != nil {
		t.Fatal(err)
	}
	drained := make(chan struct{})
	broken := errors.New("broken")
	f.mu.Lock()
	f.state = cuenta.Stopped // as if it had never been started
	f.mu.Unlock()
	real := f.open
	f.open = func(address string) (running, error) {
		r := running{address: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}}
		r.serve = func() error { return broken }
		r.drain = func(context.Context) error { close(drained); return nil }
		return r, nil
	}
	if err := f.start(); err != nil {
		t.Fatal(err)
	}
	<-f.served
	<-drained
	if state := f.status().State; state != cuenta.Stopped {
		t.Errorf("a front that ended by itself is %s", state)
	}
	f.open, f.address = real, "127.0.0.1:0"
	if err := f.start(); err != nil {
		t.Errorf("starting it again: %v", err)
	}
}

func TestFailedStartLeavesNothing(t *testing.T) {
	c := testConfig(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c.RPC = l.Addr().String() // the last but one to be bound
	var banner bytes.Buffer
	c.Banner = &banner
	_, err = New(c)
	if !errors.Is(err, cuenta.Busy.Err()) || !strings.Contains(err.Error(), "rpc") {
		t.Fatalf("a busy port: %v", err)
	}
	if _, err := os.Stat(c.Addresses); !os.IsNotExist(err) {
		t.Errorf("the addresses file was written: %v", err)
	}
	c.RPC = "127.0.0.1:0"
	s := start(t, c) // the directory is free again, and so are the ports
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestSocketIsReplacedOnlyIfNobodyListens(t *testing.T) {
	c := testConfig(t)
	s := start(t, c)
	if info, err := os.Stat(c.Socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v; want it for its owner alone", info.Mode(), err)
	}
	other := testConfig(t)
	other.Socket = c.Socket
	if _, err := New(other); err == nil || !strings.Contains(err.Error(), c.Socket) {
		t.Errorf("a socket in use: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// What a killed server leaves behind.
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: c.Socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	s = start(t, c)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.Socket, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(c); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("a file in the socket's place: %v", err)
	}
	if text, err := os.ReadFile(c.Socket); string(text) != "precious" {
		t.Errorf("the file is %q, %v", text, err)
	}
}

func TestCloseIsQuickWithIdleClients(t *testing.T) {
	s := start(t, testConfig(t))
	for range 20 {
		conn, err := net.Dial("tcp", stateOf(t, s, cuenta.FrontTCP).Address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	began := time.Now()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("closing took %v", took)
	}
}
