package stream

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cuenta-server/cuenta"
)

// goroutines serves each connection by a goroutine of its own.
type goroutines struct {
	*Server
	listener net.Listener
	batches  sync.Pool // of *cuenta.Batch
	outputs  sync.Pool // of *[]byte

	leaving atomic.Bool // the drain has begun

	mu    sync.Mutex
	conns map[net.Conn]struct{} // all that are open, those being refused too
	empty chan struct{}         // closed once leaving with nothing open
}

func newGoroutines(s *Server, l net.Listener) *goroutines {
	g := &goroutines{Server: s, listener: l, conns: make(map[net.Conn]struct{}), empty: make(chan struct{})}
	g.batches.New = func() any { return new(cuenta.Batch) }
	g.outputs.New = func() any { return new([]byte) }
	return g
}

func (g *goroutines) accept() error {
	nc, err := g.listener.Accept()
	if err != nil {
		return err
	}
	g.admit(nc)
	return nil
}

// stopAccepting ends the accepting. An error would be that of an earlier close.
func (g *goroutines) stopAccepting() { _ = g.listener.Close() }

// admit serves a connection in a goroutine, if there is room.
func (g *goroutines) admit(nc net.Conn) {
	p := g.enter()
	if p == nothing {
		// Nothing was said to it, so nothing can be lost.
		_ = nc.Close()
		return
	}
	g.mu.Lock()
	g.conns[nc] = struct{}{}
	g.mu.Unlock()
	go func() {
		defer g.forget(nc, p)
		if p == served {
			g.serve(nc)
		} else {
			g.refuse(nc)
		}
	}()
}

// forget closes a connection and takes it off the books.
func (g *goroutines) forget(nc net.Conn, p place) {
	// All that was to be said has been written; a failure to close changes nothing.
	_ = nc.Close()
	g.leave(p)
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, nc)
	if g.leaving.Load() && len(g.conns) == 0 {
		close(g.empty)
	}
}

func (g *goroutines) drain() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.leaving.Swap(true) {
		return
	}
	for nc := range g.conns {
		// Wakes it up, so that it sees the drain. A connection that has failed
		// wakes up by itself.
		_ = nc.SetReadDeadline(past)
	}
	if len(g.conns) == 0 {
		close(g.empty)
	}
}

// concluding reports whether the drain has begun, and then has woken up everyone:
// a deadline that is set afterwards stays.
func (g *goroutines) concluding() bool {
	if !g.leaving.Load() {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return true
}

func (g *goroutines) drained() <-chan struct{} { return g.empty }

func (g *goroutines) abandon() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	defer g.cut() // afterwards, so that nobody is told of it
	for nc := range g.conns {
		_ = nc.Close() // its goroutine finds out, and forgets it
	}
	return len(g.conns)
}

// refuse tells a client that there is no room for it.
func (g *goroutines) refuse(nc net.Conn) {
	g.conf.Log.Debug("connection refused", "peer", nc.RemoteAddr().String(), "reason", "at the limit")
	if err := nc.SetWriteDeadline(time.Now().Add(lingering)); err != nil {
		return // it is gone
	}
	n, err := nc.Write(g.conf.BusyLine)
	g.conf.Traffic.BytesOut.Add(int64(n))
	if err == nil {
		goodbye(nc, refusing)
	}
}
