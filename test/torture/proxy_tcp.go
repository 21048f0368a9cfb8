//go:build linux

package main

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
	front net.Listener
	seed  uint64
	name  string
	tally *tally
	calm  atomic.Bool // no more cuts

	mu     sync.Mutex
	server string                // empty: nobody gets through
	conns  map[net.Conn]struct{} // of both sides
	ended  bool
	all    sync.WaitGroup
}

func newTCPProxy(seed uint64, name string, t *tally) (*tcpProxy, error) {
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the proxy of %s: %w", name, err)
	}
	p := &tcpProxy{front: front, seed: seed, name: name, tally: t, conns: map[net.Conn]struct{}{}}
	p.all.Go(p.serve)
	return p, nil
}

func (p *tcpProxy) address() string { return p.front.Addr().String() }

// open lets connections through to a server.
func (p *tcpProxy) open(server string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.server = server
}

// shut lets no new connection through. Those there are end with their server.
func (p *tcpProxy) shut() { p.open("") }

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
	p.ended = true
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
	if !p.ended {
		p.conns[conn] = struct{}{}
	}
	return !p.ended
}

func (p *tcpProxy) drop(conn net.Conn) {
	p.mu.Lock()
	delete(p.conns, conn)
	p.mu.Unlock()
	conn.Close() // it may be closed already
}

// dial connects to the server, if anybody is let through.
func (p *tcpProxy) dial() (net.Conn, error) {
	p.mu.Lock()
	server := p.server
	p.mu.Unlock()
	if server == "" {
		return nil, net.ErrClosed
	}
	return net.DialTimeout("tcp", server, proxyDial)
}

// carry passes data between a client and the server until one of them ends the
// connection, or its plan does.
func (p *tcpProxy) carry(client net.Conn, plan cut) {
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
func (p *tcpProxy) pump(to, from net.Conn, plan cut, up bool) {
	buf := make([]byte, 4<<10)
	for chunk := 0; ; chunk++ {
		n, err := from.Read(buf)
		if n > 0 && plan.up == up && plan.chunk == chunk && !p.calm.Load() {
			p.tally.cuts.Add(1)
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
