package local

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/shm"
	"github.com/cuenta-server/cuenta/internal/wire/ring"
)

// lies are what a program gone mad does to its link.
var lies = map[string]func(p *program){
	"a head out of range": func(p *program) {
		binary.LittleEndian.PutUint64(p.link.RequestRing(), 1<<40)
	},
	"a head that is not aligned": func(p *program) {
		binary.LittleEndian.PutUint64(p.link.RequestRing(), 13)
	},
	"a head that goes back": func(p *program) {
		p.put(incMessage())
		p.next()
		binary.LittleEndian.PutUint64(p.link.RequestRing(), ^uint64(7))
	},
	"a length out of range": func(p *program) { p.spoil(1 << 31) },
	"a length of zero":      func(p *program) { p.spoil(0) },
	"noise": func(p *program) {
		p.put([]byte(strings.Repeat("\xff", 300)))
	},
	"a worker's hello": func(p *program) {
		p.put(ring.AppendHello(nil, 1, "10.0.0.1:9"))
	},
	"half a transaction": func(p *program) {
		p.put(ring.AppendRequest(nil, 1, &cuenta.Request{Op: cuenta.All, Span: 2}), incMessage())
	},
	"too much at once": func(p *program) {
		for range inFlight + 1 {
			if _, err := p.requests.Put(incMessage()); err != nil {
				p.t.Fatal(err)
			}
		}
		p.publish()
	},
	"answers never taken": func(p *program) { p.floodDeaf() },
	"a tail out of range": func(p *program) {
		binary.LittleEndian.PutUint64(p.link.AnswerRing()[128:], 1<<50)
		p.floodDeaf()
	},
	"scribbling everywhere": func(p *program) {
		requests := p.link.RequestRing()
		all := [][]byte{requests, p.link.AnswerRing()}
		random := rand.New(rand.NewPCG(3, 4))
		for range 200_000 {
			b := all[random.IntN(2)]
			b[random.IntN(len(b))] = byte(random.Uint32())
		}
		for i := range requests {
			requests[i] = 0xa5
		}
	},
}

// spoil publishes a request and then makes its length another. The server is not
// told before, but if it is awake it may see the request as it was.
func (p *program) spoil(length uint32) {
	if _, err := p.requests.Put(incMessage()); err != nil {
		p.t.Fatal(err)
	}
	binary.LittleEndian.PutUint32(p.link.RequestRing()[256:], length)
	p.publish()
}

// floodDeaf asks until the server has had enough, and takes no answer.
func (p *program) floodDeaf() {
	for range 20 * inFlight {
		if ok, err := p.requests.Put(incMessage()); !ok || err != nil {
			p.publish()
		}
		p.publish()
	}
}

func TestALiarIsCutOffAndNobodyElseNotices(t *testing.T) {
	r := serve(t, Config{})
	honest := r.program()
	for what, lie := range lies {
		t.Run(what, func(t *testing.T) {
			before := r.log.count("program cut off")
			value := honest.ask(cuenta.Request{Op: cuenta.Add, N: 1, Counter: []byte("honest")}).Value
			p := r.program()
			lie(p)
			// It may have written over the flag that says who sleeps.
			if _, err := p.conn.Write([]byte{1}); err == nil {
				p.ends()
			}
			r.await("the reason in the log", func() bool { return r.log.count("program cut off") == before+1 })
			if got := honest.ask(cuenta.Request{Op: cuenta.Add, N: 1, Counter: []byte("honest")}); got.Value != value+1 {
				t.Errorf("the honest program got %+v, want %d", got, value+1)
			}
		})
	}
	r.await("the end of all liars", func() bool { return r.traffic.Open.Load() == 1 })
}

// Nothing is left of programs that come and go, whichever way they go.
func TestNothingIsLeft(t *testing.T) {
	r := serve(t, Config{})
	descriptors := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	var before int
	for round := range 20 {
		for _, leave := range []func(*program){
			func(p *program) { p.put([]byte("nonsense")) },
			func(p *program) { p.ask(inc) },
			func(p *program) {},
		} {
			p := r.program()
			leave(p)
			p.conn.Close()
			p.link.Close()
		}
		r.await("their ends", func() bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			return len(r.living) == 0
		})
		if round == 0 {
			before = descriptors()
		}
	}
	if after := descriptors(); after > before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

// A segment cut short would make the server fault at its next look.
func TestTheMemoryCannotBeCutShort(t *testing.T) {
	r := serve(t, Config{})
	p := r.program()
	path := fmt.Sprintf("/proc/self/fd/%d", p.memory)
	if err := os.Truncate(path, 0); err == nil {
		t.Error("the memory was cut short")
	}
	if err := os.Truncate(path, 1<<30); err == nil {
		t.Error("the memory was made longer")
	}
	// A hole reads as zeros: a head that goes back, but no fault.
	p.ask(inc)
	if err := unix.Fallocate(p.memory, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 1<<20); err != nil {
		t.Fatal(err)
	}
	if _, err := p.conn.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	p.ends()
	if got := r.program().ask(inc); got.Value != 2 {
		t.Errorf("%+v", got)
	}
}

func TestTheCellsCannotBeChanged(t *testing.T) {
	seg, err := shm.Create("test-cells", 4*shm.CellSize)
	if err != nil {
		t.Fatal(err)
	}
	defer seg.Close()
	r := serve(t, Config{Cells: seg})
	p := r.program()
	if p.cells == nil {
		t.Fatal("no cells")
	}
	shm.NewCells(seg).At(2).Publish(1, 1234, 99)
	size := 4 * shm.CellSize
	read, err := unix.Mmap(int(p.cells.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(read)
	if err := unix.Mprotect(read, unix.PROT_READ|unix.PROT_WRITE); err == nil {
		t.Error("the mapping was made writable")
	}
	if _, err := unix.Mmap(int(p.cells.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err == nil {
		t.Error("the cells were mapped for writing")
	}
	if again, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", p.cells.Fd()), os.O_RDWR, 0); err == nil {
		defer again.Close()
		if _, err := again.WriteAt([]byte{1}, 0); err == nil {
			t.Error("the cells were written, opened once more")
		}
		if _, err := unix.Mmap(int(again.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err == nil {
			t.Error("the cells were mapped for writing, opened once more")
		}
		if err := again.Truncate(0); err == nil {
			t.Error("the cells were cut short")
		}
		if err := unix.Fallocate(int(again.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 4096); err == nil {
			t.Error("the cells were emptied")
		}
	}
	if bytes.Equal(read, make([]byte, size)) {
		t.Error("it is other memory")
	}
}

// A program that is stopped, its ring full, holds up nobody.
func TestAStalledProgramHarmsOnlyItself(t *testing.T) {
	r := serve(t, Config{})
	stalled, other := r.program(), r.program()
	for range inFlight {
		if ok, err := stalled.requests.Put(incMessage()); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	stalled.publish()
	for i := range 100 {
		if got := other.ask(cuenta.Request{Op: cuenta.Add, N: 1, Counter: []byte("b")}); got.Value != int64(i+1) {
			t.Fatalf("%+v, want %d", got, i+1)
		}
	}
	// It wakes up and finds all its answers.
	r.await("its requests", func() bool { value, _ := r.service.Value(cuenta.DefaultCounter); return value == inFlight })
	for taken := 0; taken < inFlight; {
		if err := stalled.bell.Wait(stalled.answers.Ready); err != nil {
			t.Fatal(err)
		}
		run, err := stalled.answers.Take()
		if err != nil {
			t.Fatal(err)
		}
		for m, _ := run.Next(); m != nil; m, _ = run.Next() {
			taken++
		}
	}
}
