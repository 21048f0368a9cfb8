package demo

import (
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const proxyDial = 2 * time.Second

// tcpProxy stands before a server and cuts connections, each as its own plan says.
type tcpProxy struct {
	front           net.Listener
	network, server string
	seed            uint64
	name            string

	cuts atomic.Int64
	calm atomic.Bool // no more cuts

	mu     sync.Mutex
	conns  map[net.Conn]struct{} // of both sides
	closed bool
	all    sync.WaitGroup
}

func newTCPProxy(seed uint64, name, network, server string) (*tcpProxy, error) {
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the proxy of %s: %w", name, err)
	}
	p := &tcpProxy{front: front, network: network, server: server, seed: seed, name: name, conns: map[net.Conn]struct{}{}}
	p.all.Go(p.serve)
	return p, nil
}

func (p *tcpProxy) address() string { return p.front.Addr().String() }

// settle ends the faults. The connections there are get lost a last time: some
// have fallen silent, and their clients need not find that out by waiting.
func (p *tcpProxy) settle() {
	p.calm.Store(true)
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		conn.Close() // its pumps end
	}
}

func (p *tcpProxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.front.Close() // nobody is to come any more
	p.settle()
	p.all.Wait()
}

func (p *tcpProxy) serve() {
	for n := 0; ; n++ {
		client, err := p.front.Accept()
		if err != nil {
			return // closed
		}
		plan := planCut(dice(p.seed, fmt.Sprint(p.name, " connection ", n)))
		p.all.Go(func() { p.carry(client, plan) })
	}
}

// keep remembers a connection, so that it can be closed from outside. It reports
// false when it is too late for that.
func (p *tcpProxy) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.conns[conn] = struct{}{}
	}
	return !p.closed
}

func (p *tcpProxy) drop(conn net.Conn) {
	p.mu.Lock()
	delete(p.conns, conn)
	p.mu.Unlock()
	conn.Close() // it may be closed already
}

// carry passes data between a client and the server until one of them ends the
// connection, or its plan does.
func (p *tcpProxy) carry(client net.Conn, plan cut) {
	defer p.drop(client)
	if !p.keep(client) {
		return
	}
	server, err := net.DialTimeout(p.network, p.server, proxyDial)
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
func (p *tcpProxy) pump(to, from net.Conn, plan cut, up bool) {
	buf := make([]byte, 4<<10)
	for chunk := 0; ; chunk++ {
		n, err := from.Read(buf)
		if n > 0 && plan.up == up && plan.chunk == chunk && !p.calm.Load() {
			p.cuts.Add(1)
			p.end(to, from, buf[:n], plan)
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

// end loses a connection. Nothing in here can fail in a way that matters: it is lost.
func (p *tcpProxy) end(to, from net.Conn, last []byte, plan cut) {
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
	case closed:
	}
}
