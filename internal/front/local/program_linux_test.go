package local

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/shm"
	"github.com/cuenta-server/cuenta/internal/wire/ring"
)

// program is the far end, as one that speaks the protocol by itself.
type program struct {
	t        testing.TB
	conn     *net.UnixConn
	link     *shm.Link
	requests *shm.Producer
	answers  *shm.Consumer
	bell     *shm.SocketBell
	cells    *os.File
	memory   int // the descriptor of the link
}

// greet says the words and returns the server's, and the descriptors with it.
func greet(t testing.TB, conn *net.UnixConn, words []byte) (answer []byte, descriptors []int) {
	t.Helper()
	if _, err := conn.Write(words); err != nil {
		t.Fatal(err)
	}
	answer, rights := make([]byte, 100), make([]byte, 100)
	n, size, _, _, err := conn.ReadMsgUnix(answer, rights)
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if size > 0 {
		messages, err := unix.ParseSocketControlMessage(rights[:size])
		if err != nil {
			t.Fatal(err)
		}
		if descriptors, err = unix.ParseUnixRights(&messages[0]); err != nil {
			t.Fatal(err)
		}
	}
	return answer[:n], descriptors
}

func (r *running) program() *program {
	r.t.Helper()
	p := &program{t: r.t, conn: r.dial()}
	answer, descriptors := greet(r.t, p.conn, ring.AppendGreeting(nil))
	w, err := ring.ParseWelcome(answer)
	if err != nil || w.Code != cuenta.OK || w.InFlight != inFlight || len(descriptors) == 0 || w.Cells != (len(descriptors) == 2) {
		r.t.Fatalf("%+v, %v, %d descriptors", w, err, len(descriptors))
	}
	p.memory = descriptors[0]
	if p.link, err = shm.OpenLink(os.NewFile(uintptr(p.memory), "link")); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { p.link.Close() })
	if w.Cells {
		p.cells = os.NewFile(uintptr(descriptors[1]), "cells")
		r.t.Cleanup(func() { p.cells.Close() })
	}
	if p.requests, err = shm.NewProducer(p.link.RequestRing()); err != nil {
		r.t.Fatal(err)
	}
	if p.answers, err = shm.NewConsumer(p.link.AnswerRing()); err != nil {
		r.t.Fatal(err)
	}
	if p.bell, err = shm.NewSocketBell(p.conn, p.link.WorkerAsleep(), p.link.ServerAsleep()); err != nil {
		r.t.Fatal(err)
	}
	return p
}

// put puts messages on the ring, whatever they are.
func (p *program) put(messages ...[]byte) {
	for _, m := range messages {
		if _, err := p.requests.Put(m); err != nil {
			p.t.Fatal(err)
		}
	}
	p.publish()
}

func (p *program) publish() {
	p.requests.Publish()
	_ = p.bell.Ring() // the server may have had enough of it already
}

// ask asks for one thing.
func (p *program) ask(r cuenta.Request) cuenta.Result {
	p.t.Helper()
	p.put(ring.AppendRequest(nil, 1, &r))
	return p.next()
}

func (p *program) next() (result cuenta.Result) {
	p.t.Helper()
	for !p.answers.Ready() {
		if err := p.bell.Wait(p.answers.Ready); err != nil {
			p.t.Fatal(err)
		}
	}
	run, err := p.answers.Take()
	if err != nil {
		p.t.Fatal(err)
	}
	m, err := run.Next()
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := ring.ParseAnswer(m, &result); err != nil {
		p.t.Fatal(err)
	}
	return result
}

// ends demands that the server ends the link.
func (p *program) ends() {
	p.t.Helper()
	never := func() bool { return false }
	for {
		err := p.bell.Wait(never)
		if err == nil {
			continue // it was rung before
		}
		if os.IsTimeout(err) {
			p.t.Fatal("the link goes on")
		}
		return
	}
}

var inc = cuenta.Request{Op: cuenta.Add, N: 1}

func incMessage() []byte { return ring.AppendRequest(nil, 1, &inc) }
