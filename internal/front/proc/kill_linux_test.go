package proc

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

func TestAKilledWorkerTakesItsConnectionOnly(t *testing.T) {
	r := serve(t, Config{})
	a, b := r.client(), r.client()
	a.Ask("inc.1")
	b.Ask("inc.1")
	sendSignal(t, r.workerOf(a), unix.SIGKILL)
	a.Ends()
	if got := b.Ask("inc.1"); got != "3" {
		t.Errorf("the other client got %q", got)
	}
	if got := r.client().Ask("con.0"); got != "3" {
		t.Errorf("a new client got %q", got)
	}
	r.await("the burial", func() bool { return r.traffic.Workers.Load() == 2 })
	if r.log.count("worker died") != 1 {
		t.Error("the death is not in the log")
	}
}

func TestAKilledWorkerOfAPoolIsReplaced(t *testing.T) {
	r := serve(t, Config{Workers: 1})
	for i := range 5 {
		c := r.client()
		if got := c.Ask("inc.1"); got != fmt.Sprint(i+1) {
			t.Fatalf("got %q, want %d", got, i+1)
		}
		all := r.Workers()
		if len(all) != 1 {
			t.Fatalf("%d workers", len(all))
		}
		sendSignal(t, all[0].PID, unix.SIGKILL)
		c.Ends()
	}
}

// counting is a client that counts on a counter of its own, dialing again
// whenever its worker is killed under it.
type counting struct {
	counter   string
	sent, got int // sent is what may have been counted, got what was acknowledged
}

// run counts until stop. It returns what is wrong with an answer.
func (c *counting) run(dial func() (net.Conn, error), acknowledged *atomic.Int64, stop *atomic.Bool) error {
	var conn net.Conn
	buf := make([]byte, 4096)
	for depth := 1; ; depth = depth%16 + 1 {
		if conn == nil {
			if stop.Load() {
				return nil
			}
			var err error
			if conn, err = dial(); err != nil {
				return err
			}
		}
		if stop.Load() {
			return conn.Close()
		}
		_, err := conn.Write([]byte(strings.Repeat("inc.1 @"+c.counter+"\n", depth)))
		c.sent += depth
		for due := depth; err == nil && due > 0; {
			var n int
			n, err = conn.Read(buf)
			// A killed worker may leave half an answer: only whole ones count.
			lines := strings.SplitAfter(string(buf[:n]), "\n")
			for _, line := range lines {
				value, bad := strconv.Atoi(strings.TrimSuffix(line, "\n"))
				if !strings.HasSuffix(line, "\n") {
					continue
				}
				if bad != nil || value <= c.got || value > c.sent {
					return fmt.Errorf("counter %s: answer %q after %d acknowledged and %d sent", c.counter, line, c.got, c.sent)
				}
				c.got = value
				due--
				acknowledged.Add(1)
			}
		}
		if err != nil {
			conn.Close()
			conn = nil
		}
	}
}

// Workers are killed again and again while clients count. Nothing acknowledged
// may be missing in the end, nor anything be counted that was not sent.
func TestKillsUnderLoad(t *testing.T) {
	eachMode(t, func(t *testing.T, workers int) {
		const clients, kills = 6, 30
		service := fronttest.NewService()
		r := serve(t, Config{Service: service, Workers: workers})
		dial := func() (net.Conn, error) { return net.Dial("tcp", r.address) }
		var (
			all          [clients]counting
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
		random := rand.New(rand.NewPCG(5, 6))
		for range kills {
			mark := acknowledged.Load() + random.Int64N(500)
			r.await("progress", func() bool { return acknowledged.Load() > mark })
			if living := r.Workers(); len(living) > 0 {
				// It may have died since, of the kill before.
				_ = unix.Kill(living[random.IntN(len(living))].PID, unix.SIGKILL)
			}
		}
		stop.Store(true)
		wg.Wait()
		r.drain()
		for _, c := range all {
			value, revision := service.Value(c.counter)
			if int(value) < c.got || int(value) > c.sent || revision != uint64(value) {
				t.Errorf("counter %s is %d in its revision %d: %d were acknowledged, %d sent", c.counter, value, revision, c.got, c.sent)
			}
		}
	})
}

func TestAStoppedWorkerHarmsOnlyItself(t *testing.T) {
	t.Run("connection", func(t *testing.T) {
		r := serve(t, Config{})
		a, b := r.client(), r.client()
		a.Ask("inc.1")
		pid := r.workerOf(a)
		sendSignal(t, pid, unix.SIGSTOP)
		a.Send(strings.Repeat("inc.1\n", 1000))
		for i := range 100 {
			if got := b.Ask("inc.1 @b"); got != fmt.Sprint(i+1) {
				t.Fatalf("the other client got %q", got)
			}
		}
		sendSignal(t, pid, unix.SIGCONT)
		for i := range 1000 {
			a.Expect(fmt.Sprint(i + 2))
		}
	})
	t.Run("pool", func(t *testing.T) {
		r := serve(t, Config{Workers: 2})
		r.client().Ask("inc.1") // both are there then
		pid := r.Workers()[0].PID
		sendSignal(t, pid, unix.SIGSTOP)
		for i := range 30 {
			if got := r.client().Ask("inc.1 @b"); got != fmt.Sprint(i+1) {
				t.Fatalf("client %d got %q", i, got)
			}
		}
		sendSignal(t, pid, unix.SIGCONT)
	})
}
