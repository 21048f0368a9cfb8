package proc

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/wire/ring"
)

// liarEnv makes a worker of the test binary obey a client that tells it to lie.
const liarEnv = "CUENTA_TEST_LIAR"

// lies are what a worker gone mad does to its link. Each goes on until the
// server has had enough.
var lies = map[string]func(l *loop){
	"a head out of range": func(l *loop) {
		binary.LittleEndian.PutUint64(l.link.RequestRing(), 1<<40)
	},
	"a head that is not aligned": func(l *loop) {
		binary.LittleEndian.PutUint64(l.link.RequestRing(), 13)
	},
	"a head that goes back": func(l *loop) {
		l.lie(goodRequest())
		l.requests.Publish()
		_ = l.server.Ring()
		binary.LittleEndian.PutUint64(l.link.RequestRing(), ^uint64(7))
	},
	"a length out of range": func(l *loop) {
		l.lie(goodRequest())
		binary.LittleEndian.PutUint32(l.link.RequestRing()[256:], 1<<31)
		l.requests.Publish()
	},
	"a length of zero": func(l *loop) {
		l.lie(goodRequest())
		binary.LittleEndian.PutUint32(l.link.RequestRing()[256:], 0)
		l.requests.Publish()
	},
	"no operation": func(l *loop) {
		l.lie(ring.AppendRequest(nil, 1, new(cuenta.Request)))
		l.requests.Publish()
	},
	"a name that is none": func(l *loop) {
		l.lie(ring.AppendRequest(nil, 1, &cuenta.Request{Op: cuenta.Add, Counter: []byte("two words")}))
		l.requests.Publish()
	},
	"a key that is none": func(l *loop) {
		l.lie(ring.AppendRequest(nil, 1, &cuenta.Request{Op: cuenta.Add, Identity: cuenta.Identity{Key: []byte("two words")}}))
		l.requests.Publish()
	},
	"a number without a session": func(l *loop) {
		l.lie(ring.AppendRequest(nil, 1, &cuenta.Request{Op: cuenta.Add, Identity: cuenta.Identity{Number: 1}}))
		l.requests.Publish()
	},
	"a condition that there is not": func(l *loop) {
		l.lie(ring.AppendRequest(nil, 1, &cuenta.Request{Op: cuenta.Set, If: 9}))
		l.requests.Publish()
	},
	"half a transaction": func(l *loop) {
		l.lie(ring.AppendRequest(nil, 1, &cuenta.Request{Op: cuenta.All, Span: 2}))
		l.lie(goodRequest())
		l.requests.Publish()
	},
	"noise": func(l *loop) {
		l.lie([]byte(strings.Repeat("\xff", 300)))
		l.requests.Publish()
	},
	"too much at once": func(l *loop) {
		for range l.limit + 1 {
			l.lie(goodRequest())
		}
		l.requests.Publish()
	},
	"answers never taken": func(l *loop) { l.floodDeaf() },
	"a tail out of range": func(l *loop) {
		binary.LittleEndian.PutUint64(l.link.AnswerRing()[128:], 1<<50)
		l.floodDeaf()
	},
	"scribbling everywhere": func(l *loop) {
		ring := l.link.RequestRing()
		all := [][]byte{ring, l.link.AnswerRing()}
		random := rand.New(rand.NewPCG(3, 4))
		for range 200_000 {
			b := all[random.IntN(2)]
			b[random.IntN(len(b))] = byte(random.Uint32())
		}
		for i := range ring {
			ring[i] = 0xa5
		}
	},
}

func goodRequest() []byte {
	return ring.AppendRequest(nil, 1, &cuenta.Request{Op: cuenta.Get})
}

func (l *loop) lie(m []byte) {
	if _, err := l.requests.Put(m); err != nil {
		panic(err)
	}
}

// floodDeaf asks for ever and takes no answer.
func (l *loop) floodDeaf() {
	for {
		l.lie(goodRequest())
		l.requests.Publish()
		_ = l.server.Ring()
	}
}

// liar is a worker that looks at what its client says first: "lie WHAT" is
// obeyed, and anything else is served as usual.
func liar() int {
	poll := []unix.PollFd{{Fd: fdSocket, Events: unix.POLLIN}}
	if _, err := unix.Poll(poll, -1); err != nil && err != unix.EINTR {
		return 3
	}
	var p [100]byte
	n, _, err := unix.Recvfrom(fdSocket, p[:], unix.MSG_PEEK)
	if err != nil {
		return 3
	}
	what, lying := strings.CutPrefix(strings.TrimSpace(string(p[:n])), "lie ")
	if !lying {
		return Main()
	}
	set, err := settingsFromEnvironment()
	if err != nil {
		return 3
	}
	l, err := newLoop(set)
	if err != nil {
		return 3
	}
	if what == "figures" {
		l.stats.Requests.Store(1 << 40)
		l.stats.Errors.Store(-5)
		l.stats.Open.Store(1 << 50)
		l.stats.BytesIn.Store(-1 << 63)
		return 0
	}
	if what == "cut the link" {
		if os.Truncate(fmt.Sprintf("/proc/self/fd/%d", fdLink), 0) == nil {
			return 4
		}
		return 0
	}
	lies[what](l)
	for {
		_ = l.server.Ring()
		_ = unix.Pause()
	}
}

func lying(s *Server) { s.environment = append(s.environment, liarEnv+"=1") }

func TestALiarIsKilledAndNobodyElseNotices(t *testing.T) {
	r := serve(t, Config{}, lying)
	honest := r.client()
	n := 1
	if got := honest.Ask("inc.1"); got != fmt.Sprint(n) {
		t.Fatalf("the honest client got %s, want %d", got, n)
	}
	for what := range lies {
		t.Run(what, func(t *testing.T) {
			before := r.log.count("worker killed")
			c := r.client()
			c.Send("lie " + what + "\n")
			c.Ends()
			r.await("a killed worker in the log", func() bool { return r.log.count("worker killed") == before+1 })
			n++
			if got := honest.Ask("inc.1"); got != fmt.Sprint(n) {
				t.Fatalf("the honest client got %s, want %d", got, n)
			}
		})
	}
	if got := len(r.Workers()); got != 1 {
		t.Errorf("%d workers are left, want 1", got)
	}
}

func TestALiarCannotSpoilMoreThanItsOwnFigures(t *testing.T) {
	r := serve(t, Config{}, lying)
	c := r.client()
	c.Send("lie figures\n")
	c.Ends()
	r.await("its end", func() bool { return r.traffic.Workers.Load() == 0 })
	if n := r.traffic.Open.Load(); n != 0 {
		t.Errorf("%d open", n)
	}
	if n := r.traffic.Errors.Load(); n != 0 {
		t.Errorf("%d errors", n)
	}
	if n := r.traffic.BytesIn.Load(); n != 0 {
		t.Errorf("%d bytes in", n)
	}
}

// A segment cut short would make the server fault at its next look.
func TestALiarCannotCutTheLink(t *testing.T) {
	r := serve(t, Config{}, lying)
	c := r.client()
	c.Send("lie cut the link\n")
	c.Ends()
	r.await("its end", func() bool { return r.log.count("worker finished")+r.log.count("worker died") == 1 })
	if r.log.count("worker finished") != 1 {
		t.Error("a worker could cut the memory short that the server has mapped")
	}
}
