//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/badnet"
)

// crowd is connections that do the server no good: idle ones, slow ones that send a
// command byte by byte, and ones that ask and never read. One that is cut off comes
// back.
type crowd struct {
	addresses map[string]string
	open      atomic.Int64
	cut       atomic.Int64 // how often one was cut off
	all       sync.WaitGroup
}

// Of a hundred, so many are slow and never read; the others are idle. Those that
// never read cost work as well: each asks until the answers kept for it are as many
// as may be, is cut off, and comes back.
const (
	slowOfHundred = 30
	deafOfHundred = 10
)

const (
	slowly = 2 * time.Second  // the pause of a slow one between two bytes
	away   = 10 * time.Second // at most, before one comes back that was cut off
)

// sayings is what a member of the crowd says, by front: a slow one over and over, one that
// does not read again and again in one piece, for long answers.
var sayings = map[string]struct{ slow, long string }{
	cuenta.FrontTCP:  {"inc.1 @crowd\r\n", strings.Repeat("ayuda\n", 2000)},
	cuenta.FrontRESP: {"*2\r\n$4\r\nINCR\r\n$5\r\ncrowd\r\n", strings.Repeat("ECHO "+strings.Repeat("x", 1000)+"\r\n", 12)},
}

// gather opens n connections and keeps them open until ctx ends.
func (c *crowd) gather(ctx context.Context, n int, seed uint64) error {
	fronts := []string{cuenta.FrontTCP, cuenta.FrontRESP}
	for i := range n {
		d := badnet.Dice(seed, fmt.Sprint("crowd ", i))
		c.all.Go(func() { c.member(ctx, fronts[i%len(fronts)], i/len(fronts)%100, d) })
		if i%50 == 0 {
			sleep(ctx, time.Millisecond) // so that the backlog of no listener overflows
		}
	}
	for end := time.Now().Add(patience); c.open.Load() < atLeastOpen(n); {
		if time.Now().After(end) || ctx.Err() != nil {
			return fmt.Errorf("of %d connections only %d are open", n, c.open.Load())
		}
		sleep(ctx, 10*time.Millisecond)
	}
	return nil
}

// atLeastOpen returns how many of n are open at any time, but for a hundredth of them:
// those that never read are cut off together, sometimes.
func atLeastOpen(n int) int64 { return int64(n) * (99 - deafOfHundred) / 100 }

// member is one connection after the other.
func (c *crowd) member(ctx context.Context, front string, kind int, d *rand.Rand) {
	for ctx.Err() == nil {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", c.addresses[front])
		if err != nil {
			sleep(ctx, between(d, 0, time.Second))
			continue
		}
		c.open.Add(1)
		unwatch := context.AfterFunc(ctx, func() { conn.Close() })
		switch {
		case kind < deafOfHundred:
			c.deaf(conn, sayings[front].long)
		case kind < deafOfHundred+slowOfHundred:
			c.slow(ctx, conn, sayings[front].slow, d)
		default:
			c.idle(conn)
		}
		unwatch()
		conn.Close() // it has ended, one way or the other
		c.open.Add(-1)
		c.cut.Add(1)
		sleep(ctx, between(d, 0, away))
	}
}

func (c *crowd) idle(conn net.Conn) {
	_, _ = conn.Read(make([]byte, 1)) // until the server has had enough
}

func (c *crowd) slow(ctx context.Context, conn net.Conn, command string, d *rand.Rand) {
	buf := make([]byte, 128)
	sleep(ctx, between(d, 0, slowly))
	for i := 0; ; i++ {
		if _, err := conn.Write([]byte{command[i%len(command)]}); err != nil {
			return
		}
		if conn.SetReadDeadline(time.Now().Add(slowly)) != nil {
			return
		}
		for {
			_, err := conn.Read(buf)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return
			}
		}
	}
}

// deaf asks until the server takes no more, and waits to be cut off for it.
func (c *crowd) deaf(conn net.Conn, questions string) {
	// Larger buffers hold more, of memory that all sockets of the machine share, and
	// change nothing.
	_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	_ = conn.(*net.TCPConn).SetWriteBuffer(32 << 10)
	for {
		if _, err := io.WriteString(conn, questions); err != nil {
			return
		}
	}
}
