package client

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	frontapi "github.com/cuenta-server/cuenta/internal/front/api"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
	"github.com/cuenta-server/cuenta/internal/front/resp"
	"github.com/cuenta-server/cuenta/internal/front/stream"
	"github.com/cuenta-server/cuenta/internal/front/udp"
	"github.com/cuenta-server/cuenta/internal/front/web"
)

const patience = 30 * time.Second

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func listenPacket(t testing.TB) net.PacketConn {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// serveRedis serves the Redis protocol and returns where.
func serveRedis(t testing.TB, service cuenta.Service) string {
	protocol := resp.New(resp.Config{})
	l := listen(t)
	fronttest.Serve(t, stream.New(stream.Config{
		Service: service, Traffic: new(cuenta.Traffic), Front: cuenta.FrontRESP, Class: cuenta.ClassRemote,
		New: func(peer, local string) stream.Conversation { return protocol.NewSession(peer, local) },
	}), l)
	return l.Addr().String()
}

// serveUDP serves the text protocol on datagrams and returns where.
func serveUDP(t testing.TB, service cuenta.Service) string {
	conn := listenPacket(t)
	fronttest.Serve(t, udp.New(udp.Config{Service: service, Traffic: new(cuenta.Traffic)}), conn)
	return conn.LocalAddr().String()
}

// serveAPI serves the API and returns where.
func serveAPI(t testing.TB, service cuenta.Service) string {
	l := listen(t)
	watcher, _ := service.(cuenta.Watcher)
	fronttest.Serve(t, web.New(web.Config{Service: service, API: frontapi.New(frontapi.Config{Service: service, Watcher: watcher})}), l)
	return l.Addr().String()
}

// open opens a client that is closed when the test ends.
func open(t testing.TB, o Options, address string) *Client {
	t.Helper()
	c, err := o.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// cutter is a proxy for TCP that cuts each connection after some bytes, so that
// requests and answers are lost on the way.
type cutter struct {
	next   func() int // how many bytes the next connection passes on
	target string
	all    sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	ended bool
}

func cutAfter(t testing.TB, target string, next func() int) string {
	l := listen(t)
	p := &cutter{next: next, target: target}
	p.all.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return // the test is over
			}
			p.pass(near)
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.mu.Lock()
		p.ended = true
		for _, c := range p.conns {
			_ = c.Close()
		}
		p.mu.Unlock()
		p.all.Wait()
	})
	return l.Addr().String()
}

func (p *cutter) pass(near net.Conn) {
	far, err := net.Dial("tcp", p.target)
	if err != nil {
		_ = near.Close()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, near, far)
	if p.ended {
		_, _ = near.Close(), far.Close()
		return
	}
	left := p.next()
	var mu sync.Mutex // of left: what the two directions may pass in all
	carry := func(to, from net.Conn) {
		defer func() { _, _ = to.Close(), from.Close() }()
		buf := make([]byte, 4096)
		for {
			n, err := from.Read(buf)
			mu.Lock()
			n, left = min(n, left), left-min(n, left)
			over := left == 0
			mu.Unlock()
			if _, werr := to.Write(buf[:n]); werr != nil || err != nil || over {
				return
			}
		}
	}
	p.all.Go(func() { carry(far, near) })
	p.all.Go(func() { carry(near, far) })
}

// lossy is a proxy for datagrams that drops, repeats and holds back some, each
// way.
func lossy(t testing.TB, target string, seed uint64) string {
	door := listenPacket(t)
	dice := rand.New(rand.NewPCG(seed, 9))
	var mu sync.Mutex // of the dice and what is below
	peers := make(map[string]net.Conn)
	var held []func()
	var all sync.WaitGroup
	forward := func(send func()) {
		mu.Lock()
		what := dice.IntN(10)
		if what == 2 {
			held = append(held, send)
		}
		var late []func()
		if len(held) > 3 {
			late, held = held, nil
		}
		mu.Unlock()
		if what == 1 {
			send()
		}
		if what != 0 && what != 2 {
			send()
		}
		for _, send := range late {
			send()
		}
	}
	answers := func(far net.Conn, near net.Addr) {
		buf := make([]byte, 2048)
		for {
			n, err := far.Read(buf)
			if err != nil {
				return // the test is over
			}
			answer := append([]byte(nil), buf[:n]...)
			forward(func() { _, _ = door.WriteTo(answer, near) })
		}
	}
	looped := make(chan struct{})
	go func() {
		defer close(looped)
		buf := make([]byte, 2048)
		for {
			n, near, err := door.ReadFrom(buf)
			if err != nil {
				return // the test is over
			}
			far := peers[near.String()]
			if far == nil {
				if far, err = net.Dial("udp", target); err != nil {
					t.Error(err)
					return
				}
				peers[near.String()] = far
				all.Go(func() { answers(far, near) })
			}
			request := append([]byte(nil), buf[:n]...)
			forward(func() { _, _ = far.Write(request) })
		}
	}()
	t.Cleanup(func() {
		_ = door.Close()
		<-looped
		for _, far := range peers {
			_ = far.Close()
		}
		all.Wait()
	})
	return door.LocalAddr().String()
}

// silent takes connections and says nothing.
func silent(t testing.TB) net.Listener {
	l := listen(t)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // the test is over
			}
			all.Go(func() {
				_, _ = io.Copy(io.Discard, conn)
				_ = conn.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	return l
}
