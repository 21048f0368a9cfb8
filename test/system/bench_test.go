package system

import (
	"bytes"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"
)

// BenchmarkFronts is the whole server as another process, durable, under
// connections that each keep a number of commands in flight. The clients run
// here, on the same processors.
func BenchmarkFronts(b *testing.B) {
	for _, c := range []struct {
		name, front, network string
		workers              string
		connections, flight  int
	}{
		{"tcp/50x16", "tcp", "tcp", "2", 50, 16},
		{"proc/pool=2/50x16", "proc", "tcp", "2", 50, 16},
		{"udp/16x16", "udp", "udp", "2", 16, 16},
		{"tcp/50x1", "tcp", "tcp", "2", 50, 1},
		{"proc/pool=2/50x1", "proc", "tcp", "2", 50, 1},
		{"tcp/50x128", "tcp", "tcp", "2", 50, 128},
		{"proc/connection/50x16", "proc", "tcp", "connection", 50, 16},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := serve(b, "--workers", c.workers, "--log-level", "error")
			var loads []*load
			for i := range c.connections {
				conn, err := net.Dial(c.network, s.fronts[c.front])
				if err != nil {
					b.Fatal(err)
				}
				defer conn.Close()
				l := newLoad(conn, fmt.Sprintf("counter-%d", i), c.flight, c.network == "udp")
				if err := l.run(c.flight); err != nil { // the process of its connection starts
					b.Fatal(err)
				}
				loads = append(loads, l)
			}
			b.ResetTimer()
			var all sync.WaitGroup
			share := (b.N + len(loads) - 1) / len(loads)
			for _, l := range loads {
				all.Go(func() {
					if err := l.run(share); err != nil {
						b.Error(err)
					}
				})
			}
			all.Wait()
			b.StopTimer()
			b.ReportMetric(float64(share*len(loads))/b.Elapsed().Seconds(), "ops/s")
		})
	}
}

// load keeps commands in flight on one connection.
type load struct {
	conn      net.Conn
	commands  []byte // flight of them, all alike
	flight    int
	datagrams bool
	buf       []byte
}

func newLoad(conn net.Conn, counter string, flight int, datagrams bool) *load {
	commands := bytes.Repeat([]byte("inc.1 @"+counter+"\n"), flight)
	return &load{conn: conn, commands: commands, flight: flight, datagrams: datagrams, buf: make([]byte, 64<<10)}
}

// run sends n commands, flight at a time: it waits for the answers of all
// before it sends more, as clients that pipeline do.
func (l *load) run(n int) error {
	for n > 0 {
		due := min(l.flight, n)
		if err := l.send(due); err != nil {
			return err
		}
		n -= due
		for due > 0 {
			answers, err := l.receive()
			if err != nil {
				return err
			}
			due -= answers
		}
	}
	return nil
}

func (l *load) send(n int) error {
	if !l.datagrams {
		_, err := l.conn.Write(l.commands[:n*len(l.commands)/l.flight])
		return err
	}
	for range n {
		if _, err := l.conn.Write(l.commands[:len(l.commands)/l.flight]); err != nil {
			return err
		}
	}
	return nil
}

func (l *load) receive() (answers int, err error) {
	if err := l.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	n, err := l.conn.Read(l.buf)
	if err != nil {
		return 0, err
	}
	if bytes.Contains(l.buf[:n], []byte("error")) {
		return 0, fmt.Errorf("answered %q", l.buf[:n])
	}
	return bytes.Count(l.buf[:n], []byte("\n")), nil
}
