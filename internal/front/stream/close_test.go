package stream

import (
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// sided is one end of a pipe whose writing side can be closed by itself.
type sided struct {
	net.Conn
	closedWrite chan struct{}
}

func (s *sided) CloseWrite() error {
	close(s.closedWrite)
	return nil
}

// endings are what a client does after the server has said its last word.
var endings = map[string]func(t *testing.T, conn net.Conn){
	"the client ends it": func(t *testing.T, conn net.Conn) {
		say(t, conn, "inc.1\n")
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	},
	"the client stays": func(t *testing.T, conn net.Conn) {
		since := time.Now()
		say(t, conn, "inc.1\n")
		if n, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("got %d bytes, %v", n, err)
		}
		if took := time.Since(since); took <= 0 || took > lingering {
			t.Errorf("it was closed after %v", took)
		}
	},
	"the client never stops": func(t *testing.T, conn net.Conn) {
		p, unheard := make([]byte, 1<<16), 0
		for {
			n, err := conn.Write(p)
			unheard += n
			if err != nil {
				break
			}
		}
		if unheard > maxUnheard+len(p) {
			t.Errorf("it was heard for %d bytes", unheard)
		}
	},
}

// TestGoodbye: a connection that the server ends stays open for what the client
// still says, until the client ends it too, for a bounded time and amount.
func TestGoodbye(t *testing.T) {
	for _, c := range []struct {
		name, said, answers string
		limits              Config
	}{
		{"quit", "inc.1\nsalir\n", "1\nadios\n", Config{}},
		{"long line", strings.Repeat("x", 514), "error too-large a command is at most 512 bytes\n", Config{}},
		{"busy", "", string(busy), Config{MaxConns: -1}},
	} {
		for name, ending := range endings {
			t.Run(c.name+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { goodbyes(t, c.limits, c.said, c.answers, ending) })
			})
		}
	}
}

func goodbyes(t *testing.T, limits Config, said, answers string, ending func(*testing.T, net.Conn)) {
	near, far := net.Pipe()
	side := &sided{far, make(chan struct{})}
	service := fronttest.NewService()
	limits.Service = service
	s := New(onText(limits))
	g := newGoroutines(s, nil)
	g.admit(side)
	if said != "" {
		say(t, near, said)
	}
	hear(t, near, answers)
	<-side.closedWrite
	ending(t, near)
	g.drain()
	<-g.drained()
	s.cut()
	if v, _ := service.Value(cuenta.DefaultCounter); v > 1 {
		t.Errorf("what was said after the end counted: %d", v)
	}
}
