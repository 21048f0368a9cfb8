//go:build linux

package main

import (
	"bytes"
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/history"
)

// TestASteward starts processes, signals them, tells their ends, and takes them with
// it when it is retired.
func TestASteward(t *testing.T) {
	dir := t.TempDir()
	l, err := hireSteward(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "log")
	p, err := l.start(dir, log, "/bin/sh", "-c", "echo said >&2; exit 3")
	if err != nil {
		t.Fatal(err)
	}
	<-p.done
	if text, err := os.ReadFile(log); p.code != 3 || string(text) != "said\n" {
		t.Errorf("status %d, %q, %v", p.code, text, err)
	}
	if err := l.signal(p, syscall.SIGKILL); err != nil {
		t.Errorf("signalling what has ended: %v", err)
	}
	if _, err := l.start(dir, log, filepath.Join(dir, "nothing")); err == nil {
		t.Error("a program that is not there was started")
	}
	if p, err = l.start(dir, log, "/bin/sleep", "1000"); err != nil {
		t.Fatal(err)
	}
	if err := l.kill(p); err != nil || p.code != -1 {
		t.Errorf("killed: %v, %d", err, p.code)
	}
	if p, err = l.start(dir, log, "/bin/sleep", "1000"); err != nil {
		t.Fatal(err)
	}
	l.retire()
	<-p.done
	if err := syscall.Kill(p.pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("a process has outlived its steward: %v", err)
	}
	if _, err := l.start(dir, log, "/bin/true"); !errors.Is(err, errSteward) {
		t.Errorf("an order to nobody: %v", err)
	}
}

// TestASmallDisk fills a small file system and makes room again.
func TestASmallDisk(t *testing.T) {
	dir := t.TempDir()
	l, err := hireSteward(dir, 1<<20)
	if err != nil {
		t.Skip("this machine allows no namespaces:", err)
	}
	defer l.retire()
	write := func() int {
		p, err := l.start(dir, filepath.Join(dir, "log"), "/bin/sh", "-c", "echo something >"+filepath.Join(dir, smallDisk, "file"))
		if err != nil {
			t.Fatal(err)
		}
		<-p.done
		return p.code
	}
	for _, o := range []struct {
		order
		fails bool
	}{{order{Fill: true}, true}, {order{Free: true}, false}, {order{Fill: true}, false}} {
		if _, err := l.tell(o.order); err != nil {
			t.Fatal(err)
		}
		if code := write(); (code != 0) != o.fails {
			t.Errorf("after %+v writing ended with %d", o.order, code)
		}
	}
}

// TestAProxyOfDatagramsMeasures: an answer that is too long is told of, and nobody
// gets through who is not let.
func TestAProxyOfDatagramsMeasures(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	answer := bytes.Repeat([]byte{'9'}, maxAnswer+1)
	go func() {
		buf := make([]byte, 100)
		for {
			_, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = server.WriteTo(answer, from) // nobody may listen
		}
	}()
	wrongs := make(chan string, 100)
	p, err := newUDPProxy(1, "udp", newTally(), func(what string) { wrongs <- what })
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	conn, err := net.Dial("udp", p.address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ask := func() bool {
		if _, err := conn.Write([]byte("con.0")); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // it is open
		_, err := conn.Read(make([]byte, 100))
		return err == nil
	}
	if ask() {
		t.Error("somebody answered though nobody is let through")
	}
	p.open(server.LocalAddr().String())
	p.settle()
	for !ask() {
	}
	select {
	case <-wrongs:
	default:
		t.Error("an answer that is too long was not told of")
	}
	if p.shut(); ask() {
		t.Error("somebody answered though nobody is let through any more")
	}
}

// TestDrawsComeFromTheSeed: a seed repeats what a client asks.
func TestDrawsComeFromTheSeed(t *testing.T) {
	draw := func(seed uint64) string {
		d := drawer{manner: &manners[0], dice: dice(seed, "x"), name: "x", names: namesFor(false, 1)}
		var said []byte
		for range 20 {
			r := d.request(false)
			said = append(command(said, &r), '\n')
		}
		return string(said)
	}
	if one, same, other := draw(1), draw(1), draw(2); one != same || one == other {
		t.Error("what is drawn does not come from the seed")
	}
}

// TestLostOnlyAfterDeath: what had no answer is called lost once the life that it was
// sent to is over, and not before.
func TestLostOnlyAfterDeath(t *testing.T) {
	recorder := history.NewRecorder(nil)
	c := &asker{round: &round{}, log: recorder.Client("x")}
	for life := range int64(2) {
		c.open = append(c.open, question{c.log.Begin(&cuenta.Request{Op: cuenta.Add, N: 1}), life})
	}
	if c.bury(); len(c.open) != 2 {
		t.Errorf("%d left in the first life", len(c.open))
	}
	c.round.life.Add(1)
	if c.bury(); len(c.open) != 1 || c.open[0].life != 1 {
		t.Errorf("left after the first life: %v", c.open)
	}
	h := recorder.History()
	if h.At(0).End == history.Never || h.At(1).End != history.Never {
		t.Errorf("ends: %d, %d", h.At(0).End, h.At(1).End)
	}
}
