package demo

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxDatagram = 1024

	// A client that is silent for so long is forgotten until it speaks again.
	flowIdle = 2 * time.Second
)

// udpProxy stands before a server and drops, repeats and delays datagrams in both
// directions.
type udpProxy struct {
	front    net.PacketConn
	server   string
	up, down weather

	lost, repeated atomic.Int64

	mu     sync.Mutex
	flows  map[netip.AddrPort]*net.UDPConn // client → its socket towards the server
	closed bool
	all    sync.WaitGroup
}

func newUDPProxy(seed uint64, name, server string) (*udpProxy, error) {
	front, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the proxy of %s: %w", name, err)
	}
	p := &udpProxy{
		front: front, server: server, flows: map[netip.AddrPort]*net.UDPConn{},
		up: weather{dice: dice(seed, name+" up")}, down: weather{dice: dice(seed, name+" down")},
	}
	p.all.Go(p.serve)
	return p, nil
}

func (p *udpProxy) address() string { return p.front.LocalAddr().String() }

func (p *udpProxy) settle() {
	p.up.settle()
	p.down.settle()
}

func (p *udpProxy) close() {
	p.mu.Lock()
	p.closed = true
	p.front.Close() // nothing more is to be heard from it
	for _, flow := range p.flows {
		flow.Close() // its reader ends
	}
	p.mu.Unlock()
	p.all.Wait()
}

func (p *udpProxy) serve() {
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := p.front.(*net.UDPConn).ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // a datagram may be lost
		}
		flow := p.flow(from)
		if flow == nil {
			continue // so may this one
		}
		p.pass(&p.up, buf[:n], func(b []byte) {
			_, _ = flow.Write(b) // lost if nobody listens
		})
	}
}

// flow returns the client's socket towards the server, nil if there can be none.
func (p *udpProxy) flow(client netip.AddrPort) *net.UDPConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if flow := p.flows[client]; flow != nil || p.closed {
		return flow
	}
	conn, err := net.Dial("udp", p.server)
	if err != nil {
		return nil
	}
	flow := conn.(*net.UDPConn)
	p.flows[client] = flow
	p.all.Go(func() { p.back(client, flow) })
	return flow
}

// back carries a client's answers.
func (p *udpProxy) back(client netip.AddrPort, flow *net.UDPConn) {
	defer func() {
		p.mu.Lock()
		delete(p.flows, client)
		p.mu.Unlock()
		flow.Close() // what still comes is for nobody
	}()
	buf := make([]byte, maxDatagram)
	for {
		if flow.SetReadDeadline(time.Now().Add(flowIdle)) != nil {
			return
		}
		n, err := flow.Read(buf)
		switch {
		case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded):
			return
		case err != nil:
			continue // the system tells that nobody listened: the server is dead for now
		}
		p.pass(&p.down, buf[:n], func(b []byte) {
			_, _ = p.front.(*net.UDPConn).WriteToUDPAddrPort(b, client) // lost if nobody listens
		})
	}
}

// pass does to a datagram what the weather says.
func (p *udpProxy) pass(w *weather, b []byte, send func([]byte)) {
	fate, delay := w.next()
	switch fate {
	case dropped:
		p.lost.Add(1)
	case doubled:
		p.repeated.Add(1)
		send(b)
		send(b)
	case delayed:
		late := append([]byte(nil), b...)
		time.AfterFunc(delay, func() { send(late) })
	case passed:
		send(b)
	}
}
