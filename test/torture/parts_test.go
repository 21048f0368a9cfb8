//go:build linux

package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/badnet"
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

// TestLongAnswersAreWrong: an answer in a datagram has 64 bytes at most, and the largest
// one is told.
func TestLongAnswersAreWrong(t *testing.T) {
	r := &round{tally: newTally()}
	r.measure(bytes.Repeat([]byte{'9'}, maxAnswer))
	if faults := r.faults(); len(faults) > 0 {
		t.Errorf("an answer of %d bytes: %q", maxAnswer, faults)
	}
	r.measure(bytes.Repeat([]byte{'9'}, maxAnswer+1))
	if len(r.faults()) != 1 || r.tally.largest.Load() != maxAnswer+1 {
		t.Errorf("an answer that is too long: %q, largest %d", r.faults(), r.tally.largest.Load())
	}
}

// TestOnlyBareChangesMustArriveOnce: reads, and changes with a key, may be doubled.
func TestOnlyBareChangesMustArriveOnce(t *testing.T) {
	for request, want := range map[string]bool{"inc.1": true, "dec.2 @x": true, "inc.1 id=a": false, "con.0": false} {
		if bare([]byte(request)) != want {
			t.Errorf("%q", request)
		}
	}
}

// TestDrawsComeFromTheSeed: a seed repeats what a client asks.
func TestDrawsComeFromTheSeed(t *testing.T) {
	draw := func(seed uint64) string {
		d := drawer{manner: &manners[0], dice: badnet.Dice(seed, "x"), name: "x", names: namesFor(false, 1)}
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
