package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
	"github.com/cuenta-server/cuenta/internal/front/rpc"
	"github.com/cuenta-server/cuenta/internal/front/tcp"
	"github.com/cuenta-server/cuenta/internal/wire/text"
)

// far is the far side of a test: fronts on loopback before a naive service.
type far struct {
	*fronttest.Service
	*fakeOperator
	tcp, udp, rpc string // addresses
	rpcListener   net.Listener
}

// failer is the part of testing.TB that the scripts' environment has too.
type failer interface{ Fatal(args ...any) }

// newFar serves until done is called. The Unix socket, if not empty, is the local console's.
func newFar(t failer, socket string) (f *far, done func()) {
	f = &far{Service: fronttest.NewService(), fakeOperator: newFakeOperator()}
	log := slog.New(slog.DiscardHandler)
	var drains []func(context.Context) error
	open := func(network, address string) net.Listener {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	serveRPC := func(l net.Listener, front string, class cuenta.Class) {
		s := rpc.New(rpc.Config{Service: f.Service, Operator: f, Traffic: new(cuenta.Traffic), Log: log, Front: front, Class: class})
		go s.Serve(l)
		drains = append(drains, s.Drain)
	}
	lines := open("tcp", "127.0.0.1:0")
	f.tcp = lines.Addr().String()
	server := tcp.New(tcp.Config{Service: f.Service, Traffic: new(cuenta.Traffic), Log: log})
	go server.Serve(lines)
	drains = append(drains, server.Drain)

	f.rpcListener = open("tcp", "127.0.0.1:0")
	f.rpc = f.rpcListener.Addr().String()
	serveRPC(f.rpcListener, cuenta.FrontRPC, cuenta.ClassRemote)
	if socket != "" {
		serveRPC(open("unix", socket), cuenta.FrontSocket, cuenta.ClassConsole)
	}

	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.udp = packets.LocalAddr().String()
	go f.serveDatagrams(packets)
	return f, func() {
		packets.Close()
		cut, cancel := context.WithCancel(context.Background())
		cancel()
		for _, drain := range drains {
			drain(cut)
		}
	}
}

func (f *far) serveDatagrams(c net.PacketConn) {
	buffer := make([]byte, 1024)
	for {
		n, from, err := c.ReadFrom(buffer)
		if err != nil {
			return
		}
		var decoder text.Decoder
		if requests, line := decoder.Decode(text.TrimDatagram(buffer[:n]), nil); len(requests) > 0 {
			b := cuenta.Batch{Requests: requests}
			f.Do(context.Background(), &b)
			c.WriteTo(line.AppendAnswer(nil, b.Results), from)
		}
	}
}

// fakeOperator is an operator of two services and of more counters than a page holds.
type fakeOperator struct {
	mu     sync.Mutex
	states map[string]cuenta.State
}

func newFakeOperator() *fakeOperator {
	return &fakeOperator{states: map[string]cuenta.State{"udp": cuenta.Running, "tcp": cuenta.Running}}
}

func (o *fakeOperator) Info(_ context.Context, asJSON bool) ([]byte, error) {
	if asJSON {
		return []byte(`{"report":true}`), nil
	}
	return []byte("Informacion Completa\n"), nil
}

func (o *fakeOperator) Services(context.Context) ([]cuenta.ServiceStatus, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return []cuenta.ServiceStatus{
		{Name: "udp", State: o.states["udp"], Address: "127.0.0.1:2002", Requests: 7},
		{Name: "tcp", State: o.states["tcp"], Address: "127.0.0.1:2020", Open: 2, BytesIn: 12},
	}, nil
}

func (o *fakeOperator) set(name string, s cuenta.State) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.states[name] == "" {
		return cuenta.NotFound.Err()
	}
	o.states[name] = s
	return nil
}

func (o *fakeOperator) Start(_ context.Context, name string) error {
	if name == "tcp" {
		return errors.New("port 2020 of tcp is taken by process 7")
	}
	return o.set(name, cuenta.Running)
}

func (o *fakeOperator) Stop(_ context.Context, _ cuenta.Origin, name string) error {
	return o.set(name, cuenta.Stopped)
}

const farCounters = 2500

func (o *fakeOperator) Count() uint64 { return 0 }

func (o *fakeOperator) List(_ context.Context, prefix string, cursor uint64, limit int) ([]cuenta.Counter, uint64, error) {
	var page []cuenta.Counter
	for i := int(cursor); i < farCounters; i++ {
		if len(page) == limit {
			return page, uint64(i), nil
		}
		if name := fmt.Sprintf("c%04d", i); strings.HasPrefix(name, prefix) {
			page = append(page, cuenta.Counter{Name: name, Value: int64(i)})
		}
	}
	return page, 0, nil
}

func startFar(t *testing.T) *far {
	t.Helper()
	f, done := newFar(t, "")
	t.Cleanup(done)
	return f
}
