package proc

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

func TestIdentitiesCarryTheirHost(t *testing.T) {
	eachMode(t, func(t *testing.T, workers int) {
		service := fronttest.NewService()
		r := serve(t, Config{Service: service, Workers: workers})
		c := r.client()
		if got := c.Ask("inc.4 id=a"); got != "4" {
			t.Fatalf("got %q", got)
		}
		loopback := cuenta.ClientOf(netip.MustParseAddr("127.0.0.1"))
		if all := service.Clients(); all[loopback] != 1 || len(all) != 1 {
			t.Errorf("clients: %v, want %d alone", all, loopback)
		}
	})
}

// What one command is of several requests goes on the ring as a whole, however full
// it is.
func TestTransfersFillTheRing(t *testing.T) {
	eachMode(t, func(t *testing.T, workers int) {
		r := serve(t, Config{Service: fronttest.NewService(), Workers: workers})
		c := r.client()
		if got := c.Ask("ing.10000 @from"); got != "10000" {
			t.Fatalf("got %q", got)
		}
		// Names of many lengths leave room of many sizes.
		const runs = 1000
		var lines strings.Builder
		for i := range runs {
			fmt.Fprintf(&lines, "tra.1 @from @%s\nret.1 @from id=%d\nttl.0 @from\nret.99999 @from\n", strings.Repeat("n", 1+i%200), i)
		}
		sent := make(chan error, 1)
		go func() {
			_, err := c.Conn.Write([]byte(lines.String()))
			sent <- err
		}()
		for i := range runs {
			left := 10000 - 2*i
			c.Expect(fmt.Sprint(left-1), fmt.Sprint(left-2), "-1", fmt.Sprintf("error limit the limit 0 leaves room for %d", 2-left))
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
		r.Workers()
		r.await("the errors to be counted", func() bool { r.Workers(); return r.traffic.Errors.Load() == runs })
	})
}

// persistent is a client that repeats each command, over a new connection and
// with the same key, until it is answered.
type persistent struct {
	counter string
	counted int64
}

func (c *persistent) run(dial func() (net.Conn, error), acknowledged *atomic.Int64, stop *atomic.Bool) error {
	conn, err := dial()
	if err != nil {
		return err
	}
	defer func() { conn.Close() }()
	for answers := bufio.NewReader(conn); !stop.Load(); {
		command := fmt.Sprintf("inc.1 @%s id=%s-%d\n", c.counter, c.counter, c.counted)
		var line string
		for {
			if _, err = conn.Write([]byte(command)); err == nil {
				if line, err = answers.ReadString('\n'); err == nil {
					break
				}
			}
			conn.Close()
			if conn, err = dial(); err != nil {
				return err
			}
			answers.Reset(conn)
		}
		c.counted++
		if want := fmt.Sprint(c.counted); strings.TrimSpace(line) != want {
			return fmt.Errorf("counter %s: %q, want %s", c.counter, line, want)
		}
		acknowledged.Add(1)
	}
	return nil
}

// Workers are killed again and again while clients count with identities. What
// is counted in the end is exactly what was meant.
func TestKillsChangeNothing(t *testing.T) {
	eachMode(t, func(t *testing.T, workers int) {
		const clients, kills = 4, 15
		service := fronttest.NewService()
		r := serve(t, Config{Service: service, Workers: workers})
		dial := func() (net.Conn, error) { return net.Dial("tcp", r.address) }
		var (
			all          [clients]persistent
			acknowledged atomic.Int64
			stop         atomic.Bool
			wg           sync.WaitGroup
		)
		for i := range all {
			all[i].counter = fmt.Sprint("c", i)
			wg.Go(func() {
				if err := all[i].run(dial, &acknowledged, &stop); err != nil {
					t.Error(err)
				}
			})
		}
		random := rand.New(rand.NewPCG(7, 8))
		for range kills {
			mark := acknowledged.Load() + random.Int64N(200)
			r.await("progress", func() bool { return acknowledged.Load() > mark })
			if living := r.Workers(); len(living) > 0 {
				// It may have died since, of the kill before.
				_ = unix.Kill(living[random.IntN(len(living))].PID, unix.SIGKILL)
			}
		}
		stop.Store(true)
		wg.Wait()
		for _, c := range all {
			if value, revision := service.Value(c.counter); value != c.counted || revision != uint64(c.counted) {
				t.Errorf("counter %s is %d in its revision %d, want %d", c.counter, value, revision, c.counted)
			}
		}
	})
}
