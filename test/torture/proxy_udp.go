//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

const (
	// maxAnswer is the longest answer that may come as a datagram, in bytes.
	maxAnswer = 64

	// A client that is silent for so long is forgotten until it speaks again.
	flowIdle = 2 * time.Second
)

// udpProxy stands before a server and loses, doubles and delays datagrams in both
// directions. It measures every answer.
type udpProxy struct {
	front *net.UDPConn
	tally *tally

	// wrong is told of an answer that must not be.
	wrong func(string)

	mu     sync.Mutex
	dice   *rand.Rand
	calm   bool   // everything passes
	server string // empty: nobody gets through
	flows  map[netip.AddrPort]*net.UDPConn
	ended  bool
	all    sync.WaitGroup
}

func newUDPProxy(seed uint64, name string, t *tally, wrong func(string)) (*udpProxy, error) {
	front, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the proxy of %s: %w", name, err)
	}
	p := &udpProxy{
		front: front.(*net.UDPConn), tally: t, wrong: wrong,
		dice: dice(seed, name), flows: map[netip.AddrPort]*net.UDPConn{},
	}
	p.all.Go(p.serve)
	return p, nil
}

func (p *udpProxy) address() string { return p.front.LocalAddr().String() }

func (p *udpProxy) open(server string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.server = server
}

// shut lets nobody through. What is still on its way is lost, so that it cannot
// reach a later life of the server.
func (p *udpProxy) shut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.server = ""
	for _, flow := range p.flows {
		flow.Close() // its reader ends
	}
	clear(p.flows)
}

func (p *udpProxy) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calm = true
}

func (p *udpProxy) close() {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.front.Close() // nothing more is to be heard from it
	p.shut()
	p.all.Wait()
}

func (p *udpProxy) serve() {
	buf := make([]byte, 2<<10)
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
		p.pass(buf[:n], safeTwice(buf[:n]), func(b []byte) {
			_, _ = flow.Write(b) // lost if nobody listens
		})
	}
}

// safeTwice reports whether a request may be doubled by a network without counting
// twice. A bare one may not: the history would not know how often it was sent.
func safeTwice(request []byte) bool {
	return bytes.Contains(request, []byte(" id=")) || bytes.HasPrefix(request, []byte("con."))
}

// flow returns the client's socket towards the server, nil if there can be none.
func (p *udpProxy) flow(client netip.AddrPort) *net.UDPConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if flow := p.flows[client]; flow != nil || p.ended || p.server == "" {
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
		if p.flows[client] == flow {
			delete(p.flows, client)
		}
		p.mu.Unlock()
		flow.Close() // what still comes is for nobody
	}()
	buf := make([]byte, 64<<10)
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
		p.measure(buf[:n])
		p.pass(buf[:n], true, func(b []byte) {
			_, _ = p.front.WriteToUDPAddrPort(b, client) // lost if nobody listens
		})
	}
}

func (p *udpProxy) measure(answer []byte) {
	p.tally.datagram(len(answer))
	if len(answer) > maxAnswer {
		p.wrong(fmt.Sprintf("an answer of %d bytes came as a datagram: %q", len(answer), answer))
	}
}

// pass does to a datagram what the weather says.
func (p *udpProxy) pass(b []byte, twice bool, send func([]byte)) {
	p.mu.Lock()
	what, delay := weather(p.dice)
	calm := p.calm
	p.mu.Unlock()
	switch {
	case calm, what == passed, what == doubled && !twice:
		send(b)
	case what == dropped:
		p.tally.lost.Add(1)
	case what == doubled:
		p.tally.doubled.Add(1)
		send(b)
		send(b)
	default:
		p.tally.delayed.Add(1)
		late := append([]byte(nil), b...)
		time.AfterFunc(delay, func() { send(late) })
	}
}
