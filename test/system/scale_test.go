package system

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkTenMillion fills a server with ten million counters of 16-byte names
// and reports the memory of the whole process for each, how long a restart takes
// until every front listens, and the longest that a client waited meanwhile.
func BenchmarkTenMillion(b *testing.B) {
	const counters, connections = 10_000_000, 4
	for b.Loop() {
		s := serve(b, "--log-level", "error")
		var longest [connections]time.Duration
		var all sync.WaitGroup
		for i := range connections {
			all.Go(func() { longest[i] = s.fill(i*counters/connections, (i+1)*counters/connections) })
		}
		all.Wait()
		b.ReportMetric(float64(s.memory())/counters, "B/counter")
		b.ReportMetric(max(longest[0], longest[1], longest[2], longest[3]).Seconds()*1000, "ms-longest-answer")
		if code := s.stop(); code != 0 {
			b.Fatalf("exit code %d", code)
		}
		began := time.Now()
		s.restart()
		b.ReportMetric(time.Since(began).Seconds(), "s-restart")
		b.ReportMetric(float64(s.memory())/counters, "B/counter-restarted")
		s.kill()
	}
}

// fill makes the counters with numbers from to end-1, 128 at a time, and returns
// the longest that a batch of them took.
func (s *server) fill(from, end int) (longest time.Duration) {
	conn, err := net.Dial("tcp", s.fronts["tcp"])
	if err != nil {
		s.t.Error(err)
		return 0
	}
	defer conn.Close()
	const flight = 128
	var lines []byte
	answers := make([]byte, 4096)
	for from < end {
		lines = lines[:0]
		n := min(flight, end-from)
		for i := range n {
			lines = fmt.Appendf(lines, "inc.1 @counter-%08d\n", from+i)
		}
		from += n
		began := time.Now()
		if _, err := conn.Write(lines); err != nil {
			s.t.Error(err)
			return longest
		}
		for n > 0 {
			got, err := conn.Read(answers)
			if err != nil {
				s.t.Error(err)
				return longest
			}
			n -= bytes.Count(answers[:got], []byte("1\n"))
		}
		longest = max(longest, time.Since(began))
	}
	return longest
}

// memory returns the resident memory of the server, shared memory included.
func (s *server) memory() int64 {
	s.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				s.t.Fatal(err)
			}
			return kib << 10
		}
	}
	s.t.Fatal("the system does not tell the process's memory")
	return 0
}
