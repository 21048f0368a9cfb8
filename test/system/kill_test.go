package system

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// rounds is how many times the kill tests kill; `make test` asks for more.
func rounds(t *testing.T, standard int) int {
	t.Helper()
	text := os.Getenv("CUENTA_TEST_KILLS")
	if text == "" {
		return standard
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("CUENTA_TEST_KILLS: %v", err)
	}
	return n
}

// meter is a client that counts by ones on a counter of its own and knows what
// the counter may hold: all that was acknowledged, and what was sent without an
// answer coming back may be there too.
type meter struct {
	front   string
	counter string
	acked   int64
	unknown int64 // sent since the last look, never answered

	mu      sync.Mutex
	current client // to be hung up on
}

// hangUp ends a wait for an answer that cannot come any more.
func (m *meter) hangUp() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current != nil {
		m.current.close()
	}
}

func (m *meter) connect(address string) client {
	c, err := dial(m.front, address)
	if err != nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.current = c
	return c
}

// count goes on until stop is set or the connection fails.
func (m *meter) count(address string, stop *atomic.Bool) error {
	c := m.connect(address)
	if c == nil {
		return nil // killed before it was reached: nothing was sent
	}
	defer m.hangUp()
	for !stop.Load() {
		m.unknown++
		value, err := c.do("inc.1 @" + m.counter)
		var no refused
		switch {
		case errors.As(err, &no):
			m.unknown-- // nothing was changed
		case err != nil:
			return nil
		default:
			m.unknown--
			if value <= m.acked || value > m.acked+m.unknown+1 {
				return fmt.Errorf("%s: answered %d after %d were acknowledged and %d are unknown", m.counter, value, m.acked, m.unknown)
			}
			m.unknown -= value - m.acked - 1 // some of them did count
			m.acked = value
		}
	}
	return nil
}

// check compares with what the counter holds now, and goes on from there.
func (m *meter) check(value int64) error {
	if value < m.acked || value > m.acked+m.unknown {
		return fmt.Errorf("%s holds %d: %d were acknowledged and %d more were sent", m.counter, value, m.acked, m.unknown)
	}
	m.acked, m.unknown = value, 0
	return nil
}

func meters() (all []*meter) {
	for _, front := range counting {
		for i := range 2 {
			all = append(all, &meter{front: front, counter: fmt.Sprintf("%s-%d", front, i)})
		}
	}
	return all
}

// TestKilledServer kills the server with SIGKILL under load, again and again:
// nothing acknowledged is lost, and nothing is counted that was not sent.
func TestKilledServer(t *testing.T) {
	s := serve(t, "--workers", "2", "--log-level", "warn")
	all := meters()
	r := rand.New(rand.NewPCG(7, 7))
	for round := range rounds(t, 20) {
		var stop atomic.Bool
		var counting sync.WaitGroup
		for _, m := range all {
			counting.Go(func() {
				if err := m.count(s.fronts[m.front], &stop); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(time.Duration(r.IntN(100)) * time.Millisecond) // the kill's moment, not a synchronisation
		s.kill()
		stop.Store(true)
		for _, m := range all {
			m.hangUp()
		}
		counting.Wait()
		s.restart()
		s.checkAll(all, round)
		if t.Failed() {
			return
		}
	}
	var total int64
	for _, m := range all {
		total += m.acked
	}
	t.Logf("%d changes counted", total)
	if total == 0 {
		t.Error("nothing was ever counted, so nothing was tested")
	}
}

func (s *server) checkAll(all []*meter, round int) {
	s.t.Helper()
	c := s.client("tcp")
	defer c.close()
	for _, m := range all {
		value, err := c.do("con.0 @" + m.counter)
		if err == nil {
			err = m.check(value)
		}
		if err != nil {
			s.t.Errorf("round %d: %v", round, err)
		}
	}
}

// TestKilledWorkers kills worker processes while clients count over them and
// over the other ways in. Connections of the killed are lost, and nothing else.
func TestKilledWorkers(t *testing.T) {
	for _, workers := range []string{"2", "connection"} {
		t.Run("workers="+workers, func(t *testing.T) {
			s := serve(t, "--workers", workers, "--log-level", "error")
			var stop atomic.Bool
			var counting sync.WaitGroup
			all := meters()
			for _, m := range all {
				counting.Go(func() {
					for !stop.Load() && !t.Failed() {
						acked := m.acked
						if err := m.count(s.fronts[m.front], &stop); err != nil {
							t.Error(err)
						}
						if m.front != "proc" && !stop.Load() {
							t.Errorf("%s lost its connection after %d", m.counter, m.acked-acked)
						}
					}
				})
			}
			kills := rounds(t, 20) / 2
			if workers != "connection" {
				kills /= 4 // a pool takes its time to start another one again and again
			}
			killed := s.killWorkers(kills)
			stop.Store(true)
			counting.Wait()
			s.checkAll(all, killed)
			c := s.client("proc")
			defer c.close()
			must(t, c, "inc.1 @after", 1)
			t.Logf("%d workers killed", killed)
		})
	}
}

// killWorkers kills n workers, one at a time, as soon as there is one.
func (s *server) killWorkers(n int) (killed int) {
	s.t.Helper()
	r := rand.New(rand.NewPCG(8, 8))
	deadline := time.Now().Add(patience + time.Duration(n)*time.Second)
	for killed < n {
		if time.Now().After(deadline) {
			s.t.Errorf("only %d of %d workers could be killed", killed, n)
			return killed
		}
		time.Sleep(time.Duration(r.IntN(30)) * time.Millisecond) // the kill's moment, not a synchronisation
		children := childrenOf(s.t, s.cmd.Process.Pid)
		if len(children) == 0 {
			continue
		}
		if err := syscall.Kill(children[r.IntN(len(children))], syscall.SIGKILL); err == nil {
			killed++
		}
	}
	return killed
}
