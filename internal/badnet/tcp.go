package badnet

import (
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const dialTimeout = 2 * time.Second

// TCP is a proxy that cuts connections, each as its own plan says.
type TCP struct {
	n     *Network
	front net.Listener
	name  string
	calm  atomic.Bool // no more cuts

	mu              sync.Mutex
	network, server string                // empty: nobody gets through
	conns           map[net.Conn]struct{} // of both sides
	ended           bool
	all             sync.WaitGroup
}

// TCP opens a proxy for connections. Its name stands for its faults.
func (n *Network) TCP(name string) (*TCP, error) {
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the proxy of %s: %w", name, err)
	}
	p := &TCP{n: n, front: front, name: name, conns: map[net.Conn]struct{}{}}
	p.all.Go(p.serve)
	return p, nil
}

// Address is where clients connect.
func (p *TCP) Address() string { return p.front.Addr().String() }

// Open lets connections through to a server, on the network tcp or unix.
func (p *TCP) Open(network, server string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.network, p.server = network, server
}

// Shut lets no new connection through.
func (p *TCP) Shut() { p.Open("", "") }

// Settle ends the faults, and the connections there are.
func (p *TCP) Settle() {
	p.calm.Store(true)
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		conn.Close() // its pumps end
	}
}

// Close ends the proxy.
func (p *TCP) Close() {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.front.Close() // nobody is to come any more
	p.Settle()
	p.all.Wait()
}

func (p *TCP) serve() {
	for n := 0; ; n++ {
		client, err := p.front.Accept()
		if err != nil {
			return // closed
		}
		plan := p.plan(n)
		p.all.Go(func() { p.carry(client, plan) })
	}
}

// plan is how the n-th connection is lost.
func (p *TCP) plan(n int) cut {
	return planCut(Dice(p.n.Seed, fmt.Sprint(p.name, " connection ", n)), p.n.MeanPieces)
}

// keep remembers a connection, so that it can be closed from outside. It reports
// false when it is too late for that.
func (p *TCP) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.conns[conn] = struct{}{}
	}
	return !p.ended
}

func (p *TCP) drop(conn net.Conn) {
	p.mu.Lock()
	delete(p.conns, conn)
	p.mu.Unlock()
	conn.Close() // it may be closed already
}

// dial connects to the server, if anybody is let through.
func (p *TCP) dial() (net.Conn, error) {
	p.mu.Lock()
	network, server := p.network, p.server
	p.mu.Unlock()
	if server == "" {
		return nil, net.ErrClosed
	}
	return net.DialTimeout(network, server, dialTimeout)
}

// carry passes data between a client and the server until one of them ends the
// connection, or its plan does.
func (p *TCP) carry(client net.Conn, plan cut) {
	defer p.drop(client)
	if !p.keep(client) {
		return
	}
	server, err := p.dial()
	if err != nil {
		return // it is dead for now
	}
	defer p.drop(server)
	if !p.keep(server) {
		return
	}
	var pumps sync.WaitGroup
	both := func() {
		client.Close() // whichever ends first ends the other
		server.Close()
	}
	pumps.Go(func() { defer both(); p.pump(server, client, plan, true) })
	pumps.Go(func() { defer both(); p.pump(client, server, plan, false) })
	pumps.Wait()
}

// pump passes data in one direction, piece by piece.
func (p *TCP) pump(to, from net.Conn, plan cut, up bool) {
	buf := make([]byte, 4<<10)
	for piece := 0; ; piece++ {
		n, err := from.Read(buf)
		if n > 0 && plan.up == up && plan.piece == piece && !p.calm.Load() {
			p.n.Counts.Cuts.Add(1)
			lose(to, from, buf[:n], plan)
			return
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// lose loses a connection. Nothing in here can fail in a way that matters.
func lose(to, from net.Conn, last []byte, plan cut) {
	_, _ = to.Write(last[:int(plan.share*float64(len(last)))])
	switch plan.end {
	case reset:
		for _, side := range []net.Conn{to, from} {
			if tcp, ok := side.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
		}
	case silenced:
		_, _ = io.Copy(io.Discard, from) // until that side gives up
	}
}
