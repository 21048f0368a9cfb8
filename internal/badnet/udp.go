package badnet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

const (
	maxDatagram = 64 << 10

	// A client that is silent for so long is forgotten until it speaks again.
	flowIdle = 2 * time.Second
)

// UDP is a proxy that loses, doubles and delays datagrams in both directions.
type UDP struct {
	n        *Network
	front    *net.UDPConn
	up, down weather

	mu              sync.Mutex
	network, server string                          // empty: nobody gets through
	flows           map[netip.AddrPort]*net.UDPConn // client → its socket towards the server
	ended           bool
	all             sync.WaitGroup
}

// UDP opens a proxy for datagrams. Its name stands for its faults.
func (n *Network) UDP(name string) (*UDP, error) {
	front, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the proxy of %s: %w", name, err)
	}
	p := &UDP{
		n: n, front: front.(*net.UDPConn), flows: map[netip.AddrPort]*net.UDPConn{},
		up: weather{dice: Dice(n.Seed, name+" up")}, down: weather{dice: Dice(n.Seed, name+" down")},
	}
	p.all.Go(p.serve)
	return p, nil
}

// Address is where clients send to.
func (p *UDP) Address() string { return p.front.LocalAddr().String() }

// Open lets datagrams through to a server, on the network udp.
func (p *UDP) Open(network, server string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.network, p.server = network, server
}

// Shut lets nobody through. What is still on its way is lost, so that it cannot
// reach a later life of the server.
func (p *UDP) Shut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.network, p.server = "", ""
	for _, flow := range p.flows {
		flow.Close() // its reader ends
	}
	clear(p.flows)
}

// Settle ends the faults.
func (p *UDP) Settle() {
	p.up.settle()
	p.down.settle()
}

// Close ends the proxy.
func (p *UDP) Close() {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.front.Close() // nothing more is to be heard from it
	p.Shut()
	p.all.Wait()
}

func (p *UDP) serve() {
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := p.front.ReadFromUDPAddrPort(buf)
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
		single := p.n.Single != nil && p.n.Single(buf[:n])
		p.pass(&p.up, buf[:n], single, func(b []byte) {
			_, _ = flow.Write(b) // lost if nobody listens
		})
	}
}

// flow returns the client's socket towards the server, nil if there can be none.
func (p *UDP) flow(client netip.AddrPort) *net.UDPConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if flow := p.flows[client]; flow != nil || p.ended || p.server == "" {
		return flow
	}
	conn, err := net.Dial(p.network, p.server)
	if err != nil {
		return nil
	}
	flow := conn.(*net.UDPConn)
	p.flows[client] = flow
	p.all.Go(func() { p.back(client, flow) })
	return flow
}

// back carries a client's answers.
func (p *UDP) back(client netip.AddrPort, flow *net.UDPConn) {
	defer func() {
		p.mu.Lock()
		if p.flows[client] == flow {
			delete(p.flows, client)
		}
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
		if p.n.Answer != nil {
			p.n.Answer(buf[:n])
		}
		p.pass(&p.down, buf[:n], false, func(b []byte) {
			_, _ = p.front.WriteToUDPAddrPort(b, client) // lost if nobody listens
		})
	}
}

// pass does to a datagram what the weather says; a single one arrives once at most.
func (p *UDP) pass(w *weather, b []byte, single bool, send func([]byte)) {
	fate, delay := w.next()
	if fate == doubled && single {
		fate = passed
	}
	switch fate {
	case dropped:
		p.n.Counts.Lost.Add(1)
	case doubled:
		p.n.Counts.Doubled.Add(1)
		send(b)
		send(b)
	case delayed:
		p.n.Counts.Delayed.Add(1)
		late := append([]byte(nil), b...)
		time.AfterFunc(delay, func() { send(late) })
	case passed:
		send(b)
	}
}
