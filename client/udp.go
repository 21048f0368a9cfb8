package client

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/cuenta-server/cuenta"
)

// datagrams carries requests as datagrams of the text protocol. Its answers do not tell
// what they answer, and a network may repeat or delay any of them. So every
// attempt has a socket, and with it a port, of its own: what arrives there is an
// answer to this request. A socket that is done is kept for a while, unread, so
// that nobody on this machine is given its port while a late answer may arrive.
type datagrams struct {
	host string
	port uint16

	mu     sync.Mutex
	hosts  []netip.Addr // the host's addresses that are yet to fail; the first is used
	done   []doneSocket // by age
	closed bool
}

type doneSocket struct {
	net.Conn
	since time.Time
}

const (
	// A socket that is done is kept for maxLate, unless maxDone others are younger.
	maxLate = 10 * time.Second
	maxDone = 256

	// maxText is longer than any answer.
	maxText = 512
)

func newUDP(address string) (transport, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("client: port %q: %w", service, err)
	}
	return &datagrams{host: host, port: uint16(port)}, nil
}

func (t *datagrams) do(ctx context.Context, requests []cuenta.Request) ([]cuenta.Result, error) {
	command, err := datagram(requests)
	if err != nil {
		return nil, err
	}
	to, err := t.resolve(ctx)
	if err != nil {
		return nil, unsent{err}
	}
	socket, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, t.port)))
	if err != nil {
		t.passOver(to)
		return nil, unsent{err}
	}
	defer t.retire(socket)
	answer, err := ask(ctx, socket, command)
	if err != nil {
		t.passOver(to)
		return nil, err
	}
	result, err := textResult(answer, &requests[0])
	if len(requests) == 1 || err != nil {
		return []cuenta.Result{result}, err
	}
	return spannedResults(result, requests), nil
}

// ask sends a datagram and waits for what comes back.
func ask(ctx context.Context, socket *net.UDPConn, command []byte) ([]byte, error) {
	defer context.AfterFunc(ctx, func() {
		// It ends the read; it can only fail where the socket is closed already.
		_ = socket.SetReadDeadline(time.Unix(1, 0))
	})()
	if _, err := socket.Write(command); err != nil {
		return nil, err
	}
	answer := make([]byte, maxText)
	n, err := socket.Read(answer)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return answer[:n], err
}

// resolve returns the address to send to. The name is looked up when all that it
// stood for have failed: nobody tells a sender of datagrams that there is no
// server at an address.
func (t *datagrams) resolve(ctx context.Context) (netip.Addr, error) {
	if to, ok := t.known(); ok {
		return to, nil
	}
	hosts, err := net.DefaultResolver.LookupNetIP(ctx, "ip", t.host)
	switch {
	case err != nil:
		return netip.Addr{}, err
	case len(hosts) == 0:
		return netip.Addr{}, fmt.Errorf("no address of %s is known", t.host)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hosts = hosts
	return hosts[0], nil
}

func (t *datagrams) known() (netip.Addr, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.hosts) == 0 {
		return netip.Addr{}, false
	}
	return t.hosts[0], true
}

// passOver has the host's next address used instead of one that gave no answer.
func (t *datagrams) passOver(failed netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.hosts) > 0 && t.hosts[0] == failed {
		t.hosts = t.hosts[1:]
	}
}

// retire keeps a socket from which nothing more is expected.
func (t *datagrams) retire(socket net.Conn) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	old := 0
	for old < len(t.done) && (t.closed || len(t.done)-old >= maxDone || now.Sub(t.done[old].since) > maxLate) {
		_ = t.done[old].Close() // nothing was to come from it
		old++
	}
	t.done = append(t.done[old:], doneSocket{socket, now})
	if t.closed {
		_ = socket.Close()
	}
}

func (t *datagrams) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, socket := range t.done {
		_ = socket.Close() // nothing was to come from it
	}
	t.done = nil
}
